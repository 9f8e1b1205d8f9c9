"""A turn where only the joint space of a CLIP model finds something: words in pictures, a photo in texts."""

from pathlib import Path
from typing import Any

import pytest

from assistant.errors import LLMUnavailable
from assistant.records import Reply
from tests.unit.agent.conftest import Stage

DOWN = LLMUnavailable("The language model cannot be reached.")
SENTENCES = {"text_picture": "its photo fits your words", "picture_text": "its text fits what your photo shows"}


def found(source: str, z: float) -> dict[str, Any]:
    """What a search finds whose texts have nothing to do with the wish: one item."""
    signals: list[dict[str, Any]] = [{"source": source, "score": 0.3, "rank": 1, "z": z}]
    if source == "text_picture":
        signals.append({"source": "dense", "score": 0.1, "rank": 1, "z": 0.5})
    return {"items": [{"item_id": "oak", "title": "Chair", "score": 0.1, "signals": signals}]}


async def asked(stage: Stage, source: str, z: float, file: Path) -> Reply:
    if source == "text_picture":
        stage.answers = {"search_by_text": found(source, z)}
        return (await stage.turn("a [thing:tent]", DOWN))[0]
    stage.answers = {"search_by_image": found(source, z)}
    return (await stage.turn("", DOWN, images=[file]))[0]


@pytest.mark.parametrize("source", list(SENTENCES))
async def test_what_fits_in_the_joint_space_alone_is_shown_and_says_so(stage: Stage, source: str, file: Path) -> None:
    reply = await asked(stage, source, 4.0, file)
    [item] = reply.recommendations
    assert [entry.sentence for entry in item.evidence if entry.source == source] == [SENTENCES[source]]


@pytest.mark.parametrize("source", list(SENTENCES))
async def test_what_does_not_fit_is_no_evidence(stage: Stage, source: str, file: Path) -> None:
    reply = await asked(stage, source, 2.0, file)
    assert [entry for item in reply.recommendations for entry in item.evidence if entry.source == source] == []
