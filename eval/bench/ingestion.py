"""Ingesting the same catalogue twice: the second time must be nearly nothing."""

import tempfile
from pathlib import Path

from assistant.engines import open_engines
from assistant.ingest import IngestSummary
from eval.bench.generate import write_lines
from eval.bench.report import Result, Table
from eval.bench.stage import Stage, ingest_files
from eval.sample import sample_folder

TARGET_RATIO = 50
TEXT_LINES = 2_000


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
    result.tables = [table]
    result.notes = [f"Target: at least {TARGET_RATIO} times faster."]
    return result


def _twice(stage: Stage, file: Path) -> tuple[IngestSummary, IngestSummary]:
    with stage.fresh_data() as settings:
        engines = open_engines(settings)
        engines.text.load()
        engines.pictures.load()
        first = ingest_files(engines.catalogue, engines, [file])
        second = ingest_files(engines.catalogue, engines, [file])
        engines.catalogue.close()
    return first, second
