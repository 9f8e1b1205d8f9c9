"""Another vector index than Chroma can serve: the catalogue asks for the methods of `VectorIndex` and no more."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.fakes.catalogues import entry, fill
from tests.fakes.encoders import hash_vector
from tools.errors import StoreError
from tools.records import Filters, Item
from tools.store import Catalogue
from tools.store.database import Database
from tools.store.vector_index import IndexFailedError, VectorIndex


class NoIndex:
    """Knows nothing, so that the catalogue compares with every vector that SQLite holds."""

    def applied(self, space: str, catalogue: str, encoder: int) -> int:
        return 0

    def query(
        self, space: str, vector: NDArray[np.float32], n: int, places: Sequence[str] | None
    ) -> list[tuple[str, float]]:
        return []

    def follow(self) -> None:
        pass

    def prepare(self, encoders: Mapping[str, int]) -> None:
        pass

    def rebuild(self, reason: IndexFailedError) -> None:
        pass

    def unrecoverable(self, exc: IndexFailedError) -> StoreError:
        return StoreError(str(exc))

    def drop(self) -> None:
        pass

    def close(self) -> None:
        pass


def test_a_catalogue_without_an_index_finds_the_nearest_by_comparing_with_everything(tmp_path: Path) -> None:
    index: VectorIndex = NoIndex()
    entries = [entry(Item(id=f"i{n}", title=f"Thing {n}", price=float(n)), pictures=1) for n in range(40)]
    with Catalogue(Database(tmp_path, read_only=False), index) as catalogue:
        fill(catalogue, entries)
        for each in entries[::7]:
            digest = next(digest for (space, _), digest in each.places().items() if space == "text")
            (best, score), *_ = catalogue.nearest("text", hash_vector(digest), 3)
            assert (best, round(score, 3)) == (each.item.id, 1.0)
        dear = catalogue.nearest("text", hash_vector(b"x" * 16), 50, Filters(min_price=35))
        assert {item_id for item_id, _ in dear} == {"i35", "i36", "i37", "i38", "i39"}
    assert not (tmp_path / "chroma").exists()
