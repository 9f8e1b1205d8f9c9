"""A turn with a recording of music or noises: it is searched by; a voice note stays what is said in it."""

from pathlib import Path
from typing import Any

import pytest

from assistant.agent.sounds import sounds_to_search_by
from assistant.errors import LLMUnavailable
from assistant.llm.client import ToolAnswer, ToolCall
from assistant.records import Attachment, Transcription
from tests.unit.agent.conftest import Stage
from tools.records import Transcript

DOWN = LLMUnavailable("The language model cannot be reached.")


def found(item_id: str, z: float = 2.0) -> dict[str, Any]:
    """What search_by_sound finds: one item."""
    signal = {"source": "sound", "score": 0.9, "rank": 1, "z": z}
    return {"items": [{"item_id": item_id, "title": "Chair", "score": 0.1, "signals": [signal]}]}


@pytest.fixture
def sounding(stage: Stage) -> Stage:
    """A shop whose first item has a recording."""
    first, *others = stage.shelf.items
    stage.shelf.items = [first.model_copy(update={"audio": ["creak.mp3"]}), *others]
    stage.answers = {"search_by_sound": found(first.id)}
    return stage


async def test_a_recording_without_speech_is_searched_by(sounding: Stage, file: Path) -> None:
    reply, _, _ = await sounding.turn("", DOWN, audio=[file])
    assert [(step.tool, step.arguments.get("audio")) for step in reply.steps] == [
        ("transcribe_audio", "aud1"), ("search_by_sound", "aud1"),
    ]  # fmt: skip
    [item] = reply.recommendations
    [entry] = [entry for entry in item.evidence if entry.source == "sound"]
    assert entry.sentence == "it sounds like your recording"
    assert "sounds like your recording" in item.explanation
    assert not any("aud1" in sentence for sentence in reply.degraded)
    assert reply.query.pictures == []


async def test_what_does_not_sound_alike_is_not_said_to(sounding: Stage, file: Path) -> None:
    said = {}
    for z in (0.5, 1.0):
        sounding.answers = {"search_by_sound": found("oak", z=z)}
        reply, _, _ = await sounding.turn("a [thing:chair]", DOWN, audio=[file])
        assert reply.recommendations
        said[z] = [e.sentence for item in reply.recommendations for e in item.evidence if e.source == "sound"]
    assert said == {0.5: [], 1.0: ["it sounds somewhat like your recording"]}


async def test_a_voice_note_stays_what_is_said_in_it(sounding: Stage, file: Path) -> None:
    sounding.transcript = "Nothing over [max:ninety] dollars."
    reply, _, _ = await sounding.turn("", DOWN, audio=[file])
    assert "search_by_sound" not in [step.tool for step in reply.steps]
    assert reply.constraints == {"max_price": 90}


async def test_what_is_sung_is_no_wish_where_the_sound_is_asked_for(sounding: Stage, file: Path) -> None:
    sounding.transcript = "Nothing over [max:ninety] dollars."
    reply, _, _ = await sounding.turn("a [thing:chair] that sounds like this", DOWN, audio=[file])
    assert "search_by_sound" in [step.tool for step in reply.steps]
    assert reply.constraints == {}
    assert reply.query.transcripts[0].text == "Nothing over ninety dollars."
    assert not any("aud1" in sentence for sentence in reply.degraded)


async def test_without_sounds_in_the_catalogue_nothing_changes(stage: Stage, file: Path) -> None:
    reply, _, _ = await stage.turn("a [thing:chair]", DOWN, audio=[file])
    assert "search_by_sound" not in [step.tool for step in reply.steps]
    assert "No speech was heard in aud1." in reply.degraded


async def test_silence_is_said_and_not_searched_by(sounding: Stage, file: Path) -> None:
    sounding.answers["transcribe_audio"] = {
        "text": "", "language": None, "confidence": 0.0, "segments": [], "seconds": 2.0, "spoken": False,
        "silent": True,
    }  # fmt: skip
    reply, _, _ = await sounding.turn("a [thing:chair] that sounds like this", DOWN, audio=[file])
    assert "search_by_sound" not in [step.tool for step in reply.steps]
    assert reply.degraded.count("No speech was heard in aud1.") == 1
    assert reply.recommendations


async def test_the_next_turn_goes_on_with_the_sound(sounding: Stage, file: Path) -> None:
    await sounding.turn("", DOWN, audio=[file])
    reply, _, _ = await sounding.turn("[max:under 90 dollars]", DOWN, act="refine")
    assert [(step.tool, step.arguments.get("audio")) for step in reply.steps][:1] == [("search_by_sound", "aud1")]


async def test_the_model_may_call_it_for_sounds_of_the_message_alone(sounding: Stage, file: Path) -> None:
    sounding.manner = sounding.manner.model_copy(update={"planner": "model"})
    other = ToolAnswer("", [ToolCall("1", "search_by_sound", {"audio": "/etc/passwd"})])
    _, _, chat = await sounding.turn("a [thing:chair]", other, ToolAnswer("", []), audio=[file])
    assert [call.arguments["audio"] for call in sounding.calls if call.tool == "search_by_sound"] == ["aud1"]
    assert any("is about no picture, video or sound" in str(message.content) for message in chat.asked[1][1])


@pytest.mark.parametrize(
    ("text", "spoken", "expected"),
    [
        ("", False, ["aud1"]),
        ("", True, []),
        ("a quiet chair", True, []),
        ("Find something that sounds like this", True, ["aud1"]),
        ("similar music please", True, ["aud1"]),
        ("Was klingt so ähnlich?", True, ["aud1"]),
        ("Algo que suene como esto, suena como un río", True, ["aud1"]),
        ("quelque chose qui sonne comme ça", True, ["aud1"]),
        ("听起来像这个的", True, ["aud1"]),
        ("sound system under 90", True, []),
        ("that sounds good", True, []),
    ],
)
def test_which_recordings_are_searched_by(sounding: Stage, text: str, spoken: bool, expected: list[str]) -> None:
    attachment = Attachment(id="aud1", kind="audio", path="a", name="a")
    transcript = Transcript(text="", language=None, confidence=0, segments=[], seconds=1, spoken=spoken)
    heard = [Transcription(attachment="aud1", transcript=transcript)]
    assert sounds_to_search_by(text, [attachment], heard, sounding.shelf) == expected  # type: ignore[arg-type]
