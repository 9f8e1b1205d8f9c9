"""Which steps of a turn a model is given: by its scores, or as set."""

from datetime import date
from pathlib import Path

import pytest

from assistant.agent.scores import PARTS, Part, Score, Scores, keep
from assistant.agent.steps import (
    QUESTIONS,
    STEPS,
    explanations_in_force,
    planner_in_force,
    questions_in_force,
    ranking_in_force,
    steps_in_force,
    steps_of,
)
from assistant.errors import ConfigError
from assistant.settings import Settings, load_settings


def scores(**right: int) -> Scores:
    """Ten tasks a part, all right where nothing else is said."""
    parts: dict[Part, Score] = {part: Score(right=right.get(part, 10), tasks=10) for part in PARTS}
    return Scores(model="m", tasks="t", day=date(2026, 1, 2), parts=parts, seconds=1)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_each_step_is_given_by_its_own_parts(step: object) -> None:
    assert step in STEPS
    name, parts, least = step  # type: ignore[misc]
    enough, little = round(10 * least), round(10 * least) - 1
    assert getattr(steps_of(scores(**dict.fromkeys(parts, enough))), name)
    without = steps_of(scores(**dict.fromkeys(parts, little)))
    assert not getattr(without, name)
    assert all(getattr(without, other.name) for other in STEPS if other.name != name)


def in_force(settings: Settings) -> tuple[str, str, str, int]:
    return (
        planner_in_force(settings),
        ranking_in_force(settings),
        explanations_in_force(settings),
        questions_in_force(settings),
    )


def test_a_model_that_was_not_probed_words_explanations_alone(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, llm={"profile": "gpu"})
    assert in_force(settings) == ("reading", "fused", "model", 0)
    assert steps_in_force(settings).probe is None


def test_a_model_that_was_probed_does_what_it_is_able_to(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, llm={"profile": "gpu"})
    keep(settings, scores())
    assert in_force(settings) == ("model", "vote", "model", QUESTIONS)
    keep(settings, scores(arguments=0, roles=0, evidence=0))
    assert in_force(settings) == ("reading", "vote", "template", 0)
    assert steps_in_force(settings).probe == {"plans": 0.667, "asks": 0.0, "ranks": 1.0, "explains": 0.0}


def test_a_setting_stands_whatever_the_scores(tmp_path: Path) -> None:
    turn = {"planner": "model", "ranking": "model", "explanations": "template"}
    settings = load_settings(home=tmp_path, llm={"profile": "gpu"}, turn=turn, reading={"questions": 3})
    assert in_force(settings) == ("model", "model", "template", 3)
    fixed = {"planner": "reading", "ranking": "fused", "explanations": "model"}
    other = load_settings(home=tmp_path, llm={"profile": "gpu"}, turn=fixed, reading={"questions": 0})
    keep(other, scores())
    assert in_force(other) == ("reading", "fused", "model", 0)


def test_the_setting_of_earlier_versions_is_refused_with_its_new_name() -> None:
    with pytest.raises(ConfigError, match="rank_by_model is now ranking"):
        load_settings(turn={"rank_by_model": False})
