"""A suite made of parts: each part is a run over its own catalogue, and one further run holds all of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assistant.settings import Settings
from eval.runs.folder import open_run
from eval.runs.reading import Run, read_run, runs_folder, write_cases
from eval.runs.records import EvalVariant, RunManifest, RunScores
from eval.runs.run import chosen_cases, run_suite
from eval.runs.scoring import SCORES, score_folder
from eval.runs.sources import sha256_of
from eval.suite.load import WholeSuite


def run_whole(
    suite: WholeSuite,
    variant: EvalVariant,
    settings: Settings,
    *,
    name: str | None = None,
    only: Sequence[str] = (),
    **options: Any,  # noqa: ANN401 - of `run_suite`
) -> tuple[Path, RunScores, int]:
    """Answer and score a suite, part by part; an interrupted run goes on with the same call.

    Args:
        name: of the run; the runs of parts are named ``NAME-PART``. Made by `run_suite` when None.
        only: ids of cases, or ``tag:TAG``; parts without any of them are left out.
        options: as `run_suite` takes them.

    Returns:
        The folder of the run, its scores, and how many answers came from the cache.

    Raises:
        BadInput, ServiceMissing, KeyboardInterrupt: as `run_suite`.
    """
    case_ids = {case.id for case in chosen_cases(suite.name, suite.cases, only)}
    folders: list[Path] = []
    cached = 0
    scores: list[RunScores] = []
    for part in suite.parts:
        if not (ids := [case.id for case in part.cases if case.id in case_ids]):
            continue
        own = name if len(suite.parts) == 1 or name is None else f"{name}-{part.suite}"
        folders.append(
            run_suite(part, variant, settings, suite_file=str(part.file.absolute()), name=own, only=ids, **options)
        )
        score, from_cache = score_folder(folders[-1], part, settings)
        scores.append(score)
        cached += from_cache
    if len(suite.parts) == 1:
        return folders[0], scores[0], cached
    folder, together = _merged(suite, [read_run(folder) for folder in folders], runs_folder(settings), name)
    return folder, together, cached


def _merged(suite: WholeSuite, parts: Sequence[Run], runs: Path, name: str | None) -> tuple[Path, RunScores]:
    """The runs of the parts as one run: all cases, answers and scores; measures over a whole catalogue are left out."""
    run_name = name or f"{suite.name}-{parts[0].manifest.variant.name}-{sha256_of([part.name for part in parts])[:8]}"
    manifest = _manifest(suite, [part.manifest for part in parts], run_name)
    scores = RunScores(
        run=run_name,
        suite=suite.name,
        k=parts[0].scores.k,
        cases=[case for part in parts for case in part.scores.cases],
    )
    with open_run(runs / run_name, manifest) as folder:
        write_cases(folder.path, [case for part in parts for case in part.cases.values()])
        for answer in (answer for part in parts for answer in part.answers.values()):
            if answer.case not in folder.answered:
                folder.append(answer)
        (folder.path / SCORES).write_text(scores.model_dump_json(indent=1) + "\n", "utf-8")
        folder.finish()
    return folder.path, scores


def _manifest(suite: WholeSuite, parts: Sequence[RunManifest], name: str) -> RunManifest:
    return parts[0].model_copy(
        update={
            "run": name,
            "suite": suite.name,
            "suite_file": str(suite.file.absolute()),
            "suite_sha256": sha256_of([part.suite_sha256 for part in parts]),
            "catalogue_sha256": sha256_of([part.catalogue_sha256 for part in parts]),
            "cases": [case for part in parts for case in part.cases],
            "finished": None,
        }
    )
