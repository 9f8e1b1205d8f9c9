"""The vector index in Chroma, derived from SQLite and mended by itself.

Chroma can't be trusted to notice harm: measured on 1.5.9, a missing or truncated HNSW file gives wrong neighbours
without an error, a damaged one can end the process, and an open client never sees what another process wrote. So:

- Each collection remembers in its metadata up to which ``seq`` it has followed the table ``places``. Whoever searches
  scores the few later changes exactly from SQLite (`tools.store.catalogue`), so a lagging index still answers right.
- The embedded index lives in a folder of its own, ``chroma/index-*``, with a file of sizes and checksums of its
  HNSW files after the last change beside it. Where they do not hold, there is a new folder, filled again from SQLite.
  A file that has kept the time of change that it was given then is not read again: a million vectors are 1.2 GB.
- Chroma writes the unused slots of an HNSW file as they lie in memory, so freed words of a message can reach the disk:
  they are overwritten before the checksums (`_overwrite_unused`).
- Between processes, opening is shared and changing is exclusive (``chroma.lock``).

A server that does not answer is neither damage nor a reason to make the index anew (`tools.store.chroma_server`).
"""

import json
import logging
import os
import shutil
import struct
import time
import uuid
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tools.errors import IndexAway, StoreError
from tools.storage import has_no_space, sync
from tools.store import chroma_server, counters, reading
from tools.store.database import Database
from tools.store.gates import ReadWriteLock, file_gate
from tools.store.index_process import IndexProcess
from tools.store.vector_index import IndexFailedError, Notify

if TYPE_CHECKING:
    import sqlite3

    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection

logger = logging.getLogger(__name__)

BATCH = 2_000
"""Vectors handed to Chroma at a time (its own limit is 5,461)."""

TELL_FROM = 20_000
"""From how many vectors on a follow-up is worth a progress line."""

EF_SEARCH = 400
"""Candidates that a search of the HNSW graph keeps.

With 400 it finds 95 % of the ten nearest of a million, with Chroma's default, 100, 81 % (docs/benchmarks.md).
"""

HNSW_VERSION = 1
"""Of the files whose unused slots can be told from the others."""


@dataclass
class Followed:
    """One open collection and the last ``seq`` that this process knows to be in it."""

    name: str
    collection: "Collection"
    applied: int


@contextmanager
def _chroma_errors() -> Iterator[None]:
    """Turn whatever Chroma raises into `IndexFailedError`, or `IndexAway`; its Rust panics are no `Exception`."""
    try:
        yield
    except (StoreError, IndexFailedError):
        raise
    except Exception as exc:
        if chroma_server.is_away(exc):
            logger.info("no answer from the Chroma server: %s", exc)  # the error may be told to a service's users
            raise IndexAway(chroma_server.AWAY) from exc
        raise IndexFailedError(str(exc) or type(exc).__name__) from exc
    except BaseException as exc:
        if type(exc).__name__ != "PanicException":
            raise
        raise IndexFailedError("Chroma panicked") from exc


