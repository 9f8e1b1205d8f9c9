"""Whether an item has to do with what was asked, by the strength of its signals.

Rank fusion orders items but cannot say that none of them fits: the nearest of 54 items is nearest even to "a violin".
The bounds are cosines measured on the sample catalogue (docs/retrieval.md): pairs that belong together lie above them.
"""

from collections.abc import Iterable

from assistant.words import content_stems
from tools.records import Hit, Signal

DENSE = 0.30
PICTURE = 0.45
WORDS = 0.5
"""The share of the query's words that an item must mention to count by words alone."""


def is_relevant(signals: Iterable[tuple[str, Signal]]) -> bool:
    """True when one signal is strong, or when there are none: a list without a question is all relevant.

    Args:
        signals: what was asked, and how the item answered.
    """
    given = list(signals)
    return not given or any(_is_strong(asked, signal) for asked, signal in given)


def relevant_ids(asked: str, hits: Iterable[Hit]) -> list[str]:
    """The items of one search's result that have to do with it, in its order."""
    return [hit.item_id for hit in hits if is_relevant((asked, signal) for signal in hit.signals)]


def _is_strong(asked: str, signal: Signal) -> bool:
    if signal.source == "dense":
        return signal.score >= DENSE
    if signal.source == "picture":
        return signal.score >= PICTURE
    if signal.source == "keyword":
        words = content_stems(asked)
        return bool(signal.matched) and len(content_stems(" ".join(signal.matched))) >= WORDS * len(words)
    return False
