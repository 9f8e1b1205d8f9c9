"""Ingesting the same catalogue twice: the second time must be nearly nothing. And with encoders that do nothing."""

import os
import tempfile
import time
from pathlib import Path

from assistant.engines import open_engines
from assistant.ingest import IngestOptions, IngestSummary, ingest
from eval.bench import waiting
from eval.bench.generate import write_lines
from eval.bench.report import Result, Table
from eval.bench.stage import Stage, ingest_files
from eval.sample import sample_folder
from tools.store import Catalogue

TARGET_RATIO = 50
TEXT_LINES = 2_000
BARE_LINES, TARGET_RATE = 20_000, 2_000


def measure(stage: Stage) -> Result:
    """The sample with its photos, and generated text lines; loading the encoders counts for neither time."""
    result = Result("ingestion")
    table = Table("The same files twice", ["catalogue", "lines", "first (s)", "second (s)", "times faster"])
    with tempfile.TemporaryDirectory() as folder:
        lines = write_lines(Path(folder) / "lines.jsonl", TEXT_LINES)
        sample = sample_folder(stage.settings) / "products.jsonl"
        for name, file in (("sample, 54 photos", sample), ("generated, text only", lines)):
            stage.say(f"ingesting twice: {name}")
            first, second = _twice(stage, file)
            ratio = first.seconds / max(second.seconds, 1e-3)
            table.add(name, first.lines, first.seconds, second.seconds, ratio)
            numbers = {"lines": first.lines, "first": first.seconds, "second": second.seconds, "ratio": ratio}
            result.numbers[name] = numbers
        stage.say("ingesting with encoders that do nothing")
        bare = _bare(write_lines(Path(folder) / "bare.jsonl", BARE_LINES), result)
    result.tables = [table, bare]
    result.notes = [f"Targets: at least {TARGET_RATIO} times faster; {TARGET_RATE:,} lines a second without encoders."]
    return result


def _bare(file: Path, result: Result) -> Table:
    """From reading to the vector index, all but encoding; the command has a process of its own for the index."""
    columns = ["vector index", "lines", "seconds", "lines a second", "processor of the process itself (s)", "load"]
    table = Table("Without encoders", columns)
    for index_process in (False, True):
        with tempfile.TemporaryDirectory() as folder, Catalogue.open(Path(folder)) as catalogue:
            began, cpu = time.perf_counter(), time.process_time()
            ingest(catalogue, [file], waiting.encoders(0), IngestOptions(index_process=index_process))
            seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        name = "in a process of its own" if index_process else "in the process itself"
        result.numbers[f"without encoders, index {name}"] = {"lines": BARE_LINES, "seconds": seconds, "cpu": cpu}
        table.add(name, BARE_LINES, seconds, round(BARE_LINES / seconds), cpu, round(os.getloadavg()[0], 1))
    return table


def _twice(stage: Stage, file: Path) -> tuple[IngestSummary, IngestSummary]:
    with stage.fresh_data() as settings:
        engines = open_engines(settings)
        engines.text.load()
        engines.pictures.load()
        first = ingest_files(engines.catalogue, engines, [file])
        second = ingest_files(engines.catalogue, engines, [file])
        engines.catalogue.close()
    return first, second
