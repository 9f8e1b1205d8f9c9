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
    columns = {name: None for one in report.slices for name in one.means}
    return render(
        "report.html.j2",
        report=report,
        verdict=verdict(report),
        slice_columns=[one.measure for one in report.means if one.measure in columns],
        tags=sorted(one.tag for one in report.slices),
        cases=case_views(run),
        made=_made(run.manifest),
        details={name: getattr(run.manifest, name) for name in sorted(LONG)},
    )


def verdict(report: RunReport) -> str:
    """The first sentence of a report: how much passed, how sure that is, and which requirements were kept."""
    passed = report.passed
    sure = f" (95 % interval {number(passed.low)} to {number(passed.high)})" if passed.low is not None else ""
    said = f"{report.cases - len(report.failed)} of {count(report.cases, 'case')} passed: {number(passed.mean)}{sure}."
    if not report.requirements:
        return said
    missed = [one.measure for one in report.requirements if not one.met]
    return f"{said} {'Missed: ' + ', '.join(missed) + '.' if missed else 'Every requirement is met.'}"


def _made(manifest: RunManifest) -> dict[str, object]:
    """What made the run, without its long parts; the number of cases instead of their ids."""
    made = manifest.model_dump(mode="json", exclude=LONG | {"cases", "variant"})
    variant = manifest.variant.model_dump(mode="json", exclude_defaults=True)
    return {**made, "cases": len(manifest.cases), "variant": variant}
