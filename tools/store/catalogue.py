"""The catalogue: items, filters, keywords and vectors of one folder, for any number of reading threads.

SQLite holds the truth and Chroma an index derived from it. A search asks Chroma for what it knows, scores the few
changes that Chroma has not followed yet exactly, and drops what SQLite no longer holds: the answer is always that of
SQLite's present state.
"""

import math
import shutil
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np

from tools.errors import CatalogueBusy, EncoderMismatch, IndexAway, StoreError
from tools.objects import SharedFiles
from tools.place import StateServer
from tools.records import EncoderIdentity, Filters, Item, Moment, Vocabulary
from tools.store import browsing, reading
from tools.store.chroma_index import ChromaIndex
from tools.store.database import DATABASE, Database, catalogue_file, write_lock
from tools.store.entries import (
    FRAMES,
    BoundedCount,
    CatalogueStats,
    ChangeMark,
    Picture,
    Sort,
    Space,
    Vector,
    frame_of,
    picture_file,
    source_file,
)
from tools.store.filters import SqlCondition, asks
from tools.store.records import read_item
from tools.store.rules import RulesInForce, ShopRules, write_rules
from tools.store.vector_index import IndexFailedError, Notify, VectorIndex
from tools.store.writing import Writer, mismatch

T = TypeVar("T")

MAX_LATER = 4_000
"""How many changes a search scores by itself before it has the index brought up to date."""

COUNTED = 1_000
"""Up to how many items that pass are counted for people, where no counter has the answer."""
EXACT = 12.0
"""Up to how many items that pass are scored exactly, without the index: so many times the root of all items' number.

The more items there are, and the fewer of them pass, the longer the index searches for those (measured with `EF_SEARCH`
candidates, docs/benchmarks.md).
"""
OVER_FETCH = 4
"""How many times as many places the index is first asked for when some of them may fail the filters."""
MOST_FETCHED = 10_000
"""For how many it is asked at most."""
MARGIN = 1.1
"""How many times as many as should do."""
NEARLY_ALL = 0.6
"""Of the items asked for, so many are enough when it was asked for more places before."""
LEAST = 10
"""Of those asked for, so many, or a quarter, are enough when it was asked for `MOST_FETCHED`."""


