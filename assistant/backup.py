"""One archive of a data folder and its settings, and the way back.

The archive is a ZIP file without compression: ``data/...`` and ``home/...`` are files by their paths below the data and
the home folder, and ``manifest.json`` names each with its size and SHA-256. Databases are copied with SQLite's backup
API, all as they were at one moment, so the service can run meanwhile. Chroma's index and the thumbnails are left out:
they are made again from the databases.

What a server has of the state is in the archive as the files that a data folder has instead (`assistant.migration`). So
an archive of either kind can be restored to either.
"""

import contextlib
import ctypes
import hashlib
import os
import shutil
import stat
import tempfile
import time
import tomllib
import zipfile
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import IO, Annotated, Any, Final

import psutil
from packaging.version import Version
from pydantic import AfterValidator, BaseModel, Field, SecretStr, ValidationError

from assistant.errors import BadInput, StoreError
from assistant.privacy.pseudonyms import key_file
from assistant.settings import Settings, config_file
from assistant.storage import INCOMING
from tools.place import Place, StateServer
from tools.records import Record
from tools.storage import SqliteFile, sync
from tools.store.database import DATABASE, catalogue_file, renew_identity

PACKAGE: Final = "recommendation-assistant"
FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
MANIFEST_BYTES: Final = 256 * 2**20
CHUNK: Final = 2**20
MADE_AGAIN: Final = {"chroma", "thumbnails", INCOMING}
"""Folders of the data folder that are not in an archive."""
DATABASE_FILES: Final = {".sqlite", ".sqlite-wal", ".sqlite-shm", ".sqlite-journal"}
MEND: Final = "Restore it from an earlier backup."
KEY: Final = "home/secrets/users.key"
CONFIG: Final = "home/config.toml"

Done = Callable[[int], None]
"""Takes the number of bytes that were copied so far."""


def _plain_path(path: str) -> str:
    parts = PurePosixPath(path).parts
    plain = len(parts) > 1 and parts[0] in ("data", "home") and ".." not in parts and "/".join(parts) == path
    if not plain or "\\" in path or "\0" in path:
        raise ValueError("not a path below data or home")
    return path


class ArchivedFile(Record):
    """A file of an archive; ``mtime_ns`` in nanoseconds since 1970."""

    path: Annotated[str, AfterValidator(_plain_path)]
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    mtime_ns: int = Field(ge=0)


class Manifest(Record):
    """What an archive holds, and which version of the program wrote it.

    Attributes:
        created_at: seconds since 1970.
        left_out: what is not in it, in words: secrets, links, files whose names are not UTF-8.
    """

    format: int
    program: str = Field(pattern=r"^[0-9]+(\.[0-9]+)*([a-z]+[0-9]+)?$", max_length=50)
    created_at: float = Field(ge=0, le=1e11)
    files: list[ArchivedFile]
    left_out: list[str] = []

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return sum(file.bytes for file in self.files)


class Restored(Record):
    """What a restore did.

    Attributes:
        moved: where the earlier data are now, if there were any.
        key_missing: the path at which the key of the pseudonyms is needed and is not there.
        server: the host and database that the state was written to, if there is one and the archive has any.
    """

    manifest: Manifest
    moved: Path | None = None
    key_missing: Path | None = None
    server: str | None = None


# Writing an archive --------------------------------------------------------------------------------------------------


