"""The page about one run."""

from eval.compare.words import count, number
from eval.report.cases import case_views
from eval.report.page import render
from eval.report.records import RunReport
from eval.runs.reading import Run
from eval.runs.records import RunManifest

LONG = {"configuration", "prompts", "models", "packages"}
"""Parts of a manifest that are folded away."""


def report_page(report: RunReport, run: Run) -> str:
    """The whole page as text; it needs no other file and no network."""
    columns = {name: None for part in report.slices for name in part.means}
    return render(
        "report.html.j2",
        report=report,
        verdict=verdict(report),
        slice_columns=[mean.measure for mean in report.means if mean.measure in columns],
        tags=sorted(part.tag for part in report.slices),
        cases=case_views(run),
        made=_run_facts(run.manifest),
        details={name: getattr(run.manifest, name) for name in sorted(LONG)},
    )


def verdict(report: RunReport) -> str:
    """The first sentence of a report: how much passed, how sure that is, and which requirements were kept."""
    passed = report.passed
    sure = f" (95 % interval {number(passed.low)} to {number(passed.high)})" if passed.low is not None else ""
    sentence = (
        f"{report.cases - len(report.failed)} of {count(report.cases, 'case')} passed: {number(passed.mean)}{sure}."
    )
    if not report.requirements:
        return sentence
    missed = [requirement.measure for requirement in report.requirements if not requirement.met]
    return f"{sentence} {'Missed: ' + ', '.join(missed) + '.' if missed else 'Every requirement is met.'}"


def _run_facts(manifest: RunManifest) -> dict[str, object]:
    """What made the run, without its long parts; the number of cases instead of their ids."""
    facts = manifest.model_dump(mode="json", exclude=LONG | {"cases", "variant"})
    variant = manifest.variant.model_dump(mode="json", exclude_defaults=True)
    return {**facts, "cases": len(manifest.cases), "variant": variant}
