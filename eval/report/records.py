"""What a report says of a run; all JSON-able."""

from typing import Literal

from pydantic import Field

from eval.compare.records import Better, RunComparison
from eval.compare.words import number
from tools.records import Record


class Mean(Record):
    """A measure over the cases that have it."""

    measure: str
    description: str = ""
    unit: str = ""
    better: Better = "higher"
    cases: int
    mean: float
    total: float | None = Field(None, description="all cases together, for counts")
    low: float | None = Field(None, description="95 % bootstrap interval over cases; Wilson's for passed")
    high: float | None = None


def value_of(mean: Mean) -> str:
    """A measure in a table: the number of counted things, the mean of everything else."""
    return number(mean.mean) if mean.total is None else f"{mean.total:,.0f}"


class Requirement(Record):
    """A threshold and what became of it."""

    measure: str
    bound: float
    at: Literal["least", "most"]
    value: float
    met: bool
    sure: bool | None = Field(description="the whole 95 % interval lies on that side; None: the cases give no interval")


class SliceMeans(Record):
    """The cases of one tag: how many, and their means."""

    tag: str
    cases: int
    passed: Mean
    means: dict[str, Mean]


class Cost(Record):
    """What one stage (or one turn) took: seconds, or tokens."""

    what: str
    turns: int = Field(description="turns in which it happened")
    mean: float
    p95: float
    total: float


class RunReport(Record):
    """A run, and what it is like against others."""

    run: str
    suite: str
    cases: int
    cached: int = Field(description="cases whose answer came from an earlier run")
    unanswered: list[str] = Field(description="cases with a turn that got no answer")
    passed: Mean
    failed: list[str]
    requirements: list[Requirement]
    means: list[Mean]
    whole: dict[str, float]
    slices: list[SliceMeans] = Field(description="worst first")
    seconds: list[Cost] = Field(description="by stage, longest first; the whole turn before them")
    tokens: list[Cost] = Field(description="a turn")
    against: list[RunComparison] = Field(description="this run against each of the others")
