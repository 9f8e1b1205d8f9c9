"""One raw record to one catalogue line: the contract in docs/catalogue.md, field by field."""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from assistant.ingest.prices import PriceError, read_price
from assistant.ingest.texts import clean, strip_markup

VALIDATION = 1
"""Grows when the same record would become another line, so that items are brought up to date by the next ingestion."""

MAX_ID = 200
DOT_SEGMENTS = (".", "..")
"""Clients take these out of an address even when they are percent-encoded (URL Standard, section 4.1)."""
MAX_SHORT = 1_000
MAX_IMAGES = 50
CONTRACT = frozenset(
    "id title description price currency category brand url image images audio video in_stock attributes".split()  # noqa: SIM905
)
YES = frozenset(["true", "yes", "y", "1", "in stock", "in_stock", "instock", "available", "有货"])
NO = frozenset(
    ["false", "no", "n", "0", "out of stock", "out_of_stock", "outofstock", "sold out", "unavailable", "缺货", "无货"]
)


class LineError(Exception):
    """The record can't be a catalogue line; the text is the reason, and ``item_id`` its id if it has one."""

    def __init__(self, reason: str, item_id: str | None = None) -> None:
        super().__init__(reason)
        self.item_id = item_id


@dataclass(frozen=True)
class CatalogueLine:
    """A checked line. ``images``, ``audio`` and ``video`` are still as the file has them.

    ``serialised`` covers everything here: equal texts mean that nothing was changed but perhaps a picture's bytes.
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
    audio: str | None
    video: str | None
    in_stock: bool | None
    attributes: dict[str, Any]
    warnings: tuple[str, ...] = field(default=(), compare=False)

    def serialised(self, *salt: str) -> str:
        """A text that changes with any field, with the rules, and with the salt."""
        values = [VALIDATION, *salt, {name: value for name, value in vars(self).items() if name != "warnings"}]
        return json.dumps(values, ensure_ascii=False, sort_keys=True)


def validate(values: dict[str, Any], *, description_characters: int) -> CatalogueLine:
    """Check and normalise one record.

    Raises:
        LineError: a field that must be right is not.
    """
    fields, further = _sorted_out(values)
    item_id = _id(fields.get("id"))
    try:
        return _line(item_id, fields, further, description_characters)
    except LineError as exc:
        raise LineError(str(exc), item_id) from None


def _line(item_id: str, fields: dict[str, Any], further: dict[str, Any], longest: int) -> CatalogueLine:
    warnings: list[str] = []
    images = _images(fields)
    title, description = _text(fields, "title", MAX_SHORT), _description(fields, longest, warnings)
    if not title and not description and not images:
        raise LineError("it has no title, no description and no picture")
    price, currency = _price(fields)
    return CatalogueLine(
        id=item_id,
        title=title or item_id,
        description=description,
        price=price,
        currency=currency,
        category=_levels(fields, "category", " > "),
        brand=_levels(fields, "brand", ", "),
        url=_link(fields, warnings),
        images=images,
        audio=_text(fields, "audio", MAX_SHORT) or None,
        video=_text(fields, "video", MAX_SHORT) or None,
        in_stock=_in_stock(fields.get("in_stock")),
        attributes=_attributes(fields.get("attributes"), further),
        warnings=tuple(warnings),
    )


def _sorted_out(values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The contract's keys, in any case of letters, and the further ones."""
    fields, further = {}, {}
    for key, value in values.items():
        name = key.strip().lower()
        if name in CONTRACT and (key == name or name not in values):
            fields[name] = value
        else:
            further[key] = value
    return fields, further


def _id(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise LineError("it has no id" if value is None else "its id is neither text nor a whole number")
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


def _text(fields: dict[str, Any], name: str, longest: int) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise LineError(f"its {name} is not text")
    return " ".join(strip_markup(str(value)).split())[:longest].strip()


def _description(fields: dict[str, Any], longest: int, warnings: list[str]) -> str:
    value = fields.get("description")
    parts = value if isinstance(value, list) else [value]
    if not all(part is None or isinstance(part, str) for part in parts):
        raise LineError("its description is not text")
    text = strip_markup("\n".join(part for part in parts if part))
    if len(text) > longest:
        warnings.append("description cut")
        text = text[:longest].rstrip()
    return text


def _levels(fields: dict[str, Any], name: str, joint: str) -> str | None:
    """A category or brand; a list is joined."""
    value = fields.get(name)
    parts = value if isinstance(value, list) else [value]
    texts = [_text({name: part}, name, MAX_SHORT) for part in parts]
    return joint.join(text for text in texts if text) or None


def _price(fields: dict[str, Any]) -> tuple[float | None, str | None]:
    given = _text(fields, "currency", 20) or None
    try:
        price, currency = read_price(fields.get("price"))
    except PriceError as exc:
        raise LineError(str(exc)) from None
    given = given.upper() if given and re.fullmatch(r"[A-Za-z]{3}", given) else given
    return price, given or currency


def _link(fields: dict[str, Any], warnings: list[str]) -> str | None:
    """A web address; anything else (javascript:, a bare path) is left out and counted."""
    text = _text(fields, "url", 2_000)
    if not text:
        return None
    if re.match(r"https?://[^\s]+$", text, re.IGNORECASE):
        return text
    warnings.append("link dropped")
    return None


def _images(fields: dict[str, Any]) -> tuple[str, ...]:
    found: list[str] = []
    for name in ("image", "images"):
        value = fields.get(name)
        parts = value if isinstance(value, list) else [value]
        for part in parts:
            if part is not None and not isinstance(part, str):
                raise LineError(f"its {name} is neither a path nor a list of paths")
            pieces = [part or ""] if isinstance(value, list) else (part or "").split("|")
            found += [piece.strip() for piece in pieces]
    return tuple(dict.fromkeys(clean(piece) for piece in found if piece))[:MAX_IMAGES]


def _in_stock(value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value > 0
    text = " ".join(value.lower().split()) if isinstance(value, str) else ""
    if text in YES or (text.isdecimal() and int(text) > 0):
        return True
    if text in NO:
        return False
    if text == "" and isinstance(value, str):
        return None
    raise LineError(f"its in_stock is {str(value)[:40]!r}, and should be true or false")


def _attributes(nested: object, further: dict[str, Any]) -> dict[str, Any]:
    if nested is not None and not isinstance(nested, dict):
        raise LineError("its attributes are not a JSON object")
    merged = {**(nested or {}), **further}
    cleaned = ((clean(str(name)).strip()[:100], _value(value)) for name, value in merged.items())
    return {name: value for name, value in cleaned if name and value not in (None, "", [], {})}


def _value(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """The value with clean texts, numbers as JSON can hold them."""
    if isinstance(value, str):
        return clean(value).strip()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [_value(each) for each in value]
    if isinstance(value, dict):
        return {clean(str(name)): _value(each) for name, each in value.items()}
    return value


Validate = Callable[[dict[str, Any]], CatalogueLine]
