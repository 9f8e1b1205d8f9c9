"""What is asked in several ways at once: ways that contradict each other, that bring nothing, or that come late."""

import time
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from assistant.records import Reply
from tests.integration.bad_input import files
from tests.integration.bad_input.conftest import OpenAssistant
from tests.integration.bad_input.shop import ITEMS, PRICES, draw
from tests.integration.bad_input.test_injection import written
from tests.made_videos import make_video
from tools.engines import ocr, speech
from tools.engines.conse import ConseEncoder
from tools.errors import ServiceMissing

pytestmark = pytest.mark.models

LATE_SECONDS = 6.0
CHAIRS, LAMPS = {"oak", "cafe"}, {"lamp", "moon"}


def photo(folder: Path, item: str) -> Path:
    """The shop's picture of an item."""
    path = folder / f"{item}.png"
    draw([one["id"] for one in ITEMS].index(item)).save(path)
    return path


def silence(folder: Path) -> Path:
    path = folder / "silence.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(np.zeros(48_000, np.int16).tobytes())
    return path


def black(folder: Path) -> Path:
    Image.new("RGB", (300, 300)).save(folder / "black.png")
    return folder / "black.png"


def clip(folder: Path, *items: str, sound: bool = False) -> Path:
    """Each item for three seconds."""
    shots: list[tuple[str | Path, float]] = [(photo(folder, item), 3.0) for item in items]
    return make_video(folder / "clip.mp4", shots, size=(400, 400), sound=sound)


def late_answer(*_: object) -> None:
    time.sleep(LATE_SECONDS)
    raise ServiceMissing("nobody waits for this any more")


def best(reply: Reply) -> str:
    return reply.recommendations[0].item_id


# Contradictory -------------------------------------------------------------------------------------------------------


async def test_words_that_name_another_thing_than_the_picture_shows(opened: OpenAssistant, tmp_path: Path) -> None:
    async with opened() as assistant:
        reply = await assistant.reply("a chair to sit on", images=[photo(tmp_path, "moon")])
        assert best(reply) in CHAIRS
        reply = await assistant.reply("I want a lamp", video=[clip(tmp_path, "mug")])
        assert best(reply) in LAMPS


async def test_a_limit_in_words_holds_for_what_the_picture_shows(opened: OpenAssistant, tmp_path: Path) -> None:
    async with opened() as assistant:
        reply = await assistant.reply("like this, but under 50 dollars", images=[photo(tmp_path, "oak")])
    assert reply.recommendations
    assert all(PRICES[item.item_id] <= 50 for item in reply.recommendations)


async def test_words_say_which_of_the_things_in_a_video_is_meant(opened: OpenAssistant, tmp_path: Path) -> None:
    async with opened() as assistant:
        reply = await assistant.reply("the tent in this video", video=[clip(tmp_path, "mug", "tent")])
    assert best(reply) == "tent"


async def test_words_count_more_than_a_label_in_the_picture(opened: OpenAssistant, tmp_path: Path) -> None:
    async with opened() as assistant:
        reply = await assistant.reply("a coffee mug", images=[written(tmp_path / "label.png", "TEA POT")])
    assert best(reply) == "mug"


async def test_what_is_excluded_in_words_is_not_found_by_the_picture(opened: OpenAssistant, tmp_path: Path) -> None:
    async with opened() as assistant:
        reply = await assistant.reply("like this, but no lamp", images=[photo(tmp_path, "moon")])
    assert not LAMPS & {item.item_id for item in reply.recommendations}


async def test_written_words_choose_the_language_and_spoken_ones_count(opened: OpenAssistant) -> None:
    async with opened() as assistant:
        reply = await assistant.reply("Ich suche etwas dazu, höchstens 60 Dollar.", audio=[files.VOICE])
    assert reply.language == "de"
    assert reply.query.transcripts
    assert all(PRICES[item.item_id] <= 60 for item in reply.recommendations)


# Missing -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [black, lambda folder: written(folder / "noise.png", "#%& ~~ ||")])
async def test_a_picture_that_says_nothing_hinders_no_words(
    opened: OpenAssistant, tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    async with opened() as assistant:
        reply = await assistant.reply("a lamp for my desk", images=[make(tmp_path)])
    assert best(reply) in LAMPS
    assert not any(entry.source == "picture_words" for item in reply.recommendations for entry in item.evidence)


async def test_a_silent_recording_is_told_and_hinders_no_words(opened: OpenAssistant, tmp_path: Path) -> None:
    async with opened() as assistant:
        reply = await assistant.reply("a lamp for my desk", audio=[silence(tmp_path)])
    assert best(reply) in LAMPS
    assert any("aud1" in sentence for sentence in reply.degraded)


async def test_a_video_without_sound_or_with_a_tone_is_searched_by_what_it_shows(
    opened: OpenAssistant, tmp_path: Path
) -> None:
    async with opened() as assistant:
        for sound in (False, True):
            reply = await assistant.reply(video=[clip(tmp_path, "ring", sound=sound)])
            assert best(reply) == "ring"
            assert not any("vid1" in sentence for sentence in reply.degraded)


# Late ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("owner", "method", "tool"),
    [
        (ocr.RapidOcr, "read", "read_text"),
        (ConseEncoder, "labels", "describe_image"),
        (ConseEncoder, "encode", "search_by_image"),
    ],
)
async def test_a_late_tool_of_a_picture_is_told_and_the_rest_answers(
    opened: OpenAssistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: type[object], method: str, tool: str
) -> None:
    async with opened() as assistant:
        await assistant.reply("a lamp")  # what is loaded on first use is there
        with monkeypatch.context() as late:
            late.setattr("assistant.front.TOOL_SECONDS", 3.0)
            late.setattr(owner, method, late_answer)
            reply = await assistant.reply("a lamp for my desk", images=[photo(tmp_path, "lamp")])
        assert best(reply) in LAMPS
        assert next(step for step in reply.steps if step.tool == tool).ok is False
        assert any("did not work just now" in sentence for sentence in reply.degraded), reply.degraded
        again = await assistant.reply("a lamp for my desk", images=[photo(tmp_path, "lamp")])
        assert all(step.ok for step in again.steps)


async def test_a_late_transcript_is_told_and_the_words_answer(
    opened: OpenAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as assistant:
        await assistant.reply("a lamp")
        with monkeypatch.context() as late:
            late.setattr("assistant.front.TOOL_SECONDS", 3.0)
            late.setattr(speech.GatedWhisper, "transcribe", late_answer)
            reply = await assistant.reply("a lamp for my desk", audio=[files.VOICE])
        assert best(reply) in LAMPS
        assert reply.query.transcripts == []
        assert reply.degraded
