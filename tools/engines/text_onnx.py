"""Text encoders on ONNX Runtime: model.onnx, tokenizer.json and a config.json that says how they belong together.

The model takes ``input_ids`` and ``attention_mask``, int64 (batch, length), and gives ``sentence_embedding`` (batch, d)
of unit length and ``token_states`` (batch, length, s).
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tools.cores import usable_cores
from tools.engines.lazy import Lazy, importing
from tools.engines.subwords import SubwordIndex
from tools.engines.text import Purpose, TokenStates, own_tokens, prompts_in_words
from tools.records import EncoderIdentity

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Encoding, Tokenizer

CONFIG, TOKENIZER = "config.json", "tokenizer.json"
FORMAT = "onnx text encoder"
TOKENS_TOGETHER = 2048
"""Tokens of one batch, padding included: more run no faster on a processor and hold more memory."""


def is_onnx_encoder(folder: Path) -> bool:
    """Whether the folder says that it is one."""
    return _config(folder).get("format") == FORMAT


def _config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return config if isinstance(config, dict) else {}


class OnnxTextModel:
    """One folder; the tokenizer and the model are loaded on first use."""

    def __init__(self, folder: Path, threads: int | None, cache_folder: Path | None) -> None:
        """``cache_folder`` keeps an index of the tokenizer, so that a first short text need not wait for it."""
        self._folder = folder
        self._threads = threads
        self._config = _config(folder)
        self.prompts: dict[Purpose, str] = self._config["prompts"]
        self.max_tokens = int(self._config["max_tokens"])
        self._tokenizer = Lazy(self._load_tokenizer)
        self._index = SubwordIndex(folder / TOKENIZER, cache_folder) if cache_folder else None
        self._session = Lazy(self._load_session)

    def identity(self, name: str) -> EncoderIdentity:
        """Upstream's weights, not those of the ONNX file: that differs between versions of the exporter."""
        prompts = prompts_in_words(self.prompts)
        return EncoderIdentity(
            encoder=name,
            weights=str(self._config["weights_sha256"]),
            preprocessing=f"first {self.max_tokens} tokens{prompts}, {self._config['quantisation']}, unit length",
            dimensions=int(self._config["dimensions"]),
        )

    def load(self, texts: Sequence[str] | None = None) -> None:
        """Load the model, and the tokenizer where it is not indexed for these texts."""
        self._session()
        if texts is None or not (self._index and self._index.is_for(texts)):
            self._tokenizer()

    def encode(self, texts: Sequence[str], prompt: str, batch_size: int) -> NDArray[np.float32]:
        """Unit rows (n, d), in the order of the texts."""
        encodings = self._split([prompt + text for text in texts])
        rows = np.empty((len(texts), int(self._config["dimensions"])), np.float32)
        for batch in _batches(encodings, batch_size):
            (rows[batch],) = self._run([encodings[position] for position in batch], ["sentence_embedding"])
        return rows

    def token_states(self, text: str, prompt: str) -> TokenStates:
        """One pass over one text."""
        (encoding,) = self._split([prompt + text])
        rows, states = self._run([encoding], ["sentence_embedding", "token_states"])
        positions, offsets = own_tokens(text, prompt, encoding.offsets, encoding.special_tokens_mask)
        return TokenStates(offsets, states[0][positions], rows[0])

    def _split(self, texts: Sequence[str]) -> "list[Encoding]":
        small = self._index.tokenizer_for(texts) if self._index and not self._tokenizer.is_made else None
        tokenizer = self._prepared(small) if small else self._tokenizer()
        return tokenizer.encode_batch(list(texts))

    def _run(self, encodings: Sequence["Encoding"], outputs: list[str]) -> list[NDArray[np.float32]]:
        """The model's outputs for texts of similar length, padded at their ends."""
        length = max(len(encoding) for encoding in encodings)
        ids = np.full((len(encodings), length), int(self._config["padding_id"]), np.int64)
        mask = np.zeros_like(ids)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding)] = encoding.ids
            mask[row, : len(encoding)] = 1
        results: list[NDArray[np.float32]] = self._session().run(outputs, {"input_ids": ids, "attention_mask": mask})
        return results

    def _load_tokenizer(self) -> "Tokenizer":
        with importing():
            from tokenizers import Tokenizer
        tokenizer = self._prepared(Tokenizer.from_file(str(self._folder / TOKENIZER)))
        if self._index:
            self._index.make()
        return tokenizer

    def _prepared(self, tokenizer: "Tokenizer") -> "Tokenizer":
        tokenizer.no_padding()
        tokenizer.enable_truncation(self.max_tokens)
        return tokenizer

    def _load_session(self) -> "InferenceSession":
        with importing():
            from onnxruntime import InferenceSession, SessionOptions
        options = SessionOptions()
        options.intra_op_num_threads = self._threads or usable_cores()
        options.log_severity_level = 3  # errors only
        # Threads that wait sleep: beside other work on the same cores, spinning halves the speed.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Planning which results share memory takes time that grows with the square of the nodes (EmbeddingGemma has
        # 2,081: 1.5 s of the 1.8 s that loading took). Without it the same memory is freed and taken again as it runs.
        options.enable_mem_reuse = False
        return InferenceSession(self._folder / "model.onnx", options, providers=["CPUExecutionProvider"])


def _batches(encodings: Sequence["Encoding"], most: int) -> Iterator[list[int]]:
    """Positions of texts of similar length, at most so many together; the longest first."""
    batch: list[int] = []
    for position in sorted(range(len(encodings)), key=lambda index: -len(encodings[index])):
        if batch and (len(batch) == most or (len(batch) + 1) * len(encodings[batch[0]]) > TOKENS_TOGETHER):
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch
