"""Changes to the catalogue: each call is one transaction, all or nothing."""

import io
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import count
from typing import Any, Final, Literal

import numpy as np

from tools.errors import EncoderMismatch
from tools.records import EncoderIdentity, Item
from tools.store import counters, offers, reading
from tools.store.database import Database
from tools.store.entries import CatalogueEntry, NewVector, Picture, Space, StoredItem, Vector
from tools.store.filters import category_key, category_keys, item_words
from tools.store.index_process import IndexProcess, ProcessEndedError
from tools.store.records import read_item
from tools.store.schema import SPACES
from tools.store.vector_index import VectorIndex
from tools.store.words import ANALYSER, name_key

REMOVE_BATCH = 500
FREED_MOST = 100_000
"""Hashes of which a writer remembers that their vectors may be unused; after more, it looks at every vector."""
WordsKind = Literal["picture", "spoken"]


class Writer:
    """What may change a catalogue; from `Catalogue.writing`, by one process and one thread at a time."""

    def __init__(self, database: Database, index: VectorIndex, *, index_process: bool = False) -> None:
        self._database = database
        self._index = index
        self._wants_process = index_process
        self._process: IndexProcess | None = None
        self._staged: dict[str, int] = {}
        self._freed: set[bytes] | None = set() if self.is_tidy() else None
        """Hashes whose vectors may be unused; None: any vector may be."""

    # What ingestion asks first ---------------------------------------------------------------------------------------

    def stored(self, ids: Sequence[str]) -> dict[str, StoredItem]:
        """What the catalogue holds of these ids."""
        with self._database.reading() as connection:
            return reading.stored(connection, ids)

    def lacking(self, space: Space, hashes: Sequence[bytes]) -> set[bytes]:
        """Those hashes for which the space's encoder, or the staged one, has made no vector yet."""
        with self._database.reading() as connection:
            encoder = self._encoders(connection).get(space)
            vector_rows = (
                connection.execute("SELECT 1 FROM vectors WHERE encoder = ? AND hash = ?", (encoder, digest)).fetchone()
                for digest in hashes
            )
            return {digest for digest, row in zip(hashes, vector_rows, strict=True) if not row}

    def unfinished(self, space: Space, limit: int) -> list[str]:
        """Ids of items that have a place in the space but no vector by its encoder, or by the staged one."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT DISTINCT i.id FROM places p JOIN items i ON i.key = p.item WHERE p.space = ?1 AND NOT EXISTS "
                "(SELECT 1 FROM vectors v WHERE v.encoder = ?2 AND v.hash = p.hash) ORDER BY p.item LIMIT ?3",
                (space, self._encoders(connection).get(space), limit),
            )
            return [row[0] for row in rows]

    def _encoders(self, connection: sqlite3.Connection) -> dict[str, int]:
        """The encoder of each space that new vectors are of."""
        return dict(connection.execute("SELECT space, encoder FROM spaces").fetchall()) | self._staged

    def noted_words(self, kind: WordsKind, reader: str, hashes: Sequence[bytes]) -> dict[bytes, list[Any]]:
        """The lines that were read in pictures or heard in sounds before, by hashes; only what this reader read."""
        known: dict[bytes, list[Any]] = {}
        with self._database.reading() as connection:
            for digest in hashes:
                name = _words_name(kind, digest)
                row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
                if row and (noted := json.loads(row[0]))["reader"] == reader:
                    known[digest] = noted["lines"]
        return known

    def note_words(self, kind: WordsKind, reader: str, words: Mapping[bytes, Sequence[Any]]) -> None:
        """Keep the lines, of JSON's types, by the hashes of their files, so that no file is read twice."""
        rows = [
            (_words_name(kind, key), json.dumps({"reader": reader, "lines": [*lines]})) for key, lines in words.items()
        ]
        if rows:
            with self._database.writing() as connection:
                connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", rows)

    # Encoders --------------------------------------------------------------------------------------------------------

    def use_encoder(self, space: Space, identity: EncoderIdentity) -> None:
        """Say who makes the space's vectors from now on.

        Raises:
            EncoderMismatch: the space holds vectors of another encoder.
        """
        with self._database.reading() as connection:
            current = reading.identity(connection, space)
            used = connection.execute("SELECT 1 FROM places WHERE space = ? LIMIT 1", (space,)).fetchone()
        if current == identity:
            return
        if current is not None and used:
            raise mismatch(space, current, identity)
        self._freed = None
        with self._database.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO spaces VALUES (?, ?)", (space, _encoder_key(connection, identity))
            )
            self._add_places(connection, space)
            self._renumber(connection, space)

    def stage(self, spaces: Mapping[Space, EncoderIdentity]) -> None:
        """Let this writer make vectors of other encoders, beside those in use, which go on serving until `switch`.

        What an interrupted writer staged of the same encoders is kept and goes on.
        """
        with self._database.writing() as connection:
            used: dict[str, int] = dict(connection.execute("SELECT space, encoder FROM spaces").fetchall())
            keys: dict[str, int] = {space: _encoder_key(connection, identity) for space, identity in spaces.items()}
            self._staged = {space: key for space, key in keys.items() if used.get(space) != key}
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('staged', ?)", (json.dumps(self._staged),))
            for space in spaces:
                if space not in used:
                    self._add_places(connection, space)
                    self._renumber(connection, space)

    def switch(self, spaces: Mapping[Space, EncoderIdentity]) -> None:
        """Serve the staged vectors from now on, and only these spaces; the index has them before anything changes.

        Raises:
            StoreError: the index cannot be made; the encoders in use stay.
        """
        self._index.prepare(self._staged)
        self._freed = None
        with self._database.writing() as connection:
            connection.executemany("INSERT OR REPLACE INTO spaces VALUES (?, ?)", list(self._staged.items()))
            for space in set(SPACES) - set(spaces):
                for table in ("spaces", "places", "removed"):
                    connection.execute(f"DELETE FROM {table} WHERE space = ?", (space,))  # noqa: S608 - constants
            connection.execute("DELETE FROM meta WHERE name = 'staged'")
        self._staged = {}

    def _add_places(self, connection: sqlite3.Connection, space: Space) -> None:
        """Give every item its places in a space that is new, so that re-embedding finds what to do."""
        if space in ("text", "joint_text"):
            rows = "SELECT ?1, key, 0, text_hash, 0 FROM items WHERE text_hash IS NOT NULL"
        else:
            table, position = _FILES[space], "row_number() OVER (PARTITION BY item ORDER BY position) - 1"
            rows = (
                f"SELECT ?1, item, at, hash, 0 FROM (SELECT item, {position} AS at, hash FROM {table} "  # noqa: S608
                "WHERE state <> 'lost') WHERE hash IS NOT NULL"
            )
        connection.execute(f"INSERT OR IGNORE INTO places {rows}", (space,))

    def _renumber(self, connection: sqlite3.Connection, space: Space) -> None:
        """Count every place of the space as changed: the index must take all its vectors anew."""
        start = _next_seq(connection)
        connection.execute(
            "UPDATE places SET seq = ?1 + n FROM (SELECT item AS i, position AS p, row_number() OVER () AS n "
            "FROM places WHERE space = ?2) WHERE space = ?2 AND item = i AND position = p",
            (start, space),
        )
        _use_seq(connection, start + connection.execute(_PLACES, (space,)).fetchone()[0])
        connection.execute("DELETE FROM removed WHERE space = ?", (space,))

    # Words -----------------------------------------------------------------------------------------------------------

    def use_language(self, language: str) -> None:
        """Say in which language words are analysed; where that or the analyser changed, all tokens are made anew."""
        with self._database.reading() as connection:
            if reading.analyser(connection) == (ANALYSER, language):
                return
        with self._database.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('analyser', ?)", (f"{ANALYSER} {language}",))
            remake_words(connection)

    # Items -----------------------------------------------------------------------------------------------------------

    def put(self, entries: Sequence[CatalogueEntry], vectors: Sequence[NewVector]) -> None:
        """Add or replace items, with the vectors that they need and the catalogue lacks; one transaction.

        Raises:
            StoreError: the disk is full or the catalogue damaged; nothing of this call is kept.
        """
        # an id that stands twice in one call is what it is last
        latest = list({entry.item.id: entry for entry in entries}.values())
        used = {digest for entry in latest for digest in entry.places().values()}
        self._free(new.hash for new in vectors if new.hash not in used)
        with self._database.writing() as connection:
            spaces = self._encoders(connection)
            seqs = _Seqs(connection)
            self._put_vectors(connection, vectors, spaces, seqs)
            keyed, known_keys = _put_items(connection, latest)
            self._free(_put_places(connection, keyed, known_keys, spaces, seqs))
            put_derived(connection, [(key, entry.item) for key, entry in keyed])
            seqs.save()

    def _put_vectors(
        self, connection: sqlite3.Connection, vectors: Sequence[NewVector], spaces: dict[str, int], seqs: "_Seqs"
    ) -> None:
        """Add vectors; places that were waiting for one of the encoder in use count as changed."""
        for new in vectors:
            blob = new.vector.astype("<f4").tobytes()
            added = connection.execute(
                "INSERT OR IGNORE INTO vectors VALUES (?, ?, ?)", (spaces[new.space], new.hash, blob)
            )
            if new.space in self._staged or not added.rowcount:
                continue
            places = connection.execute(
                "SELECT item, position FROM places WHERE hash = ? AND space = ?", (new.hash, new.space)
            ).fetchall()
            connection.executemany(
                "UPDATE places SET seq = ? WHERE space = ? AND item = ? AND position = ?",
                [(seqs.take(), new.space, item, position) for item, position in places],
            )

    def note_vectors(self, name: str, vectors: Vector) -> None:
        """Keep vectors (n, d) that belong to no item, under a name."""
        blob = io.BytesIO()
        np.save(blob, vectors, allow_pickle=False)
        with self._database.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, blob.getvalue()))

    def refresh_files(self, changed: Sequence[tuple[int, tuple[Picture, ...], tuple[Picture, ...]]]) -> None:
        """Note new file times where the bytes are as before: (item's key, its pictures, its sounds)."""
        if changed:
            with self._database.writing() as connection:
                keys = [(key,) for key, _, _ in changed]
                for table in ("pictures", "sounds"):
                    connection.executemany(f"DELETE FROM {table} WHERE item = ?", keys)  # noqa: S608 - constants
                _put_files(connection, "pictures", [(key, pictures) for key, pictures, _ in changed])
                _put_files(connection, "sounds", [(key, sounds) for key, _, sounds in changed])

    def ids(self) -> Iterator[str]:
        """Every item's id, a thousand at a time, so that the catalogue may change between."""
        after = 0
        while True:
            with self._database.reading() as connection:
                rows = connection.execute(
                    "SELECT key, id FROM items WHERE key > ? ORDER BY key LIMIT 1000", (after,)
                ).fetchall()
            yield from (row[1] for row in rows)
            if not rows:
                return
            after = rows[-1][0]

    def remove(self, ids: Sequence[str]) -> int:
        """Delete these items; says how many there were."""
        removed = 0
        for start in range(0, len(ids), REMOVE_BATCH):
            with self._database.writing() as connection:
                ids_json = json.dumps(list(ids[start : start + REMOVE_BATCH]))
                query = "SELECT key FROM items WHERE id IN (SELECT value FROM json_each(?))"
                keys = [row[0] for row in connection.execute(query, (ids_json,))]
                seqs = _Seqs(connection)
                self._free(_remove_items(connection, keys, seqs))
                seqs.save()
                removed += len(keys)
        return removed

    def _free(self, hashes: Iterable[bytes]) -> None:
        """Remember what `tidy` must look at."""
        if self._freed is not None:
            self._freed.update(hashes)
            if len(self._freed) > FREED_MOST:
                self._freed = None

    def is_tidy(self) -> bool:
        """Whether nothing was changed since the last `tidy`; otherwise whoever changed it was interrupted."""
        with self._database.reading() as connection:
            return reading.tidied(connection) == int(reading.meta(connection, "version"))

    def tidy(self) -> None:
        """Drop vectors that nothing uses any more and notes that the index has followed."""
        self.follow()
        with self._database.writing() as connection:
            connection.execute(f"DELETE FROM vectors WHERE encoder IN ({_UNUSED_ENCODERS})")  # noqa: S608 - constants
            if self._freed is None:
                connection.execute(f"DELETE FROM vectors WHERE {_UNUSED}")  # noqa: S608 - constants
            else:
                of_hash = f"DELETE FROM vectors WHERE encoder IN (SELECT key FROM encoders) AND hash = ? AND {_UNUSED}"  # noqa: S608
                connection.executemany(of_hash, [(digest,) for digest in self._freed])
            connection.execute(f"DELETE FROM encoders WHERE key IN ({_UNUSED_ENCODERS})")  # noqa: S608 - constants
            connection.execute("DELETE FROM removed")
            for kind, table in _WORDS_OF.items():
                connection.execute(_UNUSED_WORDS.format(table), (len(f"{kind} words ") + 1, f"{kind} words *"))
            offers.tidy(connection)
            counters.tidy(connection)
            # the transaction itself makes the version grow by one
            connection.execute(
                "INSERT OR REPLACE INTO meta SELECT 'tidied', value + 1 FROM meta WHERE name = 'version'"
            )
        self._freed = set()

    def follow(self) -> None:
        """Bring the vector index up to the present state."""
        self._note_complete()
        if not self._by_process(IndexProcess.follow):
            self._index.follow()

    def follow_soon(self) -> None:
        """Have the process begin that follows for this one; without such a process, follow now."""
        self._note_complete()
        if self._wants_process and not self._process:
            with suppress(ProcessEndedError):
                self._process = self._index.start_process()
            self._wants_process = self._process is not None
        if not self._by_process(IndexProcess.follow_soon):
            self._index.follow()

    def close(self) -> None:
        """Let go of that process."""
        if self._process:
            self._process.close()

    def _note_complete(self) -> None:
        with self._database.writing() as connection:
            reading.note_complete(connection)

    def _by_process(self, follow: Callable[[IndexProcess], None]) -> bool:
        """Whether the process did it; one that has ended is not asked again."""
        if self._process:
            try:
                follow(self._process)
            except ProcessEndedError:
                self.close()
                self._process, self._wants_process = None, False
        return self._process is not None


