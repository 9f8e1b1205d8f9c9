"""What users say of themselves is found in no byte of the data folder afterwards, and in no prompt."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from assistant.privacy.masking import MARK
from assistant.records import Done
from tests.fakes.openai_server import FakeOpenAIServer
from tests.integration.masking.conftest import Made
from tools.records import Segment, Transcript
from tools.toolbox import Engines

pytestmark = pytest.mark.models
PHONE, CARD, NAME, EMAIL, WECHAT = "212-555-0123", "4111111111111111", "Winterbottom", "anna@example.com", "anna_1990"
PERSONAL = (PHONE, CARD, NAME, EMAIL, WECHAT)
VOICE = Path(__file__).parents[2] / "data" / "voice-en.flac"


class Hearing:
    """A speech engine that hears what a test wants."""

    def __init__(self, text: str) -> None:
        self._text = text

    def transcribe(self, path: Path, language: str | None = None) -> Transcript:
        segment = Segment(start=0.0, end=2.0, text=self._text)
        return Transcript(text=self._text, language="en", confidence=0.9, segments=[segment], seconds=2.0, spoken=True)


def found_in(folder: Path) -> list[tuple[Path, str]]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.name == "sessions.sqlite" for path in files)
    return [(path, word) for path in files for word in PERSONAL if word.encode() in path.read_bytes()]


def sent_to(model: FakeOpenAIServer) -> list[str]:
    assert model.requests
    return [word for word in (*PERSONAL, MARK) if word in json.dumps(model.requests, ensure_ascii=False)]


async def test_personal_data_of_a_message_is_neither_kept_nor_sent(
    assistant: Made, model: FakeOpenAIServer, tmp_path: Path
) -> None:
    async with assistant() as opened:
        said = (
            f"My name is Anna {NAME}, call {PHONE}, my wechat is {WECHAT}, card {CARD}. A desk lamp under 100 dollars"
        )
        first = await opened.reply(said)
        second = await opened.reply(f"and write to {EMAIL}, in black", session_id=first.session_id)
        assert found_in(tmp_path / "own") == [], "while the files are open, their logs with them"
    assert first.constraints["max_price"] == pytest.approx(100, abs=0.02)
    assert first.recommendations
    assert "personal data" in first.message
    assert second.query.text == "and write to ███, in black"
    assert found_in(tmp_path / "own") == []
    assert sent_to(model) == []


async def test_personal_data_of_a_recording_and_of_its_name_is_neither_kept_nor_sent(
    assistant: Made, shop_engines: Engines, model: FakeOpenAIServer, tmp_path: Path
) -> None:
    voice = tmp_path / f"{EMAIL}.flac"
    voice.write_bytes(VOICE.read_bytes())
    heard = Hearing(f"Please call {PHONE}, and nothing over $100.")
    async with assistant(replace(shop_engines, speech=heard)) as opened:  # type: ignore[arg-type]
        told = [event async for event in opened.stream("a chair", audio=[voice])]
    assert isinstance(told[-1], Done)
    reply = told[-1].reply
    assert reply.query.transcripts[0].text == "Please call ███, and nothing over $100."
    assert reply.query.attachments[0].name == "███"
    assert reply.constraints["max_price"] == 100
    assert [word for word in PERSONAL if any(word in event.model_dump_json() for event in told)] == []
    assert found_in(tmp_path / "own") == []
    assert sent_to(model) == []


async def test_the_search_of_the_folder_finds_what_was_not_masked(assistant: Made, tmp_path: Path) -> None:
    async with assistant(mask=False) as opened:
        await opened.reply(f"a chair, call {PHONE}")
    assert {word for _, word in found_in(tmp_path / "own")} == {PHONE}
