"""Adapters: what a language model was taught for its steps in a turn (LoRA, Hu et al. 2021), and how they are served.

An adapter is a folder in the form of peft (``adapter_config.json``, ``adapter_model.safetensors``) and a ``card.json``.
`assistant tune` writes it below ``ASSISTANT_HOME/adapters``; one that the product brings lies beside this module. A
model that was taught reads the short prompts of ``prompts/taught``.
"""

import hashlib
import json
import re
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import Field, ValidationError

from assistant.errors import ConfigError
from assistant.llm.derived import copy_beside_weights, derived_folder, read_tensors, weight_files
from assistant.models.names import model_name
from assistant.settings import Settings
from tools.records import Record

TAUGHT: Final = Path(str(files("prompts"))) / "taught"
WEIGHTS: Final = "adapter_model.safetensors"
CONFIG: Final = "adapter_config.json"
CARD: Final = "card.json"


class AdapterCard(Record):
    """What an adapter is made of and what it is for."""

    base: str = Field(description="the model that it was trained on, by its name in the registry or at a hub")
    base_weights: str = Field(description="SHA-256 of the base's weights")
    data: str = Field(description="SHA-256 of the examples")
    examples: dict[str, int] = Field(description="how many, by step")
    users: list[str] = Field([], description="pseudonyms of the users whose conversations are among the examples")
    settings: dict[str, Any] = Field(description="rank, layers, rate, epochs, seed and the like")
    figures: dict[str, float] = Field(description="loss on held-out examples and the like")
    day: date
    licence: str = "Apache-2.0"


class Adapter(NamedTuple):
    """An adapter and where it lies."""

    folder: Path
    card: AdapterCard

    @property
    def digest(self) -> str:
        """What tells it from another."""
        return _digest(self.folder / WEIGHTS)


def adapter_in_force(settings: Settings) -> Adapter | None:
    """The adapter that the settings' model is served with; None for a remote server, which says nothing of itself.

    Raises:
        ConfigError: the settings name one that is none, or is another model's.
    """
    setting = settings.llm.adapter
    if setting == "none" or settings.llm.profile == "remote":
        return None
    name = model_name(settings)
    if setting != "auto":
        return adapter_at(Path(setting).expanduser(), name)
    bundled = Path(str(files(__package__))) / "adapters" / Path(name).name
    return _read(trained_folder(settings, name)) or (_read(bundled) if bundled.name == name else None)


def adapter_at(folder: Path, model: str) -> Adapter:
    """The adapter of the folder.

    Raises:
        ConfigError: there is none, or it is another model's.
    """
    adapter = _read(folder)
    if adapter is None:
        raise ConfigError(f"There is no adapter in {folder}; make one with: assistant tune")
    if adapter.card.base != model:
        raise ConfigError(f"The adapter {folder} is one of {adapter.card.base}, and llm.model is {model}.")
    return adapter


def trained_folder(settings: Settings, model: str) -> Path:
    """Where `assistant tune` keeps the adapter of a model."""
    return settings.home.expanduser().absolute() / "adapters" / re.sub(r"[^A-Za-z0-9._-]", "_", model)


def adapters_that_saw(settings: Settings, user: str) -> list[Path]:
    """Folders of the adapters trained here that conversations of a user, by their pseudonym, were among the data of."""
    folders = sorted((settings.home.expanduser().absolute() / "adapters").glob("*"))
    return [adapter.folder for adapter in map(_read, folders) if adapter and user in adapter.card.users]


def prompts_in_force(settings: Settings) -> Path | None:
    """The folder of prompts that stand in for the product's own: the settings', or those of a model that was taught."""
    if settings.prompts is not None:
        return settings.prompts
    return TAUGHT if adapter_in_force(settings) else None


def is_taught(settings: Settings) -> bool:
    """Whether the model reads the short prompts, and results in few words."""
    return prompts_in_force(settings) == TAUGHT


def merged(folder: Path, adapter: Adapter, cache: Path) -> Path:
    """The folder of the base model with the adapter's weights added, below ``cache``; made once, in seconds.

    Raises:
        OSError: it cannot be written, or a file is damaged.
    """
    sources = [adapter.digest, *weight_files(folder)]
    return derived_folder(cache, f"{folder.name}-taught", sources, lambda fresh: _merge(folder, adapter, fresh))


def _merge(folder: Path, adapter: Adapter, fresh: Path) -> None:
    """W + (alpha / rank) B A for every layer that has an A and a B."""
    from safetensors.torch import save_file

    config = json.loads((adapter.folder / CONFIG).read_text("utf-8"))
    scale, pairs = config["lora_alpha"] / config["r"], read_tensors(adapter.folder / WEIGHTS)
    for path in sorted(folder.glob("*.safetensors")):
        tensors = read_tensors(path)
        for name, weight in tensors.items():
            layer = f"base_model.model.{name.removesuffix('.weight')}"
            low, up = (pairs.get(f"{layer}.lora_{side}.weight") for side in "AB")
            if low is not None and up is not None:
                tensors[name] = (weight.float() + scale * (up.float() @ low.float())).to(weight.dtype)
        save_file(tensors, fresh / path.name, metadata={"format": "pt"})
    copy_beside_weights(folder, fresh)


def _read(folder: Path) -> Adapter | None:
    """The adapter of a folder; None where there is none, or it is damaged."""
    try:
        card = AdapterCard.model_validate_json((folder / CARD).read_text("utf-8"))
    except (OSError, ValidationError):
        return None
    return Adapter(folder, card) if (folder / WEIGHTS).is_file() and (folder / CONFIG).is_file() else None


def _digest(path: Path) -> str:
    stat = path.stat()
    return _digest_of(path, stat.st_size, stat.st_mtime_ns)


@cache
def _digest_of(path: Path, _size: int, _changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
