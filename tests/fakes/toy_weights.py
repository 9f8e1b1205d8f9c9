"""Tiny weight files in the formats that the converters read: GGUF and CTranslate2."""

import struct
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter
from gguf.quants import dequantize, quantize
from numpy.typing import NDArray

Array = NDArray[Any]


class Normal(Protocol):
    """A source of random numbers of a shape."""

    def __call__(self, *shape: int) -> Array:
        """Draw them."""


HEADS, KV_HEADS, WIDTH, INNER, LAYERS, VOCABULARY = 4, 2, 64, 96, 2, 270
TEMPLATE = "{% for m in messages %}<|im_start|>{{ m['content'] }}<|im_end|>{% endfor %}"


def byte_letters() -> list[str]:
    """The 256 letters that byte-level BPE writes for bytes, by byte (GPT-2's table)."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    table = {byte: chr(byte) for byte in plain} | {byte: chr(256 + i) for i, byte in enumerate(others)}
    return [table[byte] for byte in range(256)]


def vocabulary() -> tuple[list[str], list[int], list[str]]:
    """Tokens, their GGUF types and the merges: bytes, "he", "hel", specials, one added by hand, unused ones."""
    tokens = [*byte_letters(), "he", "hel", "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>"]
    types = [1] * 258 + [3, 3, 3, 4]
    padding = VOCABULARY - len(tokens)
    return [*tokens, *(f"[PAD{i}]" for i in range(padding))], [*types, *[5] * padding], ["h e", "he l"]


def write_gguf(path: Path, arch: str = "qwen2", split: str = "qwen2", *, head: str | None = None) -> dict[str, Array]:
    """Write a random language model; returns its tensors as GGUF's users would read them.

    Args:
        head: None for no output matrix, "same" for the embedding's own at higher precision, "other" for another.
    """
    rng = np.random.default_rng(7)
    writer = GGUFWriter(path, arch)
    writer.add_context_length(128)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_block_count(LAYERS)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10000.0)
    tokens, types, merges = vocabulary()
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(split)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    writer.add_bos_token_id(258)
    writer.add_eos_token_id(260)
    writer.add_pad_token_id(258)
    writer.add_chat_template(TEMPLATE)
    read = {}
    embedding = rng.normal(size=(VOCABULARY, WIDTH)).astype(np.float32)
    shapes = _shapes(biases=arch == "qwen2")
    for name, shape in shapes.items():
        kind = GGMLQuantizationType.F32 if len(shape) == 1 else GGMLQuantizationType.Q4_0
        numbers = embedding if name == "token_embd.weight" else rng.normal(size=shape).astype(np.float32) / 8
        read[name] = _add(writer, name, numbers, kind)
    if head is not None:
        numbers = embedding if head == "same" else rng.normal(size=embedding.shape).astype(np.float32)
        read["output.weight"] = _add(writer, "output.weight", numbers, GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return read


def _shapes(*, biases: bool) -> dict[str, tuple[int, ...]]:
    small = WIDTH * KV_HEADS // HEADS
    shapes: dict[str, tuple[int, ...]] = {"token_embd.weight": (VOCABULARY, WIDTH), "output_norm.weight": (WIDTH,)}
    for layer in range(LAYERS):
        block = {
            "attn_norm.weight": (WIDTH,),
            "ffn_norm.weight": (WIDTH,),
            "attn_q.weight": (WIDTH, WIDTH),
            "attn_k.weight": (small, WIDTH),
            "attn_v.weight": (small, WIDTH),
            "attn_output.weight": (WIDTH, WIDTH),
            "ffn_gate.weight": (INNER, WIDTH),
            "ffn_up.weight": (INNER, WIDTH),
            "ffn_down.weight": (WIDTH, INNER),
        }
        if biases:
            block |= {"attn_q.bias": (WIDTH,), "attn_k.bias": (small,), "attn_v.bias": (small,)}
        shapes |= {f"blk.{layer}.{name}": shape for name, shape in block.items()}
    return shapes


def _add(writer: GGUFWriter, name: str, numbers: Array, kind: GGMLQuantizationType) -> Array:
    if kind == GGMLQuantizationType.F32:
        writer.add_tensor(name, numbers)
        return numbers
    data = quantize(numbers, kind)
    writer.add_tensor(name, data, raw_dtype=kind)
    return dequantize(data, kind)


def write_ct2(path: Path, *, spec: str = "WhisperSpec", key_bias: float = 0.0) -> dict[str, Array]:
    """Write a random Whisper in CTranslate2's format, with 1 encoder and 2 decoder layers; returns its variables."""
    rng = np.random.default_rng(7)
    width, mels, vocabulary_size = 8, 4, 20

    def normal(*shape: int) -> Array:
        return rng.normal(size=shape).astype(np.float16)

    found = {
        "encoder/conv1/weight": normal(width, mels, 3),
        "encoder/conv1/bias": normal(width),
        "encoder/conv2/weight": normal(width, width, 3),
        "encoder/conv2/bias": normal(width),
        "encoder/position_encodings/encodings": normal(10, width),
        "encoder/num_heads": np.int16(2),
        "decoder/embeddings/weight": normal(vocabulary_size, width),
        "decoder/position_encodings/encodings": normal(6, width),
        "decoder/num_heads": np.int16(2),
        "decoder/pre_norm": np.int8(1),
    }
    for side, layers in (("encoder", 1), ("decoder", 2)):
        found |= {f"{side}/layer_norm/gamma": normal(width), f"{side}/layer_norm/beta": normal(width)}
        for layer in range(layers):
            found |= _ct2_layer(f"{side}/layer_{layer}", width, normal, key_bias, cross=side == "decoder")
    with path.open("wb") as file:
        file.write(struct.pack("<I", 6) + _text(spec) + struct.pack("<II", 3, len(found)))
        for name, array in found.items():
            array = np.asarray(array)
            kind = {"float16": 4, "int16": 2, "int8": 1}[array.dtype.name]
            file.write(_text(name) + struct.pack(f"<B{array.ndim}I", array.ndim, *array.shape))
            file.write(struct.pack("<BI", kind, array.nbytes) + array.tobytes())
        file.write(struct.pack("<I", 1) + _text("decoder/projection/weight") + _text("decoder/embeddings/weight"))
    return found


def _ct2_layer(prefix: str, width: int, normal: Normal, key_bias: float, *, cross: bool) -> dict[str, Array]:
    fused_bias = normal(3 * width)
    fused_bias[width : 2 * width] = key_bias
    found = {"self_attention/linear_0/weight": normal(3 * width, width), "self_attention/linear_0/bias": fused_bias}
    found |= _linear("self_attention/linear_1", normal, width, width)
    found |= _linear("ffn/linear_0", normal, 4 * width, width) | _linear("ffn/linear_1", normal, width, 4 * width)
    norms = ["self_attention", "ffn"]
    if cross:
        norms.append("attention")
        pair_bias = normal(2 * width)
        pair_bias[:width] = 0
        found |= {"attention/linear_1/weight": normal(2 * width, width), "attention/linear_1/bias": pair_bias}
        found |= _linear("attention/linear_0", normal, width, width)
        found |= _linear("attention/linear_2", normal, width, width)
    for norm in norms:
        found |= {f"{norm}/layer_norm/gamma": normal(width), f"{norm}/layer_norm/beta": normal(width)}
    return {f"{prefix}/{name}": array for name, array in found.items()}


def _linear(name: str, normal: Normal, rows: int, columns: int) -> dict[str, Array]:
    return {f"{name}/weight": normal(rows, columns), f"{name}/bias": normal(rows)}


def _text(text: str) -> bytes:
    return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"
