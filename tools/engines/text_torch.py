"""Text encoders through sentence-transformers."""

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tools.engines.lazy import Lazy, importing
from tools.engines.text import Purpose, TokenStates, own_tokens, prompts_in_words
from tools.engines.threads import set_torch_threads
from tools.engines.weights import weights_sha256
from tools.records import EncoderIdentity

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PROMPT_NAMES: dict[Purpose, tuple[str, ...]] = {
    "query": ("query",),
    "document": ("document", "passage"),
    "classification": ("Classification", "classification"),
}
"""What models call their prompts, the first that is there counts."""


class SentenceTransformersModel:
    """One folder; torch and the model are loaded on first use."""

    def __init__(self, folder: Path, threads: int | None) -> None:
        self._folder = folder
        self._threads = threads
        self._model = Lazy(self._load)

    @cached_property
    def prompts(self) -> dict[Purpose, str]:
        """The prompts that the folder states; most models have none."""
        stated = _json(self._folder / "config_sentence_transformers.json").get("prompts") or {}
        prompts = {purpose: next(filter(None, map(stated.get, names)), "") for purpose, names in PROMPT_NAMES.items()}
        return {purpose: prompt for purpose, prompt in prompts.items() if prompt}

    @cached_property
    def max_tokens(self) -> int:
        """What the folder states."""
        stated = _json(self._transformer_folder() / "sentence_bert_config.json").get("max_seq_length")
        return int(stated or _json(self._transformer_folder() / "config.json").get("max_position_embeddings", 512))

    def identity(self, name: str) -> EncoderIdentity:
        """Known from the folder's files."""
        return EncoderIdentity(
            encoder=name,
            weights=weights_sha256(self._transformer_folder()),
            preprocessing=f"first {self.max_tokens} tokens{prompts_in_words(self.prompts)}, unit length",
            dimensions=self._dimensions(),
        )

    def load(self, texts: Sequence[str] | None = None) -> None:
        """Load the model."""
        self._model()

    def encode(self, texts: Sequence[str], prompt: str, batch_size: int) -> NDArray[np.float32]:
        """Unit rows (n, d), in the order of the texts."""
        model = self._model()
        set_torch_threads(self._threads)
        rows: NDArray[np.float32] = model.encode(
            list(texts),
            prompt=prompt or None,
            batch_size=batch_size,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return rows

    def token_states(self, text: str, prompt: str) -> TokenStates:
        """One pass over one text."""
        model = self._model()
        set_torch_threads(self._threads)
        output: Any = model.encode(text, prompt=prompt or None, output_value=None, normalize_embeddings=True)
        encoding = model.tokenizer(
            prompt + text,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
            truncation=True,
            max_length=self.max_tokens,
        )
        positions, offsets = own_tokens(text, prompt, encoding["offset_mapping"], encoding["special_tokens_mask"])
        vectors = output["token_embeddings"].float().cpu().numpy()[positions]
        embedding = output["sentence_embedding"].float().cpu().numpy()
        return TokenStates(offsets, vectors, embedding / np.linalg.norm(embedding))

    def _load(self) -> "SentenceTransformer":
        if not (self._folder / "modules.json").is_file():
            raise FileNotFoundError(f"{self._folder} is not a sentence-transformers folder (no modules.json)")
        with importing():
            from sentence_transformers import SentenceTransformer
            from transformers.utils.logging import disable_progress_bar

            disable_progress_bar()  # type: ignore[no-untyped-call] # a bar for a tenth of a second of reading
        return SentenceTransformer(str(self._folder), local_files_only=True, trust_remote_code=False)

    def _transformer_folder(self) -> Path:
        return self._folder / str(self._modules()[0]["path"])

    def _modules(self) -> list[dict[str, Any]]:
        modules: list[dict[str, Any]] = json.loads((self._folder / "modules.json").read_text())
        return modules

    def _dimensions(self) -> int:
        """Width of the last module that states one: a dense layer may change what pooling gives."""
        dimensions = int(_json(self._transformer_folder() / "config.json").get("hidden_size", 0))
        for module in self._modules()[1:]:
            config = _json(self._folder / str(module["path"]) / "config.json")
            dimensions = int(config.get("out_features") or config.get("word_embedding_dimension") or dimensions)
        return dimensions


def _json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty where there is no such file."""
    try:
        value = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return value if isinstance(value, dict) else {}
