"""Which texts of a model may be said as they are: small talk and questions, which no evidence holds."""

import re
from collections.abc import Sequence
from typing import Final

from assistant.agent.anchoring import Words
from assistant.agent.reading.amounts import find_amounts
from assistant.understanding import CENT
from tools.records import Vocabulary

_ADDRESS = re.compile(r"://|www\.|@", re.IGNORECASE)
_LONGEST_QUERY: Final = 60
_PERCENTAGE = re.compile(r"\d\s*[%٪]")


def may_be_chatted(text: str, vocabulary: Vocabulary) -> bool:
    """Small talk names no number, which might be a price, and no brand."""
    folded = text.casefold()
    return (
        bool(text.strip()) and not re.search(r"\d", text) and not any(b.casefold() in folded for b in vocabulary.brands)
    )


def may_be_asked(text: str, words: Words, prices: Sequence[float]) -> bool:
    """A question offers nothing: it names no address, no share, and no sum beside the customer's and the items'."""
    if not text.strip() or _ADDRESS.search(text) or _PERCENTAGE.search(text):
        return False
    allowed = [*prices, *(amount.value for _, amount in words.sums())]
    sums = [
        amount
        for amount in find_amounts(text, words.language, currencies=words.vocabulary.currencies)
        if amount.is_money
    ]
    return all(any(abs(amount.value - value) <= CENT for value in allowed) for amount in sums)


def may_be_quoted(query: str) -> bool:
    """What a model searched for is told where it is short and names neither a number nor an address."""
    return len(query) <= _LONGEST_QUERY and not re.search(r"\d", query) and not _ADDRESS.search(query)
