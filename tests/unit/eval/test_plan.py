"""The arithmetic of `python -m eval.bench plan`."""

from dataclasses import fields
from pathlib import Path

import pytest

from eval.bench.__main__ import main
from eval.bench.plan import Figures, changed, needs, planned

SCALING = Path(__file__).parents[3] / "docs/scaling.md"


def test_every_figure_says_where_it_is_from() -> None:
    begins = {each.metadata["source"].partition(":")[0] for each in fields(Figures)}
    assert begins == {"measured", "published", "assumed", "chosen"}


def test_more_of_either_takes_more_and_an_own_figure_counts() -> None:
    def dollars(items: float, turns: float, *settings: str) -> float:
        return sum(need.dollars for need in needs(items, turns, changed(Figures(), settings)))

    assert dollars(1e6, 100) < dollars(1e8, 100) < dollars(1e8, 10_000)
    assert dollars(1e8, 10_000, "card_price=6") > dollars(1e8, 10_000)
    chroma, twice = (
        next(need for need in needs(items, 100, Figures()) if need.part == "Chroma") for items in (1e8, 2e8)
    )
    assert twice.of_one == pytest.approx(2 * chroma.of_one)
    with pytest.raises(ValueError, match="cards=3"):
        changed(Figures(), ["cards=3"])


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--items", "1e6", "--turns", "60", "--set", "cached=0.5"]) == 0
    assert "1,000,000 items, 60 turns a minute" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["plan", "--set", "cached=none"])


def test_the_documented_plan_is_that_of_today_s_figures() -> None:
    table = planned(1e8, 1e4, Figures()).tables[0]
    shown = SCALING.read_text("utf-8")
    for part, amount, machines, dollars, *_ in table.rows:
        assert f"| {part} | {amount} | {machines} | {dollars} |" in shown
