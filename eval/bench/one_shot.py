"""Commands that answer once and end: seconds until the first tool is called, and in all, each in a new process."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from assistant.settings import Settings
from eval.bench.overhead import TURNS
from eval.bench.report import Result, Table
from eval.bench.stage import Stage, free_port
from eval.sample import photo, voice

RUNS = 5
TARGET = 3.0
"""Seconds until the first search of a message in words begins."""

BASELINE = [sys.executable, "-c", "import numpy, onnxruntime, chromadb"]
TEXT = "a warm jacket under 100"


def measure(stage: Stage) -> Result:
    """Each command `RUNS` times, in turn with the baseline, after a run that fills the disk's cache."""
    with stage.sample_catalogue() as settings:
        commands = _commands(settings)
        times_by_command: dict[str, list[tuple[float | None, float]]] = {name: [] for name in commands}
        bare: list[float] = []
        for run in range(RUNS + 1):
            stage.say(f"run {run} of {RUNS}")
            times = {name: _timed(words, settings) for name, words in commands.items()}
            seconds = _seconds(BASELINE, os.environ)
            if run:
                bare.append(seconds)
                for name, each in times.items():
                    times_by_command[name].append(each)
    return _result(times_by_command, median(bare))


def _commands(settings: Settings) -> dict[str, list[str]]:
    folder = settings.data_folder / "asked"
    _, picture, recording = TURNS[0]
    return {
        "recommend --text": ["recommend", "--text", TEXT],
        "recommend --text --json": ["recommend", "--text", TEXT, "--json"],
        "recommend --image": ["recommend", "--image", str(photo(settings, picture, folder))],
        "recommend --audio": ["recommend", "--audio", str(voice(recording, folder))],
        "tools call search_by_text": ["tools", "call", "search_by_text", "--json", json.dumps({"query": TEXT})],
        "catalogue stats": ["catalogue", "stats"],
        "doctor": ["doctor"],
        "--help": ["--help"],
    }


def _timed(words: Sequence[str], settings: Settings) -> tuple[float | None, float]:
    """Seconds until the first tool is called, if one is, and in all."""
    environment = {**os.environ, "ASSISTANT_DATA": str(settings.data_folder), "ASSISTANT_LLM__PORT": str(free_port())}
    with tempfile.TemporaryDirectory() as folder:
        mark = Path(folder) / "begun"
        began = time.time()
        seconds = _seconds([sys.executable, "-m", "eval.bench.one_shot_child", str(mark), *words], environment)
        return (float(mark.read_text()) - began if mark.exists() else None), seconds


def _seconds(command: Sequence[str], environment: Mapping[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=False, env=environment, capture_output=True)  # noqa: S603 - our own programs
    return time.perf_counter() - began


def _result(times_by_command: Mapping[str, Sequence[tuple[float | None, float]]], bare: float) -> Result:
    columns = ["command", "first tool called (s)", "whole (s)", "whole, times the baseline"]
    table = Table(f"One command, median of {RUNS}", columns)
    numbers: dict[str, dict[str, float | None]] = {}
    for name, times in times_by_command.items():
        begun = [first for first, _ in times if first is not None]
        first, whole = (median(begun) if begun else None), median(seconds for _, seconds in times)
        numbers[name] = {"first_tool": first, "whole": whole, "ratio": whole / bare}
        table.add(name, first, whole, whole / bare)
    note = f"The baseline, importing numpy, onnxruntime and chromadb, takes {bare:.2f} s."
    return Result(
        "one_shot", [table], [f"{note} Target: the first search of words within {TARGET:g} s."], dict(numbers)
    )
