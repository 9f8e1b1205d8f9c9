"""Rows of a CSV file to the fields of the contract: the columns of known exports, and several rows of one product."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Final, Self

import yaml

from assistant.ingest.prices import Convention, PriceError, read_price
from tools.records import Record

PICTURES: Final = ("image", "images")
PREFIX: Final = "g:"
"""Before the names of a feed for Google."""
NO_OPTIONS: Final = "Default Title"
"""What Shopify writes for the only variant of a product without options."""
Cells = dict[str, str]
"""A row: the name of each column that has a value in it, as the header has it, to the value."""


class _Variants(Record):
    """The columns of an export that has a row for each variant."""

    options: dict[str, str]
    price: str
    sku: str
    quantity: str
    counted: str


class Export(Record):
    """One entry of columns.yaml."""

    when: list[str]
    fields: dict[str, list[str]]
    unless: dict[str, list[str]] = {}
    split: dict[str, str] = {}
    first: list[str] = []
    named: dict[str, str] = {}
    variants: _Variants | None = None
    unpublished: dict[str, list[str]] = {}
    leave_out: list[str] = []


@dataclass
class Product:
    """What the rows of one product say together.

    Attributes:
        values: the record, as a line of JSON would hold it.
        lines: the line on which each of its fields stands.
        replaced: lines that say something that a later one replaces, and which.
        unpublished: what says that it is not on sale.
    """

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    replaced: list[tuple[int, str]] = field(default_factory=list)
    unpublished: str | None = None

    def note(self, line: int, column: str, differs: bool) -> None:
        """A cell was read; ``differs`` from what an earlier line says."""
        if differs:
            reason = f"line {line} says another {column.strip()[:40]} for the same id and replaces it"
            self.replaced.append((self.lines[_key(column)], reason))
        self.lines[_key(column)] = line


class Columns:
    """How the columns of one file are read."""

    def __init__(self, names: Sequence[str], export: Export) -> None:
        self.export = export
        self._names = {_key(name) for name in names}
        self._prefixed = any(name.strip().lower().startswith(PREFIX) for name in names)
        fields = {name: sources for name, sources in export.fields.items() if self._is_filled(name, sources)}
        self._sources = {
            name: [source for source in sources if source in self._names] for name, sources in fields.items()
        }
        self._pictures = {*PICTURES, *self._sources.get("images", ())}

    @classmethod
    def of(cls, names: Sequence[str]) -> Self:
        """The columns of a header."""
        keys = {_key(name) for name in names}
        return cls(names, next(export for export in _exports() if keys.issuperset(export.when)))

    def _is_filled(self, name: str, sources: list[str]) -> bool:
        return any(source in self._names for source in sources) and (name not in self._names or name in sources)

    def __contains__(self, name: str) -> bool:
        """Whether the file has a column for the field."""
        return name in self._names or name in self._sources

    @property
    def plain(self) -> bool:
        """Whether the columns are the contract's, so that a row by itself is the record."""
        return not self._sources and not self._prefixed

    def product(self, rows: Iterable[tuple[int, Cells]], convention: Convention | None = None) -> Product:
        """The record of rows with one id, by their line numbers: a later value replaces an earlier one, an empty cell
        leaves it, pictures are added, and variants are kept side by side.
        """
        product, cells, pictures, variants = Product(), Cells(), list[str](), list[Cells]()
        for line, row in rows:
            lowered = {_key(name): cell for name, cell in row.items()}
            pictures += self._pictures_of(lowered)
            variants += [variant] if (variant := self._variant_of(lowered)) else []
            for name, cell in row.items():
                if _key(name) not in self._pictures and _key(name) not in variant:
                    product.note(line, name, cells.get(name, cell) != cell and not self._left_out(name))
                    cells[name] = cell
        product.values = self._values(cells)
        if pictures:
            product.values["images"] = list(dict.fromkeys(pictures))
        if self.export.variants:
            _add_variants(product.values, self.export.variants, cells, variants, convention)
        for name, sources in self._sources.items():
            product.lines.setdefault(name, max((product.lines.get(source, 0) for source in sources), default=0))
        product.unpublished = self._unpublished(cells)
        return product

    def _unpublished(self, cells: Cells) -> str | None:
        """What says that the product is not on sale."""
        for name, cell in cells.items():
            if cell.strip().lower() in self.export.unpublished.get(_key(name), ()):
                return f"{name} {cell.strip()}"
        return None

    def _values(self, cells: Cells) -> dict[str, Any]:
        """The fields of the contract from their columns; further columns by their own names."""
        by_key = {_key(name): cell for name, cell in cells.items()}
        if self.plain:
            return dict(cells)
        values: dict[str, Any] = {}
        for name, sources in self._sources.items():
            usable = [source for source in sources if source in by_key and not self._passed_over(source, by_key)]
            if usable and name != "images":
                values[name] = self._several(usable[0], by_key[usable[0]])
                by_key.pop(usable[0])
        if "price" in by_key and "price" in self._sources:
            values["list_price"] = by_key.pop("price")
        for label, column in self.export.named.items():
            if label in by_key and column in by_key:
                values[by_key[label]] = [value.strip() for value in by_key[column].split(",")]
        further = {name: cell for name, cell in cells.items() if _key(name) in by_key and not self._left_out(name)}
        return {**{_key(name) if self._prefixed else name: cell for name, cell in further.items()}, **values}

    def _left_out(self, name: str) -> bool:
        return _key(name).startswith(tuple(self.export.leave_out))

    def _passed_over(self, column: str, by_key: Cells) -> bool:
        return any(other in by_key for other in self.export.unless.get(column, ()))

    def _several(self, column: str, cell: str) -> str:
        mark = self.export.split.get(column)
        return re.split(rf"(?<!\\){re.escape(mark)}", cell)[0].strip() if mark and column in self.export.first else cell

    def _pictures_of(self, lowered: Cells) -> list[str]:
        cells = [(key, cell) for key, cell in lowered.items() if key in self._pictures]
        parts = [part.strip() for key, cell in cells for part in cell.split(self.export.split.get(key, "|"))]
        return [part for part in parts if part]

    def _variant_of(self, lowered: Cells) -> Cells:
        """The columns that belong to one variant, where the row is one."""
        columns = self.export.variants
        if columns is None or not any(option in lowered for option in columns.options):
            return {}
        keys = (*columns.options, columns.price, columns.sku, columns.quantity, columns.counted)
        return {key: lowered[key] for key in keys if key in lowered}


