"""Folders of weights that are made from others and kept: in eight bits, with an adapter added."""

import glob
import hashlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

if TYPE_CHECKING:
    from torch import Tensor


def derived_folder(cache: Path, name: str, sources: Sequence[str], write: Callable[[Path], None]) -> Path:
    """The folder ``cache/DIGEST/name``; made once, and anew for other sources, when the one before is removed.

    Args:
        sources: what the content depends on.
        write: fills the empty folder that it is given; where it fails, nothing is left.

    Raises:
        OSError: it cannot be written.
    """
    folder = cache / hashlib.sha256("\n".join(sources).encode()).hexdigest()[:12] / name
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / "lock"):
        if folder.is_dir():
            return folder
        for old in cache.glob(f"*/{glob.escape(name)}*"):
            if old.name in (name, f"{name}.new"):
                shutil.rmtree(old.parent, ignore_errors=True)
        fresh = folder.with_name(f"{name}.new")
        fresh.mkdir(parents=True)
        try:
            write(fresh)
        except BaseException:
            shutil.rmtree(folder.parent, ignore_errors=True)
            raise
        fresh.replace(folder)
    return folder


def weight_files(folder: Path) -> list[str]:
    """The weights of a folder as `derived_folder` takes its sources: path, size and time."""
    paths = sorted(folder.glob("*.safetensors"))
    return [f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in paths]


def read_tensors(path: Path) -> "dict[str, Tensor]":
    """The tensors of a file by name.

    Raises:
        OSError: it is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as exc:
        raise OSError(f"{path} is damaged: {exc}") from exc


def copy_beside_weights(folder: Path, target: Path) -> None:
    """Copy configuration, tokenizer and templates."""
    for path in folder.iterdir():
        if path.suffix in (".json", ".txt", ".jinja"):
            shutil.copy(path, target / path.name)
