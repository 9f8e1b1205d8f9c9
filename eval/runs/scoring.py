"""A run's folder, scored."""

from pathlib import Path

from assistant.settings import Settings
from eval.runs.folder import ANSWERS, MANIFEST, read_answers
from eval.runs.records import Manifest, RunScores
from eval.suite.catalogue import suite_items
from eval.suite.records import Suite

SCORES = "scores.json"


def score_folder(folder: Path, suite: Suite, settings: Settings) -> tuple[RunScores, int]:
    """Score a run that has ended, and keep the scores beside the answers.

    Returns:
        The scores, and how many answers came from the cache.
    """
    from eval.measures.scoring import score_run

    manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    answers = {answer.case: answer for answer in read_answers(folder / ANSWERS)}
    scores = score_run(suite, manifest, answers, suite_items(suite, settings))
    (folder / SCORES).write_text(scores.model_dump_json(indent=1) + "\n", "utf-8")
    return scores, sum(answer.cached for answer in answers.values())
