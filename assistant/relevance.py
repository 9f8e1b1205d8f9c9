"""Whether an item has to do with what was asked, by what it is and by the strength of its signals.

Rank fusion orders items but cannot say that none of them fits: the nearest of 54 items is nearest even to "a violin",
and the nearest that costs under 20 dollars may be a skipping rope when shoes were asked for. So an item counts when it
is of a kind that the wish names (the last word of its title, its category), or when a signal is strong in itself and
not far behind the best of its kind in the whole catalogue, constraints aside. The bounds are cosines read off the
sample catalogue (docs/retrieval.md): pairs that belong together lie above them.
"""

import re
from collections.abc import Iterable, Mapping

from assistant.understanding.lexicon import has_cjk
from assistant.words import content_stems
from tools.records import Hit, Signal

STRONG = {"dense": 0.30, "picture": 0.45}
STRONG_NAME = 0.40
"""The dense bound for a wish of one or two words ("electric guitar"): names of things lie nearer than sentences do."""

NAME_WORDS = 2
SHARE_OF_BEST = {"dense": 0.65, "picture": 0.5}
WORDS = 0.5
"""An item counts by words alone when it mentions more than this share of the query's."""

NEARER = 1.15
"""How much nearer, of what is best, an item must lie that is not of the kind that the wish names: a hammock is near to
"tent" (0.69 of the tent's own), and is none."""

VAGUE_WORDS = 4
VAGUE_BEST = 0.27
"""A wish of so many words may be worth an answer that is not near ("something to keep my hands warm on the balcony"),
where something lies this near (cosine of texts)."""

Best = Mapping[str, float]
"""Each source's best score over the whole catalogue for what was asked."""


def best_scores(hits: Iterable[Hit]) -> dict[str, float]:
    """The best score of each source among these hits."""
    best: dict[str, float] = {}
    for hit in hits:
        for signal in hit.signals:
            best[signal.source] = max(signal.score, best.get(signal.source, signal.score))
    return best


def kinds_of(hit: Hit) -> set[str]:
    """What an item is, as stems: the last word of its title and of the last level of its category."""
    leaf = (hit.category or "").split(">")[-1]
    lasts = [words[-1] for name in (hit.title, leaf) if (words := re.findall(r"[^\W\d_]+", name))]
    return content_stems(" ".join(lasts))


def wished_kinds(asked: Iterable[str], hits: Iterable[Hit]) -> list[str]:
    """The kinds of items that the words of a wish name, sorted; none for most vague wishes."""
    words = content_stems(" ".join(asked))
    return sorted(words & {kind for hit in hits for kind in kinds_of(hit)})


def is_vague(asked: Iterable[str], best: Best) -> bool:
    """True when a wish is told in many words, none of which need name a thing, and something is not far from it."""
    told = any(len(content_stems(words)) >= VAGUE_WORDS for words in asked)
    return told and best.get("dense", 0.0) >= VAGUE_BEST


def is_relevant(
    signals: Iterable[tuple[str, Signal]], best: Best, *, named: bool = False, language: str = "en"
) -> bool:
    """True when one signal counts, or when there are none: a list without a question is all relevant.

    Args:
        signals: what was asked, and how the item answered.
        best: see `best_scores`.
        named: whether the wish names a kind of item that there is.
        language: the catalogue's; closeness of meaning says nothing of a Chinese question to an English text.
    """
    given = list(signals)
    return not given or any(_counts(asked, signal, best, named, language) for asked, signal in given)


def relevant_ids(
    asked: str, hits: Iterable[Hit], best: Best, *, kinds: Iterable[str] = (), language: str = "en"
) -> list[str]:
    """The items of one search's result that have to do with it, in its order.

    Where the wish names kinds of items, those of another kind must lie nearer.
    """
    wished = set(kinds)
    nearer = {source: score * NEARER for source, score in best.items()} if wished else best
    return [
        hit.item_id
        for hit in hits
        if wished & kinds_of(hit)
        or is_relevant(((asked, one) for one in hit.signals), nearer, named=bool(wished), language=language)
    ]


def _counts(asked: str, signal: Signal, best: Best, named: bool, language: str) -> bool:
    words = content_stems(asked)
    if signal.source == "keyword":
        return bool(signal.matched) and len(content_stems(" ".join(signal.matched))) > WORDS * len(words)
    if signal.source not in STRONG or (signal.source == "dense" and language == "en" and has_cjk(asked)):
        return False
    is_name = signal.source == "dense" and not named and len(words) <= NAME_WORDS
    strong = STRONG_NAME if is_name else STRONG[signal.source]
    return signal.score >= max(strong, SHARE_OF_BEST[signal.source] * best.get(signal.source, signal.score))
