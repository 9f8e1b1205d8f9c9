"""EfficientNet-lite picture classifiers: a PyTorch checkpoint into timm's names, as safetensors.

The checkpoint lists the same tensors as timm's ``tf_efficientnet_lite{0,2}`` under other names, in the same order, so
they are matched by position; a shape that differs stops the conversion.
"""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

ARCHITECTURES = {296: "tf_efficientnet_lite0", 386: "tf_efficientnet_lite2"}  # by number of tensors

Progress = Callable[[int, int], None]


def convert(raw: Path, out: Path, progress: Progress) -> None:
    """Write ``out/model.safetensors`` and ``out/config.json`` from ``raw/model.pth``.

    Raises:
        ValueError: the checkpoint is neither lite0 nor lite2, or holds more than tensors.
    """
    progress(0, 2)
    state = _load(raw / "model.pth")
    architecture = ARCHITECTURES.get(len(state))
    if architecture is None:
        raise ValueError(f"a checkpoint of {len(state)} tensors is not EfficientNet-lite0 or -lite2")

    import timm
    from safetensors.torch import save_file

    model = timm.create_model(architecture, pretrained=False)
    renamed = _by_position(state, model.state_dict())
    model.load_state_dict(renamed)
    recipe: dict[str, Any] = dict(model.default_cfg)  # type: ignore[arg-type]
    progress(1, 2)
    save_file(renamed, out / "model.safetensors", metadata={"format": "pt"})
    (out / "config.json").write_text(json.dumps(_config(architecture, recipe), indent=2) + "\n")
    progress(2, 2)


def _load(path: Path) -> dict[str, Any]:
    """The tensors of a checkpoint; nothing that it might carry besides is run."""
    import torch

    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as exc:
        raise ValueError(f"{path.name} holds more than tensors, or is damaged; it was not loaded") from exc
    return state


def _by_position(state: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    """Give the checkpoint's tensors the expected names."""
    renamed = {}
    for (old, tensor), (new, like) in zip(state.items(), expected.items(), strict=True):
        if tensor.shape != like.shape:
            raise ValueError(f"{old} has the shape {tuple(tensor.shape)}, but {new} {tuple(like.shape)}")
        renamed[new] = tensor.to(like.dtype).contiguous()
    return renamed


def _config(architecture: str, recipe: dict[str, Any]) -> dict[str, Any]:
    """What a user of the weights must know: network, input and classes."""
    return {
        "architecture": architecture,
        "num_classes": recipe["num_classes"],
        "input_size": list(recipe["input_size"]),
        "mean": list(recipe["mean"]),
        "std": list(recipe["std"]),
        "interpolation": recipe["interpolation"],
        "crop_pct": recipe["crop_pct"],
    }
