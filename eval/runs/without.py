"""Signals taken away from a turn, so that what each is worth can be measured.

``history`` and ``llm_rank`` belong to no turn: the run begins a new conversation for every turn, or sets
``turn.ranking`` to ``fused``.
"""

from collections.abc import Collection
from dataclasses import replace

from eval.runs.answering import ReadyTurn


def take_away(turn: ReadyTurn, without: Collection[str]) -> ReadyTurn | None:
    """The turn without its photos, recordings, videos or text; None when nothing is left to say.

    Args:
        turn: what would be sent; the suite's own turn in it stays as it is, because it is what the answer is held to.
        without: ``Variant.without``; what belongs to no turn is passed over.
    """
    remaining = replace(
        turn,
        text="" if "text" in without else turn.text,
        images=[] if "photo" in without else turn.images,
        audio=[] if "voice" in without else turn.audio,
        video=[] if "video" in without else turn.video,
    )
    return remaining if remaining.text.strip() or remaining.images or remaining.audio or remaining.video else None
