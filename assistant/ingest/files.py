"""A catalogue file as records: encodings, over-long lines and broken lines are dealt with while reading.

Catalogues and interactions are read by it; `Contents` says which of them a file should be.

A record is a JSON object, a CSV row (which may span lines), an item of an XML feed, or a product of a saved page. No
more than one is held, but for a JSON document, which is read whole.
"""

import codecs
import csv
import gzip
import os
import re
import stat
import sys
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from io import BufferedReader
from json import JSONDecodeError
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

from assistant.errors import BadInput
from assistant.ingest import feed_acp, feed_json, feed_pages, feed_xml, parquet
from assistant.ingest.columns import Columns
from assistant.ingest.exports import Export, exports
from assistant.ingest.report import Rejection
from tools.bounds import OutOfBounds, read_json
from tools.media import sniff

BLOCK = 2**20
DOCUMENT_BYTES = 128 * 2**20
"""The longest JSON document that is read; lines of JSON have no limit."""
UNPACKED_BYTES = 8 * 2**30
"""The most that is read of a packed file."""
MOST_PAGES = 50_000
HEAD = 4096
MAX_COLUMNS = 1000
LINE_BYTES = 2 * 2**20
"""The longest line that is read."""
Format = Literal["jsonl", "csv", "json", "xml", "pages", "parquet"]
SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
}
PAGES = (".html", ".htm", ".xhtml")
UTF16_BOMS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
STANDARD_INPUT = Path("-")
_XML = re.compile(r"<(?:\?xml|rss|feed)\b")
_PAGE = re.compile(r"(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)?<(?:!doctype\s+html|html|head)\b", re.IGNORECASE | re.DOTALL)
REMEDY = "save the file as UTF-8, or convert it, for example: iconv -f WINDOWS-1252 -t UTF-8"


@dataclass(frozen=True)
class Contents:
    """What a file should be, and columns that must stand in a CSV file's header.

    Attributes:
        feed: whether it can be a feed: in XML, as a JSON document, in pages, with the columns of other programs.
        mapping: of a feed, columns by the field that they fill.
    """

    name: str
    columns: tuple[str, ...]
    feed: bool = False
    mapping: Mapping[str, str] = field(default_factory=dict)

    def reader(self, header: Sequence[str]) -> Columns | None:
        """What reads the columns of a header; where nothing identifies an item, the column mapped to its title does."""
        columns = Columns.of(header, self.mapping) if self.feed else None
        title = self.mapping.get("title")
        if columns is None or title is None or "id" in columns:
            return columns
        return Columns.of(header, {**self.mapping, "id": title})


CATALOGUE = Contents("a catalogue", ("id",), feed=True)


@dataclass(frozen=True)
class RawRecord:
    """One record as it stands in the file; ``line`` is the number of its first line, from 1."""

    file: Path
    line: int
    values: dict[str, Any]


Progress = Callable[[int], None]
Line = tuple[int, bytes | None]
"""A line's number and bytes without the line feed; None for one over the limit, which was skipped unread."""