_FILES: Final[Mapping[str, str]] = {"visual": "pictures", "joint": "pictures", "sound": "sounds"}
"""Which table has the files that a space's vectors are of."""

# Those that are neither in use nor staged: their vectors being made beside those in use.
_UNUSED_ENCODERS = (
    "SELECT key FROM encoders WHERE key NOT IN (SELECT encoder FROM spaces UNION "
    "SELECT value FROM json_each((SELECT value FROM meta WHERE name = 'staged')))"
)
_UNUSED = "NOT EXISTS (SELECT 1 FROM places p WHERE p.hash = vectors.hash)"
_WORDS_OF: Final[Mapping[WordsKind, str]] = {"picture": "pictures", "spoken": "sounds"}
_UNUSED_WORDS = (
    "DELETE FROM meta WHERE substr(name, ?1) NOT IN (SELECT lower(hex(hash)) FROM {} WHERE hash IS NOT NULL) "
    "AND name GLOB ?2"
)
_PLACES = "SELECT count(*) FROM places WHERE space = ?"
# The primary key begins with the space; without it every place of the catalogue would be looked at.
_OF_ITEM = "space IN ('" + "', '".join(SPACES) + "') AND item = ?"
_PLACES_OF = f"SELECT space, position, hash FROM places WHERE {_OF_ITEM}"  # noqa: S608 - constants


