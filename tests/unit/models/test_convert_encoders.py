"""Text encoders become ONNX folders that give what upstream's network gives in float32."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, BertConfig, BertModel

from assistant.models import convert_e5, convert_gemma
from tests.fakes import tiny_encoders as tiny
from tools.engines.text import TextEncoder

TEXTS = ["a red running shoe", "鞋", "", "a running shoes red shoe" * 30]


@pytest.fixture(scope="module")
def e5(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Raw and converted folder."""
    raw, out = tmp_path_factory.mktemp("raw"), tmp_path_factory.mktemp("e5")
    tiny.write_e5(raw)
    steps: list[tuple[int, int]] = []
    convert_e5.convert(raw, out, lambda done, total: steps.append((done, total)))
    assert steps == sorted(steps)
    assert steps[-1][0] == steps[-1][1]
    return raw, out


@pytest.fixture(scope="module")
def gemma(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    raw, out = tmp_path_factory.mktemp("raw"), tmp_path_factory.mktemp("gemma")
    tiny.write_gemma(raw)
    convert_gemma.convert(raw, out, lambda done, total: None)
    return raw, out


def ids(folder: Path, text: str) -> torch.Tensor:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return torch.tensor([tokenizer.encode(text).ids])


def test_e5_gives_what_its_network_gives(e5: tuple[Path, Path]) -> None:
    raw, out = e5
    sizes, tensors = convert_e5.read_e5(raw / "model.bin")
    config = BertConfig(
        vocab_size=sizes.tokens,
        hidden_size=tiny.WIDTH,
        num_hidden_layers=tiny.LAYERS,
        num_attention_heads=tiny.HEADS,
        intermediate_size=tiny.INNER,
        max_position_embeddings=tiny.POSITIONS,
    )
    network = BertModel(config, add_pooling_layer=False).eval()
    network.load_state_dict({name: torch.from_numpy(values) for name, values in tensors.items()})
    rows = TextEncoder(out).encode(TEXTS, purpose="document")
    for row, text in zip(rows, TEXTS, strict=True):
        expected = tiny.unit_mean(network(input_ids=ids(raw, "passage: " + text)).last_hidden_state)
        assert row @ expected > 0.995


def test_a_packed_block_holds_its_inputs_in_two_halves(e5: tuple[Path, Path]) -> None:
    raw, _ = e5
    _, tensors = convert_e5.read_e5(raw / "model.bin")
    data = (raw / "model.bin").read_bytes()
    start = data.index(b"emb.word") + len(b"emb.word")
    block = data[int.from_bytes(data[start + 5 : start + 13], "little") :][:18]
    scale = np.frombuffer(block[:2], "<f2").astype(np.float32)[0]
    row = tensors["embeddings.word_embeddings.weight"][0]
    assert row[3] == pytest.approx(scale * ((block[2 + 3] & 15) - 8))
    assert row[16 + 3] == pytest.approx(scale * ((block[2 + 3] >> 4) - 8))


def test_gemma_gives_what_its_network_gives(gemma: tuple[Path, Path]) -> None:
    raw, out = gemma
    network = AutoModel.from_pretrained(raw, attn_implementation="eager").eval()
    dense = [load_file(raw / name / "model.safetensors")["linear.weight"] for name in ("2_Dense", "3_Dense")]
    encoder = TextEncoder(out)
    rows = encoder.encode(TEXTS, purpose="query")
    assert encoder.identity.dimensions == rows.shape[1] == 32
    for row, text in zip(rows, TEXTS, strict=True):
        expected = tiny.unit_mean(network(input_ids=ids(raw, "a query: " + text)).last_hidden_state, dense)
        assert row @ expected > 0.99


def test_gemmas_notice_goes_with_the_weights(gemma: tuple[Path, Path]) -> None:
    assert "Gemma Terms of Use found at ai.google.dev/gemma/terms" in (gemma[1] / "NOTICE").read_text()


@pytest.mark.parametrize("size", [3, 60, 200, 20_000])
def test_a_file_that_ends_early_is_refused(e5: tuple[Path, Path], tmp_path: Path, size: int) -> None:
    (tmp_path / "model.bin").write_bytes((e5[0] / "model.bin").read_bytes()[:size])
    with pytest.raises(ValueError, match=r"model.bin|ends early"):
        convert_e5.convert(tmp_path, tmp_path, lambda done, total: None)


def test_another_transformer_is_no_gemma(tmp_path: Path) -> None:
    config = BertConfig(vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    BertModel(config).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="bert is not EmbeddingGemma"):
        convert_gemma.convert(tmp_path, tmp_path, lambda done, total: None)