class CatalogueFile:
    """One file to be read, as often as need be; standard input (``-``) once.

    A folder of saved pages is read as one file. ``columns`` is how the rows of a feed are read, once the first has
    been; None: every record is a whole item.

    Raises:
        BadInput: missing, a folder without pages, empty, not text, or in no known format; one sentence.
    """

    def __init__(self, path: Path, *, line_bytes: int = LINE_BYTES, contents: Contents = CATALOGUE) -> None:
        self.path = path
        self.line_bytes = line_bytes
        self.contents = contents
        self.columns: Columns | None = None
        self._seen_one = False
        self._piped = _Piped() if path == STANDARD_INPUT else None
        self._packed = False
        self._pages = _pages_in(path) if contents.feed and path.is_dir() else []
        if self._pages:
            self.format: Format = "pages"
            self.size = sum(page.stat().st_size for page in self._pages)
            return
        self._pages = [path]
        self.size = 0 if self._piped else _checked_size(path, contents.name)
        head = self._head()
        if contents.feed and path.suffix.lower() == ".gz":
            self._packed, head = True, self._head(packed=True)
        if contents.feed and head.startswith(parquet.MAGIC):
            self.format = "parquet"
            return
        self._encoding, self._skip = detected_encoding(path, head, contents.name)
        self.format = self._detected(head[self._skip :])

    def _detected(self, head: bytes) -> Format:
        name = Path(self.path.stem) if self._packed else self.path
        text = head.decode(self._encoding, "replace").lstrip()
        if self.contents.feed:
            if name.suffix.lower() in PAGES or _PAGE.match(text):
                return "pages"
            if _XML.match(text):
                return "xml"
            by_name = name.suffix.lower() == ".json"
            is_lines = SUFFIXES.get(name.suffix.lower()) == "jsonl" and not text.startswith("[")
            if text[:1] in ("[", "{") and not is_lines and feed_json.is_document(text, by_name=by_name):
                return "json"
        return _format(name, head, self._encoding, self.contents.name)

    def records(self, progress: Progress | None = None) -> Iterator[RawRecord | Rejection]:
        """Every record in order, and a rejection in the place of each that can't be read.

        Args:
            progress: told how many bytes have been read.
        """
        try:
            if self.format == "pages":
                yield from self._in_pages(progress)
                return
            if self.format == "parquet":
                yield from self._in_parquet(progress)
                return
            with self._open() as file:
                if self.format == "xml":
                    yield from self._xml(cast(BinaryIO, file), progress)
                elif self.format == "json":
                    yield from self._document(file, progress)
                else:
                    lines = _lines(self._blocks(file, progress), self.line_bytes)
                    yield from self._json(lines) if self.format == "jsonl" else self._csv(lines)
        except (OSError, EOFError, zlib.error) as exc:
            raise BadInput(f"{self.path} cannot be read: {getattr(exc, 'strerror', None) or exc}.") from exc

    def reject(self, line: int, reason: str, item_id: str | None = None) -> Rejection:
        """A rejection of a line of this file."""
        return Rejection(file=str(self.path), line=line, id=item_id, reason=reason)

    def _open(self) -> AbstractContextManager["BinaryIO | _Piped"]:
        if self._packed:
            return cast("AbstractContextManager[BinaryIO]", gzip.open(self.path))
        return nullcontext(self._piped) if self._piped else self.path.open("rb")

    def _head(self, *, packed: bool = False) -> bytes:
        if self._piped:
            return self._piped.head
        try:
            with gzip.open(self.path) if packed else self.path.open("rb") as file:
                return file.read(HEAD)
        except (OSError, EOFError, zlib.error) as exc:
            raise BadInput(f"{self.path} cannot be read: {getattr(exc, 'strerror', None) or exc}.") from exc

    def _blocks(self, file: "BinaryIO | _Piped", progress: Progress | None) -> Iterator[bytes]:
        """The file's text as UTF-8, in blocks."""
        decoder = codecs.getincrementaldecoder(self._encoding)("replace") if self._encoding != "utf-8" else None
        read = len(file.read(self._skip))
        while block := file.read(BLOCK):
            read += len(block)
            self._tell(read, progress)
            yield decoder.decode(block).encode("utf-8", "replace") if decoder else block

    def _tell(self, read: int, progress: Progress | None) -> None:
        """Say how many bytes have been read.

        Raises:
            BadInput: a packed file has too many.
        """
        if self._packed and read > UNPACKED_BYTES:
            raise BadInput(f"{self.path} is longer than {UNPACKED_BYTES // 2**30} GiB when it is unpacked.")
        if progress:
            progress(min(read, self.size) if self.size else read)

    # JSON lines ------------------------------------------------------------------------------------------------------

    def _json(self, lines: Iterator[Line]) -> Iterator[RawRecord | Rejection]:
        for number, line in lines:
            if line is None:
                yield self._too_long(number)
            elif line.strip():
                yield self._json_record(number, line)

    def _json_record(self, number: int, line: bytes) -> RawRecord | Rejection:
        try:
            values = read_json(line)
        except UnicodeDecodeError as exc:
            return self._not_utf8(number, exc)
        except JSONDecodeError as exc:
            return self.reject(number, f"not valid JSON: {exc.msg} at column {exc.colno}")
        except OutOfBounds as exc:
            return self.reject(number, f"it is {exc}")
        return self._object(number, values)

    def _object(self, number: int, values: object) -> RawRecord | Rejection:
        if not isinstance(values, dict):
            return self.reject(number, 'not a JSON object, such as {"id": "1", "title": "..."}')
        if not self._seen_one:
            self._seen_one, self.columns = True, _columns_of(values, self.contents)
        return RawRecord(self.path, number, values)

    # One JSON document -----------------------------------------------------------------------------------------------

    def _document(self, file: "BinaryIO | _Piped", progress: Progress | None) -> Iterator[RawRecord | Rejection]:
        """Products of one list; a rejection for each that cannot be read. Their numbers stand for lines."""
        parts, size = list[bytes](), 0
        for block in self._blocks(file, progress):
            parts.append(block)
            size += len(block)
            if size > DOCUMENT_BYTES:
                raise BadInput(
                    f"{self.path} is one JSON document of more than {DOCUMENT_BYTES // 2**20} MiB; write one object a "
                    f"line, for example with: jq -c '.[]' {self.path.name}"
                )
        try:
            text = b"".join(parts).decode("utf-8").strip()
            elements = feed_json.elements(text)
        except UnicodeDecodeError as exc:
            raise BadInput(f"{self.path}: {self._not_utf8(1, exc).reason}.") from exc
        except JSONDecodeError as exc:
            raise BadInput(f"{self.path}, line {exc.lineno} is not valid JSON: {exc.msg}.") from exc
        except ValueError as exc:
            raise BadInput(f"{self.path} is not one JSON document: {exc}.") from exc
        for number, element in enumerate(elements, start=1):
            if not isinstance(element, str):
                yield self._object(number, element)
            elif len(element) > self.line_bytes:
                yield self._too_long(number)
            else:
                yield self._json_record(number, element.encode("utf-8", "replace"))

    # Parquet ---------------------------------------------------------------------------------------------------------

    def _in_parquet(self, progress: Progress | None) -> Iterator[RawRecord | Rejection]:
        """Each row as a JSON object; its number stands for a line."""
        for number, values in enumerate(parquet.rows(self.path), start=1):
            yield self._object(number, values)
        self._tell(self.size, progress)

    # XML and pages ---------------------------------------------------------------------------------------------------

    def _xml(self, file: BinaryIO, progress: Progress | None) -> Iterator[RawRecord]:
        self.columns = self.columns or Columns(exports()["google merchant"], mapping=self.contents.mapping)
        for line, values in feed_xml.rows(file, str(self.path)):
            self._tell(file.tell(), progress)
            yield RawRecord(self.path, line, values)

    def _in_pages(self, progress: Progress | None) -> Iterator[RawRecord | Rejection]:
        """The products of each page, numbered through."""
        self.columns = self.columns or _columns_of_pages(self.contents)
        number, read = 0, 0
        for page in self._pages:
            products: list[dict[str, Any]] = []
            reason = "it states no product (schema.org JSON-LD)"
            try:
                with gzip.open(page) if self._packed else page.open("rb") as file:
                    content = file.read(feed_pages.MOST_BYTES + 1)
            except OSError as exc:
                reason = f"it cannot be read: {exc.strerror or exc}"
            else:
                read += len(content)
                if len(content) > feed_pages.MOST_BYTES:
                    reason = f"longer than {feed_pages.MOST_BYTES:,} bytes"
                else:
                    products = feed_pages.products(content, page.stem)
            for values in products:
                number += 1
                yield RawRecord(page, number, values)
            if not products:
                number += 1
                yield Rejection(file=str(page), line=number, reason=reason)
            self._tell(read, progress)

    # CSV -------------------------------------------------------------------------------------------------------------

    def _csv(self, lines: Iterator[Line]) -> Iterator[RawRecord | Rejection]:
        rows = _CsvRows(self, lines)
        header = rows.header()
        self.columns = self.columns or self.contents.reader(header)
        for row in rows:
            if isinstance(row, Rejection):
                yield row
            elif len(row.cells) != len(header):
                yield self.reject(row.line, f"it has {len(row.cells)} cells, and the header has {len(header)}")
            else:
                pairs = zip(header, row.cells, strict=True)
                yield RawRecord(self.path, row.line, {name: cell for name, cell in pairs if name and cell.strip()})

    def _too_long(self, number: int) -> Rejection:
        return self.reject(number, f"longer than {self.line_bytes:,} bytes")

    def _not_utf8(self, number: int, exc: UnicodeDecodeError) -> Rejection:
        return self.reject(number, f"not UTF-8 (byte 0x{exc.object[exc.start]:02x} at byte {exc.start + 1}); {REMEDY}")


