"""Answers that were paid for once: a file for each key, whichever run asked first."""

import os
import tempfile
from pathlib import Path

from pydantic import ValidationError

from eval.runs.records import CaseAnswer


class AnswerCache:
    """A folder of answers by key; the key stands for everything that an answer depends on.

    One that is not read (``read=False``) knows nothing, and keeps what it is given.
    """

    def __init__(self, folder: Path, *, read: bool = True) -> None:
        self._folder = folder
        self._read = read

    def get(self, key: str, case: str) -> CaseAnswer | None:
        """The answer under this key, for a case of this id; None where there is none or its file is damaged."""
        if not self._read:
            return None
        try:
            answer = CaseAnswer.model_validate_json((self._folder / f"{key}.json").read_bytes())
        except (OSError, ValidationError):
            return None
        return answer.model_copy(update={"case": case, "cached": True})

    def put(self, answer: CaseAnswer) -> None:
        """Keep an answer, unless it owes something to a fault: the next run asks again then."""
        if any(turn.error or turn.model_failures for turn in answer.turns):
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, temporary_path = tempfile.mkstemp(dir=self._folder, suffix=".new")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(answer.model_dump_json())
        Path(temporary_path).replace(self._folder / f"{answer.key}.json")
