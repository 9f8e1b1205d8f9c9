"""A CLIP model of the user's choice in the models folder: from the hub, a folder or a web address, checked by digest.

It is what open_clip publishes: ``open_clip_config.json``, weights as safetensors, and the tokenizer's files where the
model has its own. Nothing is converted.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx
from filelock import FileLock

from assistant.errors import BadInput, PullError
from assistant.ingest.remote import PublicOnly, save
from assistant.models.disk import clear_errors, require_space
from assistant.models.progress import Reporter, running_total
from assistant.models.store import (
    CHUNK,
    MANIFEST,
    FileRecord,
    ModelManifest,
    build_folder,
    damage,
    file_record,
    folder_of,
    home_of,
    read_manifest,
    replace_folder,
)
from assistant.settings import Settings

NAME: Final = "clip"
HUB: Final = "hub"
CONFIG: Final = "open_clip_config.json"
SUMS: Final = "SHA256SUMS"
"""Digests beside the files, as `sha256sum` writes them."""

SMALL: Final = frozenset({".json", ".txt", ".model"})
MOST_SMALL: Final = 64 << 20
MOST_WEIGHTS: Final = 16 << 30
MOST_FILES: Final = 40
SECONDS: Final = 60.0
_LINE: Final = re.compile(r"([0-9a-f]{64}) [ *](\S.*)")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def pull_clip(settings: Settings, source: str, reporter: Reporter, *, sha256: str | None = None) -> Path:
    """Have a CLIP model in the models folder, loaded once to see that it can be; an earlier one is replaced.

    Args:
        source: a folder, or an https address of one.
        sha256: of the weights, where their publisher names it.

    Raises:
        BadInput: there is no CLIP model, or a digest is another one.
        PullError: it cannot be fetched or written.
        ServiceMissing: the files are no model that open_clip can load.
    """
    home = home_of(settings)
    (home / "locks").mkdir(parents=True, exist_ok=True)
    with clear_errors(home, NAME), FileLock(home / "locks" / f"{NAME}.lock"):
        built = build_folder(settings, NAME)
        try:
            copy = _download if source.startswith(("https://", "http://")) else _copy
            expected = copy(settings, source, built, reporter, required=sha256 is None)
            files = _check(built, expected, sha256, reporter)
            _write_manifest(built, source, files)
            _load(built)
            return replace_folder(settings, built, NAME)
        finally:
            shutil.rmtree(built, ignore_errors=True)


def fetch_clip_from_hub(settings: Settings, reporter: Reporter, *, sha256: str | None = None) -> Path:
    """Have the CLIP model that the settings name in the hub's cache; the bytes must have the hub's own digest.

    Raises:
        ServiceMissing: the hub cannot be reached, or there is no such model.
        BadInput: the weights have another digest.
    """
    from tools.engines.clip import fetch  # brings its library
    from tools.engines.weights import weights_sha256  # brings its library

    vision = settings.vision
    reporter.say(f"{NAME}: {vision.clip_model} {vision.clip_checkpoint} from the Hugging Face hub")
    weights = fetch(vision.clip_model, vision.clip_checkpoint)
    with reporter.stage(f"{NAME}: hashing", weights.stat().st_size) as done:
        actual = file_record(weights, running_total(done)).sha256
    if actual != (sha256 or weights_sha256(weights)).casefold():
        raise BadInput(f"{weights.name} does not have the digest that it should have; remove it and pull again.")
    return weights.parent


def verify_clip(settings: Settings) -> str | None:
    """Why the CLIP model in the models folder is not sound, by reading every byte; None when it is.

    Raises:
        BadInput: there is none.
    """
    folder = folder_of(settings, NAME)
    manifest = read_manifest(folder)
    if manifest is None:
        raise BadInput("No CLIP model was pulled; give: assistant models pull clip --from hub|FOLDER|URL")
    return damage(folder, manifest)


def _copy(settings: Settings, source: str, built: Path, reporter: Reporter, *, required: bool) -> Mapping[str, str]:
    """Copy a folder's files; gives the digests that it names."""
    folder = Path(source).expanduser()
    if not (folder / CONFIG).is_file():
        raise BadInput(f"{folder} is not a CLIP model's folder: it has no {CONFIG}.")
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and _is_wanted(path.name)]
    if not any(path.suffix == ".safetensors" for path in files):
        raise BadInput(f"{folder} holds no weights as safetensors; other kinds may run code when they are read.")
    size = sum(path.stat().st_size for path in files)
    require_space(home_of(settings), NAME, size)
    with reporter.stage(f"{NAME}: copying", size) as done:
        report = running_total(done)
        for path in files:
            with path.open("rb") as read, (built / path.name).open("wb") as written:
                while piece := read.read(CHUNK):
                    written.write(piece)
                    report(len(piece))
    sums = folder / SUMS
    if sums.is_file():
        return _digests(sums.read_text("utf-8", "replace"), str(sums))
    if required:
        reporter.say(f"{NAME}: there is no {SUMS} in {folder} and no --sha256, so no digest is compared.")
    return {}


