"""The event store: what is kept, found again, counted and forgotten."""

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tools.errors import StoreError
from tools.place import Place
from tools.taste import events
from tools.taste.events import DATABASE, EventStore
from tools.taste.records import EventKind, Interaction, Preference

DAY = 86_400.0


@pytest.fixture
def store(place: Callable[[str], Place]) -> Iterator[EventStore]:
    opened = EventStore.open(place(""))
    yield opened
    opened.close()


def event(
    user: str, item: str, kind: EventKind = "like", at: float = 1000.0, value: float | None = None
) -> Interaction:
    return Interaction(user=user, item_id=item, event=kind, at=at, value=value)


def test_an_event_comes_back_as_it_was_given(store: EventStore) -> None:
    interaction = event("u 'x' \"y\" 🙂", "i;-- 🎈", "rating", 12.5, 4.0)

    assert store.add([interaction]) == 1
    assert store.of_user(interaction.user) == [interaction]


def test_the_same_events_again_change_nothing(store: EventStore) -> None:
    interactions = [event("u", "a"), event("u", "b"), event("u", "a")]

    assert store.add(interactions) == 2
    version = store.version()
    assert store.add(interactions) == 0
    assert store.version() == version


def test_a_user_s_latest_events_come_first_and_only_as_many_as_asked_for(store: EventStore) -> None:
    store.add(event("u", f"i{n}", at=float(n)) for n in (3, 1, 4, 2))

    assert [e.item_id for e in store.of_user("u", limit=2)] == ["i4", "i3"]
    assert [e.item_id for e in store.of_user("u", since=2.0)] == ["i4", "i3", "i2"]
    assert store.of_user("somebody else") == []


def test_what_is_added_in_several_transactions_is_counted_together(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "BATCH_EVENTS", 3)

    assert store.add(event("u", f"i{n}") for n in range(10)) == 10
    assert store.count_of("u") == 10


