"""A run as Markdown tables, for documents."""

from collections.abc import Iterable, Sequence

from eval.compare.words import headline, number, p_in_words, signed, span
from eval.report.records import RunReport, value_of
from eval.report.run_page import verdict


def markdown(report: RunReport) -> str:
    """Verdict, measures, slices, and the differences from other runs."""
    parts = [f"**{report.run}** on {report.suite}: {verdict(report)}", _measures(report), _slices(report)]
    for against in report.against:
        rows = (
            (row.measure, number(row.after), number(row.before), signed(row.difference), span(row),
             p_in_words(row.p_holm), str(row.cases), row.verdict)
            for row in (against.passed, *against.measures)
        )  # fmt: skip
        heads = ("measure", against.after, against.before, "difference", "95 % interval", "p, corrected", "cases",
                 "verdict")  # fmt: skip
        parts += [headline(against), *against.notes, table(heads, rows)]
    return "\n\n".join(parts) + "\n"


def _measures(report: RunReport) -> str:
    rows = [
        (mean.measure, number(mean.mean), "–" if mean.low is None else f"{number(mean.low)} to {number(mean.high)}",
         str(mean.cases))
        for mean in (report.passed, *report.means)
    ]  # fmt: skip
    rows += [(name, number(value), "–", "whole run") for name, value in report.whole.items()]
    return table(("measure", "mean", "95 % interval", "cases"), rows)


def _slices(report: RunReport) -> str:
    columns = list(dict.fromkeys(name for part in report.slices for name in part.means))
    rows = (
        (part.tag, str(part.cases), number(part.passed.mean),
         *(value_of(part.means[name]) if name in part.means else "–" for name in columns))
        for part in report.slices
    )  # fmt: skip
    return table(("tag, worst first", "cases", "passed", *columns), rows)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; numbers stand to the right."""
    rule = ["---", *("---:" for _ in heads[1:])]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in row)} |" for row in (heads, rule, *rows))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
