"""GGUF language models into the folder that vLLM and transformers load.

transformers can read GGUF itself, but holds the whole model in float32 while it does (3 GB for half a billion
parameters) and leaves most special tokens out of the tokenizer. Here the tensors are dequantised and written one
after another in float16: a GGUF tensor of 4 to 8 bits has far fewer significant bits than that, and its
float32 norms and biases were bfloat16 once.

Where a model with tied embeddings comes with an output matrix of its own, that is the same matrix kept at higher
precision (llama.cpp does so): it then serves as both, which saves its size once more and loses nothing.
"""

import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assistant.models.gguf_tokenizer import value, write_tokenizer

ROWS_AT_ONCE = 8192  # bounds memory: 8192 rows of 1536 float32 numbers are 50 MB

Array = NDArray[Any]
Progress = Callable[[int, int], None]

ARCHITECTURES = {"qwen2": "Qwen2ForCausalLM", "llama": "LlamaForCausalLM"}
TOP_NAMES = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
LAYER_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


class Tensor(NamedTuple):
    """One tensor to be written: its new name, its GGUF record and the attention heads whose rows are interleaved."""

    name: str
    record: Any
    heads: int


def convert(raw: Path, out: Path, progress: Progress) -> None:
    """Write weights, configuration and tokenizer of ``raw/model.gguf`` into ``out``.

    Args:
        raw: folder with model.gguf.
        out: an existing empty folder.
        progress: called with the bytes of weights written and their number.

    Raises:
        ValueError: the architecture or the tokenizer is not one that this converter knows.
    """
    from gguf import GGUFReader

    reader = GGUFReader(raw / "model.gguf")
    tensors = _tensors(reader)
    config = model_config(reader)
    _write_json(out / "config.json", config)
    _write_json(out / "generation_config.json", generation_config(reader, config))
    write_tokenizer(reader, out, context=config["max_position_embeddings"])
    write_safetensors(out / "model.safetensors", tensors, progress)


