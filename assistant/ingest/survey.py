"""The first reading of catalogue files: which line is the last with its id, and how each file writes its prices."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from assistant.errors import BadInput
from assistant.ingest.columns import Product
from assistant.ingest.files import CatalogueFile, RawRecord
from assistant.ingest.planning import Batch, FileLine, text_hash
from assistant.ingest.prices import Convention, currency_code
from assistant.ingest.progress import Progress
from assistant.ingest.report import Rejection
from assistant.ingest.validate import LineError, read_id, sorted_out, validate


class LineRules(NamedTuple):
    """How a record becomes a line: where pictures lie, what else a line's hash depends on, the currency by default."""

    media_root: Path | None
    fingerprint: str
    currency: str | None = None

    def check(self, record: RawRecord, product: Product, convention: Convention) -> FileLine | Rejection:
        """The line of a product that begins with this record."""
        try:
            if product.unpublished:
                raise LineError(f"it is not published ({product.unpublished})", read_id(product.values.get("id")))
            line = validate(product.values, convention=convention)
            currency = line.currency or (None if line.price is None else self.currency)
            if product.unread or currency != line.currency:
                line = replace(line, unread=(*product.unread, *line.unread), currency=currency)
        except LineError as exc:
            return Rejection(file=str(record.file), line=record.line, id=exc.item_id, reason=str(exc))
        root = self.media_root or record.file.parent
        text = line.serialised(self.fingerprint, str(root.absolute()))
        return FileLine(record.file, record.line, line, text_hash(text), root, len(text), product.lines)


class LastLine(NamedTuple):
    """The last line with an id: which file's, its number, a hash of what it says, how many CSV rows name the id."""

    file: int
    line: int
    hash: bytes
    rows: int = 1


