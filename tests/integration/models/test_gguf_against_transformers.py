"""The converted folder answers as transformers' own reading of the same GGUF does, on tiny random models."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from assistant.models.convert_gguf import convert

from ...fakes.toy_weights import write_gguf


@pytest.mark.parametrize(
    ("arch", "split", "head"), [("qwen2", "qwen2", None), ("qwen2", "qwen2", "other"), ("llama", "smollm", None)]
)
def test_same_logits(tmp_path: Path, arch: str, split: str, head: str | None) -> None:
    raw, out = tmp_path / "raw", tmp_path / "out"
    raw.mkdir()
    out.mkdir()
    write_gguf(raw / "model.gguf", arch, split, head=head)
    convert(raw, out, lambda done, total: None)
    ours = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32)
    theirs = AutoModelForCausalLM.from_pretrained(raw, gguf_file="model.gguf", dtype=torch.float32)
    tokens = torch.arange(0, 240, 7)[None]
    with torch.no_grad():
        difference = ours(tokens).logits - theirs(tokens).logits
    assert difference.abs().max() < 0.05 * theirs(tokens).logits.std()
