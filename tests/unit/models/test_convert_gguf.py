"""GGUF to safetensors, configuration and tokenizer, on tiny random models."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from assistant.models.convert_gguf import convert
from assistant.models.gguf_tokenizer import build_tokenizer

from ...fakes.toy_weights import HEADS, KV_HEADS, LAYERS, TEMPLATE, VOCABULARY, vocabulary, write_gguf


def converted(tmp_path: Path, **options: str) -> tuple[dict, dict, Path]:
    """The tensors as GGUF holds them, as they were written, and the folder."""
    raw, out = tmp_path / "raw", tmp_path / "out"
    raw.mkdir()
    out.mkdir()
    read = write_gguf(raw / "model.gguf", **options)
    seen: list[tuple[int, int]] = []
    convert(raw, out, lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1] == (out / "model.safetensors").stat().st_size - header_size(out)
    return read, load_file(out / "model.safetensors"), out


def header_size(out: Path) -> int:
    return 8 + int.from_bytes((out / "model.safetensors").read_bytes()[:8], "little")


def test_tensors_keep_their_numbers_under_new_names(tmp_path: Path) -> None:
    read, written, _ = converted(tmp_path)
    assert len(written) == len(read)
    for old, new in {
        "token_embd.weight": "model.embed_tokens.weight",
        "output_norm.weight": "model.norm.weight",
        "blk.1.attn_q.weight": "model.layers.1.self_attn.q_proj.weight",
        "blk.0.attn_k.bias": "model.layers.0.self_attn.k_proj.bias",
        "blk.1.ffn_down.weight": "model.layers.1.mlp.down_proj.weight",
    }.items():
        assert written[new].dtype == np.float16
        np.testing.assert_array_equal(written[new], read[old].astype(np.float16))


def test_output_matrix_that_is_the_embedding_serves_as_both(tmp_path: Path) -> None:
    read, written, out = converted(tmp_path, head="same")
    assert "lm_head.weight" not in written
    np.testing.assert_array_equal(written["model.embed_tokens.weight"], read["output.weight"].astype(np.float16))
    assert json.loads((out / "config.json").read_text())["tie_word_embeddings"] is True


def test_output_matrix_of_its_own_stays(tmp_path: Path) -> None:
    read, written, out = converted(tmp_path, head="other")
    np.testing.assert_array_equal(written["lm_head.weight"], read["output.weight"].astype(np.float16))
    assert json.loads((out / "config.json").read_text())["tie_word_embeddings"] is False


def test_rotary_rows_of_llama_are_put_back_into_halves(tmp_path: Path) -> None:
    read, written, _ = converted(tmp_path, arch="llama", split="smollm")
    for name, heads in (("q", HEADS), ("k", KV_HEADS)):
        stored = read[f"blk.0.attn_{name}.weight"].astype(np.float16)
        size = len(stored) // heads
        expected = np.concatenate(
            [stored[head * size : (head + 1) * size][first::2] for head in range(heads) for first in (0, 1)]
        )
        np.testing.assert_array_equal(written[f"model.layers.0.self_attn.{name}_proj.weight"], expected)
    value = read["blk.0.attn_v.weight"].astype(np.float16)
    np.testing.assert_array_equal(written["model.layers.0.self_attn.v_proj.weight"], value)


def test_configuration_says_shape_and_stops(tmp_path: Path) -> None:
    _, _, out = converted(tmp_path)
    config = json.loads((out / "config.json").read_text())
    assert config["architectures"] == ["Qwen2ForCausalLM"]
    assert (config["vocab_size"], config["num_hidden_layers"]) == (VOCABULARY, LAYERS)
    assert (config["num_attention_heads"], config["num_key_value_heads"]) == (HEADS, KV_HEADS)
    assert config["rms_norm_eps"] == 1e-6
    generation = json.loads((out / "generation_config.json").read_text())
    assert generation == {"bos_token_id": 258, "eos_token_id": [260, 258], "pad_token_id": 258}


def test_tokenizer_keeps_ids_specials_and_template(tmp_path: Path) -> None:
    _, _, out = converted(tmp_path)
    tokenizer = Tokenizer.from_file(str(out / "tokenizer.json"))
    ids = tokenizer.encode("<|im_start|>help<tool_call><|im_end|>").ids
    assert ids == [259, 257, vocabulary()[0].index("p"), 261, 260]
    assert tokenizer.decode(ids) == "help<tool_call>"
    assert tokenizer.token_to_id("[PAD0]") is None
    for text in ("夹克 60 美元", "naïve  \n\n jacket", "👍"):
        assert tokenizer.decode(tokenizer.encode(text).ids) == text
    config = json.loads((out / "tokenizer_config.json").read_text())
    assert (config["eos_token"], config["pad_token"], config["chat_template"]) == (
        "<|im_end|>",
        "<|endoftext|>",
        TEMPLATE,
    )


@pytest.mark.parametrize(("options", "reason"), [({"arch": "gemma"}, "gemma"), ({"split": "tekken"}, "tekken")])
def test_what_is_not_known_is_refused_by_name(tmp_path: Path, options: dict[str, str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        converted(tmp_path, **options)


def test_other_kinds_of_tokenizer_are_refused() -> None:
    with pytest.raises(ValueError, match="byte-level BPE"):
        build_tokenizer(["a"], types=[1], merges=[], model="llama", split="qwen2")
