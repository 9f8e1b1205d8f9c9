import pytest

from assistant.agent.steps import ModelSteps, planner_in_force, ranking_in_force, steps_for
from assistant.errors import ConfigError
from assistant.settings import load_settings


@pytest.mark.parametrize(
    ("model", "able"),
    [
        ("smollm2-135m-instruct", False),
        ("qwen2.5-coder-0.5b-instruct", False),
        ("/models/Qwen2.5-Coder-1.5B-Instruct", False),
        ("Qwen/Qwen3-4B-Instruct-2507", True),
        ("gpt-4o", True),
    ],
)
def test_the_small_models_neither_plan_nor_rank(model: str, able: bool) -> None:
    assert steps_for(model) == ModelSteps(plans=able, ranks=able)


@pytest.mark.parametrize(
    ("llm", "turn", "planner", "ranking"),
    [
        ({}, {}, "reading", "fused"),
        ({"profile": "gpu"}, {}, "model", "vote"),
        ({"profile": "gpu"}, {"planner": "reading", "ranking": "fused"}, "reading", "fused"),
        ({}, {"planner": "model", "ranking": "model"}, "model", "model"),
        ({}, {"fuse_signals": False}, "reading", "model"),
    ],
)
def test_auto_follows_the_model_and_a_setting_stands(
    llm: dict[str, str], turn: dict[str, object], planner: str, ranking: str
) -> None:
    settings = load_settings(llm=llm, turn=turn)
    assert (planner_in_force(settings), ranking_in_force(settings)) == (planner, ranking)


def test_the_setting_of_earlier_versions_is_refused_with_its_new_name() -> None:
    with pytest.raises(ConfigError, match="rank_by_model is now ranking"):
        load_settings(turn={"rank_by_model": False})