class Catalogue:
    """One catalogue's folder; open it with `Catalogue.open` and close it, or use it in a ``with``."""

    def __init__(self, database: Database, index: VectorIndex, files: SharedFiles | None = None) -> None:
        self._database = database
        self._index = index
        self.files = files or SharedFiles(database.folder)
        self._cache: dict[str, tuple[int, Any]] = {}
        self._cache_lock = threading.Lock()

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        chroma_url: str | None = None,
        state: StateServer | None = None,
        read_only: bool = False,
        notify: Notify | None = None,
        files: SharedFiles | None = None,
    ) -> Self:
        """Open the catalogue in a folder; an empty one is made there unless ``read_only``.

        Args:
            folder: holds ``catalogue.sqlite`` and, with the embedded index, ``chroma/``.
            chroma_url: a Chroma server in place of the embedded index.
            state: a server that has the catalogue for several machines; the folder's file follows it.
            read_only: refuse item changes, and refuse a folder without a catalogue.
            notify: told in one line when the index is being made anew, or a large catalogue of an earlier version
                brought up to date; default: a logged warning.
            files: the folder's files, where those in ``media`` also lie in object storage.

        Raises:
            StoreError: the catalogue is absent (``read_only``), damaged, or of another version; the server is away, and
                the folder has nothing of its catalogue yet.
        """
        shared = None
        if state:
            from tools.store.replica import SharedCatalogue  # brings SQLAlchemy

            shared = SharedCatalogue(state, folder, notify)
        database = Database(folder, read_only=read_only, notify=notify, shared=shared)
        return cls(database, ChromaIndex(database, url=chroma_url, notify=notify), files)

    def close(self) -> None:
        """Let go of files and connections; calling it again does nothing."""
        self._index.close()
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def folder(self) -> Path:
        """Where the catalogue lies."""
        return self._database.folder

    # Items -----------------------------------------------------------------------------------------------------------

    def get(self, item_id: str) -> Item | None:
        """One item, or None."""
        return self.get_many([item_id]).get(item_id)

    def get_many(self, ids: Sequence[str], *, also_hidden: bool = False) -> dict[str, Item]:
        """The items among these ids that exist, without those that the shop hides unless ``also_hidden``."""
        with self._database.reading() as connection:
            return reading.items_by_id(connection, ids, also_hidden=also_hidden)

    def items(self) -> Iterator[Item]:
        """Every item, hidden ones too, in the order they came in.

        They are read in pages: what is added meanwhile may or may not be among them.
        """
        offset_id = 0
        while True:
            with self._database.reading() as connection:
                rows = connection.execute(
                    "SELECT key, id, record FROM items WHERE key > ? ORDER BY key LIMIT 500", (offset_id,)
                ).fetchall()
            yield from (read_item(item_id, record) for _, item_id, record in rows)
            if not rows:
                return
            offset_id = rows[-1][0]

    def count(self) -> int:
        """How many items there are."""
        return self.count_eligible(None)

    def version(self) -> int:
        """A number that grows with every change."""
        with self._database.reading() as connection:
            return int(reading.meta(connection, "version"))

    def ids(self) -> list[str]:
        """The id of every item that is shown, in the order they came in."""
        return self._read(lambda connection: reading.eligible(connection, Filters()))

    def eligible(self, filters: Filters | None) -> list[str] | None:
        """Ids of the items that pass, in the order they came in; None when the filters ask for nothing."""
        if filters is None or not asks(filters):
            return None
        with self._database.reading() as connection:
            return reading.eligible(connection, filters)

    def few_eligible(self, filters: Filters | None) -> list[str] | None:
        """Ids of the items that pass, in the order they came in; None where they may be too many for a turn."""
        return self._read(lambda connection: reading.few_ids(connection, filters))

    def eligible_among(self, ids: Collection[str], filters: Filters | None) -> set[str]:
        """Those of these items that there are and that pass."""
        return self._read(lambda connection: reading.passing_ids(connection, ids, filters))

    def changed(self, since: ChangeMark | None = None) -> tuple[list[str], ChangeMark]:
        """Ids of the items that came in or got another vector since a mark, and the mark of now; all without one.

        All, too, where the mark is of a catalogue that stood here before.
        """
        return self._read(lambda connection: reading.changed(connection, since))

    def count_eligible(self, filters: Filters | None, at_most: int | None = None) -> int:
        """How many items pass; those above ``at_most`` need not be counted, and the answer is ``at_most`` + 1 then."""
        with self._database.reading() as connection:
            counted = reading.count(connection, filters, at_most)
        return counted.items + counted.has_more

    def total(self, filters: Filters | None, at_least: int = 0, shown: int = 0) -> BoundedCount:
        """How many items pass, counted up to `COUNTED` or ``at_least`` where counting all of them would take long.

        Where even that would, it is fewer, but at least one, ``at_least`` so many, and one less than are ``shown``.
        """
        needed = at_least or (0 if shown > 1 else 1)
        with self._database.reading() as connection:
            counted = reading.count(connection, filters, max(COUNTED, at_least), needed)
        return BoundedCount(max(counted.items, shown - 1), has_more=True) if counted.has_more else counted

    def count_having(self, attribute: str, ids: Collection[str] | None = None, at_most: int | None = None) -> int:
        """How many items, or how many of these, have any value of the attribute, by themselves or as a variant.

        ``at_most`` as of `count_eligible`.
        """
        with self._database.reading() as connection:
            return reading.count_having(connection, attribute, ids, at_most)

    def browse(self, filters: Filters | None = None, sort: Sort = "title", k: int = 10, offset: int = 0) -> list[Item]:
        """Items that pass, in order; "newest" means most recently added. Without a price comes last by price."""
        with self._database.reading() as connection:
            return browsing.browse(connection, filters, sort, k, offset)

    def image_path(self, item: Item, index: int = 0) -> Path | None:
        """The file of one of the item's pictures, or, counted on, of its videos' frames.

        None when it was not fetched, is gone, or there is none.
        """
        if 0 <= index < len(item.images):
            path = picture_file(Picture(item.images[index], "ready"), self.folder / "media")
        elif index >= 0 and item.video:
            shown = [picture for picture in self.pictures(item.id) if picture.state != "lost"]
            if index >= len(shown):
                return None
            path = picture_file(shown[index], self.folder / "media")
        else:
            return None
        return self._here(path)

    def moments(self, ids: Sequence[str]) -> dict[str, dict[int, Moment]]:
        """Which vectors of these items are frames of their videos, by place in `vectors_of`."""
        return self._read(lambda connection: reading.moments(connection, ids))

    def pictures(self, item_id: str) -> list[Picture]:
        """Every picture that the item's line refers to, the lost ones with the reason."""
        with self._database.reading() as connection:
            stored_item = reading.stored(connection, [item_id]).get(item_id)
        return list(stored_item.pictures) if stored_item else []

    def sounds(self, item_id: str) -> list[Picture]:
        """Every recording, and every video whose sound was looked for, of the item; the lost ones with the reason."""
        with self._database.reading() as connection:
            stored_item = reading.stored(connection, [item_id]).get(item_id)
        return list(stored_item.sounds) if stored_item else []

    def audio_path(self, item: Item, index: int) -> Path | None:
        """The file of one of the item's recordings; None when it was not fetched, is gone, or there is none."""
        return self._file(item.audio, index)

    def video_path(self, item: Item, index: int) -> Path | None:
        """The file of one of the item's videos; None when it was not fetched, is gone, or there is none."""
        return self._file(item.video, index)

    def _file(self, references: Sequence[str], index: int) -> Path | None:
        if not 0 <= index < len(references):
            return None
        return self._here(source_file(references[index], self.folder / "media"))

    def _here(self, path: Path) -> Path | None:
        """The file, fetched if need be; None where it is gone, or cannot be fetched now."""
        with suppress(StoreError):
            return path if self.files.fetch(path) else None
        return None

    def unused_frames(self) -> list[Path]:
        """Files of frames that stand for no item any more."""
        media = self.folder / "media"
        files = set((media / FRAMES).glob("*")) if (media / FRAMES).is_dir() else set()
        used = {picture_file(picture, media) for picture in self._read(reading.frames)} if files else set()
        return sorted(files - used)

    def pictures_in(self, folder: Path) -> set[Path]:
        """The files below a folder that items' pictures, frames of their videos, or recordings refer to."""
        with self._database.reading() as connection:
            pictures = [Picture(reference, "ready") for reference in reading.references(connection, f"{folder}/")]
        return {Path(frame[0] if (frame := frame_of(picture)) else picture.reference) for picture in pictures}

    def vocabulary(self) -> Vocabulary:
        """The categories, brands and attribute values that occur, as the catalogue spells them."""
        return self.cached("vocabulary", lambda: self._read(reading.vocabulary))

    def language(self) -> str:
        """The language that its words are analysed in."""
        return self._read(reading.language)

    def rules(self) -> RulesInForce:
        """The shop's own rules: words of customers, pinned and hidden items."""
        return self._read(reading.rules)

    def set_rules(self, rules: ShopRules) -> None:
        """Put the shop's own rules in force for every process, also while another one writes items.

        Raises:
            StoreError: the catalogue was opened for reading only, or cannot be written.
        """
        if self._database.read_only:
            raise StoreError(f"The catalogue in {self.folder} was opened for reading only.")
        with self._database.writing() as connection:
            write_rules(connection, rules)

    def stats(self) -> CatalogueStats:
        """Counts, price range, vectors and encoders, size on disk."""
        with self._database.reading() as connection:
            return reading.stats(connection, self.folder)

    def _read(self, question: Callable[[Any], T]) -> T:
        with self._database.reading() as connection:
            return question(connection)

    def cached(self, name: str, build: Callable[[], T]) -> T:
        """What ``build`` gives, kept under the name until the catalogue changes."""
        version = self.version()
        with self._cache_lock:
            entry = self._cache.get(name)
        if entry is None or entry[0] != version:
            entry = (version, build())
            with self._cache_lock:
                self._cache[name] = entry
        value: T = entry[1]
        return value

    # Searching -------------------------------------------------------------------------------------------------------

    def keyword(self, query: str, k: int, filters: Filters | None = None) -> list[tuple[str, float, list[str]]]:
        """Items holding any of the query's words: (id, BM25, the query's words found), best first."""
        with self._database.reading() as connection:
            return reading.keyword(connection, query, k, filters)

    def rarity(self, query: str) -> dict[str, float]:
        """The inverse document frequency of each of the query's words, as `keyword` names them."""
        return self._read(lambda connection: reading.rarity(connection, query))

    def nearest(self, space: Space, vector: Vector, k: int, filters: Filters | None = None) -> list[tuple[str, float]]:
        """The k items nearest to a vector of shape (d,): (id, cosine), best first; an item counts by its best picture.

        Raises:
            IndexAway: the server with the index does not answer, and too many items pass to score each exactly.
            StoreError: Chroma fails even after the index was made anew.
        """
        query = np.asarray(vector, np.float32)
        length = float(np.linalg.norm(query))
        if k < 1 or not np.isfinite(length) or length == 0:
            return []
        try:
            return self._nearest_or_mended(space, query / length, k, filters)
        except IndexAway:
            scores = self._scored_exactly(space, query / length, k, filters)
            if scores is None:
                raise
            return _best(scores, k)

    def _scored_exactly(self, space: Space, query: Vector, k: int, filters: Filters | None) -> dict[str, float] | None:
        """What can be said without the index: the score of each item that passes; None where those are many."""
        with self._database.reading() as connection:
            encoder = reading.encoder_key(connection, space)
            keys = reading.few(connection, reading.where(connection, filters))
            if encoder is None or keys is None or len(keys) > reading.FEW:
                return None
            return reading.score(connection, space, encoder, keys, query, k)

    def _nearest_or_mended(
        self, space: Space, query: Vector, k: int, filters: Filters | None
    ) -> list[tuple[str, float]]:
        for attempt in range(3):
            try:
                return self._nearest(space, query, k, filters)
            except IndexFailedError as exc:
                if attempt == 0:  # another process may have changed it under us
                    self._index.follow()
                elif attempt == 1:
                    self._index.rebuild(exc)
                else:
                    raise self._index.unrecoverable(exc) from exc
        raise AssertionError("not reached")

    def _nearest(self, space: Space, query: Vector, k: int, filters: Filters | None) -> list[tuple[str, float]]:
        """By exact scores where very few items pass, else by the index: among few, or of what it gives those that pass.

        The condition is asked of every item in the state of the catalogue that it is taken from.
        """
        with self._database.reading() as connection:
            encoder = reading.encoder_key(connection, space)
            catalogue = str(reading.meta(connection, "catalogue"))
        if encoder is None:
            return []
        applied = self._applied(space, catalogue, encoder)
        with self._database.reading() as connection:
            condition = reading.where(connection, filters)
            keys = reading.few(connection, condition) if condition.parts else None
            search = _IndexSearch(self._database, self._index, space, encoder, query, k, condition, applied)
            listed = None if keys is None else search.listed(connection, keys)
            scores = reading.score_later(connection, space, encoder, condition, applied, query)
        if not condition.parts:
            found = search.by_index()
        elif listed is None:
            found = search.passing()
        else:
            found = search.among(listed)
        for item_id, score in found.items():
            scores[item_id] = max(score, scores.get(item_id, -2.0))
        return _best(scores, k)

    def _applied(self, space: Space, catalogue: str, encoder: int) -> int:
        """Up to which change the index knows the space; it is brought up to date when it is far behind."""
        applied = self._index.applied(space, catalogue, encoder)
        with self._database.reading() as connection:
            pending = reading.later(connection, space, applied)
        if pending > MAX_LATER:
            self._index.follow()
            applied = self._index.applied(space, catalogue, encoder)
        return applied

    def vectors_of(self, space: Space, ids: Sequence[str]) -> dict[str, list[Vector]]:
        """All vectors of these items in the space, each of shape (d,), in the order of their pictures."""
        with self._database.reading() as connection:
            return reading.vectors_of(connection, space, ids)

    def sample(self, space: Space, n: int) -> Vector:
        """At most n vectors spread over the space, the same ones until the catalogue changes; shape (m, d)."""
        return self.cached(f"sample {space} {n}", lambda: self._read(lambda c: reading.sample(c, space, n)))

    def spread(self, space: Space, n: int) -> tuple[list[str], Vector]:
        """At most n items spread over the space, in the order they came in, and each one's first vector (m, d)."""
        return self._read(lambda connection: reading.spread(connection, space, n))

    def count_in(self, space: Space) -> int:
        """How many items have a place in the space."""
        return self._read(lambda connection: reading.count_in(connection, space))

    def noted_vectors(self, name: str) -> Vector | None:
        """Vectors (n, d) kept under a name, beside the items'; None where there are none."""
        return self._read(lambda connection: reading.noted_vectors(connection, name))

    # Encoders --------------------------------------------------------------------------------------------------------

    def identity(self, space: Space) -> EncoderIdentity | None:
        """Which encoder and preprocessing made the space's vectors; None for a space without any."""
        with self._database.reading() as connection:
            return reading.identity(connection, space)

    def check_identity(self, space: Space, identity: EncoderIdentity) -> None:
        """Make sure that a query's vector may be compared with the space's.

        Raises:
            EncoderMismatch: another encoder made them, or a re-embedding was interrupted.
        """
        current = self.identity(space)
        if current is not None and current != identity:
            raise mismatch(space, current, identity)
        lacking = self._missing(space)
        if lacking:
            raise EncoderMismatch(
                f"The catalogue still lacks {lacking:,} {space} vectors: a re-embedding was interrupted. "
                "Finish it with: assistant catalogue reindex."
            )

    def _missing(self, space: Space) -> int:
        """How many places of the space have no vector by the encoder in use."""
        return self.cached(
            f"missing {space}",
            lambda: self._read(lambda c: reading.missing(c, space, reading.encoder_key(c, space))),
        )

    # Changing --------------------------------------------------------------------------------------------------------

    @contextmanager
    def writing(self, *, index_process: bool = False) -> Iterator[Writer]:
        """Be the only writer of this catalogue.

        Args:
            index_process: let a process of its own keep the index up to date, where `Writer.follow_soon` asks for that.
                It imports the main module anew, which must allow that (`multiprocessing`, spawn).

        Raises:
            StoreError: another process is writing, or the catalogue was opened for reading only.
        """
        with (
            self._database.locked(),
            closing(Writer(self._database, self._index, index_process=index_process)) as writer,
        ):
            yield writer

    def tidy(self) -> None:
        """Finish what an interrupted writer left: vectors of items that are gone; nothing while another one writes.

        Raises:
            StoreError: the catalogue was opened for reading only, or the disk is full.
        """
        if not self.count() or Writer(self._database, self._index).is_tidy():
            return
        with suppress(CatalogueBusy), self._database.locked(seconds=0):
            Writer(self._database, self._index).tidy()


