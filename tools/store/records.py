"""Items as the store keeps them: one JSON text each."""

import re
from contextlib import suppress
from typing import Any, Final

from pydantic import ValidationError

from tools.bounds import MAX_DEPTH, Bounds, OutOfBounds, check, finite, read_json
from tools.records import Item

_TOLERANT: Final = Bounds(values=10**9, key=10**9, text=10**9)
"""What was kept may be long; depth and range are what readers of JSON refuse."""
_SUSPICIOUS: Final = re.compile(r"\d{19}|[eE]\+?\d{3}|Infinity|NaN", re.ASCII)
"""Where it stands there may be a number that cannot be held; it may stand in a text as well."""


def read_item(item_id: str, record: str) -> Item:
    """The item of a stored record, without attributes that could not be shown, sent or ingested again.

    Earlier versions kept attributes of any depth and numbers of any length. What cannot be read at all is an item that
    has nothing but its id.
    """
    if record.count("{") + record.count("[") <= MAX_DEPTH and not _SUSPICIOUS.search(record):
        with suppress(ValidationError):
            return Item.model_validate_json(record)
    try:
        fields = read_json(record)
        usable = {"price": finite(fields.get("price")), "attributes": _usable(fields.get("attributes"))}
        return Item.model_validate({**fields, **usable})
    except (ValueError, TypeError):  # pydantic's ValidationError is a ValueError
        return Item(id=item_id, title=item_id)


def _usable(attributes: object) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in attributes.items() if isinstance(attributes, dict) else ():
        with suppress(OutOfBounds):
            check(value, _TOLERANT)
            result[name] = value
    return result
