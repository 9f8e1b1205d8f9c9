"""Weights in eight bits: what is rounded, what stays, and that a folder of them is made once."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from assistant.errors import ConfigError, ServiceMissing
from assistant.llm import int8, profiles
from assistant.settings import load_settings

LAYER = "model.layers.0.mlp.up_proj.weight"
EMBEDDING = "model.embed_tokens.weight"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "tiny [1]"
    made.mkdir()
    write(made, seed=1)
    (made / "config.json").write_text(json.dumps({"architectures": ["Qwen2ForCausalLM"], "hidden_size": 8}))
    (made / "tokenizer.json").write_text("{}")
    return made


def write(folder: Path, seed: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    tensors = {LAYER: torch.randn(6, 8), EMBEDDING: torch.randn(4, 8)}
    tensors[LAYER][2] = 0.0
    save_file(tensors, folder / "model.safetensors")
    return tensors


def test_linear_layers_are_rounded_by_output_channel_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    own = load_file(folder / "model.safetensors")
    made = int8.in_eight_bits(folder, tmp_path / "cache")
    found = load_file(made / "model.safetensors")
    assert found[LAYER].dtype == torch.int8
    assert torch.equal(found[EMBEDDING], own[EMBEDDING])
    again = found[LAYER].float() * found[f"{LAYER}_scale"]
    assert ((again - own[LAYER]).abs() <= found[f"{LAYER}_scale"] / 2 + 1e-6).all()
    config = json.loads((made / "config.json").read_text())
    assert config["hidden_size"] == 8
    assert config["quantization_config"]["config_groups"]["group_0"]["weights"]["num_bits"] == 8
    assert (made / "tokenizer.json").is_file()


def test_it_is_made_once_and_anew_for_other_weights(folder: Path, tmp_path: Path) -> None:
    first = int8.in_eight_bits(folder, tmp_path / "cache")
    written = (first / "model.safetensors").stat().st_mtime_ns
    assert int8.in_eight_bits(folder, tmp_path / "cache") == first
    assert (first / "model.safetensors").stat().st_mtime_ns == written
    write(folder, seed=2)
    (tmp_path / "cache" / "a killed process" / f"{folder.name}.new").mkdir(parents=True)
    other = tmp_path / "cache" / "of another model" / f"{folder.name}-taught"
    other.mkdir(parents=True)
    second = int8.in_eight_bits(folder, tmp_path / "cache")
    assert {path for path in (tmp_path / "cache").iterdir() if path.is_dir()} == {second.parent, other.parent}


@pytest.mark.parametrize(
    "config",
    [
        {"architectures": ["MambaForCausalLM"]},
        {"architectures": None},
        {"architectures": ["Qwen2ForCausalLM"], "quantization_config": {}},
    ],
)
def test_other_models_are_left_as_they_are(folder: Path, config: dict[str, Any]) -> None:
    assert int8.fits(folder)
    (folder / "config.json").write_text(json.dumps(config))
    assert not int8.fits(folder)


def launched(folder: Path, home: Path, weights: str) -> str:
    settings = load_settings(home=home, llm={"python": "/bin/sh", "model": str(folder), "weights": weights})
    command = profiles.launch(settings).command
    return command[command.index("--model") + 1]


@pytest.mark.parametrize(("weights", "quick", "rounded"), [
    ("auto", True, True), ("auto", False, False), ("own", True, False), ("int8", False, True),
])  # fmt: skip
def test_which_weights_are_served(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: str, quick: bool, rounded: bool
) -> None:
    monkeypatch.setattr(int8, "is_quick", lambda: quick)
    served = launched(folder, tmp_path, weights)
    assert (served != str(folder)) == rounded
    assert "quantization_config" in (Path(served) / "config.json").read_text() or not rounded


def test_damaged_weights_are_served_as_they_are_or_refused_in_a_sentence(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(int8, "is_quick", lambda: True)
    (folder / "model.safetensors").write_bytes(b"nothing")
    assert launched(folder, tmp_path, "auto") == str(folder)
    with pytest.raises(ServiceMissing, match="is damaged"):
        launched(folder, tmp_path, "int8")
    (folder / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match="cannot be"):
        launched(folder, tmp_path, "int8")
