"""Interaction files into the event store, batch by batch; each batch is one transaction.

Ended at any point, the same command goes on where it stopped: events that are there are recognised and change nothing.
Files are read once, from beginning to end, and nothing holds more than a batch.
"""

import functools
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.errors import BadInput
from assistant.ingest.files import CatalogueFile, Contents, RawRecord
from assistant.ingest.progress import Progress, SilentProgress
from assistant.ingest.report import Rejection
from assistant.ingest.validate import LineError
from assistant.interactions.validate import EventRules, validate
from tools.records import Record
from tools.store import Catalogue
from tools.taste.events import EventStore
from tools.taste.records import Interaction

INTERACTIONS = Contents("interactions", ("user_id", "item_id", "event"))
KNOWN_USERS = 100_000
"""How many users' pseudonyms are held, so that they need not be computed for each of their events."""
KNOWN_AT_ONCE = 500

Reject = Callable[[Rejection], None]


@dataclass(frozen=True)
class InteractionOptions:
    """How to ingest.

    Attributes:
        pseudonym: what a user's id is kept as.
        undated: time of lines without one, seconds since 1970; they are rejected when it is None.
    """

    pseudonym: Callable[[str], str]
    undated: float | None = None


class InteractionSummary(Record):
    """Counts of one ingestion; ``lines`` = ``new`` + ``known`` + ``rejected``; ``fields_unread``: values left out."""

    files: list[str]
    lines: int = 0
    new: int = 0
    known: int = 0
    rejected: int = 0
    fields_unread: int = 0
    seconds: float = 0.0


def ingest(
    store: EventStore,
    files: Sequence[Path],
    options: InteractionOptions,
    *,
    reject: Reject = lambda _: None,
    progress: Progress | None = None,
) -> InteractionSummary:
    """Keep the events of files; those that are kept already change nothing.

    Args:
        store: where to.
        files: JSONL or CSV files; ``-`` is standard input.
        options: pseudonyms and limits.
        reject: told of every line that was not taken, as it is found.
        progress: told how far it is.

    Raises:
        BadInput: a file can't be read at all, or none of the lines can be taken.
        StoreError: the events cannot be written; what was written before stays.
    """
    return _Import(store, files, options, reject).run(progress or SilentProgress())


class _Import:
    """One ingestion."""

    def __init__(self, store: EventStore, files: Sequence[Path], options: InteractionOptions, reject: Reject) -> None:
        self._store = store
        self._files = [CatalogueFile(path, contents=INTERACTIONS) for path in dict.fromkeys(files)]
        pseudonym = functools.lru_cache(KNOWN_USERS)(options.pseudonym)
        self._rules = EventRules(time.time(), options.undated, pseudonym, self._leave_out)
        self._reject = reject
        self._accepted = 0
        self._rejected = 0
        self._unread = 0
        self._record: RawRecord | None = None
        self._first: Rejection | None = None

    def run(self, progress: Progress) -> InteractionSummary:
        """Read, check, keep."""
        began = time.monotonic()
        with progress.stage("Reading", sum(file.size for file in self._files), "bytes") as done:
            new = self._store.add(self._events(done))
        if not self._accepted:
            raise BadInput(self._nothing())
        return InteractionSummary(
            files=[str(file.path) for file in self._files],
            lines=self._accepted + self._rejected,
            new=new,
            known=self._accepted - new,
            rejected=self._rejected,
            fields_unread=self._unread,
            seconds=round(time.monotonic() - began, 3),
        )

    def _events(self, done: Callable[[int], None]) -> Iterator[Interaction]:
        earlier = 0
        for file in self._files:
            for record in file.records(lambda read, before=earlier: done(before + read)):  # type: ignore[misc]
                event = self._checked(record)
                if isinstance(event, Rejection):
                    self._note(event)
                else:
                    self._accepted += 1
                    yield event
            earlier += file.size

    def _checked(self, record: RawRecord | Rejection) -> Interaction | Rejection:
        if isinstance(record, Rejection):
            return record
        self._record = record
        try:
            return validate(record.values, self._rules)
        except LineError as exc:
            return Rejection(file=str(record.file), line=record.line, id=exc.item_id, reason=str(exc))

    def _leave_out(self, item_id: str, reason: str) -> None:
        if self._record:
            self._unread += 1
            file, line = str(self._record.file), self._record.line
            self._reject(Rejection(file=file, line=line, id=item_id, kind="field", reason=reason))

    def _note(self, rejection: Rejection) -> None:
        self._rejected += 1
        self._first = self._first or rejection
        self._reject(rejection)

    def _nothing(self) -> str:
        names = ", ".join(str(file.path) for file in self._files)
        if self._first is None:
            return f"There is no interaction in {names}."
        return f"None of the lines in {names} can be taken; the first, line {self._first.line}: {self._first.reason}."


def unknown_items(store: EventStore, catalogue: Catalogue) -> int:
    """How many items have events and are not in the catalogue (yet)."""
    names = iter(store.item_ids().values())
    unknown = 0
    while some := list(itertools.islice(names, KNOWN_AT_ONCE)):
        unknown += len(some) - len(catalogue.get_many(some))
    return unknown