def model_config(reader: Any) -> dict[str, Any]:  # noqa: ANN401 - gguf has no types
    """transformers' config.json for the architectures that are known here.

    Raises:
        ValueError: another architecture.
    """
    kind = value(reader, "general.architecture")
    if kind not in ARCHITECTURES:
        raise ValueError(f"the architecture {kind} is not among {', '.join(ARCHITECTURES)}")
    records = {tensor.name: tensor for tensor in reader.tensors}
    heads = value(reader, f"{kind}.attention.head_count")
    width = value(reader, f"{kind}.embedding_length")
    return {
        "architectures": [ARCHITECTURES[kind]],
        "model_type": kind,
        "vocab_size": int(records["token_embd.weight"].shape[1]),
        "hidden_size": width,
        "intermediate_size": value(reader, f"{kind}.feed_forward_length"),
        "num_hidden_layers": value(reader, f"{kind}.block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": value(reader, f"{kind}.attention.head_count_kv", heads),
        "head_dim": width // heads,
        "max_position_embeddings": value(reader, f"{kind}.context_length"),
        "rms_norm_eps": _short(value(reader, f"{kind}.attention.layer_norm_rms_epsilon")),
        "rope_theta": value(reader, f"{kind}.rope.freq_base", 10000.0),
        "hidden_act": "silu",
        "attention_dropout": 0.0,
        "initializer_range": 0.02,
        "tie_word_embeddings": _tied(records),
        "use_cache": True,
        "torch_dtype": "float16",
        # The form of this file; without it transformers 5.19 warns of a fault that only Mistral's tokenizer has.
        "transformers_version": "4.44.0",
        "bos_token_id": value(reader, "tokenizer.ggml.bos_token_id"),
        "eos_token_id": value(reader, "tokenizer.ggml.eos_token_id"),
        "pad_token_id": value(reader, "tokenizer.ggml.padding_token_id"),
    }


def generation_config(reader: Any, config: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - gguf has no types
    """Stop at the end of a message and at the end of a text; no sampling defaults, those are the caller's."""
    stops = [config["eos_token_id"]]
    if "<|endoftext|>" in (tokens := value(reader, "tokenizer.ggml.tokens")):
        stops.append(tokens.index("<|endoftext|>"))
    return {
        "bos_token_id": config["bos_token_id"],
        "eos_token_id": list(dict.fromkeys(stops)),
        "pad_token_id": config["pad_token_id"],
    }


def _tensors(reader: Any) -> list[Tensor]:  # noqa: ANN401 - gguf has no types
    """The tensors to be written, under their new names."""
    kind = value(reader, "general.architecture")
    heads = value(reader, f"{kind}.attention.head_count", 0)
    interleaved = {"attn_q": heads, "attn_k": value(reader, f"{kind}.attention.head_count_kv", heads)}
    records = {record.name: record for record in reader.tensors}
    if "output.weight" in records and _tied(records):
        records["token_embd.weight"] = records.pop("output.weight")
    tensors = []
    for name, record in records.items():
        new, part = _new_name(name)
        tensors.append(Tensor(new, record, interleaved.get(part, 0) if kind == "llama" else 0))
    return tensors


def _tied(records: dict[str, Any]) -> bool:
    """Whether the model's output matrix is its embedding matrix, up to the error of quantisation."""
    from gguf.quants import dequantize

    if "output.weight" not in records:
        return True
    head, embedding = (
        dequantize(record.data[:256], record.tensor_type)
        for record in (records["output.weight"], records["token_embd.weight"])
    )
    return bool(np.abs(head - embedding).mean() < 0.2 * np.abs(head).mean())


def _new_name(name: str) -> tuple[str, str]:
    """transformers' name of a GGUF tensor, and the part of the layer it is."""
    stem, _, kind = name.rpartition(".")
    if stem in TOP_NAMES:
        return f"{TOP_NAMES[stem]}.{kind}", stem
    pieces = stem.split(".")
    if len(pieces) != 3 or pieces[0] != "blk" or pieces[2] not in LAYER_NAMES:
        raise ValueError(f"the tensor {name} is not known")
    return f"model.layers.{pieces[1]}.{LAYER_NAMES[pieces[2]]}.{kind}", pieces[2]


def write_safetensors(path: Path, tensors: list[Tensor], progress: Progress) -> None:
    """Write the tensors as float16, a few rows at a time: a length, a JSON header, then the numbers."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    total = 0
    for tensor in tensors:
        shape = [int(size) for size in reversed(tensor.record.shape)]
        size = 2 * int(np.prod(shape))
        header[tensor.name] = {"dtype": "F16", "shape": shape, "data_offsets": [total, total + size]}
        total += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    done = 0
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors:
            for rows in _half_rows(tensor):
                done += file.write(rows.tobytes())
                progress(done, total)


def _half_rows(tensor: Tensor) -> Iterator[Array]:
    """The tensor's rows in float16, some thousands at a time; interleaved ones at once.

    Raises:
        ValueError: a number is too large for float16.
    """
    from gguf.quants import dequantize

    data = tensor.record.data
    step = len(data) if tensor.heads else ROWS_AT_ONCE
    for start in range(0, len(data), step):
        rows = dequantize(data[start : start + step], tensor.record.tensor_type)
        if tensor.heads:
            rows = _rotary_halves(rows, tensor.heads)
        half: Array = rows.astype("<f2")
        if not np.isfinite(half).all():
            raise ValueError(f"{tensor.name} does not fit into float16")
        yield half


def _rotary_halves(rows: Array, heads: int) -> Array:
    """Undo llama.cpp's order of the rotary rows: pairs side by side there, two halves of a head in transformers."""
    return rows.reshape(heads, -1, 2, rows.shape[-1]).swapaxes(1, 2).reshape(rows.shape)


def _short(number: float) -> float:
    """The shortest decimal of a float32, so that 9.999999974752427e-07 reads 1e-06."""
    return float(str(np.float32(number)))


def _write_json(path: Path, content: dict[str, Any]) -> None:
    present = {key: item for key, item in content.items() if item is not None}
    path.write_text(json.dumps(present, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
