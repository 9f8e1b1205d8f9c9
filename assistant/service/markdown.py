"""A reply as Markdown. What comes from items, users and models is text there: it makes no links, pictures or markup."""

import re

from assistant.records import Recommendation, Reply
from assistant.render import price_in_words

_MARKUP = re.compile(r"([\\`*_\[\]<>])")


def as_markdown(reply: Reply) -> str:
    """The message, the ranked items with their explanations, and what was left out."""
    parts = [escaped(reply.message)]
    parts += ["\n".join(item_as_markdown(item) for item in reply.recommendations)] if reply.recommendations else []
    parts += [f"> {escaped(' '.join(note.split()))}" for note in reply.degraded]
    return "\n\n".join(part for part in parts if part)


def item_as_markdown(item: Recommendation) -> str:
    """One line of a numbered list."""
    explanation = " ".join(item.explanation.split())
    title = " ".join(item.title.split())
    return f"{item.rank}. **{escaped(title)}** ({price_in_words(item.price, item.currency)}): {escaped(explanation)}"


def escaped(text: str) -> str:
    """The text with the characters escaped that Markdown would read as links, pictures, emphasis, code or HTML."""
    return _MARKUP.sub(r"\\\1", text)