class Survey:
    """What the first reading finds out; for the second."""

    def __init__(self, files: Sequence[CatalogueFile], rules: LineRules) -> None:
        self._files = files
        self._rules = rules
        self._last: dict[bytes, LastLine] = {}
        self._refused: set[bytes] = set()
        self._first: Rejection | None = None
        self._accepted = False
        self.conventions = [Convention() for _ in files]
        self.lines = 0

    def read(self, progress: Progress) -> None:
        """Read every file once.

        Raises:
            BadInput: a file can't be read, or none of the lines can be taken.
        """
        for file in self._files:
            _learn_references(file)
        with progress.stage("Checking", sum(file.size for file in self._files), "bytes") as done:
            for index, file in enumerate(self._files):
                earlier = sum(file.size for file in self._files[:index])
                for record in file.records(partial(_add, done, earlier)):
                    self.lines += 1
                    self._note(index, file, record)
        if not self._accepted:
            raise BadInput(self._nothing())

    def _note(self, index: int, file: CatalogueFile, record: RawRecord | Rejection) -> None:
        if isinstance(record, Rejection):
            self._first = self._first or record
            return
        product = product_of(file, [record])
        self._learn(index, product)
        result = self._rules.check(record, product, NEUTRAL)
        if isinstance(result, Rejection):
            self._first = self._first or result
            if result.id is not None:
                self._refused.add(short(result.id))
                self._note_row(index, file, result)
            return
        self._accepted = True
        before = self._last.get(short(result.line.id))
        rows = before.rows + 1 if before and before.file == index and file.columns else 1
        self._last[short(result.line.id)] = LastLine(index, result.number, result.hash[:8], rows)

    def _note_row(self, index: int, file: CatalogueFile, rejection: Rejection) -> None:
        """A row of a CSV file that is no line by itself adds to the others with its id."""
        key = short(rejection.id or "")
        before = self._last.get(key)
        if file.columns and (before is None or before.file == index):
            self._last[key] = LastLine(index, rejection.line, b"", before.rows + 1 if before else 1)

    def _learn(self, index: int, product: Product) -> None:
        fields, _ = sorted_out(product.values)
        prices, currency = fields.get("price"), fields.get("currency")
        for price in prices if isinstance(prices, list) else [prices]:
            self.conventions[index].learn(price, currency_code(currency) if isinstance(currency, str) else None)

    def _nothing(self) -> str:
        names = ", ".join(str(file.path) for file in self._files)
        if self._first is None:
            return f"There is no catalogue line in {names}."
        return f"None of the lines in {names} can be taken; the first, line {self._first.line}: {self._first.reason}."

    # For the second reading ------------------------------------------------------------------------------------------

    def last(self, item_id: str) -> LastLine | None:
        """The last line with the id."""
        return self._last.get(short(item_id))

    def names(self, item_id: str) -> bool:
        """Whether the id stands on a line; a rejected line still keeps the item it names."""
        return short(item_id) in self._last or short(item_id) in self._refused

    def groups(self, index: int) -> Iterator[list[RawRecord] | Rejection]:
        """The records of a file, rows of a CSV file with the same id together as soon as all of them were read."""
        file = self._files[index]
        waiting: dict[bytes, list[RawRecord]] = {}
        for record in file.records():
            if isinstance(record, Rejection) or not file.columns:
                yield record if isinstance(record, Rejection) else [record]
                continue
            key = short(_id_of(file, record) or "")
            last = self._last.get(key)
            if last is None or last.file != index or last.rows == 1:
                yield [record]
                continue
            waiting.setdefault(key, []).append(record)
            if record.line >= last.line:
                yield waiting.pop(key)

    def taken(self, index: int, group: list[RawRecord] | Rejection, batch: Batch) -> FileLine | None:
        """The line that a group of records is, unless it is rejected or replaced, which is noted in the batch."""
        if isinstance(group, Rejection):
            batch.rejected.append(group)
            return None
        convention = self.conventions[index]
        product = product_of(self._files[index], group, convention)
        result = self._rules.check(group[0], product, convention)
        if isinstance(result, Rejection):
            batch.rejected += [result.model_copy(update={"line": record.line}) for record in group]
            return None
        last = self.last(result.line.id)
        if last and (last.file, last.line) != (index, group[-1].line):
            self._note_replaced(index, group[0], result, last, batch)
            return None
        replaced = {line for line, _ in product.replaced}
        batch.duplicates += len(replaced)
        batch.merged += len(group) - 1 - len(replaced)
        batch.rejected += [
            Rejection(file=str(result.file), line=line, id=result.line.id, kind="duplicate", reason=reason)
            for line, reason in product.replaced
        ]
        return result

    def _note_replaced(self, index: int, record: RawRecord, replaced: FileLine, last: LastLine, batch: Batch) -> None:
        """A line that a later one replaces is counted, and reported if it says something else."""
        batch.duplicates += 1
        checked = self._rules.check(record, product_of(self._files[index], [record]), NEUTRAL)
        if isinstance(checked, FileLine) and checked.hash[:8] != last.hash:
            where = f"line {last.line}" + ("" if last.file == index else f" of {self._files[last.file].path}")
            reason = f"{where} has the same id and replaces it"
            batch.rejected.append(
                Rejection(
                    file=str(replaced.file), line=replaced.number, id=replaced.line.id, kind="duplicate", reason=reason
                )
            )


NEUTRAL = Convention()
"""Of no file: in the first reading a price that can be read in two ways is left open."""


def product_of(file: CatalogueFile, records: Sequence[RawRecord], convention: Convention = NEUTRAL) -> Product:
    """What records of one product say together; a line of JSON, and a row with the contract's columns, by itself."""
    if file.columns is None or (file.columns.plain and len(records) == 1):
        return Product(records[0].values)
    return file.columns.product([(record.line, record.values) for record in records], convention)


def _id_of(file: CatalogueFile, record: RawRecord) -> str | None:
    try:
        if file.columns is not None:
            return read_id(file.columns.id_of(record.values))
        return read_id(sorted_out(record.values)[0].get("id"))
    except LineError:
        return None


def short(item_id: str) -> bytes:
    """12 bytes that stand for an id."""
    return hashlib.blake2b(item_id.encode("utf-8", "replace"), digest_size=12).digest()


def _learn_references(file: CatalogueFile) -> None:
    """Have a file's columns learn by what else than an id its rows name products, if they do."""
    for record in file.records() if file.format == "csv" else ():
        if file.columns is None or not file.columns.refers_to_others:
            return
        if isinstance(record, RawRecord):
            file.columns.learn(record.values)


def _add(done: Callable[[int], None], before: int, read: int) -> None:
    done(before + read)
