"""Peak memory, and time, of ingesting many text-only lines."""

import tempfile
from dataclasses import asdict
from pathlib import Path

from assistant.engines import open_engines
from eval.bench.generate import write_lines
from eval.bench.report import Result, Table, gib
from eval.bench.sampling import Watch
from eval.bench.stage import Stage, ingest_files

TARGET = 1 * 2**30


def measure(stage: Stage) -> Result:
    """``stage.lines`` generated lines into an empty catalogue; idle is this process with the encoders loaded."""
    watch = Watch()
    with stage.fresh_data() as settings, tempfile.TemporaryDirectory() as folder:
        file = write_lines(Path(folder) / "lines.jsonl", stage.lines, sentences=1)
        engines = open_engines(settings)
        engines.text.load()
        engines.pictures.load()
        engines.text.encode(["a text to have everything in place"] * 64)
        watch.stage("idle, encoders loaded")
        with watch.running():
            stage.say(f"ingesting {stage.lines:,} lines")
            watch.stage("ingesting")
            summary = ingest_files(engines.catalogue, engines, [file])
            watch.stage("the same file again")
            again = ingest_files(engines.catalogue, engines, [file])
        engines.catalogue.close()
    idle = watch.peaks[0].assistant
    table = Table(f"Ingesting {stage.lines:,} text lines", ["stage", "peak", "above idle", "seconds", "lines a second"])
    for peak, seconds in zip(watch.peaks, (None, summary.seconds, again.seconds), strict=True):
        rate = round(summary.lines / seconds) if seconds else None
        table.add(peak.name, gib(peak.assistant), gib(peak.assistant - idle), seconds, rate)
    above = watch.peaks[1].assistant - idle
    result = Result("lines", [table], [f"{gib(above)} above idle (target: under {gib(TARGET)})."])
    result.numbers = {
        "lines": summary.lines, "above_idle": above, "seconds": summary.seconds, "again": again.seconds,
        "stages": [asdict(peak) for peak in watch.peaks],
    }  # fmt: skip
    return result