def open_files(paths: Sequence[Path], mapping: Mapping[str, str] | None = None) -> list[CatalogueFile]:
    """Each of some catalogue files, once.

    Raises:
        BadInput: as of `CatalogueFile`.
    """
    contents = replace(CATALOGUE, mapping=mapping or {})
    return [CatalogueFile(path, contents=contents) for path in dict.fromkeys(paths)]


class _Piped:
    """Standard input; its head can be looked at before it is read.

    Raises:
        BadInput: nothing comes.
    """

    def __init__(self) -> None:
        self._stream = cast(BufferedReader, sys.stdin.buffer)
        self.head = b""
        while len(self.head) < HEAD and b"\n" not in self.head and (some := self._stream.read1(HEAD)):
            self.head += some
        if not self.head:
            raise BadInput("Nothing came on standard input.")
        self._buffer = self.head

    def read(self, size: int) -> bytes:
        """What has come, at most so many bytes; it waits for some, and gives none at the end."""
        if not size:
            return b""
        if self._buffer:
            block, self._buffer = self._buffer[:size], self._buffer[size:]
            return block
        return self._stream.read1(size)


@dataclass(frozen=True)
class _Row:
    line: int
    cells: list[str]


class _Unclosed(Exception):
    """A row grew over the limit: a quotation mark is missing."""


