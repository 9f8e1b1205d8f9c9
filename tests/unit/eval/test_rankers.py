"""What the ranking-only baselines read of a conversation, over a real store and encoders that need no model."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assistant.ingest import Encoders, ingest
from assistant.settings import Settings
from eval.runs.answering import ReadyTurn
from eval.runs.baselines import rankers
from eval.runs.baselines.rankers import RANKERS, dense_items, keyword_items, picture_items, popular_items, random_items
from eval.runs.baselines.ranking import RankingAnswerer
from eval.suite.records import Turn
from tests.fakes.catalogues import lines, picture, write
from tests.fakes.encoders import HashPictures, HashText
from tools.errors import EncoderMismatch, MediaError
from tools.records import Transcript
from tools.store import Catalogue
from tools.toolbox import Engines

IDS = [f"item-{n}" for n in range(12)]


@dataclass
class Ears:
    """A speech engine that hears one sentence in everything, and counts."""

    name: str = "ears"
    transcriptions: int = 0

    def load(self) -> None:
        pass

    def transcribe(self, audio: Any, language: str | None = None) -> Transcript:  # noqa: ANN401
        self.transcriptions += 1
        return Transcript(text="A camera.", language="en", confidence=1, segments=[], seconds=1, spoken=True)


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[Engines]:
    """Twelve things, each with one picture."""
    with Catalogue.open(tmp_path / "data") as catalogue:
        fakes = Engines(catalogue=catalogue, text=HashText(), pictures=HashPictures(), speech=Ears())
        ingest(catalogue, [write(tmp_path / "shop", lines(12))], Encoders(fakes.text, fakes.pictures))
        yield fakes


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def turn_with(text: str = "", *, images: tuple[Path, ...] = (), audio: tuple[Path, ...] = ()) -> ReadyTurn:
    return ReadyTurn(Turn(text=text or "nothing"), text, list(images), list(audio))


def test_a_random_order_depends_on_the_seed_and_on_what_was_said_alone(engines: Engines, settings: Settings) -> None:
    first = random_items(engines, settings)([turn_with("a chair")])
    assert sorted(first) == sorted(IDS)
    assert random_items(engines, settings)([turn_with("a chair")]) == first
    assert random_items(engines, settings)([turn_with("a chair"), turn_with("a lamp")]) != first
    other = settings.model_copy(update={"llm": settings.llm.model_copy(update={"seed": 8})})
    assert random_items(engines, other)([turn_with("a chair")]) != first


def test_without_known_popularity_the_catalogues_order_stands_in_and_a_warning_says_so(
    engines: Engines, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert popular_items(engines, settings)([turn_with("a chair")]) == IDS
    assert "catalogue's own order" in caplog.text


def test_items_that_tell_their_popularity_come_in_its_order(
    engines: Engines, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [{**line, "purchases": bought} for line, bought in zip(lines(4), (3, 9, 0, 9), strict=True)]
    ingest(engines.catalogue, [write(tmp_path / "shop", rows)], Encoders(engines.text, engines.pictures))
    ranking = popular_items(engines, settings)([turn_with("a chair")])
    assert ranking[:3] == ["item-1", "item-3", "item-0"], "ties in the catalogue's order"
    assert caplog.text == ""


def test_keywords_are_looked_for_in_all_that_was_typed_and_spoken(
    engines: Engines, settings: Settings, recording: Path
) -> None:
    rank = keyword_items(engines, settings)
    assert set(rank([turn_with("a lamp please")])) == {"item-1", "item-8"}
    assert set(rank([turn_with("a lamp"), turn_with("in red")])) == {"item-1", "item-8", "item-0", "item-4"}
    turns = [turn_with(audio=(recording,)), turn_with("or a ball")]
    assert set(rank(turns)) == {"item-4", "item-11", "item-6"}
    assert rank([turn_with("", images=(recording,))]) == []


def test_a_recording_is_transcribed_once_in_a_conversation(
    engines: Engines, settings: Settings, recording: Path
) -> None:
    rank = keyword_items(engines, settings)
    turn = turn_with(audio=(recording,))
    rank([turn])
    rank([turn, turn_with("cheaper")])
    ears: Any = engines.speech
    assert ears.transcriptions == 1


def test_words_are_embedded_as_they_are_the_newest_first(engines: Engines, settings: Settings, recording: Path) -> None:
    rank, text = dense_items(engines, settings), engines.text
    ranking = rank([turn_with(" a lamp "), turn_with("in red", audio=(recording,))])
    assert isinstance(text, HashText)
    assert text.encoded[-1] == "in red\nA camera.\na lamp"
    assert sorted(ranking) == sorted(IDS)
    assert rank([turn_with(images=(recording,))]) == []


def test_a_photo_finds_the_same_photo_and_no_photo_finds_nothing(
    engines: Engines, settings: Settings, tmp_path: Path
) -> None:
    rank, shop = picture_items(engines, settings), tmp_path / "shop" / "images"
    photo, other = turn_with(images=(shop / "5-0.png",)), turn_with(images=(shop / "7-0.png", shop / "2-0.png"))
    assert rank([turn_with("a chair")]) == []
    assert rank([photo])[0] == "item-5"
    assert rank([photo, turn_with("cheaper")])[0] == "item-5", "the conversation is still about it"
    assert set(rank([photo, other])[:2]) == {"item-7", "item-2"}


def test_at_most_a_pool_of_items_is_ranked(
    engines: Engines, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rankers, "POOL", 3)
    turns = [turn_with("number", images=(picture(tmp_path / "photo.png", 77),))]
    assert {name: len(make(engines, settings)(turns)) for name, make in RANKERS.items()} == dict.fromkeys(RANKERS, 3)


def test_a_catalogue_of_other_encoders_is_refused_at_once(engines: Engines, settings: Settings) -> None:
    other = Engines(engines.catalogue, HashText("other"), HashPictures("other"), engines.speech)
    with pytest.raises(EncoderMismatch):
        dense_items(other, settings)
    with pytest.raises(EncoderMismatch):
        picture_items(other, settings)


async def test_a_conversation_remembers_its_turns_but_for_those_that_cannot_be_read() -> None:
    def count(turns: Any) -> list[str]:  # noqa: ANN401
        if turns[-1].text == "broken":
            raise MediaError("photo.jpg is not a picture.")
        return [turn.text for turn in turns]

    async with RankingAnswerer(count, shown_count=1).conversation() as conversation:
        first, broken, second = [await conversation.say(turn_with(text)) for text in ("one", "broken", "two")]
    assert (first.ranking, first.error) == (["one"], None)
    assert (broken.ranking, broken.error) == ([], "photo.jpg is not a picture.")
    assert (second.ranking, second.shown, second.reply) == (["one", "two"], ["one"], None)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A tenth of a second of a quiet tone."""
    import soundfile

    path = tmp_path / "voice.wav"
    soundfile.write(path, 0.1 * np.sin(np.arange(1600) / 5), 16_000)
    return path
