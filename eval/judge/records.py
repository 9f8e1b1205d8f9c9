"""What a judge is asked, says, and is worth. All JSON-able."""

from typing import Annotated

from pydantic import Field

from tools.records import Record

Grade = Annotated[int, Field(ge=0, le=3)]
"""0 does not fit, 1 fits, 2 fits well, 3 exactly: the grades of `Expectation.relevant`."""


class Pair(Record):
    """An item to grade as the answer to one turn of a run."""

    case: str
    turn: int = Field(ge=0)
    item: str
    shown: bool = Field(description="whether the run showed it; others are graded for the agreement alone")
    label: Grade | None = Field(None, description="the grade by hand; None where the turn has none")


class Judgement(Pair):
    """A pair, graded."""

    grade: Grade
    reason: str = Field("", description="in the judge's words")


class Agreement(Record):
    """How far a judge agrees with the grades by hand."""

    pairs: int = Field(description="items with both grades")
    kappa: float | None = Field(description="Cohen's kappa with quadratic weights; None: one side gave one grade only")
    spearman: float | None = Field(description="rank correlation; None as for kappa")


class JudgeReport(Record):
    """A judge's view of a run. ``mean`` counts for nothing unless ``believed``."""

    run: str
    judge: str = Field(description="the model's name")
    prompt: str = Field(description="'version sha256'")
    agreement: Agreement
    believed: bool
    mean: float | None = Field(description="of the grades (0 to 3) of all items that the run showed")
    shown: int = Field(description="over how many items the mean is taken")
    failed: int = Field(description="items that the judge gave no usable grade")
