"""Texts to vectors, from a local folder: an ONNX text encoder, or any sentence-transformers model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Literal, Protocol
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from tools.engines.lazy import Lazy, loading
from tools.engines.weights import RowCache
from tools.records import EncoderIdentity

Purpose = Literal["query", "document", "classification"]
"""What a text is encoded for; models that were trained with prompts have one for each."""

CHARACTERS_A_TOKEN = 64
"""Texts are cut at this many characters for each token that the model reads, before they are split into tokens.

A token of an English text has 4 to 5 characters, so what is cut off would not have been read anyway, and
a description of a megabyte costs no more than a long one.
"""


@dataclass(frozen=True, eq=False)
class TokenStates:
    """A text's tokens in context: n tokens, without the model's special tokens and its prompt.

    ``offsets`` are characters (start, end) of the text, without spaces around the token; several tokens may make up one
    character, and what is not read has none. ``vectors`` (n, s) are the last hidden states, float32, not scaled;
    ``embedding`` (d,) is the text's sentence vector of unit length.
    """

    offsets: list[tuple[int, int]]
    vectors: NDArray[np.float32]
    embedding: NDArray[np.float32]


class TextModel(Protocol):
    """One kind of model folder."""

    @property
    def prompts(self) -> Mapping[Purpose, str]:
        """What is put before a text, by purpose."""

    @property
    def max_tokens(self) -> int:
        """How many tokens it reads, prompt included."""

    def identity(self, name: str) -> EncoderIdentity:
        """Known from the folder's files; the model is not loaded for it."""

    def load(self, texts: Sequence[str] | None = None) -> None:
        """Load now what these texts need; everything when None."""

    def encode(self, texts: Sequence[str], prompt: str, batch_size: int) -> NDArray[np.float32]:
        """Unit rows (n, d); at least one text."""

    def token_states(self, text: str, prompt: str) -> TokenStates:
        """Tokens and sentence vector in one pass."""


class TextEncoder:
    """A text encoder's folder; loaded on first use, never from the network.

    A folder that `assistant models pull` converted runs on ONNX Runtime, without torch; a sentence-transformers folder
    on torch. A text longer than the model reads (`max_tokens`) is represented by its beginning, in `encode`.
    """

    def __init__(
        self, folder: Path, *, name: str | None = None, threads: int | None = None, cache_folder: Path | None = None
    ) -> None:
        self.folder = folder
        self.name = name or folder.name
        self._threads = threads
        self._cache = RowCache(cache_folder)
        self._model = Lazy(self._open)

    @cached_property
    def identity(self) -> EncoderIdentity:
        """Known from the folder's files; the model is not loaded for it.

        Raises:
            ServiceMissing: the folder is no text encoder.
        """
        with loading(self.name):
            return self._model().identity(self.name)

    @property
    def max_tokens(self) -> int:
        """How many tokens of a text the model reads, prompt included."""
        return self._model().max_tokens

    def load(self, texts: Sequence[str] | None = None) -> None:
        """Load now what encoding these texts would load; everything when None.

        Raises:
            ServiceMissing: the model cannot be loaded.
        """
        with loading(self.name):
            self._model().load(texts)

    def encode(
        self, texts: Sequence[str], *, purpose: Purpose = "document", batch_size: int = 64
    ) -> NDArray[np.float32]:
        """Vectors of unit length, float32 (n, d), in the order of ``texts``.

        Batches are made of texts of similar length, so that little is spent on padding.

        Args:
            purpose: "query" for what is searched for, "document" for what is found, "classification" for classifiers.
            batch_size: how many texts at most run together.

        Raises:
            ServiceMissing: the model cannot be loaded.
        """
        if not texts:
            return np.zeros((0, self.identity.dimensions), dtype=np.float32)
        self.load(texts)
        model = self._model()
        rows = model.encode([self._cut(text) for text in texts], model.prompts.get(purpose, ""), batch_size)
        return np.ascontiguousarray(rows, dtype=np.float32)

    def encode_once(self, texts: Sequence[str], *, purpose: Purpose = "document") -> NDArray[np.float32]:
        """What `encode` gives, for a list that seldom changes: computed once, then kept on disk.

        Raises:
            ServiceMissing: the model cannot be loaded.
        """
        key = f"{self.identity.model_dump_json()} {purpose} {list(texts)}"
        vectors = self._cache.get(key, (len(texts), self.identity.dimensions))
        if vectors is None:
            vectors = self.encode(texts, purpose=purpose)
            self._cache.put(key, vectors)
        return vectors

    def token_states(self, text: str, *, purpose: Purpose = "query") -> TokenStates:
        """The tokens in context together with the sentence vector, which is what `encode` gives for this purpose.

        A text that is longer than the model reads is read in windows (`tools.engines.windows`), and the sentence vector
        is a mean of theirs.

        Raises:
            ServiceMissing: the model cannot be loaded.
        """
        from tools.engines.windows import in_windows  # brings its library

        self.load([text])
        model = self._model()
        prompt = model.prompts.get(purpose, "")

        def read(start: int, end: int) -> TokenStates:
            states = model.token_states(self._cut(text[start:end]), prompt)
            moved = [(first + start, last + start) for first, last in states.offsets]
            return TokenStates(moved, states.vectors, states.embedding)

        return in_windows(text, read)

    def _cut(self, text: str) -> str:
        return text[: self.max_tokens * CHARACTERS_A_TOKEN]

    def _open(self) -> TextModel:
        with loading(self.name), _OPENING:
            config = self.folder / "config.json"
            modified = config.stat().st_mtime_ns if config.exists() else 0
            key = (self.folder.resolve(), self._threads, modified)
            model = _OPEN.get(key) or self._opened()
            _OPEN[key] = model
            return model

    def _opened(self) -> TextModel:
        from tools.engines.text_onnx import OnnxTextModel, is_onnx_encoder  # brings its library
        from tools.engines.text_torch import SentenceTransformersModel  # brings its library

        if is_onnx_encoder(self.folder):
            return OnnxTextModel(self.folder, self._threads, self._cache.folder)
        return SentenceTransformersModel(self.folder, self._threads)


_OPEN: "WeakValueDictionary[tuple[Path, int | None, int], TextModel]" = WeakValueDictionary()
"""The models in use, so that encoders of one folder in one process hold its weights once."""
_OPENING = Lock()


def prompts_in_words(prompts: Mapping[Purpose, str]) -> str:
    """The prompts as part of an encoder's identity; empty for a model without."""
    descriptions = [f"{purpose} {prompt!r}" for purpose, prompt in prompts.items() if prompt]
    return f", prompts {', '.join(descriptions)}" if descriptions else ""


def own_tokens(
    text: str, prompt: str, offsets: Sequence[tuple[int, int]], special: Sequence[int]
) -> tuple[list[int], list[tuple[int, int]]]:
    """The tokens that belong to the text: their positions, and their characters as in `TokenStates`.

    Args:
        offsets: characters of each token in prompt and text together; (0, 0) for none.
        special: 1 for each token that the model adds.
    """
    begin = len(prompt)
    spans = enumerate(zip(offsets, special, strict=True))
    own = [(position, max(start - begin, 0), end - begin) for position, ((start, end), added) in spans if not added]
    inside = [(position, _trimmed(text, start, end)) for position, start, end in own if end > 0]
    return [position for position, _ in inside], [span for _, span in inside]


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without spaces at its ends; a span of spaces only stays."""
    inside = text[start:end]
    if not inside.strip():
        return start, end
    return start + len(inside) - len(inside.lstrip()), end - len(inside) + len(inside.rstrip())
