"""What `assistant llm probe` found a model able to do, kept by the model's identity."""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal, get_args

from filelock import FileLock
from pydantic import Field, ValidationError

from assistant.llm.adapters import adapter_in_force
from assistant.llm.profiles import endpoints
from assistant.models.names import model_name
from assistant.settings import Settings
from tools.records import Record

Part = Literal["tools", "arguments", "two_steps", "roles", "order", "evidence"]
"""What the tasks of the probe are about."""

PARTS: Final[tuple[Part, ...]] = get_args(Part)
_SHIPPED: Final = "probed.json"


class Score(Record):
    """How many tasks of one part a model did right."""

    right: int
    tasks: int

    @property
    def share(self) -> float:
        """Between 0 and 1."""
        return self.right / self.tasks if self.tasks else 0.0


class Scores(Record):
    """A model's results in the probe."""

    model: str
    tasks: str = Field(description="digest of the tasks and prompts that it was probed with")
    day: date
    parts: dict[Part, Score]
    seconds: float = Field(description="of all tasks together")

    def share(self, *parts: Part) -> float:
        """The share of the parts' tasks that were done right."""
        scores = [self.parts[part] for part in parts]
        return sum(score.right for score in scores) / sum(score.tasks for score in scores)


def identity(settings: Settings) -> str:
    """What tells one model from another: weights by their files, a hub's model by name, a remote one with its address.

    Raises:
        ConfigError: the remote profile lacks its address or model.
    """
    name = model_name(settings)
    if settings.llm.profile == "remote":
        return " ".join([*sorted(at.base_url for at in endpoints(settings)), name])
    folder = Path(name).expanduser() if "/" in name else settings.models_folder / name
    weights = sorted(folder.glob("*.safetensors")) if folder.is_dir() else []
    model_id = name.casefold()
    if weights and folder.parent != settings.models_folder:
        model_id = f"{folder.name.casefold()} {_digest(tuple((path, path.stat().st_size) for path in weights))}"
    adapter = adapter_in_force(settings)
    return f"{model_id} taught {adapter.digest}" if adapter else model_id


def kept_scores(settings: Settings) -> Scores | None:
    """The scores of the settings' model: of a probe here, or as the product brings them; None where it has none."""
    model_id = identity(settings)
    return {**_shipped(), **_read(_file(settings))}.get(model_id)


def keep(settings: Settings, scores: Scores) -> None:
    """Keep a model's scores beside those of others."""
    path = _file(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        scores_by_model = {**_read(path), identity(settings): scores}
        records = {name: entry.model_dump(mode="json") for name, entry in scores_by_model.items()}
        new_file = path.with_suffix(".new")
        new_file.write_text(json.dumps(records, indent=1, ensure_ascii=False) + "\n", "utf-8")
        new_file.replace(path)


def _file(settings: Settings) -> Path:
    return settings.home.expanduser().absolute() / "probed.json"


@cache
def _digest(weights: tuple[tuple[Path, int], ...]) -> str:
    """Of names, sizes and the first megabytes: the headers with the tensors' names, and the first weights."""
    digest = hashlib.sha256()
    for path, size in weights:
        with path.open("rb") as file:
            digest.update(f"{path.name} {size} ".encode() + file.read(1 << 20))
    return digest.hexdigest()[:16]


@cache
def _shipped() -> Mapping[str, Scores]:
    return _parsed((files("assistant.agent") / _SHIPPED).read_text("utf-8"))


def _read(path: Path) -> Mapping[str, Scores]:
    """What is kept there; nothing where the file is not there or is damaged, as a new probe replaces it."""
    try:
        return _parsed(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def _parsed(text: str) -> dict[str, Scores]:
    data = json.loads(text)
    scores = {}
    for name, value in data.items() if isinstance(data, dict) else ():
        try:
            scores[str(name)] = Scores.model_validate(value)
        except ValidationError:
            continue
    return scores
