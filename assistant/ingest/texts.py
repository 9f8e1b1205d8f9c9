"""Texts from catalogue files: control characters and markup out, what an item is embedded by."""

import html
import re

from tools.records import Item
from tools.store.filters import attribute_texts
from tools.store.offers import MEDIA_WORDS

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ue000]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_MARKUP = re.compile(r"<[a-zA-Z/!?]|&(?:[a-zA-Z][a-zA-Z0-9]{1,31}|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});")
_TAG = re.compile(r"(?P<comment><!--)|<(?P<closing>/?)(?P<name>[a-zA-Z][a-zA-Z0-9:-]*+)[^<>]*+>|<[!?/][^<>]*+>")
_COMMENT_END = re.compile("--!?>")
BLOCKS = frozenset(
    "address article blockquote br dd div dl dt h1 h2 h3 h4 h5 h6 hr li ol p pre section table td th tr ul".split()  # noqa: SIM905 - reads better
)
HIDDEN = frozenset(["script", "style", "head", "template", "noscript", "iframe", "object", "svg"])
ROUNDS = 4
EMBEDDED_ATTRIBUTES = 300
"""Characters of attributes that go into an item's embedded text, before the description."""


def clean(text: str) -> str:
    """Without control characters (line feeds and tabs stay) and halves of characters."""
    if text.isprintable():  # as most are; then it holds none of those
        return text
    normalised = text.replace("\r\n", "\n").replace("\r", "\n")
    return _SURROGATES.sub("\ufffd", _CONTROL.sub(" ", normalised))


def strip_markup(text: str) -> str:
    """Plain text of what may be HTML: tags gone, scripts and styles gone with their content, entities written out.

    Repeated a few times, so that doubly escaped tags are gone too; what is still markup then is blanked, so that a
    second pass changes nothing.
    """
    if text.isprintable() and "<" not in text and "&" not in text:
        return " ".join(text.split())
    plain, before = clean(text), ""
    for _ in range(ROUNDS):
        if plain == before or not _MARKUP.search(plain):
            break
        before, plain = plain, clean(_without_tags(plain))
    else:
        plain = _MARKUP.sub(" ", plain)
    lines = (" ".join(line.split()) for line in plain.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _without_tags(markup: str) -> str:
    """One pass: comments and hidden elements out, blocks to line feeds, entities written out.

    Not `html.parser`: it takes minutes for 100 kB of ``<a <a <a``. Here every character is looked at a fixed number of
    times: a tag ends before the next "<", and a search for a closing tag that fails ends the text.
    """
    parts: list[str] = []
    position = 0
    while tag := _TAG.search(markup, position):
        parts.append(markup[position : tag.start()])
        name = (tag["name"] or "").lower()
        position = tag.end()
        if tag["comment"]:
            position = _after(markup, _COMMENT_END.search(markup, position))
        elif name in HIDDEN and not tag["closing"]:
            position = _after(markup, re.compile(rf"</{name}[^<>]*+>", re.IGNORECASE).search(markup, position))
        parts.append("\n" if name in BLOCKS else " " if name == "img" else "")
    return html.unescape("".join(parts) + markup[position:])


def _after(markup: str, end: re.Match[str] | None) -> int:
    return end.end() if end else len(markup)


def embedded_text(item: Item) -> str:
    """What stands for the item in the text spaces; empty when it has no words of its own.

    Title first and description last, because a text encoder reads only the beginning of a long text.
    """
    title = "" if item.title == item.id else item.title
    facts = [title, (item.category or "").replace(" > ", ", "), item.brand or "", _attributes(item), item.description]
    has_words = any((title, item.description, item.category, item.brand))
    return ". ".join(fact.strip().rstrip(".") for fact in facts if fact.strip()) if has_words else ""


def _attributes(item: Item) -> str:
    """Short top-level attributes as "color black, size 40"; what is long or nested says little about the item."""
    plain = {name: value for name, value in item.attributes.items() if name not in MEDIA_WORDS and _is_plain(value)}
    texts = dict.fromkeys(text for _, text in attribute_texts(plain) if len(text) <= 60)
    result = ""
    for text in texts:
        if len(result) + len(text) > EMBEDDED_ATTRIBUTES:
            break
        result += f", {text}" if result else text
    return result


def _is_plain(value: object) -> bool:
    """Words, or a list of words; numbers and codes (SKU8812) are left to keywords and filters."""
    values = value if isinstance(value, list) else [value]
    return all(entry is True or (isinstance(entry, str) and re.search(r"[^\W\d_A-Z]{3}", entry)) for entry in values)
