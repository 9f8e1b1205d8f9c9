"""RecBole's atomic files: ``NAME.inter``, and ``NAME.item`` beside it where something is known of the items.

Tables with tabs and a first line of ``name:type`` columns. Needed are ``user_id`` and ``item_id``; ``rating`` and
``timestamp`` (seconds) are read where they are. Without times the file's order counts. An item's text is all of its
columns of words (types ``token`` and ``token_seq``), one after the other.
"""

from collections.abc import Iterator
from pathlib import Path

from assistant.errors import BadInput
from eval.research.public.interactions import Dataset, collect
from eval.research.public.reading import reading

LICENCE = "not stated by the files"
WORDS = ("token", "token_seq")

Row = dict[str, str]


def load(path: Path, *, name: str = "", licence: str = LICENCE) -> Dataset:
    """Read a ``.inter`` file and the ``.item`` file beside it.

    Args:
        name: of the data set; without one the file's.

    Raises:
        BadInput: the file is missing, or a line is not of its form.
    """
    columns, rows = _table(path, "user_id", "item_id")
    events = [_event(row, number, path) for number, row in enumerate(rows)]
    texts: dict[str, str] = {}
    described = path.with_suffix(".item")
    if described.is_file():
        kinds, items = _table(described, "item_id")
        words = [column for column, kind in kinds.items() if kind in WORDS and column != "item_id"]
        texts = {row["item_id"]: ". ".join(row[column] for column in words if row[column]) for row in items}
    interactions = collect(events, items=texts)
    known_texts = [texts.get(item, "") for item in interactions.items]
    return Dataset(name or path.stem, interactions, known_texts, licence, timed="timestamp" in columns)


def _event(row: Row, number: int, path: Path) -> tuple[str, str, float, int]:
    try:
        time = int(float(row.get("timestamp", number)))
        return row["user_id"], row["item_id"], float(row.get("rating", 1.0)), time
    except (ValueError, OverflowError) as exc:
        raise BadInput(f"{path}, line {number + 2}: the rating or timestamp is no number.") from exc


def _table(path: Path, *needed: str) -> tuple[dict[str, str], Iterator[Row]]:
    """The type of each column, and the rows."""
    with reading(path):
        head, *lines = path.read_text("utf-8").split("\n")
    columns = dict(column.partition(":")[::2] for column in head.split("\t"))
    if missing := [name for name in needed if name not in columns]:
        raise BadInput(f"{path} lacks {', '.join(missing)}; its first line should be columns like user_id:token.")

    def rows() -> Iterator[Row]:
        for number, line in enumerate(lines, start=2):
            cells = line.split("\t")
            if len(cells) == len(columns):
                yield dict(zip(columns, cells, strict=True))
            elif line.strip():
                raise BadInput(f"{path}, line {number}: needs {len(columns)} columns and has {len(cells)}.")

    return columns, rows()