class _Seqs:
    """Numbers for changed places, taken one by one and saved once a transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._last = int(reading.meta(connection, "seq"))

    def take(self) -> int:
        self._last += 1
        return self._last

    def save(self) -> None:
        _use_seq(self._connection, self._last)


def _words_name(kind: WordsKind, digest: bytes) -> str:
    """Under which name the words of a file are kept among the catalogue's facts."""
    return f"{kind} words {digest.hex()}"


def _next_seq(connection: sqlite3.Connection) -> int:
    return int(reading.meta(connection, "seq"))


def _use_seq(connection: sqlite3.Connection, last: int) -> None:
    connection.execute("UPDATE meta SET value = ? WHERE name = 'seq'", (last,))


def _encoder_key(connection: sqlite3.Connection, identity: EncoderIdentity) -> int:
    """The encoder's key in the catalogue; it is given one when it has none."""
    stored = identity.model_dump_json()
    connection.execute("INSERT OR IGNORE INTO encoders (identity) VALUES (?)", (stored,))
    return int(connection.execute("SELECT key FROM encoders WHERE identity = ?", (stored,)).fetchone()[0])


_ITEM_COLUMNS: Final = (
    "id", "title_key", "price", "currency", "category", "brand", "brand_key", "in_stock", "content_hash", "text_hash",
    "record",
)  # fmt: skip
_INSERT_ITEM: Final = f"INSERT INTO items ({', '.join(_ITEM_COLUMNS)}, key) VALUES ({', '.join('?' * 12)})"  # noqa: S608
_UPDATE_ITEM: Final = f"UPDATE items SET {', '.join(f'{name} = ?' for name in _ITEM_COLUMNS)} WHERE key = ?"  # noqa: S608