def back_up(settings: Settings, file: Path, *, with_secrets: bool, done: Done, with_state: bool = True) -> Manifest:
    """Write the archive; ``file`` appears only when it is complete.

    Args:
        settings: name the data folder, and the server that has the state, if there is one.
        file: the archive.
        with_secrets: also the key of the pseudonyms, and the secrets of the settings file.
        done: told how many bytes are copied.
        with_state: also what a server has; without it the archive says that it is missing.

    Raises:
        BadInput: the file exists already, or lies in the data folder.
        StoreError: there is no data folder, a database is damaged, or something cannot be read or written.
    """
    data, file = settings.data_folder, file.expanduser().absolute()
    failed = f"The backup cannot be written to {file}"
    with _translated(failed):
        if not data.is_dir():
            raise StoreError(f"There is nothing to back up: {data} does not exist.")
        if file.exists():
            raise BadInput(f"{file} exists already; name a new file.")
        if file.resolve().is_relative_to(data.resolve()):
            raise BadInput(f"{file} lies in the data folder; name a file elsewhere.")
    with _translated(failed), tempfile.TemporaryDirectory(dir=file.parent, prefix=f".{file.name}.") as folder:
        making = Path(folder, "archive.zip")
        with zipfile.ZipFile(making, "w", allowZip64=True) as archive:
            writer = _Writer(archive, done)
            # The databases first: an upload that one of them names is then in the archive, too.
            place = settings.place()
            state = _copied_state(place, Path(folder, "state")) if with_state else []
            own = [path for path in _own_databases(data, place) if path.name not in {copy.name for copy in state}]
            for copy in _copied_databases([*own, *state], Path(folder)):
                writer.add(f"data/{copy.name}", copy)
                copy.unlink()
            for name, path in _other_files(data, writer.leave_out):
                writer.add(f"data/{name}", path)
            _add_home(writer, settings, Path(folder), with_secrets)
            if isinstance(place, StateServer) and not with_state:
                writer.leave_out(f"the state in PostgreSQL at {place.name}; back it up with pg_dump")
            if settings.files.is_shared:
                writer.leave_out(
                    f"what only the object storage {settings.files.name} has of uploads and media; copy that, too"
                )
            manifest = Manifest(
                format=FORMAT,
                program=version(PACKAGE),
                created_at=time.time(),
                files=writer.files,
                left_out=writer.left_out,
            )
            archive.writestr(MANIFEST, manifest.model_dump_json())
        sync(making)
        file.hardlink_to(making)  # never over a file that appeared meanwhile
        sync(file.parent)
    return manifest


class _Writer:
    """Adds files to an archive and notes what it added."""

    def __init__(self, archive: zipfile.ZipFile, done: Done) -> None:
        self.files: list[ArchivedFile] = []
        self.left_out: list[str] = []
        self._archive, self._done, self._bytes = archive, done, 0

    def leave_out(self, what: str) -> None:
        self.left_out.append(what)

    def add(self, name: str, path: Path) -> None:
        """Add a file; one that was deleted meanwhile is not missed."""
        with contextlib.suppress(FileNotFoundError), path.open("rb") as source:
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFREG | 0o600) << 16
            with self._archive.open(info, "w", force_zip64=True) as target:
                size, digest = _copy(source, target, lambda size: self._done(self._bytes + size))
            self._bytes += size
            modified = max(0, os.fstat(source.fileno()).st_mtime_ns)
            self.files.append(ArchivedFile(path=name, bytes=size, sha256=digest, mtime_ns=modified))


def _own_databases(data: Path, place: Place) -> list[Path]:
    """The databases of the data folder that are in use."""
    unused: set[str] = set()
    if isinstance(place, StateServer):
        from assistant.migration import STORES  # brings LangGraph

        unused = {store.file for store in STORES}
    return [path for path in data.glob("*.sqlite") if path.name not in unused]


def _copied_state(place: Place, to: Path) -> list[Path]:
    """The files that stand for what a server has; none where there is no server."""
    if not isinstance(place, StateServer):
        return []
    from assistant.migration import STORES, move  # brings LangGraph

    move(place, to)
    return [path for name in (*(store.file for store in STORES), DATABASE) if (path := to / name).is_file()]


def _copied_databases(paths: Sequence[Path], to: Path) -> Iterator[Path]:
    """A copy of each database, all of one moment; the small ones first, because some block writers meanwhile."""
    with contextlib.ExitStack() as stack:
        sources = []
        for path in sorted(paths, key=lambda path: path.stat().st_size):
            db = stack.enter_context(SqliteFile(path, path.stem, MEND).opened(read_only=True))
            db.execute("begin")
            db.execute("select count(*) from sqlite_master").fetchone()  # from here on it sees this moment
            sources.append((path, db))
        for path, db in sources:
            with SqliteFile(to / path.name, f"copy of {path.name}", "").opened() as copy:
                db.backup(copy)
                db.execute("rollback")
                # not quick_check: SQLite 3.40's takes keys of other order than their columns for NULL
                if copy.execute("pragma integrity_check(1)").fetchone() != ("ok",):
                    raise StoreError(f"{path} is damaged. {MEND}")
            yield to / path.name


