"""A run names which steps the language model does: the same settings with another probe are another run."""

from datetime import date
from pathlib import Path

from assistant.agent.scores import PARTS, Score, Scores, keep
from assistant.settings import load_settings
from eval.runs.sources import model_hashes


def test_the_steps_of_the_model_are_part_of_what_a_run_depends_on(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, llm={"profile": "remote", "base_url": "http://h/v1", "model": "m"})
    before = model_hashes(settings)
    assert before["llm steps"] == "planner reading, ranking fused, explanations model, questions 0"
    parts = {part: Score(right=1, tasks=1) for part in PARTS}
    keep(settings, Scores(model="m", tasks="t", day=date(2026, 1, 2), parts=parts, seconds=1))
    assert model_hashes(settings)["llm steps"].startswith("planner model, ranking vote")
    assert "llm steps" not in model_hashes(settings, with_llm=False)
