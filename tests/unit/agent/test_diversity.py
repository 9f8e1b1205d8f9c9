"""Lists that are made diverse."""

import numpy as np

from assistant.agent.diversity import diverse
from assistant.agent.fusion import FusedHit
from tools.records import Hit

VECTORS = {"a": [1.0, 0.0], "b": [0.99, 0.14], "c": [0.0, 1.0], "d": [0.7, 0.7]}


class Texts:
    def vectors_of(self, space: str, ids: list[str]) -> dict[str, list[np.ndarray]]:
        return {i: [np.array(VECTORS[i], np.float32)] for i in ids if i in VECTORS}


def ranked(*ids: str) -> list[FusedHit]:
    return [FusedHit(Hit(item_id=item_id, title=item_id), 1.0 / (60 + n), []) for n, item_id in enumerate(ids)]


def test_diversity_moves_what_is_like_the_first_back() -> None:
    entries = diverse(ranked("a", "b", "c", "d"), Texts(), count=4)  # type: ignore[arg-type]
    assert "".join(entry.hit.item_id for entry in entries) == "acbd"


def test_an_item_without_a_text_is_like_no_other_and_nothing_is_lost() -> None:
    order = diverse(ranked("a", "b", "new"), Texts(), count=2)  # type: ignore[arg-type]
    assert [entry.hit.item_id for entry in order] == ["a", "new", "b"]
