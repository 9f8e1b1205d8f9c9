"""What ingestion says about its work."""

from typing import Literal

from tools.records import Record


class Rejection(Record):
    """Something of a catalogue file that was not taken, and why.

    ``kind`` "line": the line; "duplicate": the line, or a field of it, because a later one has the same id;
    "picture": one picture or video only; "sound": one recording only; "field": one value only.
    """

    file: str
    line: int
    id: str | None = None
    kind: Literal["line", "duplicate", "picture", "sound", "field"] = "line"
    reason: str


class IngestSummary(Record):
    """Counts of one ingestion; ``accepted`` = ``new`` + ``changed``.

    ``lines`` = ``accepted`` + ``unchanged`` + ``rejected`` + ``duplicates`` + ``merged``, the last being rows of a CSV
    file that add to what an earlier row of the same item says.
    """

    files: list[str]
    lines: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    duplicates: int = 0
    merged: int = 0
    removed: int = 0
    pictures_embedded: int = 0
    pictures_read: int = 0
    texts_embedded: int = 0
    sounds_embedded: int = 0
    sounds_heard: int = 0
    sounds_lost: int = 0
    pictures_lost: int = 0
    pictures_remote: int = 0
    descriptions_cut: int = 0
    links_dropped: int = 0
    fields_unread: int = 0
    seconds: float = 0.0

    @property
    def accepted(self) -> int:
        """How many items were written."""
        return self.new + self.changed
