"""CTranslate2's Whisper to openai-whisper's checkpoint, on a tiny random model."""

from pathlib import Path

import numpy as np
import pytest
import torch

from assistant.models.convert_whisper import convert, openai_state, read_ct2

from ...fakes.toy_weights import write_ct2


def test_checkpoint_fits_openai_whisper_to_the_last_tensor(tmp_path: Path) -> None:
    from whisper.model import ModelDimensions, Whisper

    raw, out = tmp_path / "raw", tmp_path / "out"
    raw.mkdir()
    out.mkdir()
    variables = write_ct2(raw / "model.bin")
    (raw / "config.json").write_text("{}")
    convert(raw, out, lambda done, total: None)
    saved = torch.load(out / "openai" / "base.pt", weights_only=True)
    state = saved["model_state_dict"]
    Whisper(ModelDimensions(**saved["dims"])).load_state_dict(state)
    fused = variables["decoder/layer_1/self_attention/linear_0/weight"]
    np.testing.assert_array_equal(state["decoder.blocks.1.attn.value.weight"].numpy(), fused[16:])
    pair = variables["decoder/layer_0/attention/linear_1/weight"]
    np.testing.assert_array_equal(state["decoder.blocks.0.cross_attn.key.weight"].numpy(), pair[:8])
    assert (out / "ct2" / "model.bin").read_bytes() == (raw / "model.bin").read_bytes()
    assert (out / "ct2" / "config.json").is_file()


def test_reader_returns_what_was_written(tmp_path: Path) -> None:
    written = write_ct2(tmp_path / "model.bin")
    read = read_ct2(tmp_path / "model.bin")
    assert read.keys() == written.keys()
    for name, array in written.items():
        np.testing.assert_array_equal(read[name], array)


def test_other_specification_is_refused(tmp_path: Path) -> None:
    write_ct2(tmp_path / "model.bin", spec="TransformerSpec")
    with pytest.raises(ValueError, match="TransformerSpec"):
        read_ct2(tmp_path / "model.bin")


@pytest.mark.parametrize("keep", [2, 40, 500, 2000])
def test_file_that_ends_early_is_refused(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "model.bin"
    write_ct2(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"ends early|is damaged|not WhisperSpec"):
        read_ct2(path)


def test_key_bias_that_openai_cannot_hold_is_refused(tmp_path: Path) -> None:
    variables = write_ct2(tmp_path / "model.bin", key_bias=1.0)
    with pytest.raises(ValueError, match="key bias"):
        dict(openai_state(variables))
