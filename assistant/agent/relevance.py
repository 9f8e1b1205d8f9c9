"""Whether an item has to do with what was asked, by the strength of its signals.

Rank fusion orders items but cannot say that none of them fits: the nearest of 54 items is nearest even to "a violin",
and the nearest that costs under 20 dollars may be a skipping rope when shoes were asked for. So an item counts when a
signal is strong in itself and not far behind the best of its kind in the whole catalogue, constraints aside.

Strength is measured in z-scores (`tools.calibration`), so that the bounds hold for every encoder and catalogue.
docs/retrieval.md has how they were measured.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Literal

from tools.calibration import ALIKE, FITTING, JOINT_RELEVANT, SOUNDS_NEAR
from tools.records import Hit, Signal

Evidence = Literal["text", "picture", "sound", "picture_text", "text_picture"]
Best = Mapping[str, float]
"""The best score of each kind of evidence over the whole catalogue for what was asked."""

RELEVANT: Mapping[str, float] = {
    "text": FITTING, "picture": ALIKE, "sound": SOUNDS_NEAR,
    "picture_text": JOINT_RELEVANT, "text_picture": JOINT_RELEVANT,
}  # fmt: skip
"""From which z-score an item has to do with what was asked;
one wish in eight for goods that there are none of gets there."""

SHARE_OF_BEST: Mapping[str, float] = {
    "text": 0.6, "picture": 0.5, "sound": 0.5, "picture_text": 0.6, "text_picture": 0.6
}  # fmt: skip
"""How much of the best z-score an item must have."""

SAME_KIND = 0.8
"""From which share of the best z-score on an item is the very kind of thing that was asked for."""

NEAR = 2.7
"""From which z-score the best item may be shown, as no more than near."""

KEYWORDS = 3.0
"""What it adds to an item's z-score that it holds all words of the query."""

ENOUGH_WORDS = 0.5
"""An item counts by words alone when it holds more than this share of the query, rare words counting more."""

SHOWN = 8.0
"""From which z-score a picture shows this very item, and not one like it: photos of the sample's items, cropped, turned
and darkened, reach 7.9 to 13 with the item itself and up to 7.1 with any other."""

_KINDS: Mapping[str, Evidence] = {
    "picture": "picture", "sound": "sound", "picture_text": "picture_text", "text_picture": "text_picture"
}  # fmt: skip
"""By source of a signal, where the z-score counts by itself."""

QuerySignals = Iterable[tuple[str, Signal]]
"""What was asked, and how an item answered."""


def strength(signals: QuerySignals) -> dict[Evidence, float]:
    """An item's z-scores: of texts, with what its words add, for the query it fits best; of each other kind."""
    texts: defaultdict[str, list[Signal]] = defaultdict(list)
    strengths: dict[Evidence, float] = {}
    for query, signal in signals:
        if signal.source in ("dense", "keyword"):
            texts[query].append(signal)
        elif signal.z is not None and (kind := _KINDS.get(signal.source)):
            strengths[kind] = max(signal.z, strengths.get(kind, signal.z))
    scores = [
        sum((signal.z or 0.0) + KEYWORDS * (signal.share or 0.0) for signal in query_signals)
        for query_signals in texts.values()
        if any(signal.z is not None for signal in query_signals)
    ]
    return {**strengths, "text": max(scores)} if scores else strengths


def best_scores(hits: Iterable[tuple[str, Hit]]) -> dict[str, float]:
    """The best score of each kind of evidence among these hits, each with what was asked."""
    best: dict[str, float] = {}
    for query, hit in hits:
        for kind, score in strength((query, signal) for signal in hit.signals).items():
            best[kind] = max(score, best.get(kind, score))
    return best


def is_near(best: Best) -> bool:
    """True when something is not far from the wish, so that it may be shown as no more than near."""
    return best.get("text", 0.0) >= NEAR or _is_alike(best)


def is_near_enough(within: Best, best: Best) -> bool:
    """Whether what keeps the constraints comes near enough to the wish that none of them need give way.

    Args:
        within: the best scores of what keeps them.
        best: those over the whole catalogue.
    """
    text = within.get("text", 0.0) >= max(NEAR, SHARE_OF_BEST["text"] * best.get("text", 0.0))
    return text or _is_alike(within)


def _is_alike(best: Best) -> bool:
    return any(score >= RELEVANT[kind] for kind, score in best.items() if kind != "text")


def is_certain(best: Best) -> bool:
    """Whether something in the catalogue is what was asked for in words."""
    return best.get("text", 0.0) >= RELEVANT["text"]


def is_relevant(signals: QuerySignals, best: Best) -> bool:
    """True when one signal counts, or when there are none: a list without a question is all relevant.

    What the shop has pinned for the wish, or pinned and found to fit, counts.

    A photo or sound counts also where a catalogue has too few of them to say what is usual.
    """
    pairs = list(signals)
    if not pairs or any((signal.share or 0.0) > ENOUGH_WORDS or signal.source == "pinned" for _, signal in pairs):
        return True
    if any(signal.source in ("picture", "sound") and signal.z is None for _, signal in pairs):
        return True
    return any(
        score >= max(RELEVANT[kind], SHARE_OF_BEST[kind] * best.get(kind, score))
        for kind, score in strength(pairs).items()
    )


def is_shown(signals: QuerySignals) -> bool:
    """Whether a photo shows this very item."""
    return strength(signals).get("picture", 0.0) >= SHOWN


def is_same_kind(signals: QuerySignals, best: Best) -> bool:
    """Whether an item is the kind of thing that was asked for in words, and not only related to it."""
    score = strength(signals).get("text", 0.0)
    return score >= max(RELEVANT["text"], SAME_KIND * best.get("text", score))


def same_kind_ids(query: str, hits: Iterable[Hit], best: Best) -> list[str]:
    """The items of one search's result that are the very kind of thing, in its order."""
    return [hit.item_id for hit in hits if is_same_kind(((query, signal) for signal in hit.signals), best)]


def relevant_ids(query: str, hits: Iterable[Hit], best: Best) -> list[str]:
    """The items of one search's result that have to do with it, in its order."""
    return [hit.item_id for hit in hits if is_relevant(((query, signal) for signal in hit.signals), best)]
