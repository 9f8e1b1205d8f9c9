"""A run as Markdown tables, for documents."""

from collections.abc import Iterable, Sequence

from eval.compare.words import headline, number, p_in_words, signed, span
from eval.report.records import RunReport, value_of
from eval.report.run_page import verdict


def markdown(report: RunReport) -> str:
    """Verdict, measures, slices, and the differences from other runs."""
    parts = [f"**{report.run}** on {report.suite}: {verdict(report)}", _measures(report), _slices(report)]
    for one in report.against:
        rows = (
            (each.measure, number(each.after), number(each.before), signed(each.difference), span(each),
             p_in_words(each.p_holm), str(each.cases), each.verdict)
            for each in (one.passed, *one.measures)
        )  # fmt: skip
        heads = ("measure", one.after, one.before, "difference", "95 % interval", "p, corrected", "cases", "verdict")
        parts += [headline(one), *one.notes, table(heads, rows)]
    return "\n\n".join(parts) + "\n"


def _measures(report: RunReport) -> str:
    rows = [
        (one.measure, number(one.mean), "–" if one.low is None else f"{number(one.low)} to {number(one.high)}",
         str(one.cases))
        for one in (report.passed, *report.means)
    ]  # fmt: skip
    rows += [(name, number(value), "–", "whole run") for name, value in report.whole.items()]
    return table(("measure", "mean", "95 % interval", "cases"), rows)


def _slices(report: RunReport) -> str:
    columns = list(dict.fromkeys(name for one in report.slices for name in one.means))
    rows = (
        (one.tag, str(one.cases), number(one.passed.mean),
         *(value_of(one.means[name]) if name in one.means else "–" for name in columns))
        for one in report.slices
    )  # fmt: skip
    return table(("tag, worst first", "cases", "passed", *columns), rows)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; numbers stand to the right."""
    rule = ["---", *("---:" for _ in heads[1:])]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in row)} |" for row in (heads, rule, *rows))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
