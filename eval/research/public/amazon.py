"""Amazon reviews, from files that a user has: McAuley's JSON lines of 2023, or the prepared sets of MMRec.

- `load_reviews`: ``NAME.jsonl[.gz]`` (one review a line: user_id, parent_asin, rating, timestamp in milliseconds) and
  ``meta_NAME.jsonl[.gz]`` (parent_asin, title, categories, features, description), Hou et al. 2024. Reduced to its
  5-core, as is usual with these sets.
- `load_mmrec`: a folder with ``NAME.inter`` (tabs; userID, itemID, rating, timestamp, x_label), ``text_feat.npy`` and
  ``image_feat.npy`` whose rows are item ids, Zhou et al. 2023. Their random split (x_label) is not used: both are
  evaluated by the temporal protocol of `eval.research.public.protocol`.
"""

import csv
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO, cast

import numpy as np
from numpy.typing import NDArray

from assistant.errors import BadInput
from eval.research.public.interactions import Dataset, Interactions, collect, core
from eval.research.public.reading import reading

CORE = 5
MOST_ITEMS = 10_000_000
"""A larger item id of MMRec, whose ids are numbers without gaps, is a mistake in the file."""

TEXT_CHARACTERS = 1000
LICENCE = "not stated by the files; McAuley's Amazon sets are for research"


def load_reviews(reviews: Path) -> Dataset:
    """Read a reviews file and the ``meta_`` file beside it.

    Raises:
        BadInput: a file is missing, or a line is not of its form.
    """
    meta = reviews.with_name(f"meta_{reviews.name}")
    if not meta.is_file():
        raise BadInput(f"The descriptions of the items are missing: {meta}.")
    needed = ("user_id", "parent_asin", "rating", "timestamp")
    events = (_review(row, reviews) for row in _json_lines(reviews, needed))
    interactions = _only_active(core(collect(events), CORE))
    wanted = set(interactions.items)
    rows = _json_lines(meta, ("parent_asin",))
    texts = {row["parent_asin"]: _described(row) for row in rows if row["parent_asin"] in wanted}
    return Dataset(reviews.name, interactions, [texts.get(item, "") for item in interactions.items], LICENCE)


def load_mmrec(folder: Path) -> Dataset:
    """Read MMRec's ``.inter`` file and the feature files beside it.

    Raises:
        BadInput: there is no such file, or a feature file has not one row an item.
    """
    found = sorted(folder.glob("*.inter"))
    if len(found) != 1:
        raise BadInput(f"{folder} must hold exactly one .inter file and holds {len(found)}.")
    with reading(found[0]), found[0].open(encoding="utf-8", newline="") as stream:
        rows = [_mmrec_row(row, found[0]) for row in csv.DictReader(stream, delimiter="\t")]
    count = 1 + max((int(item) for _, item, _, _ in rows), default=-1)
    interactions = collect(rows, items=map(str, range(count)))
    features = {name: _features(folder / f"{name}_feat.npy", count) for name in ("text", "image")}
    known = {name: rows for name, rows in features.items() if rows is not None}
    return Dataset(found[0].stem, interactions, [""] * count, LICENCE, known)


def _review(row: dict[str, Any], path: Path) -> tuple[str, str, float, int]:
    try:
        return str(row["user_id"]), str(row["parent_asin"]), float(row["rating"]), int(row["timestamp"]) // 1000
    except (TypeError, ValueError, OverflowError) as exc:
        raise BadInput(f"{path} has a review whose rating or timestamp is no number.") from exc


def _mmrec_row(row: dict[str, str], path: Path) -> tuple[str, str, float, int]:
    try:
        item = int(row["itemID"])
        event = row["userID"], str(item), float(row["rating"]), int(float(row["timestamp"]))
    except (KeyError, TypeError, ValueError, OverflowError) as exc:
        raise BadInput(f"{path} needs the columns userID, itemID, rating and timestamp, with tabs between.") from exc
    if not 0 <= item < MOST_ITEMS:
        raise BadInput(f"{path} has the item {item}; its items should be numbered from 0.")
    return event


def _features(path: Path, count: int) -> NDArray[np.float32] | None:
    """One modality's vectors at unit length; None where there is no file."""
    if not path.is_file():
        return None
    try:
        with reading(path):
            rows = np.asarray(np.load(path, allow_pickle=False), dtype=np.float32)
    except (TypeError, ValueError) as exc:
        raise BadInput(f"{path} is not a plain array of numbers.") from exc
    if rows.ndim != 2 or len(rows) < count:
        raise BadInput(f"{path} has {len(rows)} rows and must have one for each of {count} items.")
    rows = rows[:count]
    return cast("NDArray[np.float32]", rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9))


def _only_active(interactions: Interactions) -> Interactions:
    """Without the users and items that the core left without events."""
    users, user = np.unique(interactions.user, return_inverse=True)
    items, item = np.unique(interactions.item, return_inverse=True)
    return Interactions(
        [interactions.users[row] for row in users], [interactions.items[row] for row in items],
        user.astype(np.int32), item.astype(np.int32), interactions.value, interactions.time,
    )  # fmt: skip


def _described(row: dict[str, Any]) -> str:
    parts = [row.get("title"), " ".join(_words(row.get("categories")))]
    parts += _words(row.get("features")) + _words(row.get("description"))
    return ". ".join(str(part) for part in parts if part)[:TEXT_CHARACTERS]


def _words(value: object) -> list[str]:
    """Texts of a line that should be a list of them."""
    return [str(one) for one in value] if isinstance(value, list) else []


def _json_lines(path: Path, needed: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    if not path.is_file():
        raise BadInput(f"There is no file {path}.")
    with reading(path), _opened(path) as stream:
        for number, line in enumerate(stream, start=1):
            try:
                row = json.loads(line)
            except ValueError as exc:
                raise BadInput(f"{path}, line {number}: not JSON.") from exc
            if not isinstance(row, dict) or any(name not in row for name in needed):
                raise BadInput(f"{path}, line {number}: needs {', '.join(needed)}.")
            yield row


def _opened(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return cast(TextIO, gzip.open(path, "rt", encoding="utf-8"))
    return path.open(encoding="utf-8")
