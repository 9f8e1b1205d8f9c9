"""Whisper weights: one CTranslate2 file into what faster-whisper and openai-whisper each load.

CTranslate2's ``model.bin`` is a version, the name and revision of its specification, then for each variable its name,
shape, element type and bytes, then aliases. All little-endian; strings carry their length and a closing zero byte.
Its float16 numbers are those of OpenAI's checkpoint, so nothing is lost. Only the names differ, and that the
projections of one attention are laid one below the other: query, key and value of self-attention in ``linear_0``, key
and value of cross-attention in ``linear_1``. OpenAI's key projection has no bias; the fused one is zero there.
"""

import re
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

FORMAT_VERSION = 6
ELEMENT_TYPES = {0: "<f4", 1: "<i1", 2: "<i2", 3: "<i4", 4: "<f2"}

Array = NDArray[Any]
Progress = Callable[[int, int], None]

# Parts of one layer whose name alone changes: CTranslate2's against OpenAI's.
LAYER_NAMES = {
    "self_attention/layer_norm": "attn_ln",
    "self_attention/linear_1": "attn.out",
    "attention/layer_norm": "cross_attn_ln",
    "attention/linear_0": "cross_attn.query",
    "attention/linear_2": "cross_attn.out",
    "ffn/layer_norm": "mlp_ln",
    "ffn/linear_0": "mlp.0",
    "ffn/linear_1": "mlp.2",
}
FUSED_NAMES = {
    "self_attention/linear_0": ("attn.query", "attn.key", "attn.value"),
    "attention/linear_1": ("cross_attn.key", "cross_attn.value"),
}
TOP_NAMES = {
    "encoder/conv1": "encoder.conv1",
    "encoder/conv2": "encoder.conv2",
    "encoder/layer_norm": "encoder.ln_post",
    "encoder/position_encodings": "encoder.positional_embedding",
    "decoder/embeddings": "decoder.token_embedding",
    "decoder/layer_norm": "decoder.ln",
    "decoder/position_encodings": "decoder.positional_embedding",
}
KINDS = {"weight": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"}


def convert(raw: Path, out: Path, progress: Progress) -> None:
    """Write ``out/ct2`` (copies of the raw files) and ``out/openai/base.pt``.

    Args:
        raw: folder with model.bin, config.json, tokenizer.json and vocabulary.txt.
        out: an existing empty folder.
        progress: called with the steps done and their number.

    Raises:
        ValueError: model.bin is not a Whisper model of CTranslate2's format 6, or a variable is missing.
    """
    progress(0, 3)
    folder = out / "ct2"
    folder.mkdir()
    for file in sorted(raw.iterdir()):
        shutil.copyfile(file, folder / file.name)
    progress(1, 3)
    variables = read_ct2(raw / "model.bin")
    progress(2, 3)
    save_openai(variables, out / "openai" / "base.pt")
    progress(3, 3)


def save_openai(variables: dict[str, Array], path: Path) -> None:
    """Save the variables as the checkpoint that ``whisper.load_model(path)`` loads with ``weights_only=True``."""
    import torch

    state = {name: torch.from_numpy(array.copy()) for name, array in openai_state(variables)}
    path.parent.mkdir()
    torch.save({"dims": openai_dims(variables), "model_state_dict": state}, path)


def openai_dims(variables: dict[str, Array]) -> dict[str, int]:
    """The fields of openai-whisper's ``ModelDimensions``, read off the shapes."""
    audio_state, mels, _ = variables["encoder/conv1/weight"].shape
    vocabulary, text_state = variables["decoder/embeddings/weight"].shape
    return {
        "n_mels": mels,
        "n_audio_ctx": variables["encoder/position_encodings/encodings"].shape[0],
        "n_audio_state": audio_state,
        "n_audio_head": int(variables["encoder/num_heads"]),
        "n_audio_layer": _layers(variables, "encoder"),
        "n_vocab": vocabulary,
        "n_text_ctx": variables["decoder/position_encodings/encodings"].shape[0],
        "n_text_state": text_state,
        "n_text_head": int(variables["decoder/num_heads"]),
        "n_text_layer": _layers(variables, "decoder"),
    }


def openai_state(variables: dict[str, Array]) -> Iterator[tuple[str, Array]]:
    """Yield openai-whisper's state dict, name by name; switches and head counts are left out."""
    for name, array in variables.items():
        stem, _, kind = name.rpartition("/")
        if stem in TOP_NAMES:
            yield (TOP_NAMES[stem] if kind == "encodings" else f"{TOP_NAMES[stem]}.{KINDS[kind]}"), array
        elif match := re.fullmatch(r"(\w+)/layer_(\d+)/(.+)", stem):
            side, layer, inner = match.groups()
            yield from _layer_entries(f"{side}.blocks.{layer}", inner, KINDS[kind], array)


def _layer_entries(prefix: str, inner: str, kind: str, array: Array) -> Iterator[tuple[str, Array]]:
    if inner in LAYER_NAMES:
        yield f"{prefix}.{LAYER_NAMES[inner]}.{kind}", array
        return
    targets = FUSED_NAMES[inner]
    for target, rows in zip(targets, np.split(array, len(targets)), strict=True):
        if kind == "bias" and target.endswith(".key"):
            if rows.any():
                raise ValueError(f"the key bias {prefix}.{inner} is not zero: not a Whisper model")
            continue
        yield f"{prefix}.{target}.{kind}", rows


def _layers(variables: dict[str, Array], side: str) -> int:
    matches = [re.match(rf"{side}/layer_(\d+)/", name) for name in variables]
    return 1 + max(int(match[1]) for match in matches if match)


def read_ct2(path: Path) -> dict[str, Array]:
    """Read a CTranslate2 Whisper model as name -> array (memory-mapped, read-only, shapes as stored).

    Raises:
        ValueError: the file is of another format version or specification, or ends early.
    """
    data = np.memmap(path, mode="r")
    with path.open("rb") as file:
        version, spec = _read(file, "<I"), _read_string(file)
        _read(file, "<I")  # the specification's own revision
        if version != FORMAT_VERSION or spec != "WhisperSpec":
            raise ValueError(f"{path.name} is {spec} in format {version}, not WhisperSpec in format {FORMAT_VERSION}")
        return dict(_read_variable(file, data) for _ in range(_read(file, "<I")))


def _read_variable(file: BinaryIO, data: Array) -> tuple[str, Array]:
    name = _read_string(file)
    shape = tuple(_read(file, "<I") for _ in range(_read(file, "<B")))
    element = np.dtype(ELEMENT_TYPES[_read(file, "<B")])
    size, start = _read(file, "<I"), file.tell()
    if size != element.itemsize * int(np.prod(shape)) or start + size > data.size:
        raise ValueError(f"the variable {name} is damaged")
    file.seek(size, 1)
    return name, data[start : start + size].view(element).reshape(shape)


def _read(file: BinaryIO, layout: str) -> int:
    """Read one number; a file that ends early is a ValueError."""
    piece = file.read(struct.calcsize(layout))
    if len(piece) < struct.calcsize(layout):
        raise ValueError("the file ends early")
    return int(struct.unpack(layout, piece)[0])


def _read_string(file: BinaryIO) -> str:
    return file.read(_read(file, "<H")).rstrip(b"\0").decode()
