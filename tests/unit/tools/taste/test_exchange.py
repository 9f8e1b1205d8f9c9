"""Choices for other engines, and what those learned from them: every wrong file is refused in one sentence."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.unit.tools.taste.clusters import ITEMS, choices, contents
from tools.errors import BadInput
from tools.taste.blend import IMPORTED
from tools.taste.exchange import CHOICES, FACTORS, NEIGHBOURS, Imported, read_imported, write_choices
from tools.taste.model import TasteModel
from tools.taste.training import train

pa = pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
pq = pytest.importorskip("pyarrow.parquet")

FURTHER = ["new"]


def factors(ids: list[str], values: list[object]) -> "pa.Table":
    return pa.table({"item_id": ids, "factors": values})


def colour_factors() -> "pa.Table":
    return factors([*ITEMS, "new"], [[1.0, 0.0] if name.startswith("red") else [0.0, 1.0] for name in [*ITEMS, "new"]])


def pairs(item_ids: list[str], neighbour_ids: list[str], strengths: list[float]) -> "pa.Table":
    return pa.table({"item_id": item_ids, "neighbour_id": neighbour_ids, "strength": strengths})


def read(folder: Path) -> Imported:
    return read_imported(folder, choices(), FURTHER)


def test_what_is_written_is_the_choices_by_number(tmp_path: Path) -> None:
    write_choices(choices(), FURTHER, tmp_path / "new")
    entries, made = pq.read_table(tmp_path / "new" / CHOICES), choices()
    assert entries.column_names == ["user_id", "item_id", "strength", "place"]
    again = np.zeros(made.matrix.shape, np.float32)
    columns = [made.item_ids.index(item_id) for item_id in entries["item_id"].to_pylist()]
    again[entries["user_id"].to_numpy(), columns] = entries["strength"].to_numpy()
    np.testing.assert_array_equal(again, made.matrix.toarray())
    np.testing.assert_array_equal(entries["place"].to_numpy(), made.place)
    items = pq.read_table(tmp_path / "new" / "items.parquet").to_pydict()
    assert items["item_id"] == [*ITEMS, "new"]
    assert items["people"] == [*made.chosen_by().tolist(), 0]


def test_factors_of_another_engine_become_a_part_and_are_blended_and_kept(tmp_path: Path) -> None:
    pq.write_table(colour_factors(), tmp_path / FACTORS)
    model = train(choices(), {"text": contents(ITEMS)}, imported=read(tmp_path))
    assert model.card.imported == ["als"]
    assert "als-large" not in model.parts
    assert model.parts["als"].scorer.arrays()["factors"].shape == (24, 2)
    model.save(tmp_path)
    loaded = TasteModel.load(tmp_path)
    assert loaded is not None
    best = loaded.score({"blue-1": 1.0, "blue-2": 1.0}, k=5, exclude=["blue-1", "blue-2"])
    assert all(item_id.startswith("blue-") for item_id, _ in best)


def test_items_that_the_engine_left_out_have_zeros(tmp_path: Path) -> None:
    pq.write_table(colour_factors().slice(1), tmp_path / FACTORS)
    engine = read(tmp_path)
    assert engine.als is not None
    assert not engine.als.factors[0].any()
    assert engine.als.factors[1:].any(axis=1).all()


def test_neighbours_of_another_engine_stand_beside_the_others(tmp_path: Path) -> None:
    reds = [name for name in ITEMS if name.startswith("red")]
    pq.write_table(pairs(reds, [*reds[1:], reds[0]], [0.5] * len(reds)), tmp_path / NEIGHBOURS)
    model = train(choices(), {}, imported=read(tmp_path))
    assert model.card.imported == [IMPORTED]
    assert {"neighbours", "next-choices", IMPORTED} < set(model.parts)
    model.save(tmp_path)
    loaded = TasteModel.load(tmp_path)
    assert loaded is not None
    history = loaded.histories({"red-1": 1.0})
    np.testing.assert_allclose(loaded.part_scores(history)[IMPORTED], model.part_scores(history)[IMPORTED])


def test_a_folder_of_files_and_other_types_of_the_same_meaning_are_read(tmp_path: Path) -> None:
    table = colour_factors()
    doubles = pa.table({
        "item_id": table["item_id"].cast(pa.large_string()).dictionary_encode(),
        "factors": table["factors"].cast(pa.list_(pa.float64(), 2)), "user": table["item_id"],
    })  # fmt: skip
    (tmp_path / FACTORS).mkdir()
    pq.write_table(doubles.slice(0, 10), tmp_path / FACTORS / "part-0.parquet")
    pq.write_table(doubles.slice(10), tmp_path / FACTORS / "part-1.parquet")
    (tmp_path / FACTORS / "_SUCCESS").touch()
    engine = read(tmp_path)
    assert engine.als is not None
    np.testing.assert_array_equal(engine.als.factors[0], [1.0, 0.0])


def garbage(path: Path) -> None:
    path.write_bytes(b"no Parquet")


def table(make: Callable[[], "pa.Table"]) -> Callable[[Path], None]:
    return lambda path: pq.write_table(make(), path)


@pytest.mark.parametrize(
    ("name", "write", "says"),
    [
        (FACTORS, garbage, "is no Parquet file that can be read"),
        (FACTORS, Path.mkdir, "has no column factors, item_id; it needs item_id, factors"),
        (FACTORS, table(lambda: pa.table({"item_id": ["red-1"]})), "has no column factors; it needs item_id, factors"),
        (FACTORS, table(lambda: colour_factors().slice(0, 0)), "has no rows"),
        (FACTORS, table(lambda: factors(["red-1"], ["a"])), "the columns are of other types than item_id string"),
        (FACTORS, table(lambda: factors(["red-1", "red-2"], [[1.0], [1.0, 2.0]])), "same number of factors.*1, 2"),
        (FACTORS, table(lambda: factors(["red-1", "red-2"], [[1.0], None])), "same number of factors.*0, 1"),
        (FACTORS, table(lambda: factors(["red-1"], [[]])), "the same number of factors"),
        (FACTORS, table(lambda: factors(["red-1"], [[float("nan")]])), "missing or not finite"),
        (FACTORS, table(lambda: factors(["red-1"], [[1e300]])), "missing or not finite"),
        (FACTORS, table(lambda: factors(["red-1", "gone", "lost"], [[1.0]] * 3)), "names 2 items of.*gone, lost"),
        (FACTORS, table(lambda: factors(["red-1", "red-1"], [[1.0]] * 2)), "twice"),
        (FACTORS, table(lambda: factors(["new"], [[1.0]])), "no factors of any item that somebody chose"),
        (NEIGHBOURS, table(lambda: pairs(["red-1"], ["gone"], [1.0])), "of neither the events nor"),
        (NEIGHBOURS, table(lambda: pairs(["red-1"], ["new"], [1.0])), "has no pair of items that somebody chose"),
        (NEIGHBOURS, table(lambda: pairs(["red-1"], ["red-2"], [float("inf")])), "missing or not finite"),
        (NEIGHBOURS, table(lambda: pairs(["red-1"] * 2, ["red-2"] * 2, [1.0, 1.0])), "twice"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_in_one_sentence(
    tmp_path: Path, name: str, write: Callable[[Path], None], says: str
) -> None:
    write(tmp_path / name)
    with pytest.raises(BadInput, match=says):
        read(tmp_path)


def test_a_folder_without_either_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="has neither"):
        read(tmp_path)
