"""EmbeddingGemma: a sentence-transformers folder in float32 into an ONNX text encoder with 8-bit weights."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from assistant.models.convert_encoder import STATE_LAYERS, Int8Rows, OnnxTextEncoder, write_config, write_onnx

PROMPTS = {"query": "query", "document": "document", "classification": "Classification"}
"""The purposes that the product has, and upstream's names for their prompts."""

NOTICE = "Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms"
MODIFIED = "The weights in this folder were quantised to 8 bits and exported to ONNX."

Progress = Callable[[int, int], None]


def convert(raw: Path, out: Path, progress: Progress) -> None:
    """Write model.onnx, model.onnx.data, tokenizer.json, config.json and the notice that the licence asks for.

    Raises:
        ValueError: the folder holds another kind of model.
    """
    progress(0, 10)
    transformer, width = _transformer(raw)
    dense = [_dense(raw / name) for name in ("2_Dense", "3_Dense")]
    progress(1, 10)
    write_onnx(OnnxTextEncoder(transformer, dense), out)
    progress(9, 10)
    shutil.copyfile(raw / "tokenizer.json", out / "tokenizer.json")
    (out / "NOTICE").write_text(f"{NOTICE}\n{MODIFIED}\n", encoding="utf-8")
    prompts = json.loads((raw / "config_sentence_transformers.json").read_text(encoding="utf-8"))["prompts"]
    write_config(
        out,
        upstream="google/embeddinggemma-300m",
        weights=raw / "model.safetensors",
        dimensions=(len(dense[-1]), len(STATE_LAYERS) * width),
        pooling="mean over all tokens, prompt included; two dense layers",
        licence=NOTICE,
        prompts={purpose: prompts[key] for purpose, key in PROMPTS.items()},
        padding_id=0,
    )
    progress(10, 10)


def _transformer(raw: Path) -> tuple[Any, int]:
    """The transformer with its token table in 8 bits, and the width of its states."""
    import torch
    from transformers import AutoModel

    model = AutoModel.from_pretrained(raw, attn_implementation="eager", dtype=torch.float32, local_files_only=True)
    if model.config.model_type != "gemma3_text":
        raise ValueError(f"{model.config.model_type} is not EmbeddingGemma's transformer")
    width = int(model.config.hidden_size)
    model.embed_tokens = Int8Rows(model.embed_tokens.weight, factor=width**0.5)
    return model, width


def _dense(folder: Path) -> Any:  # noqa: ANN401 - a torch tensor; torch is imported late
    from safetensors.torch import load_file

    (matrix,) = load_file(folder / "model.safetensors").values()
    return matrix