class ChromaIndex:
    """Nearest neighbours for every space of one catalogue; safe for many threads."""

    def __init__(self, database: Database, *, url: str | None, notify: Notify | None = None) -> None:
        self._database = database
        self._url = url
        self._root = database.folder / "chroma"
        self._lock_path = database.folder / "chroma.lock"
        self._notify = notify or logger.warning
        self._gate = ReadWriteLock()
        self._client: ClientAPI | None = None
        self._folder: Path | None = None
        self._stamp = ""
        self._is_changed = False
        self._followed: dict[str, Followed] = {}
        self._pause = chroma_server.Pause()

    # Searching -------------------------------------------------------------------------------------------------------

    def applied(self, space: str, catalogue: str, encoder: int) -> int:
        """Open the index if need be, and say up to which ``seq`` it knows the space of this catalogue and encoder.

        Raises:
            IndexAway: the server with the index does not answer.
            StoreError: the index can't be opened nor built.
        """
        with self._pause.asking():
            with self._gate.together():
                followed = self._followed_for(space, catalogue, encoder)
            if followed is None:
                self._follow_or_mend(self._pause.check)
                with self._gate.together():
                    followed = self._followed_for(space, catalogue, encoder)
        return followed.applied if followed else 0

    def _followed_for(self, space: str, catalogue: str, encoder: int) -> Followed | None:
        followed = self._followed.get(space)
        return followed if followed and followed.name == _collection_name(catalogue, space, encoder) else None

    def query(
        self, space: str, vector: NDArray[np.float32], n: int, places: Sequence[str] | None
    ) -> list[tuple[str, float]]:
        """The n places nearest to the vector, as (place, cosine), best first; only among ``places`` when given.

        Raises:
            IndexAway: the server with the index does not answer.
            IndexFailedError: Chroma failed, or knows nothing of one of the places.
        """
        with self._pause.asking(), self._gate.together(), _chroma_errors():
            followed = self._followed.get(space)
            if followed is None:
                return []
            result = followed.collection.query(
                query_embeddings=np.asarray(vector, np.float32)[np.newaxis],
                n_results=n,
                ids=list(places) if places is not None else None,
                include=["distances"],
            )
        distances = (result["distances"] or [[]])[0]
        return [(place, 1.0 - float(distance)) for place, distance in zip(result["ids"][0], distances, strict=True)]

    # Following SQLite ------------------------------------------------------------------------------------------------

    def follow(self) -> None:
        """Bring every collection up to SQLite's state, mending or building what is needed.

        Raises:
            StoreError: it can't be done (server away, disk full).
        """
        self._follow_or_mend(lambda: None)

    def start_process(self) -> IndexProcess | None:
        """A process that brings this index up to date; None for one on a server, or of rows that come from a server."""
        if self._url or self._database.shared:
            return None
        return IndexProcess(self._database.folder, self._notify, partial(ChromaIndex, url=None))

    def _follow_or_mend(self, check: Callable[[], None]) -> None:
        try:
            with self._changing():
                check()
                self._follow()
        except IndexFailedError as exc:
            self.rebuild(exc)

    def prepare(self, encoders: Mapping[str, int]) -> None:
        """Have a collection of each space's other encoder, beside the one in use; `follow` keeps it while it is staged.

        Raises:
            StoreError: it can't be done (server away, disk full).
        """
        if not encoders:
            return
        try:
            with self._changing():
                self._follow()
                with self._database.reading() as connection:
                    catalogue = _catalogue(connection)
                    for space, encoder in encoders.items():
                        self._follow_space(connection, space, encoder, catalogue)
                self._write_checksums()
        except IndexFailedError as exc:
            raise self.unrecoverable(exc) from exc

    def rebuild(self, reason: IndexFailedError) -> None:
        """Throw the index away and make it anew from SQLite.

        Raises:
            StoreError: that failed too.
        """
        self._notify(f"The Chroma index failed ({_short(reason)}); making it anew from the catalogue.")
        try:
            with self._changing():
                self._discard()
                self._follow()
        except IndexFailedError as exc:
            raise self.unrecoverable(exc) from exc

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """No other thread uses the index, no other process changes or opens it."""
        try:
            with self._gate.alone(), file_gate(self._lock_path, alone=True), self._alone_among_machines():
                try:
                    self._wait_up_to(chroma_server.CHANGE_SECONDS)
                    yield
                finally:
                    self._wait_up_to(chroma_server.SEARCH_SECONDS)
        except OSError as exc:
            raise IndexFailedError(str(exc)) from exc

    def _alone_among_machines(self) -> AbstractContextManager[None]:
        """Machines that share the catalogue change their index on a server one after the other, from the same rows."""
        shared = self._database.shared
        return shared.indexing() if shared and self._url else nullcontext()

    def _wait_up_to(self, seconds: float) -> None:
        """Bound the wait for a server's answers; Chroma's own client would wait for ever, and has no setting for it."""
        session = getattr(getattr(self._client, "_server", None), "_session", None)
        if self._url and session is not None:
            session.timeout = (chroma_server.CONNECT_SECONDS, seconds, seconds, seconds)

    def _follow(self) -> None:
        self._open()
        with self._database.reading() as connection:
            catalogue = _catalogue(connection)
            spaces = dict(connection.execute("SELECT space, encoder FROM spaces").fetchall())
            self._followed = {
                space: self._follow_space(connection, space, encoder, catalogue) for space, encoder in spaces.items()
            }
            staged = connection.execute(_STAGED).fetchall()
        self._forget_others(catalogue, {_collection_name(catalogue, space, encoder) for space, encoder in staged})
        if self._is_changed or not self._is_as_noted():
            self._write_checksums()

    def _follow_space(self, connection: "sqlite3.Connection", space: str, encoder: int, catalogue: str) -> Followed:
        name = _collection_name(catalogue, space, encoder)
        followed = self._collection(name)
        if followed.applied > _last_seq(connection, space):  # SQLite was brought back from an older copy
            followed = self._fresh(name)
        self._catch_up(connection, space, encoder, followed)
        places = counters.count(connection, "places", space)
        expected_count = places - reading.missing(connection, space, encoder)
        with _chroma_errors():
            actual_count = followed.collection.count()
        if actual_count != expected_count:
            followed = self._fresh(name)
            self._catch_up(connection, space, encoder, followed)
        return followed

    def _catch_up(self, connection: "sqlite3.Connection", space: str, encoder: int, followed: Followed) -> None:
        """Hand over what changed since the collection was last brought up, in the order of ``seq``."""
        last = _last_seq(connection, space)
        total = connection.execute(
            "SELECT count(*) FROM places WHERE space = ? AND seq > ?", (space, followed.applied)
        ).fetchone()[0]
        done, reported_at = 0, time.monotonic()
        while followed.applied < last:
            rows = connection.execute(_CHANGED, (encoder, space, followed.applied, BATCH)).fetchall()
            until = rows[-1][2] if len(rows) == BATCH else last
            removed_rows = connection.execute(_REMOVED, (space, followed.applied, until)).fetchall()
            self._hand_over(followed, [place for (place,) in removed_rows], rows, until)
            done += len(rows)
            if total >= TELL_FROM and (time.monotonic() - reported_at > 5 or followed.applied >= last):
                reported_at = time.monotonic()
                self._notify(f"Chroma index of {space} vectors: {done:,} of {total:,}")

    def _hand_over(
        self, followed: Followed, removed_places: list[str], rows: list[tuple[str, bytes, int]], until: int
    ) -> None:
        self._is_changed = True
        with _chroma_errors():
            if removed_places:
                for start in range(0, len(removed_places), BATCH):
                    followed.collection.delete(ids=removed_places[start : start + BATCH])
            if rows:
                vectors = np.frombuffer(b"".join(row[1] for row in rows), np.float32).reshape(len(rows), -1)
                followed.collection.upsert([row[0] for row in rows], embeddings=vectors)
            followed.collection.modify(metadata={"applied": until})
        followed.applied = until

    def _collection(self, name: str) -> Followed:
        from chromadb.errors import NotFoundError

        with _chroma_errors():
            try:
                collection = self._ready.get_collection(name, embedding_function=None)
            except NotFoundError:
                return self._fresh(name)
            graph = collection.configuration_json.get("hnsw")  # a cluster of Chroma has another kind of index
            if graph and graph.get("ef_search") != EF_SEARCH:  # made by an earlier version
                collection.modify(configuration={"hnsw": {"ef_search": EF_SEARCH}})
        applied = (collection.metadata or {}).get("applied")
        return Followed(name, collection, applied) if isinstance(applied, int) else self._fresh(name)

    def _fresh(self, name: str) -> Followed:
        """An empty collection in the place of whatever stands there."""
        from chromadb.errors import NotFoundError

        self._is_changed = True
        with _chroma_errors():
            with suppress(NotFoundError):
                self._ready.delete_collection(name)
            collection = self._ready.create_collection(
                name,
                configuration={"hnsw": {"space": "cosine", "ef_search": EF_SEARCH}},
                metadata={"applied": 0},
                embedding_function=None,
            )
        return Followed(name, collection, 0)

    def _forget_others(self, catalogue: str, staged: Set[str] = frozenset()) -> None:
        """Drop this catalogue's collections of spaces and encoders that are neither in use nor staged."""
        current = {followed.name for followed in self._followed.values()} | staged
        with _chroma_errors():
            for collection in self._ready.list_collections():
                if collection.name.startswith(f"{catalogue}-") and collection.name not in current:
                    self._is_changed = True
                    self._ready.delete_collection(collection.name)

    # Opening and checksums --------------------------------------------------------------------------------------------

    @property
    def _ready(self) -> "ClientAPI":
        if self._client is None:
            raise IndexFailedError("not open")
        return self._client

    def _open(self) -> None:
        """Have a client that sees what lies on disk; a folder whose checksums do not hold is left for a new one."""
        if self._url:
            if self._client is None:
                self._client = self._server(self._url)
                self._wait_up_to(chroma_server.CHANGE_SECONDS)
            return
        folder = self._newest()
        stamp = _checksums_hold(folder) if folder else None
        if self._client and folder == self._folder and stamp == self._stamp:
            return
        self._close_client()
        if folder is None or stamp is None:
            if folder:
                self._notify("The Chroma index is damaged or was interrupted; making it anew from the catalogue.")
            folder, stamp = self._root / f"index-{time.time_ns()}", ""
        with _chroma_errors():
            import chromadb

            folder.mkdir(parents=True, exist_ok=True)
            self._client = chromadb.PersistentClient(folder, settings=_quiet())
        self._folder, self._stamp = folder, stamp

    def _server(self, url: str) -> "ClientAPI":
        import chromadb

        try:
            with _chroma_errors():
                if not chroma_server.beats(url):
                    raise IndexAway(chroma_server.AWAY)
                at = chroma_server.address(url)
                return chromadb.HttpClient(at.host, at.port or 0, ssl=at.scheme == "https", settings=_quiet())
        except IndexFailedError as exc:
            raise StoreError(
                f"The Chroma server cannot be used ({_short(exc)}); check chroma_url, or unset that to use the "
                "embedded one."
            ) from exc

    def _newest(self) -> Path | None:
        return max((path for path in self._root.glob("index-*") if path.is_dir()), default=None)

    def _is_as_noted(self) -> bool:
        """Whether no file was written since the checksums were: Chroma writes a small collection's when it opens it."""
        if self._folder is None:
            return True
        stamp, known = _noted(self._folder)
        is_whole = stamp == self._stamp and known.keys() == set(_hnsw_files(self._folder))
        return is_whole and all(_is_unchanged(*one) for one in known.items())

    def _write_checksums(self) -> None:
        """Note what the index files are now, and clear older folders away."""
        if self._folder is None:
            return
        path = _checksums_path(self._folder)
        _, known = _noted(self._folder)
        changed = {file for file in _hnsw_files(self._folder) if not _is_unchanged(file, known.get(file, []))}
        for folder in {file.parent for file in changed}:
            _overwrite_unused(folder)
        files = {file: _fixed(file) if file in changed else known[file] for file in _hnsw_files(self._folder)}
        self._stamp = uuid.uuid4().hex
        noted = {str(file.relative_to(self._folder)): one for file, one in files.items()}
        checksums = {"stamp": self._stamp, "files": noted}
        written = path.with_suffix(".tmp")
        written.write_text(json.dumps(checksums))
        written.replace(path)
        for other in self._root.iterdir():
            if other.name not in (self._folder.name, path.name):
                shutil.rmtree(other) if other.is_dir() else other.unlink(missing_ok=True)
        self._is_changed = False

    def _discard(self) -> None:
        """Leave the present index behind: the next `_open` finds no checksums and starts a new folder."""
        folder, client = self._folder, self._client
        if self._url and client:
            for followed in self._followed.values():
                self._fresh(followed.name)
        self._close_client()
        newest = folder or (None if self._url else self._newest())
        if newest:
            _checksums_path(newest).unlink(missing_ok=True)
            shutil.rmtree(newest, ignore_errors=True)

    def _close_client(self) -> None:
        client, self._client, self._folder, self._followed = self._client, None, None, {}
        close = getattr(client, "close", None)
        if close:
            try:
                with _chroma_errors():
                    close()
            except IndexFailedError as exc:
                logger.debug("closing Chroma: %s", exc)

    def unrecoverable(self, exc: IndexFailedError) -> StoreError:
        """The sentence for a failure that a rebuild did not mend."""
        if "full" in str(exc) or "No space left" in str(exc) or has_no_space(self._database.folder):
            return StoreError(
                f"The disk is full: {self._database.folder} needs more space for the Chroma index. "
                "What was finished is kept; free some space and give the same command again."
            )
        where = "server" if self._url else f"index in {self._root}"
        return StoreError(f"The Chroma {where} cannot be used, not even after making it anew: {_short(exc)}.")

    def close(self) -> None:
        """Let go of Chroma."""
        with self._gate.alone():
            self._close_client()

    def drop(self) -> None:
        """Delete the index: this catalogue's collections on a server, or the embedded folder."""
        with self._changing():
            if self._url:
                self._open()
                with self._database.reading() as connection:
                    catalogue = _catalogue(connection)
                self._followed = {}
                self._forget_others(catalogue)
            self._close_client()
            shutil.rmtree(self._root, ignore_errors=True)


