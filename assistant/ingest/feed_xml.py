"""Product feeds in XML: the items of RSS 2.0 and the entries of Atom as rows, named as for Google Merchant Center."""

import re
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from lxml import etree

from assistant.errors import BadInput

ITEMS: Final = ("item", "entry")
MOST_ELEMENTS: Final = 5_000
"""Of one item."""
MOST_OUTSIDE: Final = 100_000
"""Elements before the first item, after which the file is no feed."""
_GOOGLE: Final = "{http://base.google.com/ns/1.0}"
Row = tuple[int, dict[str, Any]]
"""The line on which an item begins, and its elements by their names without "g:"."""


def rows(file: BinaryIO, name: str) -> Iterator[Row]:
    """Each item of a feed; no more than one is held. Entities of a document type are not followed.

    Args:
        file: the bytes, in the encoding that they declare.
        name: what errors call it.

    Raises:
        BadInput: it is not well-formed, has no items, or one of them is too large; one sentence.
    """
    depth, elements, found = 0, 0, False
    events = etree.iterparse(
        file, events=("start", "end"), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        for event, element in events:
            is_item = _local(element) in ITEMS
            elements += event == "start"
            if elements > (MOST_ELEMENTS if depth else MOST_OUTSIDE):
                what = f"line {element.sourceline}: an item has" if depth else "it has"
                limit = MOST_ELEMENTS if depth else MOST_OUTSIDE
                raise BadInput(f"{name} is not read as a feed: {what} more than {limit:,} elements.")
            if is_item and event == "start":
                depth, elements = depth + 1, 0 if not depth else elements
            elif is_item:
                depth -= 1
                if not depth:
                    found, elements = True, 0
                    yield int(element.sourceline or 0), _row(element)
            if event == "end" and not depth:
                _forget(element)
    except etree.XMLSyntaxError as exc:
        where = f", line {exc.lineno}" if exc.lineno else ""
        reason = re.sub(r"\.?, line \d+, column \d+.*$", "", str(exc.msg)).rstrip(".")[:200]
        raise BadInput(f"{name}{where} is not well-formed XML: {reason}.") from None
    if not found:
        raise BadInput(f"{name} is XML without the items of RSS or the entries of Atom.")


def _row(item: Any) -> dict[str, Any]:  # noqa: ANN401 - lxml's elements are not typed
    """The elements of an item; repeated ones as a list, and Google's before those of RSS and Atom."""
    own: dict[str, list[Any]] = {}
    google: dict[str, list[Any]] = {}
    for element in item.iterchildren(etree.Element):
        name = _local(element)
        value = _value(element)
        if name == "product_detail" and isinstance(value, dict):
            name, value = str(value.get("attribute_name", name)), value.get("attribute_value")
        if value not in (None, "", {}):
            (google if str(element.tag).startswith(_GOOGLE) else own).setdefault(name, []).append(value)
    return {name: values if len(values) > 1 else values[0] for name, values in {**own, **google}.items()}


def _value(element: Any) -> Any:  # noqa: ANN401 - lxml's elements are not typed
    if children := list(element.iterchildren(etree.Element)):
        return {_local(child): _text(child) for child in children}
    text = _text(element)
    if not text and element.get("href") and element.get("rel", "alternate") == "alternate":
        return element.get("href")
    return text


def _text(element: Any) -> str:  # noqa: ANN401 - as above
    """The text in an element, without entities that its document type defines."""
    return "".join(element.itertext(etree.Element)).strip()


def _local(element: Any) -> str:  # noqa: ANN401 - as above
    """The name without its namespace, or its prefix where the file does not declare it."""
    return str(element.tag).rpartition("}")[2].rpartition(":")[2].lower()


def _forget(element: Any) -> None:  # noqa: ANN401 - as above
    """Free what was read."""
    element.clear()
    while element.getprevious() is not None:
        del element.getparent()[0]
