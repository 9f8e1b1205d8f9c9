"""The shop's own pages (delivery, returns, payment, contact ...) as passages: one SQLite file beside the catalogue.

A page has a name, by which it is replaced, and a title. Each passage has its heading, its words for the keyword search,
and a vector by one text encoder. A shop has some hundred passages, so a search compares the question with all of them.
"""

import hashlib
import sqlite3
import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tools.engines.text import Purpose
from tools.errors import BadInput
from tools.records import EncoderIdentity, Record
from tools.storage import SqliteFile, private_folder
from tools.store.words import ANALYSER, query_words, tokens

DATABASE: Final = "pages.sqlite"
MOST_PASSAGES: Final = 5_000
"""Passages of all pages together."""
BATCH: Final = 64
WORD_WEIGHTS: Final = (2.0, 2.0, 1.0)
"""BM25 weights of title, heading and text."""

_SCHEMA = """
create table if not exists meta (name text primary key, value text not null) without rowid;
create table if not exists pages (name text primary key, title text not null, digest text not null) without rowid;
create table if not exists passages (
    key integer primary key, page text not null, position integer not null, heading text not null, text text not null,
    vector blob not null, question blob not null
);
create index if not exists passages_page on passages (page);
create virtual table if not exists words using fts5 (title, heading, text, tokenize = 'ascii');
"""

Vectors = NDArray[np.float32]


class PassageEncoder(Protocol):
    """The part of `tools.engines.text.TextEncoder` that pages use."""

    @property
    def identity(self) -> EncoderIdentity:
        """Which encoder it is."""

    def encode(self, texts: Sequence[str], *, purpose: Purpose = ...) -> Vectors:
        """Texts to unit rows (n, d)."""

    def __hash__(self) -> int:
        """Vectors may be kept by the encoder that made them."""


class Passage(Record):
    """One stretch of a page that can be quoted by itself."""

    heading: str = ""
    text: str


class Page(Record):
    """A page before it is stored."""

    name: str = Field(min_length=1, max_length=200)
    title: str
    passages: list[Passage]

    @property
    def digest(self) -> str:
        """Changes with the page's content, and with the way that words are analysed."""
        return hashlib.sha256(f"{ANALYSER}\n{self.model_dump_json()}".encode()).hexdigest()


class PageInfo(Record):
    """A stored page."""

    name: str
    title: str
    passages: int
    characters: int


Change = Literal["new", "changed", "unchanged"]


@dataclass(frozen=True)
class StoredPassage:
    """A passage with its page's name and title."""

    key: int
    page: str
    title: str
    heading: str
    text: str


@dataclass(frozen=True)
class PageIndex:
    """All passages in the order of their pages.

    Attributes:
        vectors: unit rows (n, d) of the passages.
        questions: unit rows (n, d) of their headings, which stand for the questions that the pages answer.
    """

    version: str
    encoder: EncoderIdentity | None
    passages: tuple[StoredPassage, ...]
    vectors: Vectors
    questions: Vectors


class PageStore:
    """The pages of one data folder; any number of threads and processes may use it through short connections."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / DATABASE
        self._file = SqliteFile(
            self.path, "shop's pages", "Delete it and give the pages again with: assistant pages ingest FILE..."
        )
        self._index: PageIndex | None = None
        self._lock = threading.Lock()

    def pages(self) -> list[PageInfo]:
        """Every page, by name."""
        if not self.path.is_file():
            return []
        with self._file.opened() as connection:
            rows = connection.execute(
                "select p.name, p.title, count(*), sum(length(t.text)) from pages p join passages t on t.page = p.name "
                "group by p.name order by p.name"
            ).fetchall()
        return [PageInfo(name=n, title=t, passages=count, characters=size) for n, t, count, size in rows]

    def put(self, pages: Sequence[Page], encoder: PassageEncoder) -> dict[str, Change]:
        """Store pages, each in the place of the one of its name; only what has changed is embedded.

        Where the stored passages were embedded by another encoder they are embedded anew, all in one transaction.

        Raises:
            BadInput: the pages hold too many passages together.
            StoreError: the file cannot be read or written.
        """
        self._create()
        digests, stored_by = self._digests()
        same_encoder = stored_by in (None, encoder.identity.model_dump_json())
        changes: dict[str, Change] = {page.name: _change(page, digests.get(page.name)) for page in pages}
        changed_pages = [page for page in pages if changes[page.name] != "unchanged"]
        if same_encoder and not changed_pages:
            return changes
        stale_pages = [] if same_encoder else self._stored(without={page.name for page in changed_pages})
        encoded = [(page, *_encoded(page, encoder)) for page in [*stale_pages, *changed_pages]]
        with self._file.writing() as connection:
            for page, vectors, questions in encoded:
                _remove(connection, page.name)
                _insert(connection, page, vectors, questions)
            if connection.execute("select count(*) from passages").fetchone()[0] > MOST_PASSAGES:
                raise BadInput(f"The pages hold more than {MOST_PASSAGES:,} passages together; give fewer of them.")
            _note(connection, encoder=encoder.identity.model_dump_json())
        return changes

    def drop(self, names: Sequence[str] | None = None) -> int:
        """Remove pages by name, or all of them; how many were there."""
        if not self.path.is_file():
            return 0
        with self._file.writing() as connection:
            connection.execute("pragma secure_delete = on")
            stored = [name for (name,) in connection.execute("select name from pages")]
            matches = [name for name in stored if names is None or name in names]
            for name in matches:
                _remove(connection, name)
            _note(connection)
            if len(matches) == len(stored):
                connection.execute("delete from meta where name = 'encoder'")
        return len(matches)

    def index(self) -> PageIndex:
        """All passages and vectors, kept until the pages change.

        Raises:
            StoreError: the file cannot be read.
        """
        if not self.path.is_file():
            return EMPTY
        with self._file.opened() as connection, self._lock:
            version = _meta(connection, "version") or ""
            if self._index is None or self._index.version != version:
                self._index = _read_index(connection, version)
            return self._index

    def keyword(self, query: str, k: int) -> list[tuple[int, float]]:
        """Passages that hold any of the query's words: (key, BM25), best first."""
        words = [token for word in query_words(query) for token in word.tokens]
        if not words or not self.path.is_file():
            return []
        weights = ", ".join(map(str, WORD_WEIGHTS))
        with self._file.opened() as connection:
            rows: list[tuple[int, float]] = connection.execute(
                f"select rowid, -bm25(words, {weights}) as score from words where words match ? "  # noqa: S608
                "order by score desc, rowid limit ?",
                (" OR ".join(f'"{word}"' for word in dict.fromkeys(words)), k),
            ).fetchall()
        return rows

    def _create(self) -> None:
        with self._file.errors():
            private_folder(self.path.parent)
        with self._file.opened() as connection:
            for statement in _SCHEMA.split(";\n"):
                connection.execute(statement)

    def _digests(self) -> tuple[dict[str, str], str | None]:
        with self._file.opened() as connection:
            return dict(connection.execute("select name, digest from pages").fetchall()), _meta(connection, "encoder")

    def _stored(self, without: set[str]) -> list[Page]:
        """The stored pages as they were given."""
        pages: dict[str, Page] = {}
        for stored in self.index().passages:
            if stored.page not in without:
                page = pages.setdefault(stored.page, Page(name=stored.page, title=stored.title, passages=[]))
                page.passages.append(Passage(heading=stored.heading, text=stored.text))
        return [*pages.values()]


