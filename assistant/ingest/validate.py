"""One raw record to one catalogue line: the contract in docs/catalogue.md, field by field.

A value that cannot be used costs that value: the line says which, and why. Without an id that can be used, or without
anything to show, there is no line.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from assistant.ingest.prices import Convention, Price, PriceError, currency_code, read_price, short_repr
from assistant.ingest.stock import Stock, StockError, read_stock
from assistant.ingest.texts import clean, strip_markup
from tools.bounds import DEFAULT, bounded, number_problem
from tools.store.offers import VARIANTS

VALIDATION = 5
"""Grows when the same record would become another line, so that items are brought up to date by the next ingestion."""

DESCRIPTION_CHARACTERS = 20_000
"""A longer description is cut."""
MAX_ID = 200
DOT_SEGMENTS = (".", "..")
"""Clients take these out of an address even when they are percent-encoded (URL Standard, section 4.1)."""
MAX_SHORT = 1_000
MAX_NAME = 100
"""Of a brand and of each level of a category: no filter can name a longer one."""
MAX_ADDRESS = 2_000
MAX_IMAGES = 50
MAX_VIDEOS = 5
MAX_AUDIO = 5
MAX_ATTRIBUTES = 1_000
CONTRACT = frozenset(
    "id title description price currency category brand url image images audio video in_stock attributes".split()  # noqa: SIM905
)


class LineError(Exception):
    """The record can't be a catalogue line; the text is the reason, and ``item_id`` its id if it has one."""

    def __init__(self, reason: str, item_id: str | None = None) -> None:
        super().__init__(reason)
        self.item_id = item_id


class IgnoredValue(NamedTuple):
    """A value that was left out, or a part of it, and why."""

    field: str
    reason: str


@dataclass(frozen=True)
class CatalogueLine:
    """A checked line. ``images``, ``audio`` and ``video`` are still as the file has them.

    ``serialised`` covers every field but the last two: equal texts mean that nothing was changed but perhaps a
    picture's bytes.
    """

    id: str
    title: str
    description: str
    price: float | None
    currency: str | None
    category: str | None
    brand: str | None
    url: str | None
    images: tuple[str, ...]
    audio: tuple[str, ...]
    video: tuple[str, ...]
    in_stock: bool | None
    attributes: dict[str, Any]
    unread: tuple[IgnoredValue, ...] = field(default=(), compare=False)
    description_cut: bool = field(default=False, compare=False)

    def serialised(self, *salt: str) -> str:
        """A text that changes with any field, with the rules, and with the salt."""
        fields = {name: value for name, value in vars(self).items() if name not in ("unread", "description_cut")}
        return json.dumps([VALIDATION, *salt, fields], ensure_ascii=False, sort_keys=True, allow_nan=False)


def validate(
    values: dict[str, Any],
    *,
    description_characters: int = DESCRIPTION_CHARACTERS,
    convention: Convention | None = None,
) -> CatalogueLine:
    """Check and normalise one record.

    Args:
        values: of JSON's types, whatever their depth, length or range.
        description_characters: a longer description is cut.
        convention: how the file writes prices.

    Raises:
        LineError: it has no id that can be used, or nothing to show.
    """
    fields, further = sorted_out(values)
    item_id = read_id(fields.get("id"))
    return _Fields(fields, description_characters, convention).line(item_id, further)


