"""What is understood of catalogue files, before anything is written."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from assistant.ingest.export import catalogue_line
from assistant.ingest.files import CatalogueFile, open_files
from assistant.ingest.pictures import locate
from assistant.ingest.pipeline import IngestOptions
from assistant.ingest.planning import Batch, FileLine, item_of
from assistant.ingest.progress import Progress, SilentProgress
from assistant.ingest.report import Rejection
from assistant.ingest.survey import LineRules, Survey
from assistant.ingest.validate import CONTRACT, CatalogueLine
from tools.records import Record
from tools.store import is_web_address
from tools.store.offers import VARIANTS

EXAMPLES: Final = 3
MOST_NAMES: Final = 200
"""Of columns and attributes in a report."""
FIELDS: Final = ("title", "description", "price", "currency", "category", "brand", "url", "images", "in_stock")
FORMATS: Final = {
    "jsonl": "JSON lines",
    "csv": "CSV",
    "json": "JSON",
    "xml": "XML",
    "pages": "HTML",
    "parquet": "Parquet",
}


class Column(Record):
    """A column, and what it fills: a field of the contract, "sale_price", "variant" or "attribute"; None: nothing."""

    name: str
    fills: str | None


class FileCheck(Record):
    """What is understood of one file.

    Attributes:
        format: how it is written: "CSV", "XML".
        feed: what it is: "Shopify products", "catalogue lines".
        rows: lines, rows, XML items or products of pages.
        variants: of all items together.
        known: of how many items each field is known.
        attributes: of how many items each attribute is known; the most frequent.
        warnings: what is missing or could not be used, a sentence each.
        examples: some items as catalogue lines.
    """

    file: str
    format: str
    feed: str
    rows: int = 0
    items: int = 0
    variants: int = 0
    rejected: int = 0
    columns: list[Column] = []
    known: dict[str, int] = {}
    attributes: dict[str, int] = {}
    warnings: list[str] = []
    examples: list[dict[str, Any]] = []


def check(
    files: Sequence[Path], options: IngestOptions | None = None, *, progress: Progress | None = None
) -> list[FileCheck]:
    """Read files as `ingest` does, and write nothing. An item that a later file replaces counts there alone.

    Raises:
        BadInput: a file can't be read at all, or none of the lines can be taken.
    """
    chosen = options or IngestOptions()
    opened = open_files(files, chosen.mapping)
    survey = Survey(opened, LineRules(chosen.media_root, chosen.fingerprint(), chosen.currency))
    survey.read(progress or SilentProgress())
    return [_Reading(survey, index, file, chosen).result() for index, file in enumerate(opened)]


class _Reading:
    """Counts over one file."""

    def __init__(self, survey: Survey, index: int, file: CatalogueFile, options: IngestOptions) -> None:
        self._file = file
        self._options = options
        self._rejections: list[Rejection] = []
        self._counts: Counter[str] = Counter()
        self._attributes: Counter[str] = Counter()
        self._names: dict[str, None] = {}
        self._pictures: Counter[str] = Counter()
        self._addresses = 0
        self._lost: str | None = None
        self._report = FileCheck(file=str(file.path), format=FORMATS[file.format], feed="catalogue lines")
        batch = Batch()
        for group in survey.groups(index):
            self._report.rows += 1 if isinstance(group, Rejection) else len(group)
            for record in [] if isinstance(group, Rejection) else group:
                self._names |= dict.fromkeys(list(record.values)[:MOST_NAMES])
            if line := survey.taken(index, group, batch):
                self._add(line)
            self._rejections += batch.rejected
            batch.rejected.clear()

    def _add(self, line: FileLine) -> None:
        report, item = self._report, line.line
        report.items += 1
        variants = item.attributes.get(VARIANTS)
        report.variants += len(variants) if isinstance(variants, list) else 0
        self._counts.update(_known(item))
        self._attributes.update(name for name in item.attributes if name != VARIANTS)
        self._rejections += line.unread
        self._addresses += sum(map(is_web_address, (*item.audio, *item.video)))
        for reference in item.images:
            picture = locate(reference, line.root)
            self._pictures[picture.state] += 1
            self._lost = self._lost or (f"{reference}: {picture.reason}" if picture.state == "lost" else None)
        if len(report.examples) < EXAMPLES:
            report.examples.append(
                json.loads(catalogue_line(item_of(line).model_copy(update={"images": [*item.images]})))
            )

    def result(self) -> FileCheck:
        """The report."""
        columns = self._file.columns
        if columns is not None and not columns.plain:
            self._report.feed = columns.export.title
            uses = [Column(name=name, fills=columns.meaning(key)) for key, name in columns.names.items() if key]
        else:
            names = [name for name in self._names if name.strip()]
            uses = [Column(name=name, fills=_contract(name)) for name in names]
        self._report.columns = uses[:MOST_NAMES]
        self._report.known = {name: self._counts[name] for name in FIELDS}
        self._report.attributes = dict(self._attributes.most_common(MOST_NAMES))
        self._report.rejected = sum(rejection.kind == "line" for rejection in self._rejections)
        self._report.warnings = [*self._missing({use.fills for use in uses}), *self._unused(), *self._of_pictures()]
        return self._report

    def _missing(self, filled: set[str | None]) -> Iterator[str]:
        total = self._report.items
        for name in FIELDS:
            count, columns = self._counts[name], {name, "image"} if name == "images" else {name}
            if count < total:
                label = name if columns & filled else f"no column for {name}"
                yield f"{label}: known of {count:,} of {total:,} items"
        if self._counts["in_stock"] and not self._counts["can be bought"]:
            yield "in_stock: no item is in stock"

    def _unused(self) -> Iterator[str]:
        labels = {"line": "rejected", "duplicate": "replaced by later ones", "field": "not read"}
        for kind, label in labels.items():
            found = [rejection for rejection in self._rejections if rejection.kind == kind]
            if found:
                what = _plural(len(found), "value" if kind == "field" else "line")
                where = "" if found[0].file == self._report.file else f"{found[0].file}, "
                yield f"{what} {label}; the first, {where}line {found[0].line}: {found[0].reason}"

    def _of_pictures(self) -> Iterator[str]:
        if self._pictures["lost"]:
            yield f"{_plural(self._pictures['lost'], 'picture')} not readable; the first, {self._lost}"
        if self._pictures["remote"] and not self._options.fetch_pictures:
            yield f"{_plural(self._pictures['remote'], 'picture')} at web addresses; --fetch-pictures fetches them"
        if self._addresses and not self._options.fetch_pictures:
            files = "recording or video" if self._addresses == 1 else "recordings and videos"
            yield f"{self._addresses:,} {files} at web addresses; --fetch-pictures fetches them"


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + "s" * (count != 1)


def _known(line: CatalogueLine) -> Iterator[str]:
    for name in FIELDS:
        value = getattr(line, name)
        if value not in (None, "", ()) and not (name == "title" and value == line.id):
            yield name
    if line.in_stock:
        yield "can be bought"


def _contract(name: str) -> str:
    key = name.strip().lower()
    return key if key in CONTRACT else "variant" if key == VARIANTS else "attribute"
