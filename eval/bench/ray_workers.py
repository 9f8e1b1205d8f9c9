"""Ingestion with Ray: two workers against one, where encoders take the time, as on cards or on cores."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from assistant.engines import open_engines
from assistant.ingest import Encoders, IngestOptions, ingest
from assistant.ingest.ray_engine import RayEmbedding, RayOptions, connected
from assistant.settings import Settings
from eval.bench import waiting
from eval.bench.generate import write_lines
from eval.bench.report import Result, Table
from eval.bench.stage import Stage
from tools.store import Catalogue

TARGET = 1.7
WAIT_SECONDS, WAIT_LINES, CORE_LINES = 0.01, 6_000, 1_500
ROUNDS = 1


def measure(stage: Stage) -> Result:
    """One cluster of two cores, already started; one worker and two in turn, the least of `ROUNDS` counts."""
    table = Table(
        "Ingestion with Ray",
        ["encoders", "lines", "one worker (s)", "two workers (s)", "ratio", "driver's CPU (s)", "load"],
    )
    result = Result(
        "ray_workers", [table], [f"Target: {TARGET}. The driver's CPU time is of the run with two workers."]
    )
    kinds: list[tuple[str, int, Callable[[], Encoders]]] = [
        (f"wait {1000 * WAIT_SECONDS:g} ms a text", WAIT_LINES, partial(waiting.encoders, WAIT_SECONDS)),
        (f"{stage.settings.text.model}, one core each", CORE_LINES, partial(_encoders, stage.settings)),
    ]
    RayEmbedding(partial(waiting.encoders, 0), waiting.encoders(0))  # sets Ray's environment
    import ray  # only then

    with connected(ray, RayOptions(workers=2)), tempfile.TemporaryDirectory() as folder:
        for name, lines, make in kinds:
            file = write_lines(Path(folder) / f"{lines}.jsonl", lines)
            seconds: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
            for workers in (1, 2) * ROUNDS:
                stage.say(f"{name}: {workers} workers")
                seconds[workers].append(_run(file, make, workers))
            (one, _), (two, cpu) = (min(seconds[workers]) for workers in (1, 2))
            load = round(os.getloadavg()[0], 1)
            table.add(name, lines, one, two, one / two, cpu, load)
            result.numbers[name] = {
                "lines": lines,
                "one": one,
                "two": two,
                "ratio": one / two,
                "cpu": cpu,
                "load": load,
            }
    return result


def _run(file: Path, make: Callable[[], Encoders], workers: int) -> tuple[float, float]:
    """Seconds, and seconds of this process's CPU time, of one ingestion into an empty catalogue."""
    given = make()
    with _empty() as catalogue:
        began, cpu = time.perf_counter(), time.process_time()
        embedding = RayEmbedding(make, given, RayOptions(workers=workers))
        ingest(catalogue, [file], given, IngestOptions(), embedding=embedding)
        return time.perf_counter() - began, time.process_time() - cpu


@contextmanager
def _empty() -> Iterator[Catalogue]:
    with tempfile.TemporaryDirectory() as data, Catalogue.open(Path(data)) as catalogue:
        yield catalogue


def _encoders(settings: Settings) -> Encoders:
    engines = open_engines(settings.model_copy(update={"threads": 1}))
    return Encoders(engines.text, engines.pictures, None)