def _download(settings: Settings, source: str, built: Path, reporter: Reporter, *, required: bool) -> Mapping[str, str]:
    """Fetch the files that the address's SHA256SUMS names; without it the usual two, whose digest must be given."""
    base = source.rstrip("/")
    with _client() as client:
        digests = _sums(client, base, built, required=required)
        names = [name for name in digests if _is_wanted(name)] or [CONFIG, "open_clip_model.safetensors"]
        if CONFIG not in names:
            raise BadInput(f"{base}/{SUMS} does not name {CONFIG}.")
        for name in names[:MOST_FILES]:
            _file(client, f"{base}/{name}", built / name, settings, reporter)
    return digests


def _client() -> httpx.Client:
    return httpx.Client(transport=PublicOnly(), follow_redirects=True, max_redirects=5, timeout=SECONDS)


def _sums(client: httpx.Client, base: str, built: Path, *, required: bool) -> dict[str, str]:
    """The digests that an address names; none where it has no list and needs none."""
    url, path = f"{base}/{SUMS}", built / SUMS
    try:
        with client.stream("GET", url) as answer:
            if answer.status_code == httpx.codes.NOT_FOUND and not required:
                return {}
            save(answer, path, MOST_SMALL, seconds=SECONDS)
        return _digests(path.read_text("utf-8", "replace"), url)
    except httpx.HTTPError as exc:
        raise PullError(f"{url} could not be fetched: {exc}. Without it, give --sha256 of the weights.") from exc
    finally:
        path.unlink(missing_ok=True)


def _file(client: httpx.Client, url: str, target: Path, settings: Settings, reporter: Reporter) -> None:
    most = MOST_SMALL if target.suffix in SMALL else MOST_WEIGHTS
    try:
        with client.stream("GET", url) as answer:
            size = int(answer.headers.get("content-length") or 0)
            require_space(home_of(settings), NAME, size)
            with reporter.stage(f"{NAME}: {target.name}", size) as done:
                save(answer, target, most, done=done)
    except (httpx.HTTPError, ValueError) as exc:
        raise PullError(f"{url} could not be fetched: {exc}.") from exc


def _is_wanted(name: str) -> bool:
    suffix = Path(name).suffix
    return bool(_NAME.fullmatch(name)) and name != MANIFEST and (suffix in SMALL or suffix == ".safetensors")


def _digests(text: str, where: str) -> dict[str, str]:
    lines = [line for line in text.splitlines() if line.strip()]
    matches = [_LINE.fullmatch(line.strip()) for line in lines]
    if not lines or not all(matches):
        raise BadInput(f"{where} is not as sha256sum writes it: a digest and a name on each line.")
    return {match[2].strip().removeprefix("./"): match[1] for match in matches if match}


def _check(built: Path, expected: Mapping[str, str], sha256: str | None, reporter: Reporter) -> dict[str, FileRecord]:
    """Compare digests; every file here must agree with the list, where there is one. Gives the files' records.

    Raises:
        BadInput: one does not, is missing, or is not in the list.
    """
    paths = sorted(built.iterdir())
    with reporter.stage(f"{NAME}: hashing", sum(path.stat().st_size for path in paths)) as done:
        report = running_total(done)
        files = {path.name: file_record(path, report) for path in paths}
    if not any(map(_is_weights, files)):
        raise BadInput("There are no weights as safetensors; other kinds may run code when they are read.")
    for name, record in files.items():
        if expected and expected.get(name) != record.sha256:
            wrong = "is not in" if name not in expected else "has another digest than in"
            raise BadInput(f"{name} {wrong} {SUMS}; nothing was kept.")
    if sha256 is not None and _weights_digest(files) != sha256.casefold():
        raise BadInput("The weights do not have the digest of --sha256; nothing was kept.")
    return files


def _is_weights(name: str) -> bool:
    return name.endswith(".safetensors")


def _weights_digest(files: Mapping[str, FileRecord]) -> str:
    """Of one file its sha256, of several as `tools.engines.weights.weights_sha256` joins them."""
    digests = [record.sha256 for name, record in sorted(files.items()) if _is_weights(name)]
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _load(built: Path) -> None:
    from tools.engines.clip import ClipEncoder  # brings its library

    ClipEncoder(f"local-dir:{built}").load()


def _public(source: str) -> str:
    """An address without a user's name and password."""
    return re.sub(r"^(https?://)[^/@]*@", r"\1", source)


def _write_manifest(built: Path, source: str, files: dict[str, FileRecord]) -> None:
    manifest = ModelManifest(
        name=NAME,
        licence="as its publisher says",
        upstream=_public(source),
        source=_public(source),
        weights_sha256=_weights_digest(files),
        converter="files",
        converter_version=0,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        files=files,
    )
    (built / MANIFEST).write_text(json.dumps(manifest.model_dump(), indent=2) + "\n", encoding="utf-8")