_CHANGED = (
    "SELECT p.item || '.' || p.position, v.vector, p.seq FROM places p JOIN vectors v ON v.encoder = ? AND "
    "v.hash = p.hash WHERE p.space = ? AND p.seq > ? ORDER BY p.seq LIMIT ?"
)
_STAGED = "SELECT key, value FROM json_each((SELECT value FROM meta WHERE name = 'staged'))"
# A place may have been removed, taken again and removed again; Chroma refuses an id that it is given twice.
_REMOVED = "SELECT DISTINCT place FROM removed WHERE space = ? AND seq > ? AND seq <= ?"


def _catalogue(connection: "sqlite3.Connection") -> str:
    """The catalogue's own mark, with which the names of its collections begin."""
    return str(connection.execute("SELECT value FROM meta WHERE name = 'catalogue'").fetchone()[0])


def _collection_name(catalogue: str, space: str, encoder: int) -> str:
    return f"{catalogue}-{space}-{encoder}"


def _last_seq(connection: "sqlite3.Connection", space: str) -> int:
    row = connection.execute(
        "SELECT max((SELECT coalesce(max(seq), 0) FROM places WHERE space = ?1), "
        "(SELECT coalesce(max(seq), 0) FROM removed WHERE space = ?1))",
        (space,),
    ).fetchone()
    return int(row[0])


