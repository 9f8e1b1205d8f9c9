"""The door to what is known of users: nothing where nothing is there, and what is new as soon as it is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.tools.taste.test_profile import NOW, Shelf, event
from tools.taste.profile import TasteProfile
from tools.taste.records import Preference
from tools.taste.taste import Taste, TasteRules
from tools.tool import Context
from tools.toolbox import Engines
from tools.user_history import UserHistory, user_history


class Versioned(Shelf):
    def version(self) -> int:
        return 1


@pytest.fixture
def taste(tmp_path: Path) -> Iterator[Taste]:
    opened = Taste(tmp_path, Versioned, TasteRules(remembered_events=2))  # type: ignore[arg-type]
    yield opened
    opened.close()


def test_where_no_file_is_nothing_is_known_and_none_is_made(taste: Taste) -> None:
    assert (taste.history("u"), taste.profile("u", NOW), taste.model) == ({}, TasteProfile(), None)
    assert not list(taste.folder.iterdir())


def test_a_new_event_is_known_at_once_and_only_the_latest_are_looked_at(taste: Taste) -> None:
    taste.events.add([event("a", days=1)])
    assert list(taste.history("u")) == ["a"]
    taste.events.add([event("b"), event("c", days=0.5)])
    assert list(taste.history("u")) == ["b", "c"]
    assert taste.profile("u", NOW).events == 2


def test_one_user_does_not_see_another(taste: Taste) -> None:
    taste.events.add([event("a")])
    assert taste.history("somebody else") == {}


def test_the_history_of_whoever_calls_is_told_in_words(taste: Taste) -> None:
    taste.events.add([event("a"), event("c", "dislike")])
    taste.events.set_preference("u", Preference(attribute="brand", value="Puma", weight=-1))
    engines = Engines(catalogue=Versioned(), text=None, pictures=None, speech=None, taste=taste)  # type: ignore[arg-type]
    history = user_history(Context(engines, Path, "u"), UserHistory())
    assert ([item.item_id for item in history.liked], [item.item_id for item in history.disliked]) == (["a"], ["c"])
    assert history.words[:2] == ["Liked lately: A.", "Disliked: C."]
    assert "Avoids brand Puma (-1.00)." in history.words
    assert user_history(Context(engines, Path), UserHistory()).events == 0
