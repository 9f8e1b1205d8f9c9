"""Synthesised speech: speed, voices, noise at the ratio that was asked for."""

import wave
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from assistant.errors import BadInput, ServiceMissing
from eval.suite import speech
from eval.suite.records import VoiceAttachment
from eval.suite.speech import noise_for, speech_wav, synthesise, wav

SENTENCE = "Something like this, but cheaper, please."


def test_faster_speech_is_shorter() -> None:
    assert len(synthesise(SENTENCE, "en", 300)) < 0.7 * len(synthesise(SENTENCE, "en", 120))


def test_voices_sound_different() -> None:
    voices = ["en", "en-us", "en-us+f3", "en-gb-scotland", "de"]
    assert len({synthesise(SENTENCE, voice, 160).tobytes() for voice in voices}) == len(voices)


@pytest.mark.parametrize("ratio", [20, 0, -10])
def test_noise_has_the_ratio_and_falls_with_frequency(ratio: float) -> None:
    samples = np.sin(np.arange(32_000) / 20)
    noise = noise_for(samples, ratio, seed=7)
    assert 10 * np.log10(np.mean(samples**2) / np.mean(noise**2)) == pytest.approx(ratio)
    power = np.abs(np.fft.rfft(noise)) ** 2
    octaves = [power[start : 2 * start].sum() for start in (500, 1000, 2000, 4000)]
    assert max(octaves) < 1.3 * min(octaves), "pink: each octave has the same power"


def test_noise_depends_on_the_seed_and_on_nothing_else() -> None:
    samples = np.ones(1000)
    assert (noise_for(samples, 10, 1) == noise_for(samples, 10, 1)).all()
    assert (noise_for(samples, 10, 1) != noise_for(samples, 10, 2)).any()


def test_a_note_is_16_khz_mono_and_never_clipped() -> None:
    with wave.open(BytesIO(speech_wav(VoiceAttachment(say=SENTENCE, noise_db=-10)))) as reader:
        assert (reader.getframerate(), reader.getnchannels(), reader.getsampwidth()) == (16_000, 1, 2)
        samples = np.frombuffer(reader.readframes(reader.getnframes()), "<i2")
    assert np.abs(samples.astype(int)).max() <= round(speech.PEAK * 2**15)


def test_words_that_make_no_sound_are_refused() -> None:
    with pytest.raises(BadInput, match="espeak-ng says nothing for ' '"):
        synthesise(" ", "en", 160)


def test_samples_survive_the_file() -> None:
    with wave.open(BytesIO(wav(np.array([0.0, 0.5, -1.0, 2.0])))) as reader:
        assert np.frombuffer(reader.readframes(4), "<i2").tolist() == [0, 16384, -32767, 32767]


@pytest.mark.parametrize(
    ("script", "seconds", "message"),
    [
        ("import sys; sys.exit('No module named espeakng_loader')", 60, "Speech synthesis is not installed"),
        ("import os; os.abort()", 60, "espeak-ng did not speak: exit code -6"),
        ("import time; time.sleep(60)", 0.2, "did not speak a sentence within 0.2 seconds"),
    ],
)
def test_a_child_that_fails_is_told_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, seconds: float, message: str
) -> None:
    (tmp_path / "child.py").write_text(script)
    monkeypatch.setattr(speech, "CHILD", tmp_path / "child.py")
    monkeypatch.setattr(speech, "SECONDS", seconds)
    with pytest.raises(ServiceMissing, match=message):
        synthesise(SENTENCE, "en", 160)