class _CsvRows:
    """Rows of a CSV file; after an unclosed quotation mark reading goes on with the line that follows it."""

    def __init__(self, file: CatalogueFile, lines: Iterator[Line]) -> None:
        self._file = file
        self._lines = lines
        self._reread_lines: deque[Line] = deque()
        self._row: list[Line] = []
        self._rejected: deque[Rejection] = deque()
        self._delimiter = ","
        self._reader = self._new_reader()
        csv.field_size_limit(max(csv.field_size_limit(), file.line_bytes))

    def header(self) -> list[str]:
        """The column names; the delimiter is what stands in this line most: comma, semicolon or tab."""
        first = next(self._lines, None)
        while first is not None and first[1] is not None and not first[1].strip():
            first = next(self._lines, None)
        if first is None or first[1] is None:
            raise BadInput(f"{self._file.path} has no header line with column names.")
        try:
            text = first[1].decode("utf-8").replace("\r", " ")
        except UnicodeDecodeError as exc:
            raise BadInput(
                f"{self._file.path}, line {first[0]}: {self._file._not_utf8(first[0], exc).reason}."
            ) from exc
        self._delimiter = max(",;\t", key=text.count)
        self._reader = self._new_reader()
        try:
            names = [name.strip() for name in next(csv.reader([text], delimiter=self._delimiter))]
        except csv.Error as exc:
            raise BadInput(f"{self._file.path}, line {first[0]}: the header cannot be read: {exc}.") from exc
        _check_header(self._file.path, names, self._file.contents)
        return names

    def __iter__(self) -> Iterator[_Row | Rejection]:
        while True:
            row = self._next()
            yield from self._rejected
            self._rejected.clear()
            if row is None:
                return
            if isinstance(row, Rejection) or row.cells:
                yield row

    def _next(self) -> _Row | Rejection | None:
        self._row = []
        try:
            cells = next(self._reader)
        except StopIteration:
            return None
        except (_Unclosed, csv.Error) as exc:
            return self._reread("a quotation mark is never closed" if isinstance(exc, _Unclosed) else str(exc))
        if self._ended and len(self._row) > 1 and sum((line or b"").count(b'"') for _, line in self._row) % 2:
            return self._reread("a quotation mark is never closed")
        return _Row(self._row[0][0], cells)

    def _reread(self, reason: str) -> Rejection:
        first, *following = self._row
        self._reread_lines.extendleft(reversed(following))
        self._ended = False
        self._reader = self._new_reader()
        return self._file.reject(first[0], reason)

    def _new_reader(self) -> Iterator[list[str]]:
        self._ended = False
        return csv.reader(self._texts(), delimiter=self._delimiter)

    def _texts(self) -> Iterator[str]:
        """Physical lines for the csv module, noted in ``_row``; unreadable ones are rejected on the way."""
        size = 0
        while True:
            number, line = self._reread_lines.popleft() if self._reread_lines else next(self._lines, (0, b""))
            if number == 0:
                self._ended = True
                return
            text = self._text(number, line)
            if text is None:
                continue
            size = size + len(line or b"") if self._row else len(line or b"")
            self._row.append((number, line))
            if size > self._file.line_bytes:
                raise _Unclosed
            yield text

    def _text(self, number: int, line: bytes | None) -> str | None:
        if line is None:
            self._rejected.append(self._file._too_long(number))
            return None
        try:
            return line.decode("utf-8").replace("\r", " ") + "\n"
        except UnicodeDecodeError as exc:
            self._rejected.append(self._file._not_utf8(number, exc))
            return None