def _other_files(data: Path, leave_out: Callable[[str], None]) -> Iterator[tuple[str, Path]]:
    """Every file that is neither a database nor made again, by its path below the data folder."""
    for folder, names, files in os.walk(data):
        below = Path(folder).relative_to(data)
        for name in [name for name in names if Path(folder, name).is_symlink()]:
            leave_out(f"the link {below / name}")
        names[:] = sorted(name for name in names if (below / name).as_posix() not in MADE_AGAIN)
        for name in sorted(files):
            path, relative = Path(folder, name), below / name
            if path.suffix == ".lock" or (below == Path() and path.suffix in DATABASE_FILES):
                continue
            if not _is_utf8(str(relative)) or "\\" in name:
                leave_out(f"the file {str(relative)!a}, because of its name")
            elif path.is_file() and not path.is_symlink():
                yield relative.as_posix(), path
            elif path.is_symlink():
                leave_out(f"the link {relative}")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _add_home(writer: _Writer, settings: Settings, scratch: Path, with_secrets: bool) -> None:
    """The settings file, what the language model was taught here, and, if asked for, the secrets."""
    home = settings.home.expanduser().absolute()
    adapters = sorted(path for path in (home / "adapters").rglob("*") if path.is_file())
    for path in [home / "probed.json", *adapters]:
        writer.add(f"home/{path.relative_to(home).as_posix()}", path)
    key, config = key_file(settings), config_file()
    if with_secrets:
        writer.add(KEY, key)
        writer.add(CONFIG, config)
        return
    if key.exists():
        writer.leave_out(f"the key of the users' pseudonyms ({key})")
    if config.is_file():
        text, secrets = _without_secrets(config.read_text("utf-8"))
        for name in secrets:
            writer.leave_out(f"{name} of {config}")
        if text is None:
            writer.leave_out(f"{config}, because its secrets cannot be taken out of it")
        else:
            (scratch / "config.toml").write_text(text, "utf-8")
            writer.add(CONFIG, scratch / "config.toml")


def _without_secrets(text: str) -> tuple[str | None, list[str]]:
    """A settings file without the lines of secrets, and their names; None where they are not lines of their own."""
    values = tomllib.loads(text)
    secrets = [key for key in _secret_keys(Settings) if _taken(values, key)]
    if not secrets:
        return text, []
    names = {key[-1] for key in secrets}
    kept = "".join(
        line for line in text.splitlines(keepends=True) if line.partition("=")[0].strip().strip("\"'") not in names
    )
    try:
        unharmed = tomllib.loads(kept) == values
    except tomllib.TOMLDecodeError:
        unharmed = False
    return (kept if unharmed else None), [".".join(key) for key in secrets]


