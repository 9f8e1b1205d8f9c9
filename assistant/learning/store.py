"""Learned weights on disk: a numbered file for each, and a pointer to the one in force that is swapped in whole.

A version is there or it is not: its file is finished before the pointer names it, and a crash between the two leaves
the old version in force and a file that nobody reads. `roll_back` moves the pointer to the version before.
"""

import logging
import os
import re
from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError

from assistant.errors import BadInput, StoreError
from assistant.learning.records import Learned
from assistant.settings import Settings, TurnSettings
from tools.records import Record

logger = logging.getLogger(__name__)

POINTER: Final = "current.json"
_FILE = re.compile(r"weights-(\d+)\.json")


class CurrentWeights(Record):
    """Which version is in force; 0: the settings' own weights."""

    version: int = Field(ge=0)


def learning_folder(data: Path) -> Path:
    """Where a data folder's learned weights lie."""
    return data / "learning"


def in_force(folder: Path) -> Learned | None:
    """The learned weights in force; None while there are none.

    Raises:
        StoreError: a file is damaged.
    """
    version = _pointed(folder)
    return _read(folder / _name(version)) if version else None


def keep(folder: Path, learned: Learned) -> Learned:
    """Write the next version and put it in force; it comes back with its number and the number before.

    Raises:
        StoreError: it cannot be written; what was in force stays so.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        numbers = [int(match[1]) for path in folder.iterdir() if (match := _FILE.fullmatch(path.name))]
        numbered = learned.model_copy(update={"version": max(numbers, default=0) + 1, "previous": _pointed(folder)})
        _write(folder / _name(numbered.version), numbered)
        _write(folder / POINTER, CurrentWeights(version=numbered.version))
    except OSError as exc:
        raise StoreError(f"The learned weights cannot be written to {folder}: {exc.strerror or exc}.") from exc
    return numbered


def roll_back(folder: Path) -> int:
    """Put the version before the one in force back in force; which one that is, 0 for the settings' own weights.

    Raises:
        BadInput: nothing learned is in force.
        StoreError: a file is damaged or cannot be written.
    """
    current = in_force(folder)
    if current is None:
        raise BadInput("There is nothing to roll back: the settings' own weights are in force.")
    try:
        _write(folder / POINTER, CurrentWeights(version=current.previous))
    except OSError as exc:
        raise StoreError(f"The learned weights cannot be written to {folder}: {exc.strerror or exc}.") from exc
    return current.previous


def weights_in_force(settings: Settings) -> tuple[dict[str, float], str]:
    """The weight of each source in a turn, and the version of the learned weights among them ("" for none).

    A weight that a configuration sets to something else than the default stays as it is set. Learned weights that
    cannot be read are left out with a warning: a turn is not lost for them.
    """
    own, default = settings.turn.weights, TurnSettings().weights
    try:
        learned = in_force(learning_folder(settings.data_folder))
    except StoreError as exc:
        logger.warning("the settings' own weights are used: %s", exc)
        learned = None
    if learned is None:
        return own, ""
    free = {source for source, weight in own.items() if weight == default.get(source)}
    return {source: learned.weights.get(source, own[source]) if source in free else own[source] for source in own}, str(
        learned.version
    )


def _name(version: int) -> str:
    return f"weights-{version:04}.json"


def _pointed(folder: Path) -> int:
    path = folder / POINTER
    try:
        return CurrentWeights.model_validate_json(path.read_bytes()).version
    except FileNotFoundError:
        return 0
    except (OSError, ValidationError) as exc:
        raise StoreError(f"{path} cannot be read; delete it to use the settings' own weights.") from exc


def _read(path: Path) -> Learned:
    try:
        return Learned.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as exc:
        raise StoreError(f"{path} cannot be read; go back with: assistant learn --rollback") from exc


def _write(path: Path, record: Record) -> None:
    """The whole file or none of it, on the disk before it has its name."""
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(record.model_dump_json(indent=1))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
