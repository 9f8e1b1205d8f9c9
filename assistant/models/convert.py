"""Running a converter in a process of its own.

The process gives its memory back when it ends, and one that is killed takes nothing else with it.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from assistant.errors import PullError
from assistant.models.disk import FULL
from assistant.models.processes import own_module
from assistant.models.registry import Converter, Model

Progress = Callable[[int, int], None]

# Module and version of each converter. Raise a version when its output changes: older folders are then made anew.
CONVERTERS: dict[Converter, tuple[str, int]] = {
    "files": ("assistant.models.convert_files", 1),
    "gguf": ("assistant.models.convert_gguf", 1),
    "whisper-ct2": ("assistant.models.convert_whisper", 1),
    "efficientnet-lite": ("assistant.models.convert_classifier", 1),
    "embeddinggemma": ("assistant.models.convert_gemma", 1),
    "e5-q4": ("assistant.models.convert_e5", 1),
}


def converter_version(converter: Converter) -> int:
    """The version of the converter as the code has it."""
    return CONVERTERS[converter][1]


def run_converter(name: str, model: Model, raw: Path, out: Path, progress: Progress) -> None:
    """Convert the raw files into the existing empty folder ``out``, in another process.

    Args:
        progress: called with work done and work in all, in the converter's own unit.

    Raises:
        PullError: the conversion failed or was killed.
        OSError: the disk is full, with the converter's errno.
    """
    command, environment = own_module("assistant.models.convert_child", model.converter, str(raw), str(out))
    environment |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    pipe = subprocess.PIPE
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors, env=environment, text=True) as process,  # noqa: S603
    ):
        try:
            failure = _follow(process, progress)
            code = process.wait()
        finally:
            process.kill()
        if failure is not None or code != 0:
            errors.seek(0)
            _explain(name, model, failure or {}, code, errors.read().decode(errors="replace"))


def _follow(process: subprocess.Popen[str], progress: Progress) -> dict[str, Any] | None:
    """Pass progress on until the converter closes its output; returns the error it reported, if any."""
    failure = None
    for line in process.stdout or ():
        if not line.startswith("{"):
            continue
        report = json.loads(line)
        if "error" in report:
            failure = report
        else:
            progress(report["done"], report["total"])
    return failure


def _explain(name: str, model: Model, failure: dict[str, Any], code: int, errors: str) -> NoReturn:
    if failure.get("errno") in FULL:
        raise OSError(failure["errno"], os.strerror(failure["errno"]))
    if code < 0:
        memory = f"; it needs about {model.convert_memory / 1e9:.1f} GB of memory" if model.convert_memory else ""
        raise PullError(f"The conversion of {name} was killed (signal {-code}){memory}.")
    last = failure.get("error") or (errors.strip().splitlines() or ["no reason given"])[-1]
    raise PullError(f"The conversion of {name} failed: {last}.")
