"""Visitors, their tickets and their end, in a file and on a server."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from assistant.storage import VISITORS
from assistant.visitors import VisitorStore
from tools.place import Place


@pytest.fixture
def store(place: Callable[[str], Place]) -> VisitorStore:
    return VisitorStore(place(VISITORS))


def test_a_visitor_is_known_by_the_cookie_until_the_end(store: VisitorStore) -> None:
    assert (store.find("x"), store.owners(), store.expired(), store.redeemed()) == (None, set(), [], [])
    visitor, cookie = store.begin(days=1)
    ended, old = store.begin(days=-1)
    assert store.find(cookie) == visitor
    assert store.find(old) is store.find(cookie + "x") is store.find("\0") is None
    assert (store.expired(), store.owners()) == ([ended.owner], {visitor.owner, ended.owner})
    store.end(ended.owner)
    store.end("nobody")
    assert store.owners() == {visitor.owner}


def test_only_the_latest_ticket_is_redeemed_and_once(store: VisitorStore) -> None:
    visitor, cookie = store.begin(days=1)
    first, second = store.ticket(visitor.owner), store.ticket(visitor.owner)
    assert store.redeem(first.token, "anna") is None
    assert store.redeem(second.token, "anna") == visitor.owner
    assert store.redeem(second.token, "eve") is None
    assert store.find(cookie) is None
    assert (store.redeemed(), store.owners()) == ([(visitor.owner, "anna")], set())
    store.end(visitor.owner)
    assert store.redeemed() == []


def test_of_many_who_bring_a_ticket_at_once_one_is_the_customer(store: VisitorStore) -> None:
    visitor, _ = store.begin(days=1)
    ticket = store.ticket(visitor.owner)
    with ThreadPoolExecutor(8) as threads:
        redeemed = list(threads.map(lambda number: store.redeem(ticket.token, f"c{number}"), range(8)))
    assert [owner for owner in redeemed if owner] == [visitor.owner]


def test_asking_makes_no_file(tmp_path: Path) -> None:
    store = VisitorStore(tmp_path / VISITORS)
    store.end("nobody")
    assert (store.find("x"), store.owners()) == (None, set())
    assert not (tmp_path / VISITORS).exists()