@dataclass(frozen=True)
class _IndexSearch:
    """One question to the vector index: the k items nearest to ``query`` that pass, with their scores."""

    database: Database
    index: VectorIndex
    space: Space
    encoder: int
    query: Vector
    k: int
    condition: SqlCondition
    applied: int

    @property
    def _first(self) -> int:
        """How many places are asked for at first: an item may have several pictures."""
        return self.k if self.space in ("text", "joint_text") else 2 * self.k

    def listed(
        self, connection: sqlite3.Connection, keys: Sequence[int], at_most: float | None = None
    ) -> dict[str, float] | list[str]:
        """Of items that pass in this state: the scores where they are few, or ``at_most``, else the places."""
        if at_most is None:
            at_most = EXACT * math.sqrt(int(reading.meta(connection, "items")))
        if len(keys) <= at_most:
            return reading.score(connection, self.space, self.encoder, keys, self.query, self.k)
        return reading.places(connection, self.space, keys, self.applied)

    def among(self, listed: dict[str, float] | list[str]) -> dict[str, float]:
        """Of what `listed` gave: the index searches among places."""
        if isinstance(listed, dict):
            return listed
        return self.by_index(listed) if listed else {}

    def passing(self) -> dict[str, float]:
        """Of what is nearest, those that pass; where nearly none do, of all that pass.

        The index is asked for more places by the share that passed, and where those are too few to tell, also by the
        share of a sample. Most of the items asked for are enough then.
        """
        n, enough = OVER_FETCH * self._first, self.k
        while True:
            best, given = self._fetched(n, None)
            if n >= MOST_FETCHED:
                enough = min(self.k, max(LEAST, self.k // 4))
            if len(best) >= enough:
                return best
            with self.database.reading() as connection:
                passed, looked_at = len(best), n
                if enough == self.k and passed < LEAST:
                    in_sample, size = reading.share(connection, self.condition)
                    passed, looked_at = passed + in_sample, looked_at + size
                needed = max(int(1.5 * n), int(MARGIN * self.k * looked_at / max(passed, 0.1)))
                if given == n and needed <= MOST_FETCHED:
                    n, enough = needed, math.ceil(NEARLY_ALL * self.k)
                    continue
                if given < n or n >= MOST_FETCHED or reading.is_listed(connection, self.condition):
                    keys = reading.all_passing(connection, self.condition)
                    # far from the query, where the index is slow and finds few of them
                    listed = self.listed(connection, keys, reading.LISTED)
                    break
            n = MOST_FETCHED
        return self.among(listed)

    def by_index(self, among: list[str] | None = None) -> dict[str, float]:
        """More places are asked for while several belong to one item or are out of date."""
        n = self._first
        while True:
            n = min(n, len(among)) if among is not None else n
            best, given = self._fetched(n, among)
            if len(best) >= self.k or given < n or (among is not None and n == len(among)):
                return best
            n = max(2 * n, int(MARGIN * self.k * n / max(len(best), 1)))

    def _fetched(self, n: int, among: list[str] | None) -> tuple[dict[str, float], int]:
        """The items that pass among the n nearest places, and how many places the index gave."""
        matches = self.index.query(self.space, self.query, n, among)
        with self.database.reading() as connection:
            places = [place for place, _ in matches]
            owners = reading.owners(connection, self.space, places, self.condition, self.applied)
        best: dict[str, float] = {}
        for place, score in matches:
            if place in owners:
                best[owners[place]] = max(score, best.get(owners[place], -2.0))
        return best, len(matches)


def _best(scores: dict[str, float], k: int) -> list[tuple[str, float]]:
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))[:k]


