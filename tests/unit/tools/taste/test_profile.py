"""A user's taste as content: what follows from events, and how long they say it."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tools.records import Item
from tools.taste.profile import DAY, TasteProfile, attribute_values, build_profile, decayed
from tools.taste.records import EventKind, Interaction, Preference

NOW = 1_000 * DAY
ITEMS = {
    "a": Item(id="a", title="A", brand="Nike", price=40, attributes={"color": ["black", "red"], "sku": "1"}),
    "b": Item(id="b", title="B", brand="Nike", price=60, attributes={"color": "black"}),
    "c": Item(id="c", title="C", brand="Puma", price=500, attributes={"color": "green"}),
}
TEXTS = {"a": [1.0, 0.0], "b": [0.8, 0.6], "c": [0.0, 1.0]}


class Shelf:
    def get_many(self, ids: list[str]) -> dict[str, Item]:
        return {item_id: ITEMS[item_id] for item_id in ids if item_id in ITEMS}

    def vectors_of(self, space: str, ids: list[str]) -> dict[str, list[NDArray[np.float32]]]:
        return {i: [np.array(TEXTS[i], np.float32)] for i in ids if i in TEXTS} if space == "text" else {}


def event(item_id: str, kind: EventKind = "like", days: float = 0.0, value: float | None = None) -> Interaction:
    return Interaction(user="u", item_id=item_id, event=kind, at=NOW - days * DAY, value=value)


def profile_of(*events: Interaction, corrections: tuple[Preference, ...] = ()) -> TasteProfile:
    shelf: object = Shelf()
    return build_profile(events, corrections, shelf, now=NOW, half_life_days=30)  # type: ignore[arg-type]


def test_an_event_counts_half_after_the_half_life_and_one_of_the_future_as_of_now() -> None:
    weights = decayed([event("a", days=30), event("b", days=-10), event("c", "dislike")], now=NOW, half_life_days=30)
    assert weights == pytest.approx({"b": 1.0, "c": -1.0, "a": 0.5})
    assert list(weights) == ["b", "c", "a"], "the strongest first"


def test_contradictory_events_leave_what_outweighs() -> None:
    assert decayed([event("a"), event("a", "dislike")], now=NOW, half_life_days=30) == {}
    rated = [event("a", "rating", value=5.0), event("b", "rating", value=1.0)]
    assert decayed(rated, now=NOW, half_life_days=30) == {"a": 1.0, "b": -1.0}


def test_the_vector_leans_to_what_was_liked_lately_and_away_from_what_was_not() -> None:
    lately = profile_of(event("a"), event("c", days=60))
    assert lately.text is not None
    assert lately.text[0] > lately.text[1] > 0
    against = profile_of(event("a"), event("c", "dislike"))
    assert against.text[1] < 0
    assert np.linalg.norm(lately.text) == pytest.approx(1.0)


def test_preferences_are_shares_of_what_was_liked_less_what_was_not() -> None:
    attributes = profile_of(event("a"), event("b"), event("c", "dislike")).attributes
    assert attributes["brand"] == {"Nike": 0.5, "Puma": -0.25}
    assert attributes["color"] == {"black": 0.5, "red": 0.25, "green": -0.25}
    assert "sku" not in attributes


def test_one_like_is_no_strong_preference() -> None:
    assert profile_of(event("a")).attributes["brand"] == {"Nike": pytest.approx(1 / 3, abs=1e-4)}


def test_what_the_user_corrects_stands() -> None:
    nike = Preference(attribute="brand", value="Nike", weight=-1)
    profile = profile_of(event("a"), corrections=(nike, Preference(attribute="fit", value="wide", weight=1)))
    assert profile.attributes["brand"]["Nike"] == -1
    assert profile.attributes["fit"] == {"wide": 1}


def test_the_price_band_is_that_of_what_was_liked() -> None:
    assert profile_of(event("a"), event("b"), event("c", "dislike")).price == (40, 60)


def test_items_that_the_catalogue_does_not_hold_say_nothing() -> None:
    profile = profile_of(event("gone"))
    assert (profile.text, profile.attributes, profile.price) == (None, {}, None)


def test_an_items_attributes_are_compared_value_by_value() -> None:
    assert attribute_values(ITEMS["a"]) == {"brand": ["Nike"], "color": ["black", "red"]}
