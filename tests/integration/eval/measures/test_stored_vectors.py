"""Diversity over the vectors that a real catalogue stores."""

from pathlib import Path

import numpy as np
import pytest

from eval.measures.ranking import diversity, text_vectors
from tests.fakes.catalogues import entry, fill
from tools.records import Item
from tools.store import Catalogue


def test_diversity_is_measured_on_the_stored_text_vectors(tmp_path: Path) -> None:
    entries = [entry(Item(id=f"i{n}", title=f"Thing {n}"), pictures=1) for n in range(3)]
    with Catalogue.open(tmp_path / "data") as catalogue:
        fill(catalogue, entries)
        vectors = text_vectors(catalogue)
        items = {item.id: item for item in catalogue.items()}
    assert set(vectors) == set(items) == {"i0", "i1", "i2"}
    first, second = (vectors[item_id] / np.linalg.norm(vectors[item_id]) for item_id in ("i0", "i1"))
    assert diversity(["i0", "i1"], items, vectors) == pytest.approx(1 - float(first @ second), abs=1e-5)
    assert diversity(["i0", "i1"], items) == 0