def drop(
    folder: Path, *, chroma_url: str | None = None, state: StateServer | None = None, files: SharedFiles | None = None
) -> None:
    """Delete the catalogue in a folder, even a damaged one; sessions and uploads beside it stay.

    One that machines share is deleted for all of them. ``files``: the folder's files, as of `Catalogue.open`.

    Where another process has it open, an empty catalogue is left: deleting an open SQLite file would let that process
    answer from it for good.

    Raises:
        StoreError: another process is writing to it, or the Chroma server or the object storage does not answer.
    """
    if state:
        from tools.store.replica import SharedCatalogue  # brings SQLAlchemy

        SharedCatalogue(state, folder).drop()
    if not folder.is_dir():
        return
    with write_lock(folder), catalogue_file(folder).errors():
        if chroma_url and (folder / DATABASE).is_file():
            with Catalogue.open(folder, chroma_url=chroma_url) as catalogue:
                catalogue._index.drop()
        media = folder / "media"
        if files:
            files.delete_folder(media)
        for derived in (folder / "chroma", media / "kept", media / FRAMES):
            shutil.rmtree(derived, ignore_errors=True)
        for picture in media.glob("[0-9a-f]" * 32):  # fetched; others in this folder are the shop's own
            picture.unlink(missing_ok=True)
        if not (folder / DATABASE).is_file() or _emptied(folder):
            for path in folder.glob(f"{DATABASE}*"):
                path.unlink()


def _emptied(folder: Path) -> bool:
    """Empty the catalogue for all who have its file open; whether the file may go, as nobody has or it is damaged."""
    try:
        database = Database(folder, read_only=False)
        try:
            return database.empty()
        finally:
            database.close()
    except StoreError:
        return True
