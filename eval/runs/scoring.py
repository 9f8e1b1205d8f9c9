"""A run's folder, scored."""

from pathlib import Path

from assistant.engines import open_engines
from assistant.settings import Settings
from eval.measures.ranking import text_vectors
from eval.measures.scoring import score_run
from eval.runs.folder import ANSWERS, MANIFEST, read_answers
from eval.runs.records import RunManifest, RunScores
from eval.runs.variants import variant_settings
from eval.suite.catalogue import suite_items, suite_settings
from eval.suite.records import Suite

SCORES = "scores.json"


def score_folder(folder: Path, suite: Suite, settings: Settings) -> tuple[RunScores, int]:
    """Score a run that has ended, and keep the scores beside the answers.

    Args:
        suite: what the run was asked.
        settings: the user's, as `run_suite` took them.

    Returns:
        The scores, and how many answers came from the cache.
    """
    manifest = RunManifest.model_validate_json((folder / MANIFEST).read_bytes())
    answers = list(read_answers(folder / ANSWERS))
    catalogue = open_engines(suite_settings(suite, variant_settings(manifest.variant, settings))).catalogue
    try:
        vectors = text_vectors(catalogue)
    finally:
        catalogue.close()
    scores = score_run(suite, suite_items(suite, settings), answers, manifest.run, vectors=vectors)
    (folder / SCORES).write_text(scores.model_dump_json(indent=1) + "\n", "utf-8")
    return scores, sum(answer.cached for answer in answers)
