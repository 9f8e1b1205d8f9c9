"""Writing learned weights: a numbered file for each version, and a pointer that is swapped in whole.

A version's file is finished before the pointer names it; a crash between the two leaves the old version in force and a
file that nobody reads. `roll_back` moves the pointer to the version before. `assistant.learned_weights` reads them.
"""

import os
import re
from pathlib import Path
from typing import Final

from assistant.errors import BadInput, StoreError
from assistant.learned_weights import POINTER, CurrentWeights, in_force, version_in_force, weights_file
from eval.research.learning.records import Learned
from tools.records import Record

_FILE: Final = re.compile(r"weights-(\d+)\.json")


def keep(folder: Path, learned: Learned) -> Learned:
    """Write the next version and put it in force; it comes back with its number and the number before.

    Raises:
        StoreError: it cannot be written; what was in force stays so.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        numbers = [int(match[1]) for path in folder.iterdir() if (match := _FILE.fullmatch(path.name))]
        version, previous = max(numbers, default=0) + 1, version_in_force(folder)
        numbered = learned.model_copy(update={"version": version, "previous": previous})
        _write(weights_file(folder, version), numbered)
        _write(folder / POINTER, CurrentWeights(version=version))
    except OSError as exc:
        raise StoreError(f"The learned weights cannot be written to {folder}: {exc.strerror or exc}.") from exc
    return numbered


def roll_back(folder: Path) -> int:
    """Put the version before the one in force back in force; which one that is, 0 for the settings' own weights.

    Raises:
        BadInput: nothing learned is in force.
        StoreError: a file is damaged or cannot be written.
    """
    current = in_force(folder, Learned)
    if current is None:
        raise BadInput("There is nothing to roll back: the settings' own weights are in force.")
    try:
        _write(folder / POINTER, CurrentWeights(version=current.previous))
    except OSError as exc:
        raise StoreError(f"The learned weights cannot be written to {folder}: {exc.strerror or exc}.") from exc
    return current.previous


def _write(path: Path, record: Record) -> None:
    """The whole file or none of it, on the disk before it has its name."""
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(record.model_dump_json(indent=1))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
