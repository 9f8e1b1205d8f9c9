"""Texts to vectors, through sentence-transformers, from a local folder."""

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tools.engines.lazy import Lazy, importing, loading
from tools.engines.threads import set_torch_threads
from tools.engines.weights import weights_sha256
from tools.records import EncoderIdentity

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

CHARACTERS_A_TOKEN = 64
"""Texts are cut at this many characters for each token that the model reads, before they are split into tokens.

A token of an English text has 4 to 5 characters, so what is cut off would not have been read anyway, and
a description of a megabyte costs no more than a long one.
"""


class TextEncoder:
    """A sentence-transformers folder; loaded on first use, never from the network.

    A text longer than the model reads (256 tokens for all-MiniLM-L6-v2, about 190 English words) is represented by
    its beginning.
    """

    def __init__(self, folder: Path, *, name: str | None = None, threads: int | None = None) -> None:
        self.folder = folder
        self.name = name or folder.name
        self._threads = threads
        self._model = Lazy(self._load)

    @cached_property
    def identity(self) -> EncoderIdentity:
        """Known from the folder's files; the model is not loaded for it.

        Raises:
            ServiceMissing: the folder is not a sentence-transformers model.
        """
        with loading(self.name):
            return EncoderIdentity(
                encoder=self.name,
                weights=weights_sha256(self._transformer_folder()),
                preprocessing=f"first {self.max_tokens} tokens, unit length",
                dimensions=self._dimensions(),
            )

    @cached_property
    def max_tokens(self) -> int:
        """How many tokens of a text the model reads."""
        stated = _json(self._transformer_folder() / "sentence_bert_config.json").get("max_seq_length")
        return int(stated or _json(self._transformer_folder() / "config.json").get("max_position_embeddings", 512))

    def load(self) -> None:
        """Load now what the first `encode` would load."""
        self._model()

    def encode(self, texts: Sequence[str], *, batch_size: int = 64) -> NDArray[np.float32]:
        """Vectors of unit length, float32 (n, d), in the order of ``texts``.

        Batches are made of texts of similar length, so that little is spent on padding.
        """
        if not texts:
            return np.zeros((0, self.identity.dimensions), dtype=np.float32)
        model = self._model()
        set_torch_threads(self._threads)
        most = self.max_tokens * CHARACTERS_A_TOKEN
        rows = model.encode(
            [text[:most] for text in texts],
            batch_size=batch_size,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return np.ascontiguousarray(rows, dtype=np.float32)

    def _load(self) -> "SentenceTransformer":
        with loading(self.name):
            if not (self.folder / "modules.json").is_file():
                raise FileNotFoundError(f"{self.folder} is not a sentence-transformers folder (no modules.json)")
            with importing():
                from sentence_transformers import SentenceTransformer
                from transformers.utils.logging import disable_progress_bar

                disable_progress_bar()  # type: ignore[no-untyped-call] # a bar for a tenth of a second of reading
            return SentenceTransformer(str(self.folder), local_files_only=True, trust_remote_code=False)

    def _transformer_folder(self) -> Path:
        return self.folder / str(self._modules()[0]["path"])

    def _modules(self) -> list[dict[str, Any]]:
        with loading(self.name):
            modules: list[dict[str, Any]] = json.loads((self.folder / "modules.json").read_text())
            return modules

    def _dimensions(self) -> int:
        """Width of the last module that states one: a dense layer may change what pooling gives."""
        found = int(_json(self._transformer_folder() / "config.json").get("hidden_size", 0))
        for module in self._modules()[1:]:
            config = _json(self.folder / str(module["path"]) / "config.json")
            found = int(config.get("out_features") or config.get("word_embedding_dimension") or found)
        return found


def _json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty where there is no such file."""
    try:
        value = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return value if isinstance(value, dict) else {}
