"""Running a converter in a process of its own.

The process gives its memory back when it ends, and one that is killed takes nothing else with it. It reports on
standard output, one JSON object a line, and ends by itself when its parent does (standard input closes).
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from assistant.errors import PullError
from assistant.models.registry import Converter, Model

Progress = Callable[[int, int], None]

# Module and version of each converter. Raise a version when its output changes: older folders are then made anew.
CONVERTERS: dict[Converter, tuple[str, int]] = {
    "files": ("assistant.models.convert_files", 1),
    "gguf": ("assistant.models.convert_gguf", 1),
    "whisper-ct2": ("assistant.models.convert_whisper", 1),
    "efficientnet-lite": ("assistant.models.convert_classifier", 1),
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
    command = [sys.executable, "-m", "assistant.models.convert", model.converter, str(raw), str(out)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(  # noqa: S603 - our own module, arguments are paths and a known name
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=environment, text=True
        )
        try:
            failure = _follow(process, progress)
            code = process.wait()
        finally:
            process.kill()
            process.wait()
        if failure is not None or code != 0:
            errors.seek(0)
            _explain(name, model, failure or {}, code, errors.read().decode(errors="replace"))


def _follow(process: subprocess.Popen[str], progress: Progress) -> dict[str, Any] | None:
    """Pass progress on until the converter closes its output; returns the error it reported, if any."""
    assert process.stdout is not None
    failure = None
    for line in process.stdout:
        if not line.startswith("{"):
            continue
        report = json.loads(line)
        if "error" in report:
            failure = report
        else:
            progress(report["done"], report["total"])
    return failure


def _explain(name: str, model: Model, failure: dict[str, Any], code: int, errors: str) -> NoReturn:
    if failure.get("errno"):
        raise OSError(failure["errno"], os.strerror(failure["errno"]))
    if code < 0:
        memory = f"; it needs about {model.convert_memory / 1e9:.1f} GB of memory" if model.convert_memory else ""
        raise PullError(f"The conversion of {name} was killed (signal {-code}){memory}.")
    last = failure.get("error") or (errors.strip().splitlines() or ["no reason given"])[-1]
    raise PullError(f"The conversion of {name} failed: {last}.")


def main(arguments: list[str]) -> int:
    """Run one converter: its name, the raw folder, the folder to fill. Exit code 1 after a reported error."""
    kind, raw, out = arguments
    threading.Thread(target=_end_with_parent, daemon=True).start()
    converter = import_module(CONVERTERS[kind][0])  # type: ignore[index]
    try:
        converter.convert(Path(raw), Path(out), _report)
    except OSError as exc:
        print(json.dumps({"error": str(exc), "errno": exc.errno}), flush=True)
        return 1
    except (ValueError, KeyError, RuntimeError) as exc:  # RuntimeError: torch's own for unreadable checkpoints
        print(json.dumps({"error": " ".join(str(exc).split())[:300]}), flush=True)
        return 1
    return 0


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(2)


def _report(done: int, total: int) -> None:
    print(json.dumps({"done": done, "total": total}), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
