"""The page about two runs: what differs, and each case's two answers beside each other, flipped ones first."""

from dataclasses import dataclass
from typing import Literal

from eval.compare.records import RunComparison
from eval.report.cases import TurnView, case_view
from eval.report.page import render
from eval.runs.reading import Run

Became = Literal["lost", "gained", "failed", "passed"]
ORDER: tuple[Became, ...] = ("lost", "gained", "failed", "passed")


@dataclass(frozen=True)
class TurnPair:
    """One turn, answered twice; ``moved`` says of items of the second answer where they stood in the first."""

    before: TurnView
    after: TurnView
    moved: dict[str, str]


@dataclass(frozen=True)
class CasePair:
    """One case, answered twice."""

    id: str
    tags: list[str]
    became: Became
    turns: list[TurnPair]

    @property
    def flipped(self) -> bool:
        """Whether it passed in one run only."""
        return self.became in ("lost", "gained")

    @property
    def moves(self) -> str:
        """How many shown items are new or stand elsewhere; empty where the rankings are the same."""
        moved = sum(len(turn.moved) for turn in self.turns)
        removed = sum(len(set(turn.before.answer.shown) - set(turn.after.answer.shown)) for turn in self.turns)
        return f"{moved} shown items moved or new, {removed} gone" if moved or removed else ""


def comparison_page(comparison: RunComparison, before: Run, after: Run) -> str:
    """The whole page as text; it needs no other file and no network."""
    pairs = [_pair(case, before, after) for case in comparison.cases]
    return render(
        "compare.html.j2",
        comparison=comparison,
        cases=sorted(pairs, key=lambda pair: (ORDER.index(pair.became), not pair.moves)),
        tags=sorted({tag for pair in pairs for tag in pair.tags}),
    )


def _pair(case: str, before: Run, after: Run) -> CasePair:
    first, second = (case_view(run, run.scored[case]) for run in (before, after))
    turns = [TurnPair(a, b, moved_items(a, b)) for a, b in zip(first.turns, second.turns, strict=True)]
    return CasePair(case, second.tags, _became(first.passed, second.passed), turns)


def _became(before: bool, after: bool) -> Became:
    if before == after:
        return "passed" if after else "failed"
    return "gained" if after else "lost"


def moved_items(before: TurnView, after: TurnView) -> dict[str, str]:
    """Items that the second answer shows and the first did not show there: "was 3rd", "new"."""
    positions = {item: position for position, item in enumerate(before.answer.shown, start=1)}
    return {
        item: f"was {positions[item]}" if item in positions else "new"
        for position, item in enumerate(after.answer.shown, start=1)
        if positions.get(item) != position
    }