def _secret_keys(model: type[BaseModel], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _secret_keys(field.annotation, (*above, name))
        elif "SecretStr" in str(field.annotation) or field.annotation is SecretStr:
            yield (*above, name)


def _taken(values: dict[str, Any], key: tuple[str, ...]) -> bool:
    """Take a value out of a table; whether it was in it."""
    for name in key[:-1]:
        values = values[name] if isinstance(values.get(name), dict) else {}
    return values.pop(key[-1], None) is not None


# Reading an archive --------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[tuple[zipfile.ZipFile, Manifest]]:
    """An archive and its manifest, which names exactly the archive's files.

    Raises:
        BadInput: the file is no archive of this program, is damaged, or is of a newer version of it.
        StoreError: it cannot be read.
    """
    damaged = BadInput(f"{file} is damaged or not a backup of this program; nothing was changed.")
    with _translated(f"{file} cannot be read"):
        if file.exists() and not file.is_file():  # a device without an end
            raise damaged
        try:
            with zipfile.ZipFile(file) as archive:
                sizes = {entry.filename: entry.file_size for entry in archive.infolist() if _is_plain(entry)}
                if len(sizes) < len(archive.infolist()) or not 0 < sizes.pop(MANIFEST, 0) <= MANIFEST_BYTES:
                    raise damaged
                manifest = _manifest(archive.read(MANIFEST), damaged)
                if manifest.format > FORMAT or Version(manifest.program) > Version(version(PACKAGE)):
                    raise BadInput(
                        f"{file} was written by version {manifest.program} of this program, and this is version "
                        f"{version(PACKAGE)}; update the program first. Nothing was changed."
                    )
                if sizes != {entry.path: entry.bytes for entry in manifest.files}:
                    raise damaged
                yield archive, manifest
        except (zipfile.BadZipFile, EOFError, NotImplementedError) as exc:
            raise damaged from exc


def _manifest(text: bytes, damaged: BadInput) -> Manifest:
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as exc:
        raise damaged from exc


def _is_plain(entry: zipfile.ZipInfo) -> bool:
    """Whether an entry is a file as `_Writer` writes it: stored, not encrypted, no link."""
    kind = stat.S_IFMT(entry.external_attr >> 16)
    return (
        entry.header_offset >= 0
        and entry.compress_type == zipfile.ZIP_STORED
        and not entry.flag_bits & 1
        and kind in (0, stat.S_IFREG)
    )


def check(file: Path, done: Done) -> Manifest:
    """Read an archive to its end and compare every digest; errors as of `_opened`."""
    with _opened(file) as (archive, manifest):
        _unpack(archive, manifest, file, done, lambda _: Path(os.devnull))
    return manifest


def _unpack(
    archive: zipfile.ZipFile, manifest: Manifest, file: Path, done: Done, place: Callable[[ArchivedFile], Path]
) -> None:
    """Write every file to its place; it is there only if size and digest are those of the manifest."""
    before = 0
    for entry in manifest.files:
        path = place(entry)
        with archive.open(entry.path) as source, path.open("wb") as target:
            size, digest = _copy(source, target, lambda size, before=before: done(before + size))  # type: ignore[misc]
            if (size, digest) != (entry.bytes, entry.sha256):
                raise BadInput(f"{entry.path} in {file} is damaged; nothing was changed.")
            target.flush()
            if path != Path(os.devnull):
                os.fsync(target.fileno())
                os.utime(path, ns=(entry.mtime_ns, entry.mtime_ns))
        before += size


def restore(settings: Settings, file: Path, *, force: bool, done: Done) -> Restored:
    """Put an archive's files in the place of the data folder; until everything was read and checked nothing changes.

    The state is written to the server that the settings name, if there is one, and what it has of it is deleted. The
    data folder is exchanged in one step; earlier data are moved beside it. The settings file and the secrets follow,
    each in one step.

    Raises:
        BadInput: the archive is unusable, or there are data already, also on the server, and not ``force``.
        StoreError: a process uses the data folder, or something cannot be written.
    """
    data = settings.data_folder.resolve()
    with _opened(file) as (archive, manifest), _translated(f"The backup cannot be restored to {data}"):
        targets = _home_targets(settings, manifest)
        if not force:
            _check_empty(data, manifest, targets)
        _check_unused(data)
        data.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _check_space(data.parent, manifest)
        _sweep(data)
        staging = Path(tempfile.mkdtemp(dir=data.parent, prefix=_prefix(data)))
        with contextlib.ExitStack() as made:
            made.callback(_clear, staging, data)
            (staging / "data").mkdir(mode=0o700)
            _unpack(archive, manifest, file, done, lambda entry: _staged(staging, entry))
            if (staging / "data" / DATABASE).exists():
                with catalogue_file(staging / "data").writing() as catalogue:
                    renew_identity(catalogue)
            server = _state_moved(staging / "data", settings.place(), force=force)
            copies = {made.enter_context(_beside(staging / name, target)): target for name, target in targets.items()}
            moved = _swap_in(staging, data)
            for copy, target in copies.items():
                copy.replace(target)
    key = key_file(settings)
    return Restored(manifest=manifest, moved=moved, key_missing=None if key.exists() else key, server=server)


def _state_moved(staged: Path, place: Place, *, force: bool) -> str | None:
    """Have the state on a server instead of in the staged files, and the catalogue on both; which one, if it is so."""
    if not isinstance(place, StateServer):
        return None
    from assistant.migration import STORES, move  # brings LangGraph

    files = [path for store in STORES if (path := staged / store.file).is_file()]
    if not (files or (staged / DATABASE).is_file()):
        return None
    move(staged, place, force=force)
    for file in files:
        for path in staged.glob(f"{file.name}*"):
            path.unlink()
    return place.name


def _home_targets(settings: Settings, manifest: Manifest) -> dict[str, Path]:
    """Where the archive's files of the home folder belong."""
    home = settings.home.expanduser().absolute()
    apart = {KEY: key_file(settings), CONFIG: config_file().expanduser().absolute()}
    names = [entry.path for entry in manifest.files if entry.path.startswith("home/")]
    return {name: apart.get(name, home / name.removeprefix("home/")) for name in names}


def _check_empty(data: Path, manifest: Manifest, targets: dict[str, Path]) -> None:
    if data.is_dir() and any(data.iterdir()):
        raise BadInput(f"{data} is not empty; with --force its content is moved beside it and replaced.")
    digests = {entry.path: entry.sha256 for entry in manifest.files}
    for name, target in targets.items():
        if target.exists() and hashlib.sha256(target.read_bytes()).hexdigest() != digests[name]:
            raise BadInput(f"{target} is there already and differs from the backup's; with --force it is replaced.")


def _check_unused(data: Path) -> None:
    """Refuse while a process of this user has files of the data folder open."""
    for process in psutil.process_iter(["pid", "name", "open_files"]):
        if any(Path(file.path).is_relative_to(data.resolve()) for file in process.info["open_files"] or ()):
            raise StoreError(
                f"{process.info['name']} (process {process.info['pid']}) uses {data}; stop it, then try again."
            )


def _check_space(folder: Path, manifest: Manifest) -> None:
    free = shutil.disk_usage(folder).free
    if free < manifest.bytes:
        raise StoreError(
            f"{folder} has {free / 1e9:,.1f} GB of free space, and the backup needs {manifest.bytes / 1e9:,.1f} GB."
        )


def _prefix(data: Path) -> str:
    return f".{data.name}.restoring-"


def _staged(staging: Path, entry: ArchivedFile) -> Path:
    path = staging / entry.path
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


@contextlib.contextmanager
def _beside(source: Path, target: Path) -> Iterator[Path]:
    """A copy of the file beside its target, to be renamed to it."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    copy = target.with_name(f".{target.name}.restoring")
    try:
        shutil.copy2(source, copy)
        copy.chmod(0o600)
        sync(copy)
        yield copy
    finally:
        copy.unlink(missing_ok=True)


_COMPLETE: Final = "complete"
"""Beside staged data from the moment on that they may be the earlier ones."""


def _swap_in(staging: Path, data: Path) -> Path | None:
    """Have the staged data in the place of the data folder; where its earlier content is now."""
    if not data.exists() or not any(data.iterdir()):
        (staging / "data").rename(data)
        return None
    (staging / _COMPLETE).touch()
    sync(staging)
    try:
        _exchange(staging / "data", data)
    except StoreError:
        (staging / _COMPLETE).unlink()
        raise
    return _set_aside(staging, data)


def _set_aside(staging: Path, data: Path) -> Path:
    moved = data.with_name(f"{data.name}.before-{time.strftime('%Y%m%d-%H%M%S')}")
    while moved.exists():
        moved = moved.with_name(f"{moved.name}+")
    (staging / "data").rename(moved)
    return moved


def _clear(staging: Path, data: Path) -> None:
    """Remove what a restore left; data that may be the earlier ones are kept beside the data folder."""
    if (staging / _COMPLETE).exists() and (staging / "data").exists():
        _set_aside(staging, data)
    shutil.rmtree(staging, ignore_errors=True)
    if data.parent.is_dir():
        sync(data.parent)


def _sweep(data: Path) -> None:
    """Clear what killed restores left."""
    for staging in data.parent.glob(f"{_prefix(data)}*"):
        _clear(staging, data)


def _exchange(one: Path, other: Path) -> None:
    """Give each of two folders the other's name, in one step.

    Raises:
        StoreError: the file system cannot do it.
    """
    at, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE of Linux
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        failed = libc.renameat2(at, os.fsencode(one), at, os.fsencode(other), exchange)
    except AttributeError:
        failed = -1
    if failed:
        raise StoreError(
            f"{other} cannot be exchanged in one step here ({os.strerror(ctypes.get_errno())}); move it away, then "
            "restore without --force."
        )


def _copy(source: IO[bytes], target: IO[bytes], done: Done) -> tuple[int, str]:
    """Copy a stream; its size and SHA-256."""
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(CHUNK):
        digest.update(chunk)
        target.write(chunk)
        size += len(chunk)
        done(size)
    return size, digest.hexdigest()


@contextlib.contextmanager
def _translated(failed: str) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        path = f" ({exc.filename})" if exc.filename else ""
        raise StoreError(f"{failed}: {exc.strerror or exc}{path}.") from exc