def _quiet() -> Any:  # noqa: ANN401 - chromadb.config.Settings, imported late
    from chromadb.config import Settings

    return Settings(anonymized_telemetry=False)


def _checksums_path(folder: Path) -> Path:
    return folder.with_name(folder.name + ".json")


def _checksums_hold(folder: Path) -> str | None:
    """The stamp beside the checksums when every HNSW file is as it was, else None."""
    stamp, noted = _noted(folder)
    try:
        is_whole = stamp and noted.keys() == set(_hnsw_files(folder))
        return stamp if is_whole and all(_is_unchanged(*one) or _is_equal(*one) for one in noted.items()) else None
    except OSError:
        return None


def _noted(folder: Path) -> tuple[str, dict[Path, list[int]]]:
    """The stamp, and size, checksum and time of change of each HNSW file after the last change; empty where damaged."""
    try:
        written = json.loads(_checksums_path(folder).read_text())
        return str(written["stamp"]), {folder / name: [*map(int, one)] for name, one in written["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "", {}


def _is_unchanged(file: Path, noted: list[int]) -> bool:
    state = file.stat()
    return noted[:1] == [state.st_size] and noted[2:] == [state.st_mtime_ns]


def _is_equal(file: Path, noted: list[int]) -> bool:
    return noted[:2] == [file.stat().st_size, _crc(file)]


def _overwrite_unused(folder: Path) -> None:
    """Zeros in each slot of an HNSW file that no vector uses; sizes stay.

    Layout of ``header.bin`` (hnswlib as Chroma builds it): int32 version, then uint64 offset of the level, slots,
    vectors, bytes a slot. ``length.bin`` holds a float32 for each slot.

    Raises:
        IndexFailedError: a header is cut short, or of another version.
    """
    for header in folder.glob("header.bin"):
        try:
            version, _, _, vectors, slot = struct.unpack_from("<iQQQQ", header.read_bytes())
        except struct.error as exc:
            raise IndexFailedError("an HNSW header is cut short") from exc
        if version != HNSW_VERSION:
            raise IndexFailedError(f"HNSW files of version {version} are not known")
        for name, used in (("data_level0.bin", vectors * slot), ("length.bin", vectors * 4)):
            path = header.with_name(name)
            unused = path.stat().st_size - used
            if unused > 0:
                with path.open("r+b") as file:
                    file.seek(used)
                    file.write(bytes(unused))


def _hnsw_files(folder: Path) -> list[Path]:
    """Every file of the index but Chroma's SQLite file, which guards itself."""
    return [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("chroma.sqlite3")]


def _fixed(file: Path) -> list[int]:
    """Size, CRC-32 and time of change of a file, once it is safe on the disk.

    The time is moved back, so that a change within the clock's resolution gives another one.
    """
    sync(file)
    changed = file.stat().st_mtime_ns - 1_000_000_000
    os.utime(file, ns=(changed, changed))
    return [file.stat().st_size, _crc(file), file.stat().st_mtime_ns]


def _crc(path: Path) -> int:
    checksum = 0
    with path.open("rb") as file:
        while block := file.read(2**20):
            checksum = zlib.crc32(block, checksum)
    return checksum


def _short(exc: BaseException) -> str:
    return str(exc).splitlines()[0][:160].rstrip(". ")