def _put_items(
    connection: sqlite3.Connection, entries: Sequence[CatalogueEntry]
) -> tuple[list[tuple[int, CatalogueEntry]], list[int]]:
    """The entries, of different ids, with their keys, and those keys that were there before."""
    ids = json.dumps([entry.item.id for entry in entries])
    query = "SELECT id, key FROM items WHERE id IN (SELECT value FROM json_each(?))"
    known: dict[str, int] = dict(connection.execute(query, (ids,)).fetchall())
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'items'").fetchone()
    fresh = count((row[0] if row else 0) + 1)
    keyed = [(known.get(entry.item.id) or next(fresh), entry) for entry in entries]
    for statement, of_known in ((_INSERT_ITEM, False), (_UPDATE_ITEM, True)):
        rows = [_item_row(key, entry) for key, entry in keyed if (entry.item.id in known) == of_known]
        connection.executemany(statement, rows)
    _count_items(connection, len(entries) - len(known))
    known_keys = list(known.values())
    remove_derived(connection, known_keys)
    _remove_files(connection, known_keys)
    _put_files(connection, "pictures", [(key, entry.pictures) for key, entry in keyed])
    _put_files(connection, "sounds", [(key, entry.sounds) for key, entry in keyed])
    return keyed, known_keys


def _item_row(key: int, entry: CatalogueEntry) -> tuple[object, ...]:
    item = entry.item
    return (
        item.id,
        name_key(item.title),
        item.price,
        item.currency,
        item.category,
        item.brand,
        category_key(item.brand or "") or None,
        item.in_stock,
        entry.content_hash,
        entry.text_hash,
        item.model_dump_json(),
        key,
    )