EMPTY: Final = PageIndex("", None, (), np.zeros((0, 0), np.float32), np.zeros((0, 0), np.float32))


def embedded(title: str, passage: Passage) -> str:
    """What stands for a passage in the text space: where it stands, then what it says."""
    return f"{_question(title, passage)}. {passage.text}"


def _question(title: str, passage: Passage) -> str:
    return f"{title}: {passage.heading}" if passage.heading else title


def _change(page: Page, digest: str | None) -> Change:
    if digest is None:
        return "new"
    return "unchanged" if digest == page.digest else "changed"


def _encoded(page: Page, encoder: PassageEncoder) -> tuple[Vectors, Vectors]:
    """Vectors of the passages and of their headings (n, d); equal headings are encoded once."""
    texts = [embedded(page.title, passage) for passage in page.passages]
    question_texts = [_question(page.title, passage) for passage in page.passages]
    unique = {text: n for n, text in enumerate(dict.fromkeys(question_texts))}
    questions = encoder.encode(list(unique), purpose="query")
    return encoder.encode(texts, purpose="document"), questions[[unique[text] for text in question_texts]]


def _insert(connection: sqlite3.Connection, page: Page, vectors: Vectors, questions: Vectors) -> None:
    connection.execute("insert into pages values (?, ?, ?)", (page.name, page.title, page.digest))
    for position, passage in enumerate(page.passages):
        blobs = vectors[position].astype("<f4").tobytes(), questions[position].astype("<f4").tobytes()
        row = (page.name, position, passage.heading, passage.text, *blobs)
        key = connection.execute(
            "insert into passages (page, position, heading, text, vector, question) values (?, ?, ?, ?, ?, ?)", row
        ).lastrowid
        columns = [" ".join(tokens(text)) for text in (page.title, passage.heading, passage.text)]
        connection.execute("insert into words (rowid, title, heading, text) values (?, ?, ?, ?)", (key, *columns))


def _remove(connection: sqlite3.Connection, name: str) -> None:
    connection.execute("delete from words where rowid in (select key from passages where page = ?)", (name,))
    connection.execute("delete from passages where page = ?", (name,))
    connection.execute("delete from pages where name = ?", (name,))


def _note(connection: sqlite3.Connection, **values: str) -> None:
    """Write values, and a version that no earlier state had."""
    rows = {"version": uuid.uuid4().hex, **values}
    connection.executemany("insert or replace into meta values (?, ?)", rows.items())


def _meta(connection: sqlite3.Connection, name: str) -> str | None:
    row = connection.execute("select value from meta where name = ?", (name,)).fetchone()
    return str(row[0]) if row else None


def _read_index(connection: sqlite3.Connection, version: str) -> PageIndex:
    rows = connection.execute(
        "select t.key, t.page, p.title, t.heading, t.text, t.vector, t.question from passages t "
        "join pages p on p.name = t.page order by t.page, t.position"
    ).fetchall()
    identity = _meta(connection, "encoder")
    if not rows or identity is None:
        return EMPTY
    encoder = EncoderIdentity.model_validate_json(identity)
    vectors, questions = (np.frombuffer(b"".join(row[n] for row in rows), "<f4") for n in (5, 6))
    shape = (len(rows), encoder.dimensions)
    passages = tuple(StoredPassage(*row[:5]) for row in rows)
    return PageIndex(version, encoder, passages, vectors.reshape(shape), questions.reshape(shape))
