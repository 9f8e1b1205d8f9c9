"""Made sounds: a few instruments by additive synthesis, each playing notes at a tempo around a pitch, with noise."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

RATE: Final = 16_000
Samples = NDArray[np.float32]
_Wave = NDArray[np.float64]

STEPS: Final = (0, 2, 4, 5, 7, 9)
"""Semitones above the pitch that melodies are made of."""


@dataclass(frozen=True)
class MadeSound:
    """What is played: an instrument of `INSTRUMENTS`, beats a minute, hertz of the lowest note."""

    instrument: str
    tempo: float
    pitch: float


def play(sound: MadeSound, rng: np.random.Generator, *, seconds: float = 6.0, noise: float = 20.0) -> Samples:
    """The sound at `RATE`: a note on each beat of a melody that is drawn, at a loudness that is drawn.

    Args:
        noise: the noise lies so many decibels below the sound.
    """
    count = int(seconds * RATE)
    samples = np.zeros(count + 4 * RATE)
    beat, at = 60 / sound.tempo, float(rng.uniform(0, 0.2))
    while at < seconds:
        pitch = sound.pitch * 2 ** (float(rng.choice(STEPS)) / 12)
        note = INSTRUMENTS[sound.instrument](pitch, beat, rng) * rng.uniform(0.7, 1.0)
        start = int(at * RATE)
        samples[start : start + len(note)] += note
        at += beat * float(rng.normal(1, 0.01))
    samples = samples[:count]
    power = float(np.sqrt(np.mean(samples**2)))
    samples += rng.normal(size=count) * power * 10 ** (-noise / 20)
    loud: Samples = (samples / np.abs(samples).max() * rng.uniform(0.2, 0.9)).astype(np.float32)
    return loud


def _time(seconds: float) -> _Wave:
    return np.arange(int(seconds * RATE)) / RATE


def _partials(pitch: float, t: _Wave, amplitudes: NDArray[np.float64], *, vibrato: float = 0.0) -> _Wave:
    """Harmonics of a pitch with these amplitudes; those above half the sample rate are left out."""
    phase = 2 * np.pi * pitch * (t - vibrato * np.cos(2 * np.pi * 5.5 * t) / (2 * np.pi * 5.5))
    audible = [(n, a) for n, a in enumerate(amplitudes, start=1) if n * pitch < RATE / 2]
    wave: _Wave = np.sum([a * np.sin(n * phase) for n, a in audible], axis=0) / float(np.sum(amplitudes))
    return wave


def _held(t: _Wave, attack: float, release: float) -> _Wave:
    """An envelope that rises, stays and falls; seconds."""
    envelope: _Wave = np.minimum(1, t / attack) * np.minimum(1, (t[-1] - t) / release)
    return envelope


def _flute(pitch: float, beat: float, rng: np.random.Generator) -> _Wave:
    t = _time(0.9 * beat)
    breath = np.convolve(rng.normal(size=len(t)), np.ones(8) / 8, "same")
    tone = _partials(pitch, t, np.array([1, 0.25, 0.06]), vibrato=0.004)
    return (tone + 0.06 * breath) * _held(t, 0.06, 0.08)


def _clarinet(pitch: float, beat: float, _: np.random.Generator) -> _Wave:
    t, n = _time(0.9 * beat), np.arange(1, 20)
    return _partials(pitch, t, np.where(n % 2, 1 / n**0.9, 0.02)) * _held(t, 0.04, 0.05)


def _violin(pitch: float, beat: float, _: np.random.Generator) -> _Wave:
    t, n = _time(0.98 * beat), np.arange(1, 30)
    return _partials(pitch, t, 1 / n**0.8, vibrato=0.008) * _held(t, 0.09, 0.06)


def _trumpet(pitch: float, beat: float, _: np.random.Generator) -> _Wave:
    t, n = _time(0.8 * beat), np.arange(1, 25)
    swell = np.minimum(1, t / 0.1)
    bright, dull = _partials(pitch, t, np.exp(-((n - 5) ** 2) / 18)), _partials(pitch, t, 1 / n**2.5)
    return (swell * bright + (1 - swell) * dull) * _held(t, 0.03, 0.05)


def _organ(pitch: float, beat: float, _: np.random.Generator) -> _Wave:
    t = _time(beat)
    return _partials(pitch, t, np.array([1, 0.8, 0.3, 0.7, 0, 0.2, 0, 0.5])) * _held(t, 0.01, 0.02)


def _guitar(pitch: float, beat: float, rng: np.random.Generator) -> _Wave:
    t, n = _time(min(2.0, 1.5 * beat)), np.arange(1, 16)
    place = rng.uniform(0.18, 0.22)  # where the string is plucked
    waves = [
        np.abs(np.sin(np.pi * k * place)) / k * np.sin(2 * np.pi * k * pitch * t) * np.exp(-t * (2 + 1.2 * k))
        for k in n
        if k * pitch < RATE / 2
    ]
    return np.asarray(np.sum(waves, axis=0) * np.minimum(1, t / 0.002))


def _bell(pitch: float, beat: float, _: np.random.Generator) -> _Wave:
    t = _time(min(3.0, 2.5 * beat))
    ratios = (0.5, 1.0, 1.19, 1.56, 2.0, 2.51, 3.01, 4.1)  # a church bell's
    waves = [
        np.sin(2 * np.pi * 2 * pitch * r * t) * np.exp(-t * (1.0 + 0.9 * r)) / (1 + 0.3 * n)
        for n, r in enumerate(ratios)
        if 2 * pitch * r < RATE / 2
    ]
    return np.asarray(np.sum(waves, axis=0) / 4 * np.minimum(1, t / 0.001))


def _drum(pitch: float, beat: float, rng: np.random.Generator) -> _Wave:
    t = _time(min(0.5, beat))
    skin = np.sin(2 * np.pi * (pitch / 2 * t + 6 * (1 - np.exp(-t * 30)) / 6)) * np.exp(-t * 14)
    return skin + 0.5 * rng.normal(size=len(t)) * np.exp(-t * 35)


INSTRUMENTS: Final[dict[str, Callable[[float, float, np.random.Generator], _Wave]]] = {
    "flute": _flute,
    "clarinet": _clarinet,
    "violin": _violin,
    "trumpet": _trumpet,
    "organ": _organ,
    "guitar": _guitar,
    "bell": _bell,
    "drum": _drum,
}


def encoded(samples: Samples, form: str = "wav", codec: str = "pcm_s16le", rate: int = RATE) -> bytes:
    """The bytes of a file, written by PyAV.

    Args:
        form: FFmpeg's name of the container.
        rate: the file's samples a second.
    """
    import av
    from av.audio.resampler import AudioResampler

    out = io.BytesIO()
    with av.open(out, "w", format=form) as container:
        stream: Any = container.add_stream(codec, rate=rate, layout="mono")
        resampler = AudioResampler(stream.format.name, "mono", rate, frame_size=stream.frame_size or None)
        whole = av.AudioFrame.from_ndarray((samples * 32767).astype(np.int16)[None], format="s16", layout="mono")
        whole.sample_rate = RATE
        for frame in (*resampler.resample(whole), *resampler.resample(None)):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()
