"""Learned fusion weights on disk: a numbered file for each version, and a pointer to the one in force.

`assistant eval research learn` writes them; a turn reads them.
"""

import logging
from pathlib import Path
from typing import Final, TypeVar

from pydantic import ConfigDict, Field, ValidationError

from assistant.errors import StoreError
from assistant.settings import Settings, TurnSettings
from tools.records import Record

logger = logging.getLogger(__name__)

POINTER: Final = "current.json"

Version = TypeVar("Version", bound=Record)


class CurrentWeights(Record):
    """Which version is in force; 0: the settings' own weights."""

    version: int = Field(ge=0)


class LearnedWeights(Record):
    """What a turn needs of a version's file; how it was fitted stands there too."""

    model_config = ConfigDict(extra="ignore")

    version: int = Field(ge=0)
    weights: dict[str, float] = Field(description="by source")


def learning_folder(data: Path) -> Path:
    """Where a data folder's learned weights lie."""
    return data / "learning"


def weights_file(folder: Path, version: int) -> Path:
    """Where a version lies."""
    return folder / f"weights-{version:04}.json"


def version_in_force(folder: Path) -> int:
    """The version that the pointer names; 0 while there is none.

    Raises:
        StoreError: the pointer is damaged.
    """
    path = folder / POINTER
    try:
        return CurrentWeights.model_validate_json(path.read_bytes()).version
    except FileNotFoundError:
        return 0
    except (OSError, ValidationError) as exc:
        raise StoreError(f"{path} cannot be read; delete it to use the settings' own weights.") from exc


def in_force(folder: Path, kind: type[Version]) -> Version | None:
    """The version in force as a record of this kind; None while there is none.

    Raises:
        StoreError: a file is damaged.
    """
    version = version_in_force(folder)
    if not version:
        return None
    path = weights_file(folder, version)
    try:
        return kind.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as exc:
        raise StoreError(f"{path} cannot be read; delete {folder / POINTER} to use the settings' own weights.") from exc


def weights_in_force(settings: Settings) -> tuple[dict[str, float], str]:
    """The weight of each source in a turn, and the version of the learned weights among them ("" for none).

    A weight that a configuration sets to something else than the default stays as it is set. Learned weights that
    cannot be read are left out with a warning: a turn is not lost for them.
    """
    own = settings.signal_weights
    default = settings.model_copy(update={"turn": TurnSettings()}).signal_weights
    try:
        learned = in_force(learning_folder(settings.data_folder), LearnedWeights)
    except StoreError as exc:
        logger.warning("the settings' own weights are used: %s", exc)
        learned = None
    if learned is None:
        return own, ""
    free = {source for source, weight in own.items() if weight == default.get(source)}
    return {source: learned.weights.get(source, own[source]) if source in free else own[source] for source in own}, str(
        learned.version
    )