def _lines(blocks: Iterator[bytes], limit: int) -> Iterator[Line]:
    """Lines by number; one that is longer than the limit is skipped while reading and given as None."""
    number, pending, too_long = 0, b"", False
    for block in blocks:
        *ends, tail = block.split(b"\n")
        for end in ends:
            number += 1
            fits = not too_long and len(pending) + len(end) <= limit
            yield number, (pending + end).removesuffix(b"\r") if fits else None
            pending, too_long = b"", False
        too_long = too_long or len(pending) + len(tail) > limit
        pending = b"" if too_long else pending + tail
    if pending or too_long:
        yield number + 1, None if too_long else pending.removesuffix(b"\r")


def _checked_size(path: Path, expected: str) -> int:
    try:
        status = path.stat()
    except FileNotFoundError:
        raise BadInput(f"There is no file {path}.") from None
    except (OSError, ValueError) as exc:
        raise BadInput(f"{path} cannot be read: {getattr(exc, 'strerror', None) or exc}.") from exc
    if stat.S_ISDIR(status.st_mode):
        raise BadInput(f"{path} is a folder; name the file in it that is {expected} (JSONL or CSV).")
    if not stat.S_ISREG(status.st_mode):
        raise BadInput(f"{path} is not a regular file.")
    if not os.access(path, os.R_OK):
        raise BadInput(f"{path} may not be read.")
    if status.st_size == 0:
        raise BadInput(f"{path} is empty.")
    return status.st_size