class _Fields:
    """Reads the fields of one record, and notes what was left out."""

    def __init__(self, fields: dict[str, Any], longest: int, convention: Convention | None) -> None:
        self._fields = fields
        self._longest = longest
        self._convention = convention
        self._unread: list[IgnoredValue] = []
        self._item_price = Price()
        self._has_currencies = False

    def line(self, item_id: str, further: dict[str, Any]) -> CatalogueLine:
        images, title, description = self._images(), self._text("title", MAX_SHORT, cut=True), self._description()
        if not title and not description and not images:
            raise LineError("it has no title, no description and no picture", item_id)
        price, stock = self._price(), self._stock()
        self._item_price = price
        extra = {"price_max": price.highest, "availability": stock.later}
        return CatalogueLine(
            id=item_id,
            title=title or strip_markup(item_id) or item_id,
            description=description[: self._longest].rstrip(),
            price=price.amount,
            currency=price.currency,
            category=self._category(),
            brand=self._join("brand", ", "),
            url=self._link(),
            images=images,
            audio=self._files(("audio",), "recordings", MAX_AUDIO),
            video=self._files(("video",), "videos", MAX_VIDEOS),
            in_stock=stock.in_stock,
            attributes=self._attributes(further, {name: value for name, value in extra.items() if value is not None}),
            description_cut=len(description) > self._longest,
            unread=tuple(self._unread),
        )

    def _leave_out(self, name: str, reason: str) -> None:
        self._unread.append(IgnoredValue(name, reason))

    def _leave_out_part(self, name: str, reason: str) -> None:
        self._leave_out(name, f"its {name} is {reason}")

    def _text(self, name: str, longest: int, *, cut: bool = False) -> str:
        return self._short(name, self._fields.get(name), longest, cut=cut)

    def _short(self, name: str, value: object, longest: int, *, cut: bool = False) -> str:
        """A text on one line; a longer one is left out, or cut."""
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, str | int | float) or number_problem(value):
            self._leave_out(name, f"its {name} is not text")
            return ""
        text = " ".join(strip_markup(str(value)).split())
        if len(text) > longest and not cut:
            self._leave_out(name, f"its {name} is longer than {longest:,} characters")
            return ""
        return text[:longest].strip()

    def _description(self) -> str:
        value = self._fields.get("description")
        parts = value if isinstance(value, list) else [value]
        texts = [part for part in parts if isinstance(part, str)]
        if len(texts) < sum(part is not None for part in parts):
            self._leave_out("description", "its description is not text")
        return strip_markup("\n".join(texts))

    def _join(self, name: str, joint: str) -> str | None:
        """A category or brand; a list is joined."""
        value = self._fields.get(name)
        parts = value if isinstance(value, list) else [value]
        texts = [self._short(name, part, MAX_SHORT if joint == " > " else MAX_NAME) for part in parts[:MAX_IMAGES]]
        text, longest = joint.join(text for text in texts if text), MAX_SHORT if joint == " > " else MAX_NAME
        if len(text) > longest:  # cut, it would be another name, or none, when it is read again
            self._leave_out(name, f"its {name} is longer than {longest:,} characters")
            return None
        return text or None

    def _category(self) -> str | None:
        path = self._join("category", " > ")
        if path and any(len(level.strip()) > MAX_NAME for level in path.split(">")):
            self._leave_out("category", f"its category has a name longer than {MAX_NAME} characters")
            return None
        return path

    def _price(self) -> Price:
        """The price in its currency; of a list the lowest, and the highest beside it."""
        code = self._text("currency", MAX_NAME)
        currency = currency_code(code) if code else None
        if code and currency is None:
            self._leave_out("currency", f"its currency {short_repr(code)} is not an ISO 4217 code")
        value = self._fields.get("price")
        prices: list[Price] = []
        for entry in value[:MAX_ATTRIBUTES] if isinstance(value, list) else [value]:
            try:
                prices.append(read_price(entry, currency, self._convention))
            except PriceError as exc:
                self._leave_out("price", str(exc))
        amounts = [amount for price in prices for amount in (price.amount, price.highest) if amount is not None]
        codes = {currency or price.currency for price in prices} or {currency}
        if len(codes) > 1:
            self._has_currencies = True
            self._leave_out("price", "its prices are in several currencies")
        if not amounts or len(codes) > 1:
            return Price(None, currency)
        return Price(min(amounts), codes.pop(), max(amounts) if max(amounts) > min(amounts) else None)

    def _stock(self) -> Stock:
        try:
            return read_stock(self._fields.get("in_stock"))
        except StockError as exc:
            self._leave_out("in_stock", str(exc))
            return Stock(None)

    def _link(self) -> str | None:
        """A web address; anything else (javascript:, a bare path) is left out."""
        text = self._text("url", MAX_ADDRESS)
        if not text or re.match(r"https?://[^\s]+$", text, re.IGNORECASE):
            return text or None
        self._leave_out("url", "its url is not a web address")
        return None

    def _images(self) -> tuple[str, ...]:
        return self._files(("image", "images"), "pictures", MAX_IMAGES)

    def _files(self, names: tuple[str, ...], things: str, most: int) -> tuple[str, ...]:
        """What the fields refer to, each once."""
        references: list[str] = []
        for name in names:
            value = self._fields.get(name)
            parts = value if isinstance(value, list) else value.split("|") if isinstance(value, str) else [value]
            for part in parts:
                if part is not None and (not isinstance(part, str) or len(part) > MAX_ADDRESS):
                    self._leave_out(name, f"its {name} is neither a path nor a list of paths")
                elif part:
                    references.append(clean(part).strip())
        different = tuple(dict.fromkeys(reference for reference in references if reference))
        if len(different) > most:
            self._leave_out(names[-1], f"it has more than {most} {things}; the others are left out")
        return different[:most]

    def _attributes(self, further: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
        nested = self._fields.get("attributes")
        if nested is not None and not isinstance(nested, dict):
            self._leave_out("attributes", "its attributes are not a JSON object")
            nested = None
        attributes: dict[str, Any] = {}
        room = iter(range(DEFAULT.values))
        candidates = {**extra, **(nested or {}), **further}
        if isinstance(candidates.get(VARIANTS), list):
            candidates[VARIANTS] = [self._variant(variant) for variant in candidates[VARIANTS][:MAX_ATTRIBUTES]]
        for key, value in candidates.items():
            name = clean(str(key)[: 2 * MAX_NAME]).strip()
            if len(name) > MAX_NAME:
                self._leave_out("attributes", f"it has an attribute with a name longer than {MAX_NAME} characters")
                continue
            if len(attributes) >= MAX_ATTRIBUTES or next(room, None) is None:
                self._leave_out("attributes", "it has more attributes than are kept; the others are left out")
                break
            usable = bounded(value, clean, partial(self._leave_out_part, name), room=room)
            if name and usable not in (None, "", [], {}):
                attributes[name] = usable
        return attributes

    def _variant(self, record: object) -> object:
        """A variant with its price and stock as number and truth; what cannot be read is left out of it."""
        if not isinstance(record, dict):
            return record
        readers: dict[str, Callable[[object], object]] = {
            "price": self._variant_price,
            "list_price": self._variant_price,
            "in_stock": lambda value: read_stock(value).in_stock,
        }
        variant = dict(record)
        for name in readers.keys() & record.keys():
            try:
                variant[name] = readers[name](record[name])
            except (PriceError, StockError) as exc:
                self._leave_out(VARIANTS, f"of one of its variants {exc}")
                del variant[name]
        return variant

    def _variant_price(self, value: object) -> float | None:
        """A variant's price in the item's currency.

        Raises:
            PriceError: it is in another one, or no price.
        """
        currency = currency_code(str(self._fields.get("currency") or "")[:MAX_NAME])
        price = read_price(value, currency, self._convention)
        is_other = price.currency and self._item_price.currency and price.currency != self._item_price.currency
        if is_other or (self._has_currencies and price.currency != currency):
            raise PriceError(f"its price {short_repr(value)} is not in the item's currency")
        return price.amount


def sorted_out(values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The contract's keys, in any case of letters, and the further ones."""
    fields, further = {}, {}
    for key, value in values.items():
        name = key.strip().lower()
        if name in CONTRACT and (key == name or name not in values):
            fields[name] = value
        else:
            further[key] = value
    return fields, further


def read_id(value: object) -> str:
    """An item's id.

    Raises:
        LineError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise LineError("it has no id" if value is None else "its id is neither text nor a whole number")
    if isinstance(value, int) and number_problem(value):
        raise LineError("its id is a number out of range")
    text = str(value).strip()
    if not text:
        raise LineError("its id is empty")
    if len(text) > MAX_ID:
        raise LineError(f"its id is longer than {MAX_ID} characters")
    if clean(text) != text or "\n" in text or "\t" in text:
        raise LineError("its id holds control characters")
    if text in DOT_SEGMENTS:
        raise LineError(f"its id is {text!r}, which no web address can name")
    return text