def _add_variants(
    values: dict[str, Any], columns: _Variants, cells: Cells, rows: Sequence[Cells], convention: Convention | None
) -> None:
    """Add what the variants of a product say of it: prices, stock, article numbers and the values of each option."""
    names = {_key(name): cell.strip() for name, cell in cells.items()}
    labels = {option: names.get(label, label) for option, label in columns.options.items()}
    options = [
        {labels[key]: row[key].strip() for key in columns.options if key in row and row[key] != NO_OPTIONS}
        for row in rows
    ]
    attributes: dict[str, Any] = {
        label: _different(variant.get(label) for variant in options) for label in labels.values()
    }
    attributes["sku"] = _different(row.get(columns.sku) for row in rows)
    prices = _different(row.get(columns.price) for row in rows)
    if variants := _told_apart(columns, options, rows, convention):
        attributes["variants"] = variants
    values |= {"price": prices, "in_stock": _stock(columns, rows), "attributes": attributes}


def _told_apart(
    columns: _Variants, options: Sequence[dict[str, str]], rows: Sequence[Cells], convention: Convention | None
) -> list[dict[str, Any]]:
    """The variants with price and stock, where they say more than one list of what there is."""
    prices = [_amount(row.get(columns.price), convention) for row in rows]
    stocks = [_in_stock(columns, row) for row in rows]
    several = len(set(prices)) > 1 or len(set(stocks)) > 1 or any(len(option) > 1 for option in options)
    if len(rows) < 2 or not several or not any(options):
        return []
    sales = [{"price": price, "in_stock": stock} for price, stock in zip(prices, stocks, strict=True)]
    return [
        {**option, **{name: value for name, value in sale.items() if value is not None}}
        for option, sale in zip(options, sales, strict=True)
    ]


def _stock(columns: _Variants, rows: Sequence[Cells]) -> str | None:
    """The quantity of a variant that there is some of; none where some variants' quantities are not kept."""
    stocks = [_in_stock(columns, row) for row in rows]
    some = next((row[columns.quantity] for row, stock in zip(rows, stocks, strict=True) if stock), None)
    return some or (rows[0][columns.quantity] if rows and None not in stocks else None)


def _in_stock(columns: _Variants, row: Cells) -> bool | None:
    """Whether there is some of a variant; None where its quantity is not kept."""
    if columns.quantity not in row or columns.counted not in row:
        return None
    return bool(re.search("[1-9]", row[columns.quantity])) and "-" not in row[columns.quantity]


def _amount(text: str | None, convention: Convention | None) -> float | None:
    try:
        return read_price(text, None, convention).amount
    except PriceError:
        return None


def _different(values: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))


def _key(name: str) -> str:
    return name.strip().lower().removeprefix(PREFIX)


@cache
def _exports() -> list[Export]:
    table = yaml.safe_load(files("assistant.ingest").joinpath("columns.yaml").read_text("utf-8"))
    return [Export.model_validate(entry) for entry in table.values()]
