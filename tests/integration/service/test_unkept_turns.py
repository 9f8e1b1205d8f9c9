"""Turns that cannot be kept because the sessions file is locked: that is said, and nothing of them is left."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.service.conftest import Running, events, problem

pytestmark = pytest.mark.models


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """The file while another process is writing to it."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        yield
        other.execute("rollback")


def test_a_turn_that_cannot_be_kept_says_so_and_leaves_the_session_as_it_was(service: Running, picture: bytes) -> None:
    session = service.session()
    service.say(session, "a lamp under 200 dollars")
    path, data = f"/api/sessions/{session}", service.settings.data_folder
    before = service.client.get(path).json()
    form = {"data": {"text": "like this, under 40 dollars", "message_id": "m"}, "files": {"images": ("a.png", picture)}}
    with locked(data / "sessions.sqlite"):
        told = service.client.post(f"{path}/messages", **form)
    last = list(events(iter(told.text.splitlines())))[-1]
    assert last.name == "error"
    assert last.data["problem"]["status"] == 503
    assert "cannot be written now" in last.data["problem"]["detail"]
    assert service.client.get(path).json() == before
    assert not any((data / "uploads" / session).glob("*"))

    again = service.client.post(f"{path}/messages", **form, headers={"Accept": "application/json"})
    assert again.status_code == 200
    after = service.client.get(path).json()
    assert [message["reply"] for message in after["messages"]] == [before["messages"][0]["reply"], again.json()]
    assert {(c["field"], c["value"]) for c in after["constraints"]} == {("max_price", 39.99)}
    assert [a["id"] for a in after["messages"][1]["attachments"]] == ["img1"]


def test_what_is_not_a_turn_says_so_too(service: Running) -> None:
    session = service.session()
    with locked(service.settings.data_folder / "sessions.sqlite"):
        answer = service.client.patch(f"/api/sessions/{session}", json={"title": "Lamps"})
        assert "cannot be read or written now" in problem(answer, 503)
        assert "cannot be read or written now" in problem(service.client.delete(f"/api/sessions/{session}"), 503)
    assert service.client.get(f"/api/sessions/{session}").json()["title"] == ""
