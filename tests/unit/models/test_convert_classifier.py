"""Picture classifiers: what is not one of the two networks, or not only tensors, is refused."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from assistant.models.convert_classifier import convert


def test_other_networks_are_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "model.pth")
    with pytest.raises(ValueError, match="a checkpoint of 1 tensors is not EfficientNet-lite0 or -lite2"):
        convert(tmp_path, tmp_path, lambda done, total: None)


@pytest.mark.parametrize("zipped", [True, False])
def test_checkpoint_that_would_run_code_is_refused(tmp_path: Path, zipped: bool) -> None:
    marker = tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (open, (str(marker), "w"))

    if zipped:
        torch.save({"a": Evil()}, tmp_path / "model.pth")
    else:
        (tmp_path / "model.pth").write_bytes(pickle.dumps(Evil(), protocol=2))
    with pytest.raises(ValueError, match="holds more than tensors"):
        convert(tmp_path, tmp_path, lambda done, total: None)
    assert not marker.exists()
