"""A model's weights in eight bits, for processors that multiply such numbers in one instruction.

W8A8 in the form of compressed-tensors: each output channel of a linear layer has one symmetric scale, written here, and
vLLM rounds activations token by token as it computes. Embeddings, norms and the output layer stay as they are.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

from assistant.llm.derived import copy_beside_weights, derived_folder, read_tensors, weight_files

ARCHITECTURES: Final = {"Qwen2ForCausalLM", "LlamaForCausalLM"}
"""Models whose linear layers but the output are all named ``..._proj``."""

MOST_BYTES: Final = 8 << 30
"""Larger models are left as they are: to write them anew takes minutes."""

_FLAGS: Final = {"avx512_vnni", "avx_vnni", "amx_int8"}
_QUANTIZATION: Final[dict[str, Any]] = {
    "quant_method": "compressed-tensors",
    "format": "int-quantized",
    "quantization_status": "compressed",
    "ignore": ["lm_head"],
    "config_groups": {
        "group_0": {
            "targets": ["Linear"],
            "weights": {"num_bits": 8, "type": "int", "symmetric": True, "strategy": "channel", "dynamic": False},
            "input_activations": {
                "num_bits": 8, "type": "int", "symmetric": True, "strategy": "token", "dynamic": True,
            },
        }
    },
}  # fmt: skip


def processor_flags() -> frozenset[str]:
    """What this processor says that it is able to do; nothing where it does not say."""
    try:
        flags = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        return frozenset()
    return frozenset(flags[1].split()) if flags else frozenset()


def is_quick() -> bool:
    """Whether this processor multiplies eight-bit numbers in one instruction (VNNI or AMX)."""
    return bool(_FLAGS & processor_flags())


def fits(folder: Path) -> bool:
    """Whether the weights can be had in eight bits: of a known architecture, not quantized yet, and not too large."""
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    if not isinstance(config, dict):
        return False
    sizes = [path.stat().st_size for path in folder.glob("*.safetensors")]
    supported = bool(ARCHITECTURES & set(config.get("architectures") or ()))
    return supported and "quantization_config" not in config and 0 < sum(sizes) <= MOST_BYTES


def in_eight_bits(folder: Path, cache: Path) -> Path:
    """The folder of the same model in eight bits below ``cache``; made once, in seconds, and anew for other weights.

    Raises:
        OSError: it cannot be written, or the weights cannot be read.
    """
    return derived_folder(cache, folder.name, weight_files(folder), lambda fresh: _write(folder, fresh))


def _write(folder: Path, fresh: Path) -> None:
    import torch  # late: a start with weights as they are needs no torch in this process
    from safetensors.torch import save_file

    for path in sorted(folder.glob("*.safetensors")):
        tensors = read_tensors(path)
        for name in [name for name in tensors if name.endswith("_proj.weight")]:
            weight = tensors[name].float()
            scale = (weight.abs().amax(1, keepdim=True) / 127).clamp(min=1e-8)
            tensors[name] = torch.round(weight / scale).clamp(-127, 127).to(torch.int8)
            tensors[f"{name}_scale"] = scale
        save_file(tensors, fresh / path.name, metadata={"format": "pt"})
    copy_beside_weights(folder, fresh)
    for index in fresh.glob("*.index.json"):  # it names no scales
        index.unlink()
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (fresh / "config.json").write_text(json.dumps({**config, "quantization_config": _QUANTIZATION}, indent=1), "utf-8")
