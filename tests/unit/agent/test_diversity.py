"""Lists that are made diverse, and places that are given to what few have seen."""

import numpy as np
import pytest

from assistant.agent.diversity import diverse, explored, places_to_explore
from assistant.agent.fusion import FusedHit
from tools.records import Hit

VECTORS = {"a": [1.0, 0.0], "b": [0.99, 0.14], "c": [0.0, 1.0], "d": [0.7, 0.7]}


class Texts:
    def vectors_of(self, space: str, ids: list[str]) -> dict[str, list[np.ndarray]]:
        return {i: [np.array(VECTORS[i], np.float32)] for i in ids if i in VECTORS}


def ranked(*ids: str) -> list[FusedHit]:
    return [FusedHit(Hit(item_id=item_id, title=item_id), 1.0 / (60 + n), []) for n, item_id in enumerate(ids)]


@pytest.mark.parametrize(("diversity", "order"), [(0.0, "abcd"), (0.05, "abcd"), (0.7, "acdb")])
def test_diversity_moves_what_is_like_the_first_back(diversity: float, order: str) -> None:
    entries = diverse(ranked("a", "b", "c", "d"), Texts(), diversity=diversity, count=4)  # type: ignore[arg-type]
    assert "".join(entry.hit.item_id for entry in entries) == order


def test_an_item_without_a_text_is_like_no_other_and_nothing_is_lost() -> None:
    order = diverse(ranked("a", "b", "new"), Texts(), diversity=0.7, count=2)  # type: ignore[arg-type]
    assert [entry.hit.item_id for entry in order] == ["a", "new", "b"]


def test_a_share_of_places_is_kept_over_many_turns_and_the_same_turn_has_the_same() -> None:
    places = [places_to_explore(0.1, 3, session_id="s", turn=turn) for turn in range(1000)]
    assert sum(places) / 1000 == pytest.approx(0.3, abs=0.05)
    assert set(places) == {0, 1}
    assert places == [places_to_explore(0.1, 3, session_id="s", turn=turn) for turn in range(1000)]


def test_exploring_never_takes_the_first_place_and_takes_the_rarest() -> None:
    user_counts = {"a": 9, "b": 9, "c": 9, "d": 5, "e": 1}
    assert explored(["a", "b", "c", "d", "e"], user_counts, count=3, places=1) == ["a", "b", "e", "c", "d"]
    assert explored(["a", "b", "c", "d", "e"], user_counts, count=1, places=1) == ["a", "b", "c", "d", "e"]
