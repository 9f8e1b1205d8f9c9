"""Replies and sessions as Markdown. What comes from items, users and models is text there: it makes no links, pictures,
markup or HTML, however it is rendered. Only an item's own addresses become links and pictures, if http or https."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlsplit

from assistant.records import Recommendation, Reply
from assistant.render import sale_in_words

if TYPE_CHECKING:
    from assistant.sessions import StoredTurn

_ESCAPES = (
    (re.compile(r"^[ \t]+", re.MULTILINE), ""),  # code blocks
    (re.compile(r"([\\`*_\[\]!~|$^])"), r"\\\1"),
    (re.compile(r"^([#+=:-])", re.MULTILINE), r"\\\1"),
    (re.compile(r"^(\d{1,9})([.)])(?=\s|$)", re.MULTILINE), r"\1\\\2"),
    (re.compile(r"&(?=#?\w{1,32};)"), "&amp;"),
    (re.compile("<"), "&lt;"),
    (re.compile(">"), "&gt;"),
    # what becomes a link without any markup: https://x, mailto:x, a@b.com, www.x, x.com
    (re.compile(r"(:(?=//)|(?<=mailto):|(?<=xmpp):|@|(?<=\w)\.(?=[^\W\d]))", re.IGNORECASE), r"\\\1"),
)


_IN_ADDRESS = ":/?#[]@!&'*+,;=%-._~"
"""Stands in an address as it is; other characters, but for letters and digits, are percent-encoded."""
_BEFORE_ENTITY = re.compile(r"&(?=#?\w{1,32};)")


class Mention(NamedTuple):
    """Where an item stands in a text, in characters."""

    item: Recommendation
    start: int
    end: int


def as_markdown(reply: Reply) -> str:
    """The message, the ranked items with their explanations, a question back, and what was left out.

    Each title is a link to the item's page and is followed by its picture, as far as these have web addresses. The
    item's id is the title of the link or the picture, or else stands after the price.
    """
    parts = [escaped(reply.message), *_sections(reply, linked=True), *_question(reply)]
    parts += [f"<{reply.cart.url}>"] if reply.cart and reply.cart.url else []
    parts += [f"> {escaped(' '.join(note.split()))}" for note in reply.degraded]
    return "\n\n".join(part for part in parts if part)


def _question(reply: Reply) -> list[str]:
    """What is asked back, and the answers to choose from as a list."""
    choices = "\n".join(f"- {escaped(' '.join(choice.split()))}" for choice in reply.choices)
    return [escaped(reply.question), choices] if reply.question else []


def mentions(text: str, reply: Reply) -> list[Mention]:
    """Where the items of a reply stand in its Markdown, by their titles with link."""
    found, position = [], 0
    for item in (item for _, items in reply.sections() for item in items):
        title = _linked_title(item)
        start = text.find(title, position)
        if start >= 0:
            position = start + len(title)
            found.append(Mention(item, start, position))
    return found


def _sections(reply: Reply, *, linked: bool = False) -> list[str]:
    """The items, each of several wishes under a heading of its own."""
    parts = []
    for group, items in reply.sections():
        parts += [f"**{escaped(' '.join(group.wish.split()))}**", escaped(group.message or "")] if group else []
        parts.append("\n".join(item_as_markdown(item, linked=linked) for item in items))
    return parts


def item_as_markdown(item: Recommendation, *, linked: bool = False) -> str:
    """One entry of a numbered list."""
    explanation, price = escaped(_one_line(item.explanation)), escaped(sale_in_words(item))
    if not linked:
        return f"{item.rank}. **{_title(item)}** ({price}): {explanation}"
    number, picture = f"{item.rank}. ", web_address(item.image_url)
    shown = f'\n{" " * len(number)}![{_title(item)}]({picture} "{_quoted(item.item_id)}")' if picture else ""
    name = "" if picture or web_address(item.url) else f" {escaped(f'[{_one_line(item.item_id)}]')}"
    return f"{number}**{_linked_title(item)}** ({price}){name}: {explanation}{shown}"


def _linked_title(item: Recommendation) -> str:
    url = web_address(item.url)
    return f'[{_title(item)}]({url} "{_quoted(item.item_id)}")' if url else _title(item)


def _title(item: Recommendation) -> str:
    return escaped(_one_line(item.title))


def _quoted(text: str) -> str:
    """A text as it stands in the double quotes of a link's title."""
    return escaped(_one_line(text)).replace('"', '\\"')


def _one_line(text: str) -> str:
    return " ".join(text.split())


def web_address(url: str | None) -> str | None:
    """The address as it stands in a link: nothing in it ends the link. None for all but http and https addresses."""
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return None
    if url is None or parts.scheme not in ("http", "https") or not parts.hostname or any(map(str.isspace, url)):
        return None
    return _BEFORE_ENTITY.sub("&amp;", quote(url, safe=_IN_ADDRESS, errors="replace"))


def session_as_markdown(session_id: str, turns: "Sequence[StoredTurn]") -> str:
    """A session as a readable document."""
    lines = [f"# Session {escaped(session_id)}", ""]
    for turn in turns:
        reply = turn.reply
        transcripts = [f"(voice {note.attachment}: {note.text})" for note in reply.query.transcripts]
        pictures = [f"(picture {note.attachment})" for note in reply.query.pictures]
        text = " ".join([turn.said, *transcripts, *pictures]).strip()
        lines += [f"**You:** {escaped(text)}", "", f"**Assistant:** {escaped(reply.message)}", ""]
        lines += [f"{part}\n" for part in (*_sections(reply), *_question(reply)) if part]
    return "\n".join(lines)


def escaped(text: str) -> str:
    """The text with everything escaped that Markdown would read as links, pictures, emphasis, code, lists, headings,
    tables or HTML; it looks the same once it is rendered, but for blanks at the beginnings of lines."""
    text = "\n".join(text.splitlines())
    for pattern, replacement in _ESCAPES:
        text = pattern.sub(replacement, text)
    return text
