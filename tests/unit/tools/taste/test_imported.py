"""A taste of another catalogue: what is kept of a history there, and how close items are to it here."""

import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from tests.fakes.encoders import identity
from tools.place import Place
from tools.records import EncoderIdentity
from tools.taste.events import DATABASE, EventStore
from tools.taste.imported import ImportedTaste, closeness_of, taste_in, usual_item
from tools.taste.profile import DAY
from tools.taste.records import EventKind, Interaction, Preference

NOW = 10_000 * DAY
FILMS = {"space": [0.9, 0.4, 0.1], "robots": [0.9, 0.3, 0.3], "mars": [0.9, 0.4, 0.0], "war": [0.9, 0.0, 0.4],
         "love": [0.9, -0.4, 0.1], "kiss": [0.9, -0.4, 0.0]}  # fmt: skip
BOOKS = {"orbit": [0.8, 0.5, 0.3], "cooking": [0.8, 0.0, 0.6], "poems": [0.8, -0.5, 0.3]}
ENCODER = identity("shared")


class Shelf:
    """A catalogue's texts: all alike in the first direction, which says nothing of taste."""

    def __init__(self, texts: dict[str, list[float]], encoder: EncoderIdentity | None = ENCODER) -> None:
        self.texts, self.encoder = texts, encoder

    def identity(self, space: str) -> EncoderIdentity | None:
        return self.encoder if space == "text" else None

    def vectors_of(self, space: str, ids: Sequence[str]) -> dict[str, list[NDArray[np.float32]]]:
        return {i: [_unit(self.texts[i])] for i in ids if i in self.texts}

    def sample(self, space: str, n: int) -> NDArray[np.float32]:
        return np.stack([_unit(row) for row in self.texts.values()])


def _unit(row: list[float]) -> NDArray[np.float32]:
    return np.array(row, np.float32) / np.linalg.norm(row)


def event(item_id: str, kind: EventKind = "like", days: float = 0.0, value: float | None = None) -> Interaction:
    return Interaction(user="u", item_id=item_id, event=kind, at=NOW - days * DAY, value=value)


def taste_of(*events: Interaction, shelf: Shelf | None = None) -> ImportedTaste | None:
    films: object = shelf or Shelf(FILMS)
    return taste_in(films, usual_item(films), events, name="Films", half_life_days=30, at=NOW)  # type: ignore[arg-type]


LIKED = (event("space"), event("robots"), event("mars"))


def test_what_is_kept_is_a_direction_a_name_and_counts_and_no_item() -> None:
    taste = taste_of(*LIKED)
    assert taste is not None
    assert (taste.catalogue, taste.items, taste.latest, taste.at, taste.encoder) == ("Films", 3, NOW, NOW, ENCODER)
    assert np.linalg.norm(taste.vector) == pytest.approx(1.0, abs=1e-3)
    assert abs(taste.vector[0]) < 0.3, "what all films share is no taste"
    told = taste.model_dump_json()
    assert not any(item_id in told for item_id in FILMS)


def test_items_here_are_close_by_their_lead_over_the_usual_item() -> None:
    taste, books = taste_of(*LIKED), Shelf(BOOKS)
    assert taste
    close = closeness_of([taste], books, ["orbit", "cooking", "poems", "gone"])  # type: ignore[arg-type]
    assert list(close) == ["orbit", "cooking", "poems"]
    assert close["orbit"].score > 0.9 > close["cooking"].score > close["poems"].score
    assert close["orbit"].catalogue == "Films"
    assert closeness_of([], books, ["orbit"]) == {}  # type: ignore[arg-type]
    assert closeness_of([taste], Shelf({}), ["orbit"]) == {}  # type: ignore[arg-type]


def test_the_closest_of_several_catalogues_is_named() -> None:
    space, love = taste_of(*LIKED), taste_of(event("love"), event("kiss"), event("war"))
    assert space
    assert love
    both = [space, love.model_copy(update={"catalogue": "Music"})]
    close = closeness_of(both, Shelf(BOOKS), list(BOOKS))  # type: ignore[arg-type]
    assert (close["orbit"].catalogue, close["poems"].catalogue) == ("Films", "Music")


def test_fewer_than_three_liked_items_would_say_which_they_are() -> None:
    assert taste_of() is None
    assert taste_of(*LIKED[:2], event("love", "dislike"), event("gone")) is None
    assert taste_of(*LIKED, shelf=Shelf(FILMS, encoder=None)) is None
    same = Shelf({item_id: [1.0, 0.0, 0.0] for item_id in FILMS})
    assert taste_of(*LIKED, shelf=same) is None, "all items alike: there is no direction"