def _count_items(connection: sqlite3.Connection, more: int) -> None:
    connection.execute("UPDATE meta SET value = value + ? WHERE name = 'items'", (more,))


def _remove_files(connection: sqlite3.Connection, keys: Sequence[int]) -> None:
    for table in ("pictures", "sounds"):
        connection.executemany(f"DELETE FROM {table} WHERE item = ?", [(key,) for key in keys])  # noqa: S608


def put_derived(connection: sqlite3.Connection, items: Sequence[tuple[int, Item]]) -> None:
    """Write all that is made from the items' records: categories, words, offers. Of their keys nothing is there yet."""
    categories = [(key, name) for key, item in items for name in category_keys(item.category)]
    connection.executemany("INSERT INTO categories (item, name) VALUES (?, ?)", categories)
    _put_words(connection, items, reading.language(connection))
    offers.put(connection, items, [])


def remove_derived(connection: sqlite3.Connection, keys: Sequence[int]) -> None:
    """Delete all that was made from the items' records."""
    for table, column in (("categories", "item"), ("words", "rowid")):
        connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", [(key,) for key in keys])  # noqa: S608
    offers.remove(connection, keys)


def remake_words(connection: sqlite3.Connection) -> None:
    """Make the tokens of every item anew."""
    connection.execute("DELETE FROM words")
    rows = connection.execute("SELECT key, id, record FROM items ORDER BY key")
    items = ((key, read_item(item_id, record)) for key, item_id, record in rows)
    _put_words(connection, items, reading.language(connection))


