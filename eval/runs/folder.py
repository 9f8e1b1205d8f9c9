"""A run's folder: what is written when, so that a run that was interrupted at any point goes on.

The manifest comes first. Answers are appended one line a case, each on the disk before the next begins; a line that a
kill or a full disk cut off is dropped when the run goes on.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import ValidationError

from assistant.errors import BadInput, ServiceMissing
from eval.runs.manifest import identity, now
from eval.runs.records import CaseAnswer, RunManifest

MANIFEST = "manifest.json"
ANSWERS = "answers.jsonl"


class RunFolder:
    """One run on the disk; open it with `open_run`."""

    def __init__(self, path: Path, manifest: RunManifest) -> None:
        self.path = path
        self.manifest = manifest
        self.answered = {answer.case: answer for answer in read_answers(path / ANSWERS)}
        """By case id."""

    def append(self, answer: CaseAnswer) -> None:
        """Keep one more answer; it is on the disk when this returns.

        Raises:
            ServiceMissing: it cannot be written.
        """
        try:
            with (self.path / ANSWERS).open("a", encoding="utf-8") as file:
                file.write(answer.model_dump_json() + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as exc:
            raise ServiceMissing(f"{self.path / ANSWERS} cannot be written: {exc.strerror}.") from exc
        self.answered[answer.case] = answer

    def finish(self) -> None:
        """Note when the last case was answered; a run that had ended before keeps its time."""
        if self.manifest.finished is None:
            self.manifest = self.manifest.model_copy(update={"finished": now()})
            _write(self.path / MANIFEST, self.manifest)


@contextmanager
def open_run(path: Path, manifest: RunManifest) -> Iterator[RunFolder]:
    """Begin a run, or go on with the one that lies there if it is the same.

    Raises:
        BadInput: another run has this name, another process is at work on it, or its files cannot be read.
    """
    path.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as exc:
        raise BadInput(
            f"Another process is at work on the run {path.name}; wait for it, or give another --name."
        ) from exc
    with lock:
        yield RunFolder(path, _begun(path, manifest))


def _begun(path: Path, manifest: RunManifest) -> RunManifest:
    """The manifest of the run that lies here, or the new one, written."""
    file = path / MANIFEST
    if not file.exists():
        _write(file, manifest)
        return manifest
    try:
        before = RunManifest.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as exc:
        raise BadInput(f"{file} cannot be read; move the folder away, or give another --name.") from exc
    if identity(before) != identity(manifest):
        changed = [name for name in _COMPARED_FIELDS if getattr(before, name) != getattr(manifest, name)]
        raise BadInput(
            f"There is a run {path.name} already, and it differs in: {', '.join(changed)}; give another --name."
        )
    return before


_COMPARED_FIELDS = (
    "suite", "suite_sha256", "catalogue_sha256", "cases", "variant", "seed", "configuration", "prompts", "models",
    "code", "packages",
)  # fmt: skip
"""Where two runs may differ, as a person is told."""


def _write(file: Path, manifest: RunManifest) -> None:
    new = file.with_suffix(".new")
    new.write_text(manifest.model_dump_json(indent=1) + "\n", "utf-8")
    new.replace(file)


def read_answers(file: Path) -> Iterator[CaseAnswer]:
    """The answers so far; a last line without its end is cut off the file.

    Raises:
        BadInput: a line that is whole is no answer.
    """
    content = file.read_bytes() if file.exists() else b""
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        with file.open("rb+") as open_file:
            open_file.truncate(len(whole))
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            yield CaseAnswer.model_validate_json(line)
        except ValidationError as exc:
            raise BadInput(
                f"{file}, line {number} is no answer; remove that line to have the case asked again."
            ) from exc
