"""Generated cases of four kinds through the real product: nothing ends in a 5xx, a traceback or a hang."""

import tempfile
from pathlib import Path

from eval.bench.report import Result, Table
from eval.bench.stage import Stage
from eval.fuzzing import kinds
from eval.fuzzing.counting import Tally, shortened
from eval.fuzzing.serving import serving

CASES = 10_000


def measure(stage: Stage) -> Result:
    """So many cases of each kind: messages (one in 25 as a whole turn), catalogue lines, event lines, HTTP requests."""
    cases = stage.cases or CASES
    with tempfile.TemporaryDirectory(prefix="assistant-fuzz-") as folder:
        tallies = run_all(kinds.FuzzPlan(cases, stage.seed, Path(folder), stage.say))
    result = Result("fuzz", tables=[_counts(tallies)], failed=any(tally.failures for tally in tallies))
    if result.failed:
        result.tables.append(failures_table(tallies))
    result.numbers = {tally.kind: numbers_of(tally) for tally in tallies}
    result.notes = [f"Seed {stage.seed}; the service has no language model, so that turns are answered by the rules."]
    for tally in tallies:
        noted = ", ".join(f"{name}: {count:,}" for name, count in sorted(tally.notes.items()))
        result.notes.append(f"{tally.kind}: slowest {tally.slowest}" + (f"; {noted}" if noted else ""))
    return result


def run_all(plan: kinds.FuzzPlan) -> list[Tally]:
    """Every kind, one after the other."""
    turns = kinds.FuzzPlan(max(1, plan.cases // kinds.TURNS_SHARE), plan.seed, plan.folder, plan.say)
    tallies = [kinds.reading(plan), kinds.catalogue(plan), kinds.events(plan)]
    with serving(plan.folder / "service") as served:
        return [*tallies, kinds.turns(turns, served), kinds.requests(plan, served)]


def _counts(tallies: list[Tally]) -> Table:
    columns = [
        "kind",
        "cases",
        "seconds",
        "slowest (ms, processor)",
        "5xx",
        "tracebacks",
        "hangs",
        "lost",
        "distinct failures",
    ]
    table = Table("Generated cases", columns)
    for tally in tallies:
        counts = [tally.count(sort) for sort in ("5xx", "traceback", "hang", "lost")]
        table.add(tally.kind, tally.cases, tally.seconds, tally.slowest_ms, *counts, len(tally.failures))
    return table


def failures_table(tallies: list[Tally]) -> Table:
    """Every distinct failure."""
    table = Table("Distinct failures, each with the smallest input that showed it", ["kind", "what", "times", "input"])
    for tally in tallies:
        for failure in tally.failures.values():
            description = f"{failure.sort}: {failure.description}"
            table.add(tally.kind, description, failure.count, shortened(failure.reproducer))
    return table


def numbers_of(tally: Tally) -> dict[str, object]:
    """A tally for programs."""
    failures = [
        {"sort": f.sort, "what": f.description, "times": f.count, "input": f.reproducer}
        for f in tally.failures.values()
    ]
    return {
        "cases": tally.cases,
        "seconds": tally.seconds,
        "slowest_ms": tally.slowest_ms,
        "slowest": tally.slowest,
        "failures": failures,
    }
