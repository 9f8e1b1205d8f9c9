"""Finished model folders: where they are, what makes one finished, and how one appears.

A folder ``home/models/NAME`` counts only with a MANIFEST.json that lists each file's size and sha256. It is built
beside its place and appears by one rename, so that a half-made one is never seen under its name.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from assistant.errors import ModelMissing, PullError
from assistant.models.convert import converter_version
from assistant.models.registry import Model, RelativePath, load_registry
from assistant.settings import Settings
from tools.storage import sync

MANIFEST = "MANIFEST.json"
DAMAGED = "DAMAGED.txt"
CHUNK = 1 << 20

OnBytes = Callable[[int], None]


class FileRecord(BaseModel):
    """Size and hash of one finished file."""

    model_config = ConfigDict(frozen=True)

    bytes: int
    sha256: str


class ModelManifest(BaseModel):
    """What a finished folder says about itself."""

    model_config = ConfigDict(frozen=True)

    name: str
    licence: str
    upstream: str
    source: str
    weights_sha256: str
    converter: str
    converter_version: int
    made: str
    files: dict[RelativePath, FileRecord]


def home_of(settings: Settings) -> Path:
    """ASSISTANT_HOME as an absolute path."""
    return settings.home.expanduser().absolute()


def folder_of(settings: Settings, name: str) -> Path:
    """Where the finished model lies or will lie."""
    return settings.models_folder / name


def read_manifest(folder: Path) -> ModelManifest | None:
    """The folder's manifest, or None when there is none that can be read."""
    try:
        return ModelManifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError):
        return None


def problem(folder: Path, name: str, model: Model) -> str | None:
    """Why the folder is not the finished model, by a look at names, sizes and versions; None when it is."""
    if not folder.is_dir():
        return "absent"
    manifest = read_manifest(folder)
    if manifest is None:
        return f"no readable {MANIFEST}"
    if manifest.name != name:
        return f"the manifest is of {manifest.name}"
    if manifest.converter != model.converter or manifest.converter_version < converter_version(model.converter):
        return "made by an older converter"
    if manifest.weights_sha256 != model.weights.sha256:
        return "made from other files than the registry names"
    if (folder / DAMAGED).exists():
        return f"damaged, see its {DAMAGED}"
    return _wrong_size(folder, manifest)


def _wrong_size(folder: Path, manifest: ModelManifest) -> str | None:
    for path, record in manifest.files.items():
        try:
            size = (folder / path).stat().st_size
        except OSError:
            return f"{path} is missing"
        if size != record.bytes:
            return f"{path} has {size} bytes instead of {record.bytes}"
    return None


def damage(folder: Path, manifest: ModelManifest, on_bytes: OnBytes = lambda _: None) -> str | None:
    """Why a file differs from the manifest, by reading every byte; None when all agree."""
    for path, record in manifest.files.items():
        try:
            actual = file_record(folder / path, on_bytes)
        except OSError as exc:
            return f"{path} cannot be read: {exc.strerror}"
        if actual != record:
            return f"{path} is not what the manifest says"
    return None


def check(settings: Settings, name: str, model: Model, on_bytes: OnBytes = lambda _: None) -> str | None:
    """Read every byte of a finished folder; why it is not sound, or None when it is.

    A folder found damaged is marked, so that nothing loads it and the next pull makes it anew.
    """
    folder = folder_of(settings, name)
    reason, manifest = problem(folder, name, model), read_manifest(folder)
    if reason is not None or manifest is None:
        return reason
    reason = damage(folder, manifest, on_bytes)
    if reason is not None:
        with suppress(OSError):
            (folder / DAMAGED).write_text(reason + "\n", encoding="utf-8")
    return reason


def file_record(path: Path, on_bytes: OnBytes = lambda _: None) -> FileRecord:
    """Size and sha256 of a file, read a piece at a time."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            digest.update(piece)
            size += len(piece)
            on_bytes(len(piece))
    return FileRecord(bytes=size, sha256=digest.hexdigest())


def ensure_present(settings: Settings, name: str) -> Path:
    """The finished folder of a model; a path of an existing folder is returned as it is.

    Only names, sizes and versions are looked at; `assistant models verify` reads every byte. Never downloads.

    Raises:
        ModelMissing: the folder is absent, incomplete or made by an older converter.
        BadInput: neither a known model nor a folder.
    """
    registry = load_registry(settings)
    if name not in registry.models and Path(name).expanduser().is_dir():
        return Path(name).expanduser().absolute()
    folder = folder_of(settings, name)
    reason = problem(folder, name, registry.get(name))
    if reason is not None:
        raise ModelMissing(name, reason)
    return folder


def build_folder(settings: Settings, name: str) -> Path:
    """An empty folder beside the finished ones, in which the next one is built; the caller holds the model's lock."""
    folder = settings.models_folder / f".{name}.new"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def publish(
    settings: Settings, built: Path, name: str, model: Model, source: str, on_bytes: OnBytes = lambda _: None
) -> Path:
    """Write the manifest into the built folder and give it its name; an old folder of that name goes.

    Args:
        source: where the raw files came from, for the manifest.
        on_bytes: called with the size of each piece that was hashed.

    Raises:
        OSError: as the file system says.
    """
    files = {path.relative_to(built).as_posix(): file_record(path, on_bytes) for path in _files(built)}
    manifest = ModelManifest(
        name=name,
        licence=model.licence,
        upstream=model.upstream,
        source=source,
        weights_sha256=model.weights.sha256,
        converter=model.converter,
        converter_version=converter_version(model.converter),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        files=files,
    )
    _write_durably(built / MANIFEST, json.dumps(manifest.model_dump(), indent=2) + "\n")
    return replace_folder(settings, built, name)


def replace_folder(settings: Settings, built: Path, name: str) -> Path:
    """Give a built folder, manifest and all, its name; an old folder of that name goes."""
    for path in _files(built):
        path.chmod(0o644)
        sync(path)
    final, old = folder_of(settings, name), settings.models_folder / f".{name}.old"
    shutil.rmtree(old, ignore_errors=True)
    if final.is_symlink() or final.is_file():
        raise PullError(f"{final} is in the way: it is not a folder; move it away.")
    with suppress(FileNotFoundError):
        final.rename(old)
    built.rename(final)
    sync(final.parent)
    shutil.rmtree(old, ignore_errors=True)
    return final


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _write_durably(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    sync(path)
