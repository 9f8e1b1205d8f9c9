"""Which steps of a turn the language model does."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from assistant.llm.profiles import model_name
from assistant.settings import Settings


@dataclass(frozen=True)
class ModelSteps:
    """What a model is able to do, beside wording explanations."""

    plans: bool
    """Whether it acts on what was found."""
    ranks: bool
    """Whether its order of the candidates counts."""


ABLE: Final = ModelSteps(plans=True, ranks=True)
_BY_MODEL: Final = {
    "smollm2-135m-instruct": ModelSteps(plans=False, ranks=False),
    "qwen2.5-coder-0.5b-instruct": ModelSteps(plans=False, ranks=False),
    "qwen2.5-coder-1.5b-instruct": ModelSteps(plans=False, ranks=False),
}
"""The small models of the cpu profile: what they plan is nearly always dropped, and their order changes nothing."""


def steps_for(model: str) -> ModelSteps:
    """The steps that the settings' ``auto`` gives a model, by its name or the folder that it lies in."""
    return _BY_MODEL.get(Path(model).name.casefold(), ABLE)


def planner_in_force(settings: Settings) -> Literal["reading", "model"]:
    """Who plans, with ``auto`` resolved."""
    if settings.turn.planner != "auto":
        return settings.turn.planner
    return "model" if steps_for(model_name(settings)).plans else "reading"


def ranking_in_force(settings: Settings) -> Literal["fused", "vote", "model"]:
    """Whose order it is, with ``auto`` resolved; without fusion there is no other order than the model's."""
    if settings.turn.ranking != "auto":
        return settings.turn.ranking
    if not settings.turn.fuse_signals:
        return "model"
    return "vote" if steps_for(model_name(settings)).ranks else "fused"
