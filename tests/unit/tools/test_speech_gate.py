"""What surrounds Whisper: it gets only stretches with a voice, what it doubts is dropped, times are put back."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tools.engines import speech
from tools.engines.speech import (
    GatedWhisper,
    SpeechSegment,
    confidence,
    is_believable,
    make_speech_engine,
    recording_seconds,
)
from tools.errors import BadInput, ServiceMissing
from tools.media import SAMPLE_RATE, Audio

SPANS = [(1 * SAMPLE_RATE, 3 * SAMPLE_RATE), (10 * SAMPLE_RATE, 11 * SAMPLE_RATE)]


def segment(text: str = "hello there", start: float = 0, end: float = 1, **measures: float) -> SpeechSegment:
    scores = {"tokens": 4, "mean_logprob": -0.2, "no_speech": 0.1, "compression": 1.0} | measures
    return SpeechSegment(start, end, text, int(scores.pop("tokens")), **scores)


class Scripted(GatedWhisper):
    """Hears what the test says."""

    name = "scripted"

    def __init__(self, *pieces: SpeechSegment, languages: tuple[str, ...] = ()) -> None:
        super().__init__(Path("nowhere"), compute="int8", threads=1, languages=languages)
        self.pieces = list(pieces)
        self.given: list[tuple[int, str | None]] = []

    def _load(self) -> Any:  # noqa: ANN401 - as in the class under test
        return object()

    def _hear(self, samples: NDArray[np.float32], language: str | None) -> tuple[str, list[SpeechSegment]]:
        self.given.append((len(samples), language))
        return language or "en", self.pieces


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "speech_spans", lambda _: SPANS)


def audio(seconds: float = 12) -> Audio:
    return Audio(np.zeros(int(seconds * SAMPLE_RATE), dtype=np.float32), seconds)


@pytest.mark.usefixtures("spans")
def test_only_stretches_with_a_voice_reach_whisper_and_times_are_put_back() -> None:
    engine = Scripted(segment("one", 0, 2), segment("two", 2, 3))
    transcript = engine.transcribe(audio())
    assert engine.given == [(3 * SAMPLE_RATE, None)]
    assert transcript.text == "one two"
    assert [(piece.start, piece.end) for piece in transcript.segments] == [(1.0, 3.0), (10.0, 11.0)]
    assert (transcript.spoken, transcript.seconds, transcript.language) == (True, 12, "en")
    assert transcript.confidence == pytest.approx(math.exp(-0.2), abs=1e-4)


def test_silence_is_not_given_to_whisper() -> None:
    engine = Scripted(segment("Thank you for watching."))
    transcript = engine.transcribe(audio())
    assert engine.given == []
    assert (transcript.spoken, transcript.text, transcript.segments, transcript.confidence) == (False, "", [], 0.0)
    assert transcript.language is None


@pytest.mark.usefixtures("spans")
def test_text_that_whisper_doubts_is_no_speech() -> None:
    doubtful = [segment(mean_logprob=-2.0), segment(no_speech=0.9, mean_logprob=-1.2), segment("")]
    transcript = Scripted(*doubtful).transcribe(audio())
    assert (transcript.spoken, transcript.text) == (False, "")
    mixed = Scripted(segment("clear"), *doubtful).transcribe(audio())
    assert (mixed.spoken, mixed.text) == (True, "clear")


@pytest.mark.parametrize(
    ("piece", "believed"),
    [
        (segment(), True),
        (segment("  "), False),
        (segment("... ♪"), False),
        (segment(mean_logprob=-1.2), True),  # a voice was heard, and it is only hard to understand
        (segment(mean_logprob=-1.2, no_speech=0.7), False),
        (segment(mean_logprob=-0.3, no_speech=0.9), True),
        (segment(mean_logprob=-1.7), False),
        (segment(compression=3.0, tokens=12), True),  # "no, no, no, no": short repetitions are said by people
        (segment(compression=3.0, tokens=150), False),
    ],
)
def test_what_is_believed(piece: SpeechSegment, believed: bool) -> None:
    assert is_believable(piece) is believed


def test_confidence_weighs_pieces_by_their_tokens() -> None:
    long, short = segment(tokens=9, mean_logprob=-0.1), segment(tokens=1, mean_logprob=-2.0)
    assert confidence([long, short]) == pytest.approx(math.exp(-0.29), abs=1e-4)
    assert confidence([segment(tokens=0, mean_logprob=0.0)]) == 1.0


@pytest.mark.parametrize(
    ("seconds", "as_end", "expected"),
    [(0, False, 1.0), (1.5, False, 2.5), (2, True, 3.0), (2, False, 10.0), (2.5, False, 10.5), (99, True, 11.0)],
)
def test_places_in_the_recording(seconds: float, as_end: bool, expected: float) -> None:
    assert recording_seconds(seconds, SPANS, end=as_end) == expected


@pytest.mark.usefixtures("spans")
def test_chinese_pieces_are_joined_without_spaces() -> None:
    assert Scripted(segment("我想买鞋，"), segment("黑色的。")).transcribe(audio()).text == "我想买鞋，黑色的。"
    assert Scripted(segment("我想买"), segment("Nike")).transcribe(audio()).text == "我想买 Nike"


@pytest.mark.usefixtures("spans")
def test_a_language_may_be_given_by_name() -> None:
    engine = Scripted(segment())
    assert engine.transcribe(audio(), "Chinese").language == "zh"
    assert engine.given[0][1] == "zh"
    with pytest.raises(BadInput, match="There is no language 'elvish'"):
        engine.transcribe(audio(), "elvish")


def test_detection_considers_only_the_languages_that_are_set() -> None:
    probabilities = [("th", 0.5), ("en", 0.2), ("zh", 0.3)]
    assert Scripted()._likeliest(probabilities) == "th"
    assert Scripted(languages=("en", "zh"))._likeliest(probabilities) == "zh"


@pytest.mark.parametrize("engine", ["faster-whisper", "openai-whisper"])
def test_missing_and_damaged_weights_are_said_plainly(tmp_path: Path, engine: Any) -> None:  # noqa: ANN401
    with pytest.raises(ServiceMissing, match=f"The model .* for {engine} cannot be loaded: there is no"):
        make_speech_engine(engine, tmp_path).load()
    (tmp_path / "ct2").mkdir()
    (tmp_path / "ct2" / "model.bin").write_bytes(b"no weights")
    (tmp_path / "openai").mkdir()
    (tmp_path / "openai" / "base.pt").write_bytes(b"no weights")
    with pytest.raises(ServiceMissing, match=f"The model .* for {engine} cannot be loaded"):
        make_speech_engine(engine, tmp_path).load()


def test_unknown_languages_in_the_settings_are_refused() -> None:
    with pytest.raises(BadInput, match="elvish"):
        make_speech_engine("faster-whisper", Path("nowhere"), languages=["en", "elvish"])
