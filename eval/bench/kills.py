"""Ingestion that is killed at random moments and repeated, on both engines: nothing is lost or doubled.

``python -m eval.bench kills [--cases KILLS] [--seed S]``; ``python -m eval.bench.kills FILE DATA ENGINE`` is what is
killed.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from assistant.ingest import IngestOptions, ingest
from eval.bench import waiting
from eval.bench.generate import write_lines
from eval.bench.report import Result, Table
from eval.bench.stage import Stage
from tools.engines.threads import limit_arenas
from tools.store import Catalogue

KILLS, LINES, WAIT_SECONDS = 20, 1_500, 0.001
WORK_SECONDS = {"local": 4.0, "ray": 25.0}
"""How long after its beginning an ingestion is killed at the latest; those that end before are done with a version."""


def measure(stage: Stage) -> Result:
    """So many kills of each engine; whenever a run ends, some lines change and some go, and it begins anew."""
    table = Table(
        "Killed and repeated", ["engine", "kills", "versions", "items", "lost", "doubled", "different", "seconds"]
    )
    result = Result("kills", [table], [f"Seed {stage.seed}; kill -9 at random moments of the work."])
    for engine in WORK_SECONDS:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="assistant-kills-") as folder:
            outcome = _Killing(stage, engine, Path(folder)).outcome(stage.cases or KILLS)
        table.add(engine, *outcome.values(), round(time.monotonic() - began))
        result.numbers[engine] = outcome
        result.failed |= any(outcome[name] for name in ("lost", "doubled", "different"))
    return result


class _Killing:
    """One engine's runs over one catalogue."""

    def __init__(self, stage: Stage, engine: str, folder: Path) -> None:
        self._stage = stage
        self._engine = engine
        self._chance = random.Random(stage.seed)
        self._file = write_lines(folder / "lines.jsonl", LINES, sentences=1)
        self._data, self._fresh = folder / "data", folder / "fresh"

    def outcome(self, kills: int) -> dict[str, int]:
        """Kill so often, let the last run end, and compare with a catalogue that was made at once."""
        done, versions = 0, 1
        while done < kills:
            if self._killed():
                done += 1
                self._stage.say(f"{self._engine}: killed {done} times, version {versions}")
            else:
                versions += 1
                self._change(versions)
        while self._killed(patience=600.0):
            pass
        _ingest(self._file, self._fresh, "local")
        with Catalogue.open(self._data) as survivor, Catalogue.open(self._fresh) as fresh:
            have, want = _contents(survivor), _contents(fresh)
            places = survivor.stats().spaces["text"].vectors - len(have)
        different = sum(have[item_id] != want[item_id] for item_id in have.keys() & want.keys())
        counts = {"items": len(want), "lost": len(want.keys() - have.keys()), "doubled": places}
        return {"kills": done, "versions": versions, **counts, "different": different + len(have.keys() - want.keys())}

    def _killed(self, patience: float | None = None) -> bool:
        """Whether the run was killed; false once it ended by itself."""
        command = [sys.executable, "-m", "eval.bench.kills", str(self._file), str(self._data), self._engine]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - this module
            assert process.stdout  # noqa: S101 - it is a pipe
            process.stdout.readline()
            try:
                code = process.wait(patience or self._chance.uniform(0, WORK_SECONDS[self._engine]))
            except subprocess.TimeoutExpired:
                process.kill()
                return True
        if code:
            raise RuntimeError(f"An ingestion that nobody killed ended with {code}.")
        return False

    def _change(self, version: int) -> None:
        """Another price for a third of the lines, another title for some; a few go."""
        lines = [json.loads(line) for line in self._file.read_text("utf-8").splitlines()]
        for line in lines:
            if self._chance.random() < 0.4:
                line["title"] = f"{line['title'].partition(' version ')[0]} version {version}"
        kept = [line for line in lines if self._chance.random() < 0.98]
        self._file.write_text("".join(json.dumps(line) + "\n" for line in kept), "utf-8")


def _contents(catalogue: Catalogue) -> dict[str, Any]:
    items = {item.id: item.model_dump_json() for item in catalogue.items()}
    vectors = catalogue.vectors_of("text", list(items))
    return {item_id: (text, [row.tobytes() for row in vectors[item_id]]) for item_id, text in items.items()}


def _ingest(file: Path, data: Path, engine: str) -> None:
    given, embedding = waiting.encoders(WAIT_SECONDS), None
    if engine == "ray":
        from assistant.ingest.ray_engine import RayEmbedding, RayOptions  # brings its library

        embedding = RayEmbedding(partial(waiting.encoders, WAIT_SECONDS), given, RayOptions(workers=2))
    with Catalogue.open(data) as catalogue:
        ingest(catalogue, [file], given, IngestOptions(prune=True), embedding=embedding)


if __name__ == "__main__":
    limit_arenas()
    print("begun", flush=True)
    _ingest(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
