"""Whether an item has to do with what was asked, by the strength of its signals.

Rank fusion orders items but cannot say that none of them fits: the nearest of 54 items is nearest even to "a violin",
and the nearest that costs under 20 dollars may be a skipping rope when shoes were asked for. So a signal counts when it
is strong in itself and not far behind the best of its kind in the whole catalogue, constraints aside. The bounds are
cosines read off the sample catalogue (docs/retrieval.md): pairs that belong together lie above them.
"""

from collections.abc import Iterable, Mapping

from assistant.understanding.lexicon import has_cjk
from assistant.words import content_stems
from tools.records import Hit, Signal

STRONG = {"dense": 0.30, "picture": 0.45}
SHARE_OF_BEST = {"dense": 0.65, "picture": 0.5}
WORDS = 0.5
"""An item counts by words alone when it mentions more than this share of the query's."""

Best = Mapping[str, float]
"""Each source's best score over the whole catalogue for what was asked."""


def best_scores(hits: Iterable[Hit]) -> dict[str, float]:
    """The best score of each source among these hits."""
    best: dict[str, float] = {}
    for hit in hits:
        for signal in hit.signals:
            best[signal.source] = max(signal.score, best.get(signal.source, signal.score))
    return best


def is_relevant(signals: Iterable[tuple[str, Signal]], best: Best, language: str = "en") -> bool:
    """True when one signal counts, or when there are none: a list without a question is all relevant.

    Args:
        signals: what was asked, and how the item answered.
        best: see `best_scores`.
        language: the catalogue's; closeness of meaning says nothing of a Chinese question to an English text.
    """
    given = list(signals)
    return not given or any(_counts(asked, signal, best, language) for asked, signal in given)


def relevant_ids(asked: str, hits: Iterable[Hit], best: Best, language: str = "en") -> list[str]:
    """The items of one search's result that have to do with it, in its order."""
    return [hit.item_id for hit in hits if is_relevant(((asked, signal) for signal in hit.signals), best, language)]


def _counts(asked: str, signal: Signal, best: Best, language: str) -> bool:
    if signal.source == "keyword":
        words = content_stems(asked)
        return bool(signal.matched) and len(content_stems(" ".join(signal.matched))) > WORDS * len(words)
    if signal.source not in STRONG or (signal.source == "dense" and language == "en" and has_cjk(asked)):
        return False
    near_best = SHARE_OF_BEST[signal.source] * best.get(signal.source, signal.score)
    return signal.score >= max(STRONG[signal.source], near_best)
