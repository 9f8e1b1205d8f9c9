"""Voice notes from words: espeak-ng speaks, noise is added, a WAV file of 16 kHz comes out.

Equal requests give equal bytes.
"""

import io
import json
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assistant.errors import BadInput, ServiceMissing
from eval.suite.records import VoiceAttachment
from tools.media import SAMPLE_RATE

CHILD = Path(__file__).with_name("espeak_child.py")
UNKNOWN_VOICE = 2
SECONDS = 60
PAUSE_SECONDS = 0.25
PEAK = 0.9


def speech_wav(note: VoiceAttachment) -> bytes:
    """What ``note.say`` sounds like: WAV, 16 kHz, mono, 16 bits.

    Raises:
        BadInput: espeak-ng has no such voice or language.
        ServiceMissing: espeak-ng is not installed or does not run.
    """
    samples = synthesise(note.say or "", note.voice or note.language, note.speed)
    pause = np.zeros(int(PAUSE_SECONDS * SAMPLE_RATE))
    samples = np.concatenate([pause, samples, pause])
    if note.noise_db is not None:
        samples = samples + noise_for(samples, note.noise_db, note.seed)
    return wav(samples * (PEAK / max(PEAK, float(np.abs(samples).max(initial=0)))))


def synthesise(text: str, voice: str, speed: int) -> NDArray[np.float64]:
    """Text as speech: samples (n,) at 16 kHz within -1 and 1.

    Raises:
        BadInput: there is no such voice, or nothing to be said.
        ServiceMissing: espeak-ng is not installed or does not run.
    """
    from scipy.signal import resample_poly

    request = json.dumps({"text": text, "voice": voice, "speed": speed}).encode()
    try:
        process = subprocess.run(  # noqa: S603 - a file of this package
            [sys.executable, "-P", str(CHILD)], input=request, capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired as exc:
        raise ServiceMissing(f"espeak-ng did not speak a sentence within {SECONDS} seconds.") from exc
    if process.returncode == UNKNOWN_VOICE:
        raise BadInput(
            f"{process.stderr.decode(errors='replace').strip()}; it has languages such as en, cmn, de, fr, es, accents "
            "such as en-us and en-gb-scotland, and variants of them such as en-us+f3."
        )
    if process.returncode:
        raise ServiceMissing(_why(process.stderr.decode(errors="replace"), process.returncode))
    rate = int.from_bytes(process.stdout[:4], "little")
    samples = np.frombuffer(process.stdout[4:], dtype="<i2") / 2**15
    if not samples.any():
        raise BadInput(f"espeak-ng says nothing for {text!r}; give words that can be spoken.")
    resampled: NDArray[np.float64] = resample_poly(samples, SAMPLE_RATE, rate)
    return resampled


def _why(stderr: str, code: int) -> str:
    if "espeakng_loader" in stderr:
        return "Speech synthesis is not installed; install it with: pip install 'recommendation-assistant[eval]'"
    last = stderr.strip().splitlines()[-1:] or [f"exit code {code}"]
    return f"espeak-ng did not speak: {last[0]}"


def noise_for(samples: NDArray[np.float64], ratio_db: float, seed: int) -> NDArray[np.float64]:
    """Pink noise (power falls with 1/f) of the samples' length, whose power lies ``ratio_db`` below theirs."""
    count = len(samples)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    frequencies = np.fft.rfftfreq(count)
    spectrum[0] = 0  # no constant part
    spectrum[1:] /= np.sqrt(frequencies[1:])
    noise = np.fft.irfft(spectrum, count)
    noise_power = np.mean(samples**2) / 10 ** (ratio_db / 10)
    scaled: NDArray[np.float64] = noise * np.sqrt(noise_power / np.mean(noise**2))
    return scaled


def silence_wav(seconds: float) -> bytes:
    """So many seconds in which nothing is heard."""
    return wav(np.zeros(round(seconds * SAMPLE_RATE)))


def wav(samples: NDArray[np.float64]) -> bytes:
    """Samples (n,) at 16 kHz within -1 and 1 as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(SAMPLE_RATE)
        writer.writeframes(np.rint(np.clip(samples, -1, 1) * (2**15 - 1)).astype("<i2").tobytes())
    return file.getvalue()
