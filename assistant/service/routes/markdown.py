"""Replies and sessions as Markdown. What comes from items, users and models is text there: it makes no links, pictures,
markup or HTML, however it is rendered."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

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


def as_markdown(reply: Reply) -> str:
    """The message, the ranked items with their explanations, a question back, and what was left out."""
    parts = [escaped(reply.message), *_sections(reply), *_question(reply)]
    parts += [f"<{reply.cart.url}>"] if reply.cart and reply.cart.url else []
    parts += [f"> {escaped(' '.join(note.split()))}" for note in reply.degraded]
    return "\n\n".join(part for part in parts if part)


def _question(reply: Reply) -> list[str]:
    """What is asked back, and the answers to choose from as a list."""
    choices = "\n".join(f"- {escaped(' '.join(choice.split()))}" for choice in reply.choices)
    return [escaped(reply.question), choices] if reply.question else []


def _sections(reply: Reply) -> list[str]:
    """The items, each of several wishes under a heading of its own."""
    parts = []
    for group, items in reply.sections():
        parts += [f"**{escaped(' '.join(group.wish.split()))}**", escaped(group.message or "")] if group else []
        parts.append("\n".join(item_as_markdown(item) for item in items))
    return parts


def item_as_markdown(item: Recommendation) -> str:
    """One line of a numbered list."""
    explanation = " ".join(item.explanation.split())
    title = " ".join(item.title.split())
    price = escaped(sale_in_words(item))
    return f"{item.rank}. **{escaped(title)}** ({price}): {escaped(explanation)}"


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
