"""JSON documents: the products of an array, or of a list in an object, one by one."""

from typing import Any, Final

from assistant.ingest import feed_pages
from tools.bounds import read_json, split_array

LISTS: Final = ("products", "items", "data", "@graph")
"""Names under which an object holds its products."""


def is_document(head: str, *, by_name: bool) -> bool:
    """Whether a text is one document rather than lines of objects.

    Args:
        head: its beginning.
        by_name: whether it is called one (.json), which decides where the first line is too long to see.
    """
    if head.startswith("["):
        return True
    first, ended, _ = head.partition("\n")
    try:
        values = read_json(first)
    except ValueError:
        return by_name or (bool(ended) and first.strip() == "{")
    return isinstance(values, dict) and any(isinstance(values.get(name), list) for name in LISTS)


def elements(text: str) -> list[Any]:
    """The products: those of an array as texts, so that one that is no JSON spoils no other; else as values.

    Raises:
        ValueError: it is not JSON.
    """
    if text.startswith("["):
        return list(split_array(text))
    document = read_json(text)
    if not isinstance(document, dict):
        return [document]
    listed = next((document[name] for name in LISTS if isinstance(document.get(name), list)), None)
    if "@context" in document or listed is None:
        listed = feed_pages.in_document(document) or listed
    return [document] if listed is None else listed
