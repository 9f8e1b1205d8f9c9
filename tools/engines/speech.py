"""Speech to text: Whisper behind one protocol, never asked about a recording in which nobody speaks.

Whisper writes words for silence, noise and music ("Thank you."), so a voice activity model (Silero) listens first, and
Whisper gets only the stretches with a voice, joined, with a third of a second around each. docs/tools.md says how the
alternatives measured: the whole recording, and one call a stretch.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from tools.cores import usable_cores
from tools.engines.languages import language_code
from tools.engines.lazy import Lazy, importing, loading
from tools.engines.sounds import is_silent
from tools.engines.threads import set_torch_threads
from tools.media import SAMPLE_RATE, Audio
from tools.records import Segment, Transcript
from tools.stopping import check_stopped, stoppable

EngineName = Literal["faster-whisper", "openai-whisper"]
Compute = Literal["int8", "float32", "float16"]

AROUND = 0.3
"""Seconds kept before and after a stretch with a voice: soft first and last sounds escape the detector."""
PAUSE = 1.0
"""A pause shorter than this many seconds does not end a stretch: Whisper hears sentences better with their pauses."""

TEMPERATURES = (0.0, 0.4)
"""Tried in turn: the second where the first gives improbable or repetitive text. More tries cost time, not errors."""
BEAM = 5
MIN_LOGPROB = -1.0
MAX_COMPRESSION = 2.4
MAX_NO_SPEECH = 0.6
HOPELESS_LOGPROB = -1.6
LONG = 60
"""Whisper's own measures, the first three with its own values. Text below `HOPELESS_LOGPROB` is dropped in any case;
repetitive text only from `LONG` tokens on, since people do say "no, no, no"."""


@dataclass(frozen=True)
class SpeechSegment:
    """A stretch of text as an engine gives it; seconds count from the start of the sound that the engine was given."""

    start: float
    end: float
    text: str
    tokens: int
    mean_logprob: float
    no_speech: float
    compression: float


class SpeechEngine(Protocol):
    """Recordings to text. Cheap to construct; loads on first use; safe to call from several threads."""

    name: str

    def load(self) -> None:
        """Load now what the first call would load."""

    def transcribe(self, audio: Audio, language: str | None = None) -> Transcript:
        """What is said in a recording.

        Args:
            language: a code or an English name ("zh", "Chinese"); detected when None.

        Raises:
            BadInput: there is no such language.
            ServiceMissing: the model cannot be loaded.
        """


def make_speech_engine(
    engine: EngineName,
    folder: Path,
    compute: Compute = "int8",
    threads: int | None = None,
    languages: Sequence[str] = (),
) -> SpeechEngine:
    """An engine over a Whisper folder (``ct2/`` for faster-whisper, ``openai/*.pt`` for openai-whisper).

    Args:
        compute: number format of faster-whisper; openai-whisper computes in float32 on a processor.
        languages: when given, only these are considered where the language is detected.
    """
    codes = tuple(language_code(language) for language in languages)
    kind: type[GatedWhisper] = FasterWhisper if engine == "faster-whisper" else OpenAIWhisper
    return kind(folder, compute=compute, threads=threads, languages=codes)


class GatedWhisper(ABC):
    """What both engines share: voice activity before, and a look at Whisper's own doubts after."""

    name: str

    def __init__(self, folder: Path, *, compute: Compute, threads: int | None, languages: Sequence[str]) -> None:
        self.folder = folder
        self._compute = compute
        self._threads = threads
        self._languages = languages
        self._model = Lazy(self._load)

    def load(self) -> None:
        """Load the model and the voice activity model."""
        self._model()
        speech_spans(np.zeros(SAMPLE_RATE, dtype=np.float32))

    def transcribe(self, audio: Audio, language: str | None = None) -> Transcript:
        """What is said; ``confidence`` is exp of the mean log probability of the text's tokens."""
        code = language_code(language) if language else None
        spans = speech_spans(audio.samples)
        if not spans:
            return _nothing_spoken(audio)
        check_stopped()
        joined = np.concatenate([audio.samples[start:end] for start, end in spans])
        detected, pieces = self._hear(joined, code)
        believed = [piece for piece in pieces if is_believable(piece)]
        if not believed:
            return _nothing_spoken(audio)
        return Transcript(
            text=_joined_text(believed),
            language=detected,
            confidence=confidence(believed),
            segments=[
                Segment(
                    start=recording_seconds(piece.start, spans),
                    end=recording_seconds(piece.end, spans, end=True),
                    text=piece.text,
                )
                for piece in believed
            ],
            seconds=round(audio.seconds, 3),
            spoken=True,
        )

    @abstractmethod
    def _load(self) -> Any: ...  # noqa: ANN401 - the libraries' models have no common type

    @abstractmethod
    def _hear(self, samples: NDArray[np.float32], language: str | None) -> tuple[str, list[SpeechSegment]]:
        """Language and text of sound that holds a voice."""

    def _likeliest(self, probabilities: Iterable[tuple[str, float]]) -> str:
        """The most probable language among those considered."""
        considered = [pair for pair in probabilities if not self._languages or pair[0] in self._languages]
        return max(considered, key=lambda pair: pair[1])[0]


class FasterWhisper(GatedWhisper):
    """CTranslate2's Whisper: on a processor 3 times faster than the original with the same words."""

    name = "faster-whisper"

    def _load(self) -> Any:  # noqa: ANN401
        folder = self.folder / "ct2"
        with loading(f"{self.folder.name} for {self.name}"):
            if not (folder / "model.bin").is_file():
                raise FileNotFoundError(f"there is no {folder / 'model.bin'}")
            with importing():
                from faster_whisper import WhisperModel
            return WhisperModel(
                str(folder),
                device="auto",
                compute_type=self._compute,
                cpu_threads=self._threads or usable_cores(),
                local_files_only=True,
            )

    def _hear(self, samples: NDArray[np.float32], language: str | None) -> tuple[str, list[SpeechSegment]]:
        model = self._model()
        code = language or self._likeliest(model.detect_language(whole_window(samples))[2])
        segments, _ = model.transcribe(
            samples,
            language=code,
            beam_size=BEAM,
            temperature=list(TEMPERATURES),
            log_prob_threshold=MIN_LOGPROB,
            compression_ratio_threshold=MAX_COMPRESSION,
            no_speech_threshold=MAX_NO_SPEECH,
            condition_on_previous_text=False,  # a misheard window must not lead the next ones astray
        )
        return code, [
            SpeechSegment(
                piece.start,
                piece.end,
                piece.text.strip(),
                len(piece.tokens),
                piece.avg_logprob,
                piece.no_speech_prob,
                piece.compression_ratio,
            )
            for piece in stoppable(segments)  # each is computed when it is asked for
        ]


class OpenAIWhisper(GatedWhisper):
    """OpenAI's own implementation, in torch."""

    name = "openai-whisper"

    def __init__(self, folder: Path, *, compute: Compute, threads: int | None, languages: Sequence[str]) -> None:
        super().__init__(folder, compute=compute, threads=threads, languages=languages)
        self._alone = Lock()  # decoding hangs its cache of keys and values on the model, which all threads share

    def _load(self) -> Any:  # noqa: ANN401
        with loading(f"{self.folder.name} for {self.name}"):
            files = sorted((self.folder / "openai").glob("*.pt"))
            if not files:
                raise FileNotFoundError(f"there is no {self.folder / 'openai'}/*.pt")
            with importing():
                import whisper
            return whisper.load_model(str(files[0]))  # reads with weights_only: nothing in the file is run

    def _hear(self, samples: NDArray[np.float32], language: str | None) -> tuple[str, list[SpeechSegment]]:
        import torch

        model = self._model()
        set_torch_threads(self._threads)
        with self._alone, torch.inference_mode():
            check_stopped()
            code = language or self._detect(model, samples)
            output = model.transcribe(
                samples,
                language=code,
                beam_size=BEAM,
                temperature=TEMPERATURES,
                logprob_threshold=MIN_LOGPROB,
                compression_ratio_threshold=MAX_COMPRESSION,
                no_speech_threshold=MAX_NO_SPEECH,
                condition_on_previous_text=False,
                fp16=model.device.type == "cuda",
                verbose=None,
            )
        return code, [
            SpeechSegment(
                piece["start"],
                piece["end"],
                piece["text"].strip(),
                len(piece["tokens"]),
                piece["avg_logprob"],
                piece["no_speech_prob"],
                piece["compression_ratio"],
            )
            for piece in output["segments"]
        ]

    def _detect(self, model: Any, samples: NDArray[np.float32]) -> str:  # noqa: ANN401
        from whisper.audio import N_FRAMES, N_SAMPLES, log_mel_spectrogram, pad_or_trim

        mel = log_mel_spectrogram(samples, model.dims.n_mels, padding=N_SAMPLES)
        _, probabilities = model.detect_language(pad_or_trim(mel, N_FRAMES).to(model.device))
        return self._likeliest(probabilities.items())


def whole_window(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sound filled up with silence to Whisper's 30 seconds, as OpenAI's code does before it detects the language.

    faster-whisper fills up the spectrogram with zeros instead, which stand for sound: short notes in Mandarin were
    taken for English.
    """
    return np.pad(samples, (0, max(0, 30 * SAMPLE_RATE - len(samples))))


def speech_spans(samples: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Where somebody speaks: (start, end) in samples, in order, not overlapping; empty when nobody does."""
    with importing():
        from faster_whisper.vad import VadOptions, get_speech_timestamps
    options = VadOptions(
        min_speech_duration_ms=100, min_silence_duration_ms=int(PAUSE * 1000), speech_pad_ms=int(AROUND * 1000)
    )
    return [(span["start"], span["end"]) for span in get_speech_timestamps(samples, options)]


def is_believable(piece: SpeechSegment) -> bool:
    """False for text without a word, and for text that Whisper itself doubts.

    That is: improbable, rather improbable where it hears no voice, or long and going round in circles.
    """
    if not any(character.isalnum() for character in piece.text) or piece.mean_logprob < HOPELESS_LOGPROB:
        return False
    if piece.compression > MAX_COMPRESSION and piece.tokens > LONG:
        return False
    return not (piece.no_speech > MAX_NO_SPEECH and piece.mean_logprob < MIN_LOGPROB)


def confidence(pieces: Sequence[SpeechSegment]) -> float:
    """Geometric mean of the tokens' probabilities, between 0 and 1."""
    tokens = sum(max(1, piece.tokens) for piece in pieces)
    total = sum(piece.mean_logprob * max(1, piece.tokens) for piece in pieces)
    return round(min(1.0, math.exp(total / tokens)), 4)


def recording_seconds(seconds: float, spans: Sequence[tuple[int, int]], *, end: bool = False) -> float:
    """A time in the joined stretches as a time in the recording; at a seam, the end of one or the start of the next."""
    remaining_samples = seconds * SAMPLE_RATE
    for start, stop in spans:
        length = stop - start
        if remaining_samples < length or (end and remaining_samples <= length):
            return round((start + remaining_samples) / SAMPLE_RATE, 2)
        remaining_samples -= length
    return round(spans[-1][1] / SAMPLE_RATE, 2)


def _joined_text(pieces: Sequence[SpeechSegment]) -> str:
    """The pieces in one line; scripts written without spaces get none."""
    text = pieces[0].text
    for piece in pieces[1:]:
        tight = _is_unspaced(text[-1:]) and _is_unspaced(piece.text[:1])
        text += piece.text if tight else f" {piece.text}"
    return text


def _is_unspaced(character: str) -> bool:
    """Chinese and Japanese characters and their punctuation."""
    return "\u3000" <= character <= "\u9fff" or "\uff00" <= character <= "\uffef"


def _nothing_spoken(audio: Audio) -> Transcript:
    return Transcript(
        text="", language=None, confidence=0.0, segments=[], seconds=round(audio.seconds, 3), spoken=False,
        silent=is_silent(audio),
    )  # fmt: skip
