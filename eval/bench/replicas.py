"""A catalogue that machines share through PostgreSQL: ``python -m eval.bench replicas --lines N``, one item a line.

The items are those of `eval.bench.scale`. The same ones are written to a file alone and with a server on this machine,
then another machine's folder is filled, and follows 1,000 changes. The vector index is left out: it is the same.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from eval.bench.report import Result, Table
from eval.bench.scale import BATCH, ENCODER, Made
from eval.bench.servers import shared_servers
from eval.bench.stage import Stage
from tools.place import StateServer
from tools.store import Catalogue
from tools.store.replica import SharedCatalogue

CHANGES: Final = 1_000
ASKED: Final = 500


def measure(stage: Stage) -> Result:
    """A catalogue of ``stage.lines`` items."""
    with stage.fresh_data() as settings, shared_servers() as servers:
        return _measure(stage, settings.data_folder, StateServer(servers.settings["state__url"]))


def _measure(stage: Stage, folder: Path, server: StateServer) -> Result:
    result, table = Result("replicas"), Table(f"{stage.lines:,} items", ["step", "wall (ms)", "processor (ms)"])

    def note(name: str, times: tuple[float, float]) -> None:
        result.numbers[name] = times
        table.add(name, 1000 * times[0], 1000 * times[1])
        stage.say(f"{name}: {times[0]:.2f} s")

    note(f"{BATCH:,} items, a file alone", _written(folder / "alone", stage, None))
    note(f"{BATCH:,} items, and to PostgreSQL", _written(folder / "one", stage, server))
    opened: list[Catalogue] = []
    note("a new machine", _timed(lambda: opened.append(Catalogue.open(folder / "two", state=server))))
    opened[0].close()
    other = SharedCatalogue(server, folder / "two")
    with Catalogue.open(folder / "one", state=server) as one, one.writing() as writer:
        writer.put(*Made.of(stage.seed + 1).batch(0, CHANGES))
        note(f"following {CHANGES:,} changed items", _timed(other.follow))
    asked = [_timed(other.follow) for _ in range(ASKED)]
    note("asking for the last change", (float(np.median([one[0] for one in asked])), float(np.mean(asked, 0)[1])))
    result.tables = [table]
    result.notes = [
        f"Medians of batches; PostgreSQL on this machine, whose own processor time is not counted. Load at the end: "
        f"{os.getloadavg()[0]:.1f}."
    ]
    return result


def _written(folder: Path, stage: Stage, server: StateServer | None) -> tuple[float, float]:
    """The median of the batches, after the first."""
    made, times = Made.of(stage.seed), list[tuple[float, float]]()
    with Catalogue.open(folder, state=server) as catalogue, catalogue.writing() as writer:
        writer.use_encoder("text", ENCODER)
        writer.use_language("en")
        for start in range(0, stage.lines, BATCH):
            entries, vectors = made.batch(start, min(BATCH, stage.lines - start))
            times.append(_timed(lambda batch=(entries, vectors): writer.put(*batch)))  # type: ignore[misc]
    wall, cpu = np.median(times[1:] or times, 0)
    return float(wall), float(cpu)


def _timed(do: Callable[[], object]) -> tuple[float, float]:
    """Seconds, and those of this process's processor time."""
    began, cpu = time.monotonic(), time.process_time()
    do()
    return time.monotonic() - began, time.process_time() - cpu
