"""Rows of a feed as items: what its columns mean, and the rows of one product as one item."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from itertools import chain
from typing import Any, Final, Self

from assistant.ingest.exports import PREFIX, Export, export_of
from assistant.ingest.prices import Convention
from assistant.ingest.sales import SaleError, in_force, period
from assistant.ingest.texts import strip_markup
from assistant.ingest.validate import CONTRACT, IgnoredValue
from assistant.ingest.variants import Cells, VariantRow, amount, choose, is_less, rename, shared, summed_up

PICTURES: Final = ("image", "images")
NO_OPTIONS: Final = "Default Title"
"""What Shopify writes for the only variant of a product without options."""
MOST_OPTIONS: Final = 30
"""Numbered columns of options that are looked for."""
MOST_COLUMNS: Final = 1_000
"""Of those that are noted."""
TERMS: Final = ("price", "list_price", "in_stock")
_METAFIELD: Final = "(product.metafields."
"""After the name of a field that a shop has added to its products at Shopify."""
Expand = Callable[[dict[str, Any]], list[dict[str, Any]]]
"""A record that holds a product with its variants, as rows."""


@dataclass
class Product:
    """What the rows of one product say together.

    Attributes:
        values: the record, as a line of JSON would hold it.
        lines: the line on which each of its fields stands.
        replaced: lines that say something that a later one replaces, and which.
        unpublished: what says that it is not on sale.
        unread: what could not be used.
    """

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    replaced: list[tuple[int, str]] = field(default_factory=list)
    unpublished: str | None = None
    unread: list[IgnoredValue] = field(default_factory=list)

    def note(self, line: int, key: str, name: str, differs: bool) -> None:
        """A cell was read; ``differs`` from what an earlier line says."""
        if differs:
            reason = f"line {line} says another {name.strip()[:40]} for the same id and replaces it"
            self.replaced.append((self.lines[key], reason))
        self.lines[key] = line


class Columns:
    """How the rows of one file are read.

    Attributes:
        names: the columns as the file spells them, by their keys: those of the header, or those that had a value.
    """

    def __init__(
        self,
        export: Export,
        header: Sequence[str] | None = None,
        *,
        expand: Expand | None = None,
        mapping: Mapping[str, str] | None = None,
    ) -> None:
        """
        Args:
            header: the file's columns; None: any can come.
            expand: makes rows of a record.
            mapping: columns by the field that they fill, before those of the feed.
        """
        self.export = export.with_mapping(mapping or {})
        self.names = {self.export.key(name): name.strip() for name in header or ()}
        self._expand = expand
        self._mapped = {self.export.key(column) for column in (mapping or {}).values()}
        self._header = None if header is None else {self.export.key(name) for name in header}
        self._prefixed = any(name.strip().lower().startswith(PREFIX) for name in header or ())
        self._aliases: dict[str, str] = {}
        self._sources = {
            name: [source for source in sources if self._has(source)]
            for name, sources in self.export.fields.items()
            if self._is_filled(name, sources)
        }
        self._options = {
            value.format(n): name.format(n)
            for value, name in self.export.options
            for n in range(1, MOST_OPTIONS + 1)
            if self._has(value.format(n))
        }
        sources = chain.from_iterable(self._sources.get(name, ()) for name in ("images", "image"))
        self._pictures = dict.fromkeys([*PICTURES, *sources])
        self._sale = self.export.sale.columns if self.export.sale else []
        stock = self.export.stock.columns if self.export.stock else []
        terms = chain.from_iterable(self._sources.get(name, ()) for name in ("price", "list_price", "sku"))
        self._of_variants = {*terms, *self._options, *self._sale, *stock}
        self._is_left_out = cache(self._matches_left_out)

    @classmethod
    def of(cls, names: Sequence[str], mapping: Mapping[str, str] | None = None) -> Self:
        """The columns of a header."""
        return cls(export_of(names), names, mapping=mapping)

    def _has(self, key: str) -> bool:
        return self._header is None or key in self._header

    def _is_filled(self, name: str, sources: list[str]) -> bool:
        own = self._header is not None and name in self._header
        return any(map(self._has, sources)) and (not own or name in sources or sources[0] in self._mapped)

    def __contains__(self, name: str) -> bool:
        """Whether the file has a column for the field."""
        return name in self._sources or self._has(name)

    @property
    def plain(self) -> bool:
        """Whether the columns are the contract's, so that a row by itself is the record."""
        return not self._sources and not self._prefixed

    @property
    def refers_to_others(self) -> bool:
        """Whether rows may name their product by something that is not its id; see `learn`."""
        return self.export.alias is not None and any(map(self._has, self.export.group))

    def learn(self, record: dict[str, Any]) -> None:
        """Note by what else than its id a product may be named."""
        cells = self._cells(record)
        alias = str(cells.get(self.export.alias or "", ""))
        if alias and not self._group_of(cells):
            self._aliases[alias] = str(self._own_id(cells) or "")

    def meaning(self, key: str) -> str | None:
        """What a column fills: a field of the contract, "variant", "published", "attribute"; None: nothing."""
        if key in self._sale:
            return "sale_price"
        if key in self.export.group or key == self.export.option_map:
            return "variant"
        if key in self._options or key in self._options.values():
            return "variant"
        fields = [name for name, sources in self._sources.items() if key in sources]
        if fields or key in CONTRACT:
            return fields[0] if fields else key
        if self.export.stock and key in self.export.stock.columns:
            return "in_stock"
        if key in self.export.unpublished:
            return "published"
        return None if self._is_left_out(key) else "attribute"

    # Rows to a record ------------------------------------------------------------------------------------------------

    def product(self, rows: Iterable[tuple[int, dict[str, Any]]], convention: Convention | None = None) -> Product:
        """The record of rows with one id, by their line numbers.

        Rows of the product itself: a later value replaces an earlier one, an empty cell leaves it, pictures are added.
        Rows of a variant say what it is sold as; of the product they say what its own rows do not.
        """
        product, own, variants, hidden = Product(), Cells(), list[VariantRow](), Cells()
        pictures: tuple[list[Any], list[Any]] = [], []
        for line, cells in self._rows(rows):
            grouped, reason = self._group_of(cells) is not None, self._unpublished(cells)
            if grouped and reason:
                hidden = cells
                continue
            product.unpublished = product.unpublished or reason
            pictures[grouped].extend(self._pictures_of(cells))
            variant = self._variant(cells, convention, product)
            variants += [variant] if variant else []
            if grouped:
                product.lines = {**dict.fromkeys(cells, line), **product.lines}
            else:
                self._take(cells, own, line, product, passed_over=self._of_variants if variant else set())
        if hidden and not own and not variants:
            product.unpublished, product.values = self._unpublished(hidden), {"id": self._group_of(hidden)}
            return product
        variants = list({variant.terms["id"] or n: variant for n, variant in enumerate(variants)}.values())
        choose(variants, self.export.choices)
        product.values = self._values(own, variants, convention, product)
        if any(pictures):
            product.values["images"] = list(dict.fromkeys(part for part in chain(*pictures) if isinstance(part, str)))
        if variants:
            self._add_variants(product.values, own, variants, convention)
        for name, sources in self._sources.items():
            product.lines.setdefault(name, max((product.lines.get(source, 0) for source in sources), default=0))
        return product

    def _rows(self, records: Iterable[tuple[int, dict[str, Any]]]) -> Iterable[tuple[int, Cells]]:
        for line, record in records:
            for row in self._expand(record) if self._expand else [record]:
                yield line, self._cells(row)

    def _cells(self, record: dict[str, Any]) -> Cells:
        cells = Cells()
        for name, cell in record.items():
            if cell is None or cell in ([], {}) or (isinstance(cell, str) and not cell.strip()):
                continue
            key = self.export.key(name)
            cells[key] = cell
            if len(self.names) < MOST_COLUMNS:
                self.names.setdefault(key, name.strip())
        return cells

    def _take(self, cells: Cells, own: Cells, line: int, product: Product, *, passed_over: set[str]) -> None:
        """Add a row of the product to its earlier ones."""
        for key, cell in cells.items():
            if key not in self._pictures and key not in passed_over:
                differs = own.get(key, cell) != cell and not self._is_left_out(key)
                product.note(line, key, self.names.get(key, key), differs)
                own[key] = cell

    def _first(self, name: str, cells: Cells) -> Any:  # noqa: ANN401 - any value of JSON
        """The value of a field: of the first of its columns that has one, or of the one that is called like it."""
        return next((cells[key] for key in self._sources.get(name, (name,)) if key in cells), None)

    def id_of(self, record: dict[str, Any]) -> Any:  # noqa: ANN401 - any value of JSON
        """The id of the product that a record is of, as `product` finds it."""
        rows = self._expand(record) if self._expand else [record]
        cells = self._cells(rows[0]) if rows else {}
        return self._group_of(cells) or self._own_id(cells)

    def _own_id(self, cells: Cells) -> Any:  # noqa: ANN401 - any value of JSON
        return self._first("id", cells)

    def _group_of(self, cells: Cells) -> str | None:
        """The id of the product that the row is a variant of; None: the row is the product's own."""
        group = next((str(cells[column]).strip() for column in self.export.group if column in cells), None)
        if group is None or (group == str(self._own_id(cells) or "") and not cells.get(self.export.option_map or "")):
            return None
        group = group.removeprefix("id:") if self.export.alias else group
        return self._aliases.get(group, group)

    def _unpublished(self, cells: Cells) -> str | None:
        """What says that it is not on sale."""
        for key, values in self.export.unpublished.items():
            if str(cells.get(key, "")).strip().lower() in values:
                return f"{self.names.get(key, key)} {str(cells[key]).strip()}"
        return None

    def _pictures_of(self, cells: Cells) -> list[Any]:
        return [part for key in self._pictures if key in cells for part in self._parts(key, cells[key], "|")]

    def _parts(self, key: str, cell: Any, mark: str = "") -> list[Any]:  # noqa: ANN401 - any value of JSON
        """The values in one cell; a comma in a web address separates none."""
        if not isinstance(cell, str):
            return cell if isinstance(cell, list) else [cell]
        mark = self.export.split.get(key, mark)
        if not mark:
            return [cell.strip()]
        between_addresses = mark == "," and cell.strip().lower().startswith("http")
        parts = re.split(r",\s*(?=https?://)" if between_addresses else rf"(?<!\\){re.escape(mark)}", cell)
        return [text for part in parts if (text := part.replace(f"\\{mark}", mark).strip())]

    # Of the product --------------------------------------------------------------------------------------------------

    def _values(
        self, own: Cells, variants: Sequence[VariantRow], convention: Convention | None, product: Product
    ) -> dict[str, Any]:
        """The fields of the contract from their columns; further columns by their own names."""
        if self.plain:
            return {self.names.get(key, key): cell for key, cell in own.items()}
        terms = self._terms(own, convention, product)
        values: dict[str, Any] = {name: terms[name] for name in TERMS if terms[name] is not None}
        grouped = [variant for variant in variants if self._group_of(variant.row)]
        cells = {**self._shared(grouped), **own}
        values["id"] = self._own_id(own) if own or not grouped else self._group_of(grouped[0].row)
        used = {*self._of_variants, *self._pictures, *self.export.group, self.export.option_map} - {"sku"}
        used |= {*chain.from_iterable(self._sources.get(name, ()) for name in (*TERMS, "id"))}
        for name, sources in self._sources.items():
            usable = [key for key in sources if key in cells and not (name == "category" and _is_number(cells[key]))]
            if usable and name not in (*TERMS, *PICTURES, "id", "sku"):
                taken = usable if name == "description" else usable[:1]
                values[name] = [cells[key] for key in taken] if len(taken) > 1 else self._one(usable[0], cells)
                used |= {*taken}
        values |= self._named_options(own)
        for key, cell in cells.items():
            if key in used or key in values or self._is_left_out(key):
                continue
            if key not in self._sources.get("category", ()) or not _is_number(cell):
                values.setdefault(self._attribute_name(key), self._attribute(key, cell))
        return values

    def _shared(self, variants: Sequence[VariantRow]) -> Cells:
        passed_over = {*self._of_variants, *self._options.values()}
        fields = set(chain.from_iterable(self._sources.values()))
        return shared(variants, passed_over, fields, self._sources.get("title", ("title",)))

    def _one(self, key: str, cells: Cells) -> Any:  # noqa: ANN401 - any value of JSON
        """The cell, or its first value where only that counts."""
        parts = self._parts(key, cells[key]) if key in self.export.first else []
        return parts[0] if parts else cells[key]

    def _named_options(self, own: Cells) -> dict[str, Any]:
        """Options of the product itself as lists: what it is, or in what it is sold."""
        if not self.export.group:
            return {}
        return {
            str(own[name]).strip(): self._parts(value, own[value], ",")
            for value, name in self._options.items()
            if name in own and value in own
        }

    def _matches_left_out(self, key: str) -> bool:
        return key not in self._mapped and any(fnmatchcase(key, pattern) for pattern in self.export.leave_out)

    def _attribute_name(self, key: str) -> str:
        name = self.names.get(key, key)
        if key in CONTRACT or (self.export.underscored and name == name.lower()) or self._prefixed:
            return key
        return name.partition(_METAFIELD)[0].strip() or name

    def _attribute(self, key: str, cell: Any) -> Any:  # noqa: ANN401 - any value of JSON
        if isinstance(cell, list):
            return [self._attribute(key, part) for part in cell]
        if not isinstance(cell, str):
            return cell
        if _METAFIELD in self.names.get(key, "") and ";" in cell:
            return [part.strip() for part in cell.split(";") if part.strip()]
        return strip_markup(cell) if "<" in cell else cell

    # Of variants -----------------------------------------------------------------------------------------------------

    def _variant(self, cells: Cells, convention: Convention | None, product: Product) -> VariantRow | None:
        """The variant that a row is: one of a group, or one with options where the feed has no groups."""
        grouped = self._group_of(cells) is not None
        if not grouped and (self.export.group or not any(value in cells for value in self._options)):
            return None
        images = [cells[key] for key in self.export.variant_image if key in cells]
        images += self._pictures_of(cells) if grouped else []
        terms = {
            **self._terms(cells, convention, product),
            "id": self._own_id(cells) if grouped else None,
            "sku": self._first("sku", cells) if "sku" in self._sources else None,
            "url": self._first("url", cells) if grouped else None,
            "image": images[0] if images else None,
        }
        return VariantRow(self._options_of(cells), terms, cells)

    def _options_of(self, cells: Cells) -> dict[str, str]:
        """The options that a row states itself; one without a name by its column."""
        stated = cells.get(self.export.option_map or "")
        if isinstance(stated, str):
            with suppress(ValueError, RecursionError):
                stated = json.loads(stated)
        if isinstance(stated, dict):
            return {str(name): str(value) for name, value in stated.items() if value not in (None, "", [], {})}
        return {
            str(cells.get(name, value)).strip(): str(cells[value]).strip()
            for value, name in self._options.items()
            if value in cells and str(cells[value]).strip() != NO_OPTIONS
        }

    def _terms(self, cells: Cells, convention: Convention | None, product: Product) -> Cells:
        """Price, regular price as a number if it is higher, and stock of a row, as they are written."""
        price, sale = self._first("price", cells), self._sale_price(cells, product)
        regular = self._first("list_price", cells) if "list_price" in self._sources else None
        if sale is not None and is_less(sale, price, convention):
            price, regular = sale, price
        is_lower = price is not None and regular is not None and is_less(price, regular, convention)
        return {
            "price": price,
            "list_price": amount(regular, convention) if is_lower else None,
            "in_stock": self._stock_of(cells),
        }

    def _sale_price(self, cells: Cells, product: Product) -> Any:  # noqa: ANN401 - any value of JSON
        """The sale price that holds now."""
        sale = self.export.sale
        price = _value(sale.price, cells) if sale else None
        if sale is None or price is None:
            return None
        starts, ends = _value(sale.starts, cells), _value(sale.ends, cells)
        if (both := _value(sale.period, cells)) is not None:
            starts, ends = period(both)
        try:
            return price if in_force(starts, ends) else None
        except SaleError as exc:
            product.unread.append(IgnoredValue("sale_price", f"{exc}; the regular price is taken"))
            return None

    def _stock_of(self, cells: Cells) -> Any:  # noqa: ANN401 - any value of JSON
        stock = self.export.stock
        if stock is None:
            return self._first("in_stock", cells)
        if any(str(cells.get(key, "")).strip().lower() in (on, "true") for key, on in stock.oversell.items()):
            return True
        if any(map(self._has, stock.tracker)) and _value(stock.tracker, cells) is None:
            return True  # nobody counts it: it can always be bought
        return _value(stock.quantity, cells)

    def _add_variants(
        self, values: dict[str, Any], own: Cells, variants: Sequence[VariantRow], convention: Convention | None
    ) -> None:
        rename(variants, {value: str(own[name]).strip() for value, name in self._options.items() if name in own})
        summary = summed_up(variants, convention)
        if not self.export.group:
            skus = dict.fromkeys(str(variant.terms["sku"]) for variant in variants if variant.terms["sku"])
            summary["attributes"]["sku"] = list(skus)
        for name in summary["attributes"].keys() - CONTRACT:
            values.pop(name, None)
        values |= {name: value for name, value in summary.items() if value is not None}


def _value(columns: Iterable[str], cells: Cells) -> Any:  # noqa: ANN401 - any value of JSON
    return next((cells[column] for column in columns if column in cells), None)


def _is_number(cell: object) -> bool:
    """Whether it is the number of a category, which says nothing to people."""
    return isinstance(cell, int) or (isinstance(cell, str) and cell.strip().isdigit())
