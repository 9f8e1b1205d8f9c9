"""Both Whispers on real recordings: words where there are some, none where there are none."""

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.integration.tools.conftest import DATA
from tools.engines.speech import EngineName, SpeechEngine, make_speech_engine, speech_spans
from tools.media import SAMPLE_RATE, Audio, load_audio

pytestmark = pytest.mark.models

Sound = NDArray[np.float32]
NOISE = np.random.default_rng(7)


@pytest.fixture(scope="module", params=get_args(EngineName))
def engine(request: pytest.FixtureRequest, model_folder: Callable[[str], Path]) -> SpeechEngine:
    return make_speech_engine(request.param, model_folder("whisper-base"))


def recording(samples: Sound) -> Audio:
    return Audio(samples.astype(np.float32), len(samples) / SAMPLE_RATE)


def seconds(count: float) -> Sound:
    """Digital silence."""
    return np.zeros(int(count * SAMPLE_RATE), dtype=np.float32)


def noise(count: float, loudness: float) -> Sound:
    return NOISE.normal(0, loudness, int(count * SAMPLE_RATE)).astype(np.float32)


def music(count: float) -> Sound:
    """A tune over chords and a drum, with overtones: nothing that a voice would do."""
    at = np.arange(int(count * SAMPLE_RATE)) / SAMPLE_RATE
    sound = np.zeros_like(at)
    for beat in range(int(count / 0.4)):
        since = at - beat * 0.4
        struck = (since >= 0) * np.exp(-3 * np.clip(since, 0, None))
        for step in (NOISE.integers(-12, 12), 0, 4, 7):
            hertz = 330 * 2 ** (step / 12)
            sound += struck * sum(np.sin(2 * np.pi * hertz * over * since) / over for over in range(1, 5))
        sound += 2 * (since >= 0) * np.exp(-40 * np.clip(since, 0, None)) * NOISE.normal(size=len(at))
    return (0.8 * sound / np.abs(sound).max()).astype(np.float32)


def test_an_english_note(engine: SpeechEngine) -> None:
    transcript = engine.transcribe(load_audio(DATA / "voice-en.flac"))
    assert transcript.spoken
    assert transcript.language == "en"
    words = transcript.text.lower()
    assert all(word in words for word in ("camera", "300", "in stock"))
    assert transcript.confidence > 0.6
    assert transcript.segments[0].start < 0.5
    assert 3.5 < transcript.segments[-1].end <= transcript.seconds == pytest.approx(4.47, abs=0.01)


def test_a_mandarin_note(engine: SpeechEngine) -> None:
    transcript = engine.transcribe(load_audio(DATA / "voice-zh.flac"), language="Chinese")
    assert transcript.language == "zh"
    assert "黑色" in transcript.text
    assert any(word in transcript.text for word in ("衣服", "衣"))


def test_a_note_after_a_long_silence_keeps_its_place(engine: SpeechEngine) -> None:
    note = load_audio(DATA / "voice-en.flac").samples
    transcript = engine.transcribe(recording(np.concatenate([seconds(20), note, seconds(15)])))
    assert "camera" in transcript.text.lower()
    assert transcript.segments[0].start == pytest.approx(20, abs=0.5)
    assert transcript.segments[-1].end == pytest.approx(24, abs=0.7)
    assert "thank" not in transcript.text.lower()


def test_two_notes_with_music_between_them(engine: SpeechEngine) -> None:
    note = load_audio(DATA / "voice-en.flac").samples
    transcript = engine.transcribe(recording(np.concatenate([note, music(8), note])))
    assert transcript.text.lower().count("camera") == 2
    assert transcript.segments[0].end < 5
    assert transcript.segments[-1].end == pytest.approx(16.9, abs=0.7)


@pytest.mark.parametrize(
    "sound",
    [seconds(5), seconds(0.2), noise(10, 0.1), noise(10, 0.001), music(10), 0.3 * np.sin(np.arange(160_000) / 8)],
    ids=["silence", "a moment", "loud noise", "quiet noise", "music", "hum"],
)
def test_nothing_is_heard_where_nobody_speaks(engine: SpeechEngine, sound: Sound) -> None:
    transcript = engine.transcribe(recording(sound))
    assert (transcript.spoken, transcript.text, transcript.language) == (False, "", None)
    assert (transcript.segments, transcript.confidence) == ([], 0.0)


def test_a_voice_over_noise_is_still_found() -> None:
    note = load_audio(DATA / "voice-en.flac").samples
    spans = speech_spans(note + noise(len(note) / SAMPLE_RATE, float(np.std(note)) / 3)[: len(note)])
    assert len(spans) == 1
    assert sum(end - start for start, end in spans) > 3.5 * SAMPLE_RATE


def test_one_engine_serves_several_threads(engine: SpeechEngine) -> None:
    from concurrent.futures import ThreadPoolExecutor

    note = load_audio(DATA / "voice-en.flac")
    with ThreadPoolExecutor(2) as pool:
        texts = {transcript.text for transcript in pool.map(engine.transcribe, [note, note])}
    assert len(texts) == 1
