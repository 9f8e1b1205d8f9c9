"""What a sound encoder is, and two of them: statistics of the log-mel spectrogram, and any CLAP checkpoint.

`LogMel` needs no model. It says which shape the spectrum has, how much that changes, and how fast the sound beats. It
does not know what an instrument, a genre or a melody is. docs/retrieval.md has what it can tell apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from tools.engines.hub import cached_folder
from tools.engines.lazy import Lazy, importing, loading
from tools.engines.pictures import no_rows, unit_rows
from tools.engines.threads import set_torch_threads
from tools.engines.weights import weights_sha256
from tools.media import SAMPLE_RATE, Audio
from tools.records import EncoderIdentity
from tools.stopping import check_stopped

Vector = NDArray[np.float64]

QUIET: Final = 10 ** (-60 / 20)
"""The loudest sample of a sound that counts as silent: 60 dB below full scale."""

WINDOW, HOP = 1024, 256
"""Samples of a frame, and from one frame to the next: 64 and 16 ms."""
BANDS, LOWEST, HIGHEST = 64, 40, 7600
"""Bands of the mel scale, from so many hertz to so many."""
DEPTH = 50.0
"""Decibels below the loudest band at which the spectrogram is cut off."""
COEFFICIENTS = 20
"""Cepstral coefficients of a frame, without the first, the loudness: more would follow the pitch."""
SHARES = (0.7, 1.0, 1.0)
"""Weights of the coefficients' mean, deviation, and deviation from one frame to the next."""
TEMPI = np.geomspace(40, 320, 49)
"""Beats a minute at which the rhythm is looked at."""
RHYTHM = 0.5
"""Weight of the rhythm, the others together having 1."""
TOGETHER = 4096
"""Frames whose spectra are in memory at one time."""

CLAP_WINDOWS = 12
"""Windows of a long sound, evenly spread, that a CLAP model listens to."""
CLAP_FILES = ["*.json", "*.txt", "*.safetensors", "*.bin"]


class SoundEncoder(Protocol):
    """Sounds to vectors. Cheap to construct; loads on first use; safe to call from several threads."""

    @property
    def rate(self) -> int:
        """Samples a second that it takes."""

    @property
    def identity(self) -> EncoderIdentity:
        """Which encoder made the rows."""

    def load(self) -> None:
        """Load now what the first call would load.

        Raises:
            ServiceMissing: the model cannot be loaded.
        """

    def encode(self, sounds: Sequence[Audio]) -> NDArray[np.float32]:
        """Sounds at `rate`, none of them silent, to unit rows (n, d).

        Raises:
            ServiceMissing: the model cannot be loaded.
        """


def is_silent(sound: Audio) -> bool:
    """Whether nothing is to be heard."""
    return not bool(np.any(np.abs(sound.samples) > QUIET))


class LogMel:
    """Mean and spread over time of the cepstrum of the log-mel spectrogram, and the autocorrelation of its onsets."""

    rate = SAMPLE_RATE
    identity = EncoderIdentity(
        encoder="log-mel statistics",
        weights="none",
        preprocessing=f"1, {SAMPLE_RATE} Hz, {BANDS} bands, {COEFFICIENTS} coefficients, {len(TEMPI)} tempi",
        dimensions=3 * COEFFICIENTS + len(TEMPI),
    )

    def load(self) -> None:
        """Import the library that has the filters."""
        _filters()

    def encode(self, sounds: Sequence[Audio]) -> NDArray[np.float32]:
        """Sounds to vectors, as of `SoundEncoder`."""
        rows = [no_rows(self.identity.dimensions)]
        for sound in sounds:
            check_stopped()
            rows.append(_statistics(sound.samples)[np.newaxis].astype(np.float32))
        return unit_rows(np.concatenate(rows))


def _statistics(samples: NDArray[np.float32]) -> Vector:
    from scipy.fft import dct

    decibels = _log_mel(samples)
    heard = decibels[decibels.max(axis=1) > decibels.min()]
    cepstrum = dct(heard if len(heard) else decibels, axis=1, norm="ortho")[:, 1 : COEFFICIENTS + 1]
    change = np.diff(cepstrum, axis=0) if len(cepstrum) > 1 else np.zeros_like(cepstrum)
    blocks = (cepstrum.mean(axis=0), _above_usual(cepstrum.std(axis=0)), _above_usual(change.std(axis=0)))
    timbre = _unit(np.concatenate([share * _unit(block) for share, block in zip(SHARES, blocks, strict=True)]))
    return np.concatenate([timbre, RHYTHM * _unit(_rhythm(decibels))])


