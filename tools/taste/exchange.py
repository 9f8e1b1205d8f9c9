"""Choices for other engines and what those learned from them, as Parquet files; pyarrow is in the extra ``parquet``.

Written are ``choices.parquet`` (user_id, item_id, strength, place) and ``items.parquet`` (item_id, people); read are
``item_factors.parquet`` (item_id, factors) and ``neighbours.parquet`` (item_id, neighbour_id, strength), each a file or
(Spark) a folder of files.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tools.errors import BadInput, ServiceMissing, StoreError
from tools.taste.blend import IMPORTED
from tools.taste.choices import Choices
from tools.taste.collaborative import ALS_SIZES, PENALTY, AlsFactors, ItemWeights, Matrix

if TYPE_CHECKING:
    import pyarrow as pa

CHOICES: Final = "choices.parquet"
ITEMS: Final = "items.parquet"
FACTORS: Final = "item_factors.parquet"
NEIGHBOURS: Final = "neighbours.parquet"

ALS_IMPORTED: Final = "als"
"""The part whose factors are another engine's; its alpha holds for the factors of a history."""

ROWS: Final = 1_000_000
"""Rows of one group of a file."""


@dataclass(frozen=True)
class Imported:
    """Parts of another engine.

    Attributes:
        als: factors of the items of the choices, zeros for those that the engine left out.
        neighbours: weights of the same items.
    """

    als: AlsFactors | None = None
    neighbours: ItemWeights | None = None

    @property
    def parts(self) -> list[str]:
        """Their names in a model."""
        by_name = {ALS_IMPORTED: self.als, IMPORTED: self.neighbours}
        return [name for name, part in by_name.items() if part is not None]


def write_choices(choices: Choices, further: Sequence[str], folder: Path) -> None:
    """Store choices for another engine; users are numbers that hold in these files only.

    Args:
        further: ids of items that nobody chose and that are no items of the choices.
        folder: made if it is not there; files of the same names are replaced.

    Raises:
        ServiceMissing: pyarrow is not installed.
        StoreError: the folder cannot be written.
    """
    pa, matrix = _pyarrow(), choices.matrix
    ids = pa.DictionaryArray.from_arrays(matrix.indices.astype(np.int32), pa.array(choices.item_ids, pa.string()))
    columns = {
        "user_id": choices.row.astype(np.int32), "item_id": ids,
        "strength": matrix.data, "place": choices.place,
    }  # fmt: skip
    people = np.concatenate([choices.chosen_by(), np.zeros(len(further), np.int32)])
    items = {"item_id": pa.array([*choices.item_ids, *further], pa.string()), "people": people}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in ((CHOICES, columns), (ITEMS, items)):
            pa.parquet.write_table(pa.table(table), folder / name, row_group_size=ROWS)
    except OSError as exc:
        raise StoreError(f"{folder} cannot be written: {exc.strerror or exc}.") from exc


def read_imported(folder: Path, choices: Choices, further: Sequence[str]) -> Imported:
    """What another engine learned, for the items of the choices.

    Args:
        further: ids of other items that the files may name; what is said of them is left out.

    Raises:
        BadInput: there is neither file, or one is not what it should be.
        ServiceMissing: pyarrow is not installed.
    """
    pa = _pyarrow()
    known = pa.array([*choices.item_ids, *further], pa.string())
    count = len(choices.item_ids)
    factors, neighbours = folder / FACTORS, folder / NEIGHBOURS
    if not factors.exists() and not neighbours.exists():
        raise BadInput(f"{folder} has neither {FACTORS} nor {NEIGHBOURS}.")
    return Imported(
        _factors(factors, known, count) if factors.exists() else None,
        _neighbours(neighbours, known, count) if neighbours.exists() else None,
    )


