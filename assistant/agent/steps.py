"""Which steps of a turn the language model does."""

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from pydantic import Field

from assistant.agent.scores import Part, Scores, kept_scores
from assistant.settings import Settings
from tools.records import Record


@dataclass(frozen=True)
class ModelSteps:
    """What a model is able to do."""

    plans: bool
    """Whether it acts on what was found."""
    asks: bool
    """Whether it is asked what words are of which the reading is unsure."""
    ranks: bool
    """Whether its order of the candidates counts."""
    explains: bool
    """Whether it words explanations."""


class ModelStep(NamedTuple):
    """A step of a turn, the parts of the probe that it is like, and the share of their tasks that must be right."""

    name: Literal["plans", "asks", "ranks", "explains"]
    parts: tuple[Part, ...]
    least: float


STEPS: Final = (
    ModelStep("plans", ("tools", "arguments", "two_steps"), 0.9),
    ModelStep("asks", ("roles",), 0.9),
    ModelStep("ranks", ("order",), 0.9),
    ModelStep("explains", ("evidence",), 0.5),
)
"""docs/models.md has the comparisons behind the shares."""

QUESTIONS: Final = 2
"""How many questions a turn asks a model that answers them well."""

UNPROBED: Final = ModelSteps(plans=False, asks=False, ranks=False, explains=True)
"""A model of which nothing is known: what it says of an item is checked, so it may say it."""


def steps_of(scores: Scores | None) -> ModelSteps:
    """The steps that the settings' ``auto`` gives a model with these scores."""
    if scores is None:
        return UNPROBED
    return ModelSteps(**{step.name: scores.share(*step.parts) >= step.least for step in STEPS})


def steps_for(settings: Settings) -> ModelSteps:
    """The steps that ``auto`` gives the settings' model."""
    return steps_of(kept_scores(settings))


def planner_in_force(settings: Settings) -> Literal["reading", "model"]:
    """Who plans, with ``auto`` resolved."""
    if settings.turn.planner != "auto":
        return settings.turn.planner
    return "model" if steps_for(settings).plans else "reading"


def ranking_in_force(settings: Settings) -> Literal["fused", "vote", "model"]:
    """Whose order it is, with ``auto`` resolved."""
    if settings.turn.ranking != "auto":
        return settings.turn.ranking
    return "vote" if steps_for(settings).ranks else "fused"


def explanations_in_force(settings: Settings) -> Literal["template", "model"]:
    """Who words explanations, with ``auto`` resolved."""
    if settings.turn.explanations != "auto":
        return settings.turn.explanations
    return "model" if steps_for(settings).explains else "template"


def questions_in_force(settings: Settings) -> int:
    """How many questions about unsure words a turn asks the model, with no number set resolved."""
    if settings.reading.questions is not None:
        return settings.reading.questions
    return QUESTIONS if steps_for(settings).asks else 0


class StepsInForce(Record):
    """Which steps of a turn the language model does, as set or by its scores."""

    planner: Literal["reading", "model"]
    ranking: Literal["fused", "vote", "model"]
    explanations: Literal["template", "model"]
    questions: int = Field(description="how many questions about unsure words a turn asks it at most")
    probe: dict[str, float] | None = Field(
        description="by step, the share of the probe's tasks that it did right; null where it was not probed"
    )


def steps_in_force(settings: Settings) -> StepsInForce:
    """All of them, and why."""
    scores = kept_scores(settings)
    return StepsInForce(
        planner=planner_in_force(settings),
        ranking=ranking_in_force(settings),
        explanations=explanations_in_force(settings),
        questions=questions_in_force(settings),
        probe={step.name: round(scores.share(*step.parts), 3) for step in STEPS} if scores else None,
    )