def _log_mel(samples: NDArray[np.float32]) -> Vector:
    """The power in each frame and band (frames, bands) in decibels, none more than `DEPTH` below the loudest."""
    padded = np.pad(samples, (WINDOW // 2, max(WINDOW // 2, 4 * WINDOW - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    window, filters = np.hanning(WINDOW), _filters()
    parts = [
        np.abs(np.fft.rfft(frames[start : start + TOGETHER] * window)) ** 2 @ filters
        for start in range(0, len(frames), TOGETHER)
    ]
    decibels = 10 * np.log10(np.maximum(np.concatenate(parts), 1e-12))
    cut: Vector = np.maximum(decibels, decibels.max() - DEPTH)
    return cut


@cache
def _filters() -> Vector:
    """Filters of the mel bands (bins, bands)."""
    with importing():
        from transformers.audio_utils import mel_filter_bank
    filters: Vector = mel_filter_bank(
        WINDOW // 2 + 1, BANDS, LOWEST, HIGHEST, SAMPLE_RATE, norm="slaney", mel_scale="slaney"
    )
    return filters


def _rhythm(decibels: Vector) -> Vector:
    """How much the onsets repeat at each of `TEMPI`: their autocorrelation at a beat's length, -1 to about 1."""
    onsets = np.maximum(0, decibels[2:] - decibels[:-2]).mean(axis=1)
    onsets = onsets - onsets.mean()
    count = len(onsets)
    repeated = np.fft.irfft(np.abs(np.fft.rfft(onsets, 2 * count)) ** 2)[:count]
    if repeated[0] <= 1e-9:
        return np.zeros(len(TEMPI))
    overlap = np.maximum(count - np.arange(count), count / 4) / count
    beats = 60 * SAMPLE_RATE / HOP / TEMPI
    at_beats: Vector = np.interp(beats, np.arange(count), repeated / repeated[0] / overlap, right=0.0)
    return at_beats


def _above_usual(spread: Vector) -> Vector:
    """Spreads, which are all positive, less half of their mean, so that unrelated sounds are less alike."""
    shifted: Vector = spread - 0.5 * spread.mean()
    return shifted


def _unit(row: Vector) -> Vector:
    scaled: Vector = row / max(1e-9, float(np.linalg.norm(row)))
    return scaled


@dataclass(frozen=True)
class _Clap:
    model: Any
    extractor: Any
    identity: EncoderIdentity


class ClapSounds:
    """A CLAP model of transformers: a folder, or a repository of the hub that lies in its cache on this machine."""

    def __init__(self, name: str, *, threads: int | None = None) -> None:
        self._name = name
        self._threads = threads
        self._loaded = Lazy(self._load)

    @property
    def rate(self) -> int:
        """Samples a second, as the checkpoint states them; loads the model."""
        return int(self._loaded().extractor.sampling_rate)

    @property
    def identity(self) -> EncoderIdentity:
        """Loads the model: its size is stated by its checkpoint only.

        Raises:
            ServiceMissing: the checkpoint is not here, or cannot be loaded.
        """
        return self._loaded().identity

    def load(self) -> None:
        """Load the model."""
        self._loaded()

    def encode(self, sounds: Sequence[Audio]) -> NDArray[np.float32]:
        """Sounds to vectors: the mean over the windows of each."""
        import torch

        loaded = self._loaded()
        set_torch_threads(self._threads)
        rows = [no_rows(loaded.identity.dimensions)]
        # windows are no longer than the extractor's, so that nothing is cut off by chance
        truncation = "fusion" if loaded.model.config.audio_config.enable_fusion else "rand_trunc"
        with torch.inference_mode():
            for sound in sounds:
                check_stopped()
                windows = _windows(sound.samples, int(loaded.extractor.nb_max_samples))
                features = loaded.extractor(
                    windows, sampling_rate=self.rate, truncation=truncation, return_tensors="pt"
                )
                vectors = loaded.model.get_audio_features(**features.to(loaded.model.device)).pooler_output
                rows.append(unit_rows(vectors.float().cpu().numpy()).mean(axis=0, keepdims=True))
        return unit_rows(np.concatenate(rows))

    def _load(self) -> _Clap:
        folder = Path(self._name).expanduser()
        if not folder.is_dir():
            folder = cached_folder(self._name, CLAP_FILES, "config.json")
        with loading(f"{self._name} for sounds"):
            with importing():
                import torch
                from transformers import ClapFeatureExtractor, ClapModel
            extractor = ClapFeatureExtractor.from_pretrained(folder, local_files_only=True)
            device = "cuda" if torch.cuda.is_available() else "cpu"
            model: Any = ClapModel.from_pretrained(folder, local_files_only=True)
            model.eval().to(device)
            identity = EncoderIdentity(
                encoder="CLAP",
                weights=weights_sha256(folder),
                preprocessing=f"{extractor.sampling_rate} Hz, at most {CLAP_WINDOWS} windows of "
                f"{extractor.nb_max_samples} samples",
                dimensions=int(model.config.projection_dim),
            )
            return _Clap(model, extractor, identity)


def _windows(samples: NDArray[np.float32], length: int) -> list[NDArray[np.float32]]:
    """The sound in parts of this length, the last one shorter; of many, `CLAP_WINDOWS` that are evenly spread."""
    starts = list(range(0, len(samples), length))
    if len(starts) > CLAP_WINDOWS:
        starts = [starts[round(n)] for n in np.linspace(0, len(starts) - 1, CLAP_WINDOWS)]
    return [samples[start : start + length] for start in starts]
