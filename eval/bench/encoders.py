"""Text encoders side by side, each in a process of its own: `python -m eval.bench.encoders FOLDER` measures one."""

import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from assistant.models.registry import load_registry
from assistant.models.store import problem
from eval.bench.generate import write_lines
from eval.bench.report import Table
from eval.bench.stage import Stage

ITEMS = 128
QUERY = "a pair of light red running shoes for my wife, under fifty dollars"
QUERIES = 9


def compare(stage: Stage) -> tuple[Table, dict[str, Any]]:
    """Every text encoder of the registry that is installed: speed, seconds to load, peak memory of its process."""
    registry, numbers = load_registry(stage.settings), dict[str, Any]()
    table = Table(
        f"Text encoders ({ITEMS} item texts of three sentences, one query of 13 words)",
        ["encoder", "dimensions", "items a second", "query, warm (ms)", "load (s)", "peak of the process (MB)"],
    )
    for name, model in registry.models.items():
        folder = stage.settings.models_folder / name
        if model.role != "text-embedding" or problem(folder, name, model):
            continue
        stage.say(f"encoding with {name}")
        command = [sys.executable, "-m", "eval.bench.encoders", str(folder), str(stage.settings.threads or 0)]
        process = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - this module
        numbers[name] = figures = json.loads(process.stdout)
        table.add(name, *(figures[key] for key in ("dimensions", "items", "query_ms", "load", "peak_mb")))
    return table, numbers


def measure_one(folder: Path, threads: int | None) -> dict[str, float]:
    """Load the encoder and time it in this process, which should hold nothing else."""
    from tools.engines.text import TextEncoder  # a measured process loads no more than it measures

    began = time.perf_counter()
    encoder = TextEncoder(folder, threads=threads)
    encoder.load()
    loaded = time.perf_counter() - began
    with tempfile.TemporaryDirectory() as temporary_folder:
        lines = map(
            json.loads, write_lines(Path(temporary_folder) / "lines.jsonl", ITEMS).read_text("utf-8").splitlines()
        )
        texts = [f"{line['title']}\n{line['description']}" for line in lines]
    encoder.encode(texts[:8])
    began = time.perf_counter()
    encoder.encode(texts)
    rate = ITEMS / (time.perf_counter() - began)
    waits = []
    for _ in range(QUERIES):
        began = time.perf_counter()
        encoder.token_states(QUERY)
        waits.append(time.perf_counter() - began)
    return {
        "dimensions": encoder.identity.dimensions,
        "items": round(rate, 1),
        "query_ms": round(1000 * sorted(waits)[QUERIES // 2]),
        "load": round(loaded, 1),
        "peak_mb": round(_peak_kilobytes() / 1024),
    }


def _peak_kilobytes() -> int:
    """The most memory of this program; getrusage counts what the process was before it began this program too."""
    match = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"))
    return int(match[1]) if match else 0


if __name__ == "__main__":
    print(json.dumps(measure_one(Path(sys.argv[1]), int(sys.argv[2]) or None)))
