"""Runs that have ended, read back for comparison and reports."""

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from assistant.errors import BadInput
from assistant.settings import Settings
from eval.runs.records import CaseAnswer, CaseScore, RunManifest, RunScores
from eval.suite.records import Case
from tools.records import Record

CASES_FILE = "cases.jsonl"
PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
SomeRecord = TypeVar("SomeRecord", bound=Record)


@dataclass(frozen=True)
class Run:
    """A finished run. ``cases`` is empty where the run did not keep what was asked."""

    folder: Path
    manifest: RunManifest
    scores: RunScores
    answers: dict[str, CaseAnswer]
    cases: dict[str, Case]

    @property
    def name(self) -> str:
        """As it was called when it was made."""
        return self.manifest.run

    @property
    def scored(self) -> dict[str, CaseScore]:
        """Scores by case id, in the order of the run."""
        return {score.case: score for score in self.scores.cases}

    def only(self, cases: Collection[str]) -> "Run":
        """The same run with some of its cases; measures over the whole catalogue are left out."""
        scores = [score for score in self.scores.cases if score.case in cases]
        answers = {case: answer for case, answer in self.answers.items() if case in cases}
        return replace(self, scores=self.scores.model_copy(update={"cases": scores, "whole": {}}), answers=answers)

    def content(self, case: str) -> str | None:
        """A hash of what a case sends and expects, so that two runs know whether they were asked the same."""
        record = self.cases.get(case)
        if record is None:
            return None
        turns = [turn.model_dump(mode="json") for turn in record.turns]
        return hashlib.sha256(json.dumps(turns, sort_keys=True).encode()).hexdigest()


def runs_folder(settings: Settings) -> Path:
    """Where runs live."""
    return settings.home.expanduser().absolute() / "eval" / "runs"


def run_folder(name: str, runs: Path) -> Path:
    """The folder of a run: a plain name is looked up among the runs, anything with a slash is a path as it stands.

    Raises:
        BadInput: there is no such run, or the name is neither.
    """
    if "/" in name:
        folder = Path(name).expanduser()
    elif PLAIN_NAME.fullmatch(name):
        folder = runs / name
        if folder.is_symlink():
            raise BadInput(f"The run {name} is a link to another folder; give that folder's path instead.")
    else:
        raise BadInput(f"{name!r} is no name of a run: letters, digits, dots, dashes; or give a path with a slash.")
    if not folder.is_dir():
        raise BadInput(f"There is no run {name}.{_known_runs(runs)}")
    return folder


def read_run(folder: Path) -> Run:
    """Everything of a finished run.

    Raises:
        BadInput: the folder holds no run, the run has not ended, or a file of it can't be read.
    """
    manifest = _read_record(folder / "manifest.json", RunManifest, f"{folder.name} is not a run")
    answers = {answer.case: answer for answer in _lines(folder / "answers.jsonl", CaseAnswer)}
    missing = [case for case in manifest.cases if case not in answers]
    if missing:
        answered = len(manifest.cases) - len(missing)
        raise BadInput(
            f"The run {folder.name} has not ended: {answered} of {len(manifest.cases)} cases are answered; "
            "run it again to go on."
        )
    scores = _read_record(folder / "scores.json", RunScores, f"The run {folder.name} is answered but not scored")
    cases = {case.id: case for case in _lines(folder / CASES_FILE, Case)}
    return Run(folder, manifest, scores, answers, cases)


def write_cases(folder: Path, cases: Iterable[Case]) -> None:
    """Keep what was asked beside the answers: a suite changes, and its runs must still be read and compared."""
    text = "".join(f"{case.model_dump_json(exclude_defaults=True)}\n" for case in cases)
    (folder / CASES_FILE).write_text(text, encoding="utf-8")


def _known_runs(runs: Path) -> str:
    names = sorted(path.name for path in runs.iterdir() if (path / "manifest.json").is_file()) if runs.is_dir() else []
    return f" Known: {', '.join(names)}." if names else " There are none yet: assistant eval run makes one."


def _read_record(path: Path, kind: type[SomeRecord], absent: str) -> SomeRecord:
    try:
        return kind.model_validate_json(path.read_bytes())
    except FileNotFoundError as exc:
        raise BadInput(f"{absent}: there is no {path.name} in it.") from exc
    except (OSError, ValidationError) as exc:
        raise BadInput(f"{path} can't be read: {_reason(exc)}") from exc


def _lines(path: Path, kind: type[SomeRecord]) -> Iterator[SomeRecord]:
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, UnicodeError) as exc:
        raise BadInput(f"{path} can't be read: {_reason(exc)}") from exc
    for number, line in enumerate(text.split("\n")[:-1], start=1):  # what has no line end is not wholly written
        try:
            yield kind.model_validate_json(line)
        except ValidationError as exc:
            raise BadInput(f"{path}, line {number} can't be read: {_reason(exc)}") from exc


def _reason(exc: Exception) -> str:
    """The first problem, in one line."""
    if isinstance(exc, ValidationError):
        first = exc.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"{where + ': ' if where else ''}{first['msg']}."
    return f"{exc}."