def test_what_is_disliked_on_balance_says_nothing_and_later_events_say_more() -> None:
    without = taste_of(*LIKED)
    assert taste_of(*LIKED, event("love", "dislike"), event("kiss", "rating", value=2.0)) == without
    rejected = taste_of(*LIKED, event("war"), event("war", "dislike"))
    assert rejected == without
    long_ago = taste_of(*LIKED, event("love", days=300), event("kiss", days=300))
    lately = taste_of(*LIKED, event("love"), event("kiss"))
    assert long_ago
    assert lately
    assert long_ago.vector[1] > lately.vector[1]


def test_a_person_who_has_not_been_there_for_years_is_known_as_well() -> None:
    old = taste_of(*(event(one.item_id, days=5_000) for one in LIKED))
    new = taste_of(*LIKED)
    assert old
    assert new
    assert old.vector == new.vector
    assert old.latest == NOW - 5_000 * DAY


@pytest.mark.parametrize("name", ["", "x" * 101, "a\nb", "a\u2028b", "\u202eevil"])
def test_a_name_that_could_break_a_sentence_is_refused(name: str) -> None:
    taste = taste_of(*LIKED)
    assert taste
    with pytest.raises(ValidationError):
        ImportedTaste.model_validate({**taste.model_dump(), "catalogue": name})


# In the store --------------------------------------------------------------------------------------------------------


@pytest.fixture
def taste() -> ImportedTaste:
    made = taste_of(*LIKED)
    assert made
    return made


def test_another_import_takes_the_place_of_the_first(place: Callable[[str], Place], taste: ImportedTaste) -> None:
    store = EventStore.open(place(""))
    before = store.version()
    store.set_imported({"u": taste, "v": taste})
    store.set_imported(
        {"u": taste.model_copy(update={"items": 9}), "w": taste.model_copy(update={"catalogue": "Music"})}
    )
    assert [one.items for one in store.imported("u")] == [9]
    assert store.imported("v") == [taste]
    assert store.imported("nobody") == []
    assert store.version() > before
    assert (store.stats().people, store.stats().events) == (0, 0), "nobody did anything here"


def test_forgetting_merging_and_the_end_of_retention_take_it_along(
    place: Callable[[str], Place], tmp_path: Path, taste: ImportedTaste
) -> None:
    store = EventStore.open(place(""))
    older = taste.model_copy(update={"latest": NOW - 100 * DAY})
    store.set_imported({"erased": taste, "expired": older, "visitor": taste, "ended": taste, "kept": taste})
    store.set_preference("kept", Preference(attribute="brand", value="Nike", weight=1))
    store.forget("erased")
    store.expire(NOW - DAY)
    store.merge("visitor", "customer")
    store.expire_users(["ended"])
    left = {user for user in ("erased", "expired", "visitor", "customer", "ended", "kept") if store.imported(user)}
    assert left == {"customer", "kept"}
    assert set(store.user_ids().values()) == left
    store.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("interactions.sqlite*"))
    assert [user for user in (b"erased", b"expired", b"ended", b"visitor") if user in stored] == []


def test_one_catalogues_tastes_are_dropped_of_one_user_of_all_or_of_those_before(
    place: Callable[[str], Place], taste: ImportedTaste
) -> None:
    store = EventStore.open(place(""))
    music = taste.model_copy(update={"catalogue": "Music"})
    store.set_imported({"u": taste, "v": taste, "w": taste.model_copy(update={"at": NOW + 1})})
    store.set_imported({"u": music})
    assert store.drop_imported("Films", user="nobody") == 0
    assert store.drop_imported("Films", user="u") == 1
    assert store.imported("u") == [music]
    assert store.drop_imported("Films", before=NOW + 1) == 1
    assert (store.imported("v"), len(store.imported("w"))) == ([], 1)
    assert store.drop_imported("Films") == 1
    assert store.drop_imported("Films'; drop table events; --") == 0
    store.close()


def test_events_of_an_earlier_version_get_the_new_table(tmp_path: Path, taste: ImportedTaste) -> None:
    store = EventStore.open(tmp_path)
    store.add([event("a")])
    store.close()
    with contextlib.closing(sqlite3.connect(tmp_path / DATABASE)) as db:
        db.executescript("drop table imported; drop table events_version;")
    store = EventStore.open(tmp_path)
    store.set_imported({"u": taste})
    assert len(store.imported("u")) == store.count_of("u") == 1
