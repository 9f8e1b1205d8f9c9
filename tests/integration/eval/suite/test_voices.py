"""Synthesised voice notes as the product's own Whisper hears them."""

from pathlib import Path

import pytest

from assistant.engines import open_engines
from assistant.settings import load_settings
from eval.suite.records import VoiceAttachment
from eval.suite.speech import speech_wav
from tools.engines.speech import SpeechEngine
from tools.media import load_audio

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def whisper() -> SpeechEngine:
    return open_engines(load_settings()).speech


@pytest.mark.parametrize(
    ("note", "language", "words"),
    [
        ({"say": "I am looking for a black running shoe under one hundred dollars."}, "en", ["running shoe", "100"]),
        ({"say": "Something like this, but cheaper, please.", "voice": "en-us"}, "en", ["like this", "cheaper"]),
        ({"say": "Something like this, but cheaper, please.", "noise_db": 20}, "en", ["like this", "cheaper"]),
        ({"say": "¿Tienes algo más barato?", "language": "es", "speed": 105}, "es", ["más barato"]),
    ],
)
def test_whisper_understands_a_synthesised_note(
    whisper: SpeechEngine, tmp_path: Path, note: dict[str, object], language: str, words: list[str]
) -> None:
    (tmp_path / "note.wav").write_bytes(speech_wav(VoiceAttachment.model_validate(note)))
    transcript = whisper.transcribe(load_audio(tmp_path / "note.wav"))
    assert transcript.language == language
    assert [word for word in words if word in transcript.text] == words