def _factors(path: Path, known: "pa.Array", count: int) -> AlsFactors:
    pa = _pyarrow()
    table = _table(path, {"item_id": pa.string(), "factors": pa.list_(pa.float32())})
    rows, column = _rows(path, table["item_id"], known), table["factors"].combine_chunks()
    sizes = np.unique(pa.compute.fill_null(pa.compute.list_value_length(column), 0).to_numpy())
    if len(sizes) > 1 or sizes[0] == 0:
        raise BadInput(f"{path}: every item needs the same number of factors, and there are {_few(sizes)}.")
    values = _finite(path, column.flatten()).reshape(len(rows), sizes[0])
    _once(path, rows)
    of_choices = rows < count
    if not values[of_choices].any():
        raise BadInput(f"{path} has no factors of any item that somebody chose.")
    factors = np.zeros((count, sizes[0]), np.float32)
    factors[rows[of_choices]] = values[of_choices]
    base = factors.T @ factors + PENALTY * np.eye(sizes[0], dtype=np.float32)
    return AlsFactors(factors, base, ALS_SIZES[ALS_IMPORTED][1])


def _neighbours(path: Path, known: "pa.Array", count: int) -> ItemWeights:
    pa = _pyarrow()
    table = _table(path, {"item_id": pa.string(), "neighbour_id": pa.string(), "strength": pa.float32()})
    row, column = (_rows(path, table[name], known).astype(np.int64) for name in ("item_id", "neighbour_id"))
    values = _finite(path, table["strength"].combine_chunks())
    _once(path, row * len(known) + column)
    of_choices = (row < count) & (column < count) & (row != column)
    if not values[of_choices].any():
        raise BadInput(f"{path} has no pair of items that somebody chose.")
    entries = values[of_choices], (row[of_choices], column[of_choices])
    return ItemWeights(csr_matrix(entries, shape=(count, count)))


def _table(path: Path, columns: "dict[str, pa.DataType]") -> "pa.Table":
    """Some columns of a file, cast; at least one row.

    Raises:
        BadInput: it is not Parquet, a column is missing or of another type, or there is no row.
    """
    pa = _pyarrow()
    try:
        file = pa.dataset.dataset(path, format="parquet")
        if missing := columns.keys() - set(file.schema.names):
            raise BadInput(f"{path} has no column {_few(sorted(missing))}; it needs {', '.join(columns)}.")
        table = file.to_table(columns=list(columns))
    except (pa.ArrowException, OSError) as exc:
        raise BadInput(f"{path} is no Parquet file that can be read.") from exc
    if not len(table):
        raise BadInput(f"{path} has no rows.")
    try:
        return pa.table({name: table[name].cast(kind, safe=False) for name, kind in columns.items()})
    except pa.ArrowException as exc:
        kinds = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        raise BadInput(f"{path}: the columns are of other types than {kinds}.") from exc


def _rows(path: Path, ids: "pa.ChunkedArray", known: "pa.Array") -> NDArray[np.int32]:
    """Where each id stands in ``known``.

    Raises:
        BadInput: an id is not known.
    """
    pa = _pyarrow()
    rows = pa.compute.index_in(ids, value_set=known)
    if rows.null_count:
        unknown = pa.compute.unique(ids.filter(rows.is_null())).to_pylist()
        raise BadInput(f"{path} names {len(unknown):,} items of neither the events nor the catalogue: {_few(unknown)}.")
    return np.asarray(rows.to_numpy(), dtype=np.int32)


def _finite(path: Path, values: "pa.Array") -> Matrix:
    numbers = np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float32)
    if not np.isfinite(numbers).all():
        raise BadInput(f"{path} has numbers that are missing or not finite.")
    return numbers


def _once(path: Path, keys: NDArray[Any]) -> None:
    if len(np.unique(keys)) < len(keys):
        raise BadInput(f"{path} has the same item, or the same pair of items, twice.")


def _few(values: Sequence[object] | NDArray[Any]) -> str:
    """The first three in words."""
    return ", ".join(map(str, values[:3])) + (", ..." if len(values) > 3 else "")


def _pyarrow() -> Any:  # noqa: ANN401 - pyarrow has no types
    try:
        import pyarrow as pa
        import pyarrow.compute
        import pyarrow.dataset
        import pyarrow.parquet
    except ImportError as exc:
        raise ServiceMissing(
            "Parquet files need the extra parquet: pip install 'recommendation-assistant[parquet]'"
        ) from exc
    return pa
