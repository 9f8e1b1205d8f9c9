"""Amazon reviews, from files that a user has: McAuley's JSON lines of 2023, or the prepared sets of MMRec.

- `load_reviews`: ``NAME.jsonl[.gz]`` (one review a line: user_id, parent_asin, rating, timestamp in milliseconds) and
  ``meta_NAME.jsonl[.gz]`` (parent_asin, title, categories, features, description), Hou et al. 2024. Reduced to its
  5-core, as is usual with these sets.
- `load_mmrec`: a folder with ``NAME.inter`` (tabs; userID, itemID, rating, timestamp, x_label), ``text_feat.npy`` and
  ``image_feat.npy`` whose rows are item ids, Zhou et al. 2023. Their random split (x_label) is not used: both are
  evaluated by the temporal protocol of `eval.public.protocol`.
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
from eval.public.interactions import Dataset, Interactions, collect, core

CORE = 5
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
    events = (
        (str(row["user_id"]), str(row["parent_asin"]), float(row["rating"]), int(row["timestamp"]) // 1000)
        for row in _json_lines(reviews, ("user_id", "parent_asin", "rating", "timestamp"))
    )
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
    with found[0].open(encoding="utf-8", newline="") as stream:
        rows = [_mmrec_row(row, found[0]) for row in csv.DictReader(stream, delimiter="\t")]
    count = 1 + max((int(item) for _, item, _, _ in rows), default=-1)
    interactions = collect(rows, items=map(str, range(count)))
    features = {name: _features(folder / f"{name}_feat.npy", count) for name in ("text", "image")}
    known = {name: rows for name, rows in features.items() if rows is not None}
    return Dataset(found[0].stem, interactions, [""] * count, LICENCE, known)


def _mmrec_row(row: dict[str, str], path: Path) -> tuple[str, str, float, int]:
    try:
        return row["userID"], str(int(row["itemID"])), float(row["rating"]), int(float(row["timestamp"]))
    except (KeyError, TypeError, ValueError) as exc:
        raise BadInput(f"{path} needs the columns userID, itemID, rating and timestamp, with tabs between.") from exc


def _features(path: Path, count: int) -> NDArray[np.float32] | None:
    """One modality's vectors at unit length; None where there is no file."""
    if not path.is_file():
        return None
    try:
        rows = np.asarray(np.load(path, allow_pickle=False), dtype=np.float32)
    except ValueError as exc:
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
    parts = [row.get("title"), " ".join(row.get("categories") or []), *(row.get("features") or [])]
    parts += row.get("description") or []
    return ". ".join(str(part) for part in parts if part)[:TEXT_CHARACTERS]


def _json_lines(path: Path, needed: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    if not path.is_file():
        raise BadInput(f"There is no file {path}.")
    with _opened(path) as stream:
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
