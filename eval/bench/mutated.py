"""Damaged and renamed files through the real service: no 5xx, no hang, no growth of memory, no output."""

import os
import tempfile
from pathlib import Path

from eval.bench.fuzz import CASES, failures_table, numbers_of
from eval.bench.report import Result, Table
from eval.bench.stage import Stage
from eval.fuzzing.kinds import FuzzPlan
from eval.fuzzing.mutated import MutatedRun, mutated_files


def measure(stage: Stage) -> Result:
    """So many files, in turn as an upload that a tool reads, as a multipart message and as a JSON message."""
    cases = stage.cases or CASES
    with tempfile.TemporaryDirectory(prefix="assistant-mutated-") as folder:
        run = mutated_files(FuzzPlan(cases, stage.seed, Path(folder)))
    result = Result("mutated", [_answers(run)], _notes(run, stage.seed), failed=bool(run.tally.failures))
    if result.failed:
        result.tables.append(failures_table([run.tally]))
    result.numbers = numbers_of(run.tally) | {
        "answers": dict(run.tally.notes),
        "slowest_seconds": run.slowest_seconds,
        "growth_bytes": run.memory.growth,
        "peak_bytes": run.memory.peak,
        "peak_with_children_bytes": run.memory.peak_with_children,
    }
    return result


def _answers(run: MutatedRun) -> Table:
    table = Table(f"Answers to {run.tally.cases:,} mutated files", ["request", "status", "times"])
    for name, count in sorted(run.tally.notes.items()):
        request, _, status = name.rpartition(" ")
        table.add(request, status, count)
    return table


def _notes(run: MutatedRun, seed: int) -> list[str]:
    counts = ", ".join(f"{sort} {run.tally.count(sort)}" for sort in ("5xx", "traceback", "hang", "lost", "output"))
    before, after, peak, children = (
        f"{size / 2**20:.0f} MiB"
        for size in (run.memory.before, run.memory.after, run.memory.peak, run.memory.peak_with_children)
    )
    return [
        f"Seed {seed}; {counts}; {run.tally.seconds:,.0f} s in all.",
        f"Slowest file: {run.slowest_seconds:.1f} s, {run.slowest}.",
        f"A hang: no answer within 10 s, or, where other programs hold the cores, 10 s times the load a core; the load "
        f"is {os.getloadavg()[0]:.1f} at the end.",
        f"Memory of the process: {before} before, {after} after, {peak} at its peak, {children} with its children.",
        "The encoders are drawn by hash and there is no language model; reading and decoding are the product's.",
    ]