def _put_words(connection: sqlite3.Connection, items: Iterable[tuple[int, Item]], language: str) -> None:
    words = ((key, item_words(item, language)) for key, item in items)
    connection.executemany(
        "INSERT INTO words (rowid, title, facts, attributes, description) VALUES (?, ?, ?, ?, ?)",
        ((key, *(" ".join(of[name]) for name in ("title", "facts", "attributes", "description"))) for key, of in words),
    )


def _put_files(connection: sqlite3.Connection, table: str, files: Iterable[tuple[int, Sequence[Picture]]]) -> None:
    """Items' rows of ``pictures`` or ``sounds``, by the items' keys."""
    connection.executemany(
        f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        [
            (key, n, file.reference, file.state, file.reason, file.size, file.mtime_ns, file.hash)
            for key, each in files
            for n, file in enumerate(each)
        ],
    )


def _put_places(
    connection: sqlite3.Connection,
    keyed: Sequence[tuple[int, CatalogueEntry]],
    known_keys: Sequence[int],
    spaces: dict[str, int],
    seqs: _Seqs,
) -> list[bytes]:
    """Write only the places that differ, each with a new ``seq``; note those that are gone. Gives what stood there."""
    current: dict[tuple[str, int, int], bytes] = {
        (space, key, position): digest
        for key in known_keys
        for space, position, digest in connection.execute(_PLACES_OF, (key,))
    }
    expected = {
        (space, key, position): digest
        for key, entry in keyed
        for (space, position), digest in entry.places().items()
        if space in spaces
    }
    changed = [(*place, digest, seqs.take()) for place, digest in expected.items() if current.get(place) != digest]
    connection.executemany("INSERT OR REPLACE INTO places VALUES (?, ?, ?, ?, ?)", changed)
    _remove_places(connection, [place for place in current if place not in expected], seqs)
    return [digest for place, digest in current.items() if expected.get(place) != digest]


def _remove_places(connection: sqlite3.Connection, places: Sequence[tuple[str, int, int]], seqs: _Seqs) -> None:
    connection.executemany("DELETE FROM places WHERE space = ? AND item = ? AND position = ?", places)
    removed = [(space, seqs.take(), f"{key}.{position}") for space, key, position in places]
    connection.executemany("INSERT INTO removed VALUES (?, ?, ?)", removed)


def _remove_items(connection: sqlite3.Connection, keys: Sequence[int], seqs: _Seqs) -> list[bytes]:
    """Delete items with all that was made of them; gives the hashes of what stood in their places."""
    rows = [(key, *row) for key in keys for row in connection.execute(_PLACES_OF, (key,))]
    _remove_places(connection, [(space, key, position) for key, space, position, _ in rows], seqs)
    remove_derived(connection, keys)
    _remove_files(connection, keys)
    connection.executemany("DELETE FROM items WHERE key = ?", [(key,) for key in keys])
    _count_items(connection, -len(keys))
    return [digest for *_, digest in rows]


def mismatch(space: str, stored: EncoderIdentity, configured: EncoderIdentity) -> EncoderMismatch:
    """The sentence for a catalogue that another encoder has indexed."""
    return EncoderMismatch(
        f"The catalogue's {space} vectors were made by {_brief(stored)}, but {_brief(configured)} is set now. "
        "Make them anew with: assistant catalogue reindex, or set the encoder that made them."
    )


def _brief(identity: EncoderIdentity) -> str:
    return f"{identity.encoder} (weights {identity.weights[:12]}, preprocessing {identity.preprocessing})"