def test_all_events_of_a_user_are_read_in_pages(store: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "PAGE", 3)
    kinds = ("view", "like", "cart")
    store.add(event("u", f"i{n % 4}", kinds[n % 3], at=float(n // 5)) for n in range(17))
    store.add([event("other", "i1")])

    assert [*store.each_of("u")] == store.of_user("u")
    assert len(store.of_user("u")) == 17
    assert [*store.each_of("nobody")] == []


def test_the_matrix_has_every_event_with_its_strength(store: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "ROWS", 2)
    interactions = [
        event("a", "x", "view", 1.0),
        event("a", "y", "rating", 2.0, 1.0),
        event("b", "x", "purchase", 3.0),
        event("b", "y", "not_this", 4.0),
        event("b", "y", "rating", 5.0),
    ]
    store.add(interactions)

    batches, users, items = list(store.matrix_rows()), store.user_ids(), store.item_ids()

    strengths = {
        (users[user], items[item], float(at)): float(strength)
        for batch in batches
        for user, item, strength, at in zip(batch.users, batch.items, batch.strengths, batch.at, strict=True)
    }
    assert strengths == {(e.user, e.item_id, e.at): pytest.approx(e.strength) for e in interactions}
    assert [len(batch.users) for batch in batches] == [2, 2, 1]
    assert batches[0].users.dtype == np.int64
    assert batches[0].strengths.dtype == np.float32
    assert sum(len(batch.users) for batch in store.matrix_rows(before=3.0)) == 2


def test_people_are_counted_once_each_by_their_last_word(store: EventStore) -> None:
    store.add([event("often", "x", at=1.0), event("often", "x", at=2.0), event("often", "x", "cart", 3.0)])
    store.add([event("changed", "x", at=1.0), event("changed", "x", "dislike", 2.0)])
    store.add([event("looked again", "x", "dislike", 1.0), event("looked again", "x", "view", 2.0)])
    store.add([event("rated", "x", "rating", 1.0, 5.0), event("rated low", "x", "rating", 1.0, 2.0)])

    assert store.people(["x", "unknown"]) == {"x": 2, "unknown": 0}


def test_a_remembered_count_of_people_follows_every_change_also_another_process_s(
    store: EventStore, place: Callable[[str], Place]
) -> None:
    other = EventStore.open(place(""))
    store.add([event("a", "x"), event("b", "x", at=5000.0), event("b", "y")])
    assert store.people(["x", "y", "z"]) == {"x": 2, "y": 1, "z": 0}

    other.add([event("c", "x")])
    assert store.people(["x", "y"]) == {"x": 3, "y": 1}
    other.forget("a")
    assert store.people(["x"]) == {"x": 2}
    other.expire(2000.0)
    assert store.people(["x", "y"]) == {"x": 1, "y": 0}
    other.add([event("d", "z")])
    assert store.people(["z"]) == {"z": 1}
    other.close()


def test_preferences_are_set_replaced_and_dropped(store: EventStore) -> None:
    store.set_preference("u", Preference(attribute="brand", value="Acme", weight=0.5))
    store.set_preference("u", Preference(attribute="brand", value="Acme", weight=-1.0))

    assert store.preferences("u") == [Preference(attribute="brand", value="Acme", weight=-1.0)]
    assert store.preferences("v") == []
    assert store.drop_preference("u", "brand", "Acme")
    assert not store.drop_preference("u", "brand", "Acme")
    assert store.preferences("u") == []


def test_a_forgotten_user_leaves_no_byte_and_others_stay(store: EventStore, tmp_path: Path) -> None:
    store.add(event("forgettable-user", f"only-theirs-{n}", at=float(n)) for n in range(500))
    store.add([event("forgettable-user", "shared"), event("other", "shared")])
    store.set_preference("forgettable-user", Preference(attribute="brand", value="unusual-brand", weight=1.0))

    assert store.forget("forgettable-user") == 501

    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for word in (b"forgettable-user", b"only-theirs", b"unusual-brand"):
        assert word not in content
    assert store.of_user("other") == [event("other", "shared")]
    assert set(store.item_ids().values()) == {"shared"}


def test_deleted_bytes_that_another_process_holds_on_to_are_not_called_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "LOCK_SECONDS", 0.01)
    store = EventStore.open(tmp_path)
    store.add([event("u", "x")])
    reader = sqlite3.connect(tmp_path / DATABASE)
    reader.execute("begin")
    reader.execute("select * from events").fetchall()

    with pytest.raises(StoreError, match="again"):
        store.forget("u")

    reader.close()
    assert store.forget("u") == 0
    assert store.forgotten() == 1
    assert b"u" not in {name.encode() for name in store.user_ids().values()}


def test_old_events_expire_with_users_and_items_that_have_nothing_left(store: EventStore) -> None:
    store.add([event("old", "a", at=1 * DAY), event("both", "a", at=1 * DAY), event("both", "b", at=5 * DAY)])
    store.add([event("said", "a", at=1 * DAY)])
    store.set_preference("said", Preference(attribute="brand", value="Acme", weight=1.0))

    assert store.expire(2 * DAY) == 3

    assert set(store.user_ids().values()) == {"both", "said"}
    assert set(store.item_ids().values()) == {"b"}
    assert store.expire(2 * DAY) == 0


def test_the_version_grows_with_every_kind_of_change(store: EventStore) -> None:
    versions = [store.version()]
    for change in (
        lambda: store.add([event("u", "x")]),
        lambda: store.set_preference("u", Preference(attribute="a", value="b", weight=1.0)),
        lambda: store.drop_preference("u", "a", "b"),
        lambda: store.forget("u"),
    ):
        change()
        versions.append(store.version())

    assert versions == sorted(set(versions))


def test_stats_name_what_is_suspicious_but_nobody(store: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "LARGE_EVENTS", 10)
    monkeypatch.setattr(events, "EVERYTHING_ITEMS", 10)
    store.add(event(f"person-{n}", f"i{n}", at=float(n + 1)) for n in range(12))
    assert store.stats().suspicious == []

    store.add(event("the-bot", f"i{n}") for n in range(12))
    stats = store.stats()

    assert (stats.events, stats.people, stats.items, stats.kinds) == (24, 13, 12, {"like": 24})
    assert (stats.first_at, stats.last_at, stats.largest_share) == (1.0, 1000.0, 0.5)
    assert len(stats.suspicious) == 2
    assert "the-bot" not in stats.model_dump_json()


def test_many_threads_can_add_and_read_at_once(store: EventStore) -> None:
    def work(n: int) -> int:
        store.add(event(f"u{n}", f"i{m}", at=float(m)) for m in range(50))
        return len(store.of_user(f"u{n}"))

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(work, range(16))) == [50] * 16
    assert store.stats().events == 800


def test_a_damaged_file_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"this is no database " * 100)

    with pytest.raises(StoreError, match="Move it away"):
        EventStore.open(tmp_path)


def test_a_folder_that_cannot_be_made_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(StoreError, match="cannot be used"):
        EventStore.open(tmp_path / "file" / "data")
