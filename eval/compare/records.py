"""What a comparison says; all JSON-able."""

from typing import Literal

from pydantic import Field

from tools.records import Record

Better = Literal["higher", "lower", "none"]
"""Which way is good; ``none`` for values that are neither, such as the number of tool calls."""

SHARE = "share"
"""The unit of measures that lie between 0 and 1."""

Verdict = Literal["better", "worse", "different", "can't tell"]
"""Of the second run against the first; ``different`` only where no way is good."""


class Difference(Record):
    """One measure (or the passing of cases) in both runs, over the cases that have it in both."""

    measure: str
    description: str = ""
    unit: str = ""
    better: Better = "higher"
    cases: int
    in_one_only: int = Field(0, description="compared cases that have the measure in one run only, left out here")
    before: float = Field(description="mean of the first run")
    after: float = Field(description="mean of the second run")
    difference: float = Field(description="after - before, mean over cases")
    low: float | None = Field(description="95 % interval of the difference; None where the cases say nothing of it")
    high: float | None
    p: float = Field(description="paired permutation test; exact McNemar for passed")
    p_holm: float = Field(description="corrected for the number of measures, or of slices, beside it")
    detect: float | None = Field(description="the difference asked about: the one given, else the one seen")
    needed: int | None = Field(description="cases that show `detect` with power 0.8; None where it can't be known")
    verdict: Verdict


class Slice(Record):
    """The cases of one tag."""

    tag: str
    difference: Difference


class WholeMeasure(Record):
    """A measure that exists only over all cases: no test is possible, the two values stand beside each other."""

    measure: str
    before: float | None
    after: float | None


class LeftOut(Record):
    """Cases that can't be compared, by id."""

    only_before: list[str] = []
    only_after: list[str] = []
    changed: list[str] = Field([], description="same id, other content: it is another case")
    unknown: list[str] = Field([], description="same id, but what the case was is not known for both runs")

    @property
    def count(self) -> int:
        """How many cases are left out."""
        return len(self.only_before) + len(self.only_after) + len(self.changed) + len(self.unknown)


class RunComparison(Record):
    """Two runs, case by case."""

    before: str
    after: str
    cases: list[str] = Field(description="ids of the cases that are compared")
    left_out: LeftOut
    passed: Difference
    lost: list[str] = Field(description="passed before, failed after")
    gained: list[str] = Field(description="failed before, passed after")
    measures: list[Difference]
    slices: list[Slice] = Field(description="passed (and each measure that was asked for) by tag, worst first")
    whole: list[WholeMeasure] = []
    notes: list[str] = Field([], description="what a reader should know before believing it, a sentence each")