def detected_encoding(path: Path, head: bytes, expected: str, forms: str = "JSONL or CSV") -> tuple[str, int]:
    """The encoding by byte order mark, and the mark's length.

    Raises:
        BadInput: it is UTF-32, or no text.
    """
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8", 3
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise BadInput(f"{path} is UTF-32; {REMEDY.replace('WINDOWS-1252', 'UTF-32')}.")
    for mark, name in UTF16_BOMS.items():
        if head.startswith(mark):
            return name, 2
    if b"\0" in head:
        kind = sniff(head) or "a binary file"
        raise BadInput(f"{path} is {kind}, not {expected} ({forms}).{_advice(kind)}")
    return "utf-8", 0


def _format(path: Path, head: bytes, encoding: str, expected: str) -> Format:
    text = head.decode(encoding, "replace").lstrip()
    # a drawing begins with "<"; a catalogue may speak of "<svg" anywhere
    kind = sniff(head) if encoding == "utf-8" and not ("<svg" in text and text[0] != "<") else None
    if kind and kind != "a text file":
        raise BadInput(f"{path} is {kind}, not {expected} (JSONL or CSV).{_advice(kind)}")
    if text.startswith("["):
        raise BadInput(f"{path} is one JSON array; write one object a line, for example with: jq -c '.[]' {path.name}")
    by_suffix = SUFFIXES.get(path.suffix.lower())
    return by_suffix or ("jsonl" if text.startswith("{") else "csv")


def _advice(kind: str) -> str:
    return " Save a spreadsheet as CSV." if "office document" in kind else ""


def _pages_in(folder: Path) -> list[Path]:
    """The saved pages of a folder and the folders in it."""
    pages = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PAGES and path.is_file())
    if len(pages) > MOST_PAGES:
        raise BadInput(f"{folder} has {len(pages):,} pages; at most {MOST_PAGES:,} are read at once.")
    return pages


def _columns_of(values: Mapping[str, Any], contents: Contents) -> Columns | None:
    """How a file of JSON is read whose first object this is; None: every object is a catalogue line."""
    if not contents.feed:
        return None
    if feed_acp.is_product(values) or feed_acp.is_row(values):
        expand = feed_acp.rows if feed_acp.is_product(values) else None
        return Columns(exports()["agentic commerce"], expand=expand, mapping=contents.mapping)
    if "@type" in values:
        return _columns_of_pages(contents)
    if contents.mapping:
        return Columns(Export(title=exports()["other"].title, when=[], fields={}), mapping=contents.mapping)
    return None


def _columns_of_pages(contents: Contents) -> Columns:
    return Columns(exports()["schema.org"], expand=feed_pages.rows, mapping=contents.mapping)


class UnknownColumns(BadInput):
    """A table without the columns that it needs; ``columns`` are those that it has."""

    def __init__(self, message: str, columns: Sequence[str]) -> None:
        super().__init__(message)
        self.columns = columns


def _check_header(path: Path, names: list[str], contents: Contents) -> None:
    if len(names) > MAX_COLUMNS:
        raise BadInput(f"{path} has {len(names):,} columns; at most {MAX_COLUMNS:,} are read.")
    lowered = [name.lower() for name in names if name]
    columns = contents.reader(names) or lowered
    header = ", ".join(names)[:200] or "none"
    for name, column in contents.mapping.items():
        if column.strip().lower() not in lowered:
            raise UnknownColumns(f"{path} has no column {column[:100]!r} for {name}; its columns are: {header}.", names)
    if missing := [name for name in contents.columns if name not in columns]:
        advice = f" Name one with --map {missing[0]}=COLUMN." if contents.feed else ""
        sentence = f"{path} has no column named {missing[0]} in its header; its columns are: {header}.{advice}"
        raise UnknownColumns(sentence, names)
    twice = sorted({name for name in lowered if lowered.count(name) > 1})
    if twice:
        raise BadInput(f"{path} has more than one column named {', '.join(twice)[:200]}.")
