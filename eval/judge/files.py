"""A judge's grades beside the run they are about: a line each as they come, so that a judge goes on where it was."""

from hashlib import sha256
from pathlib import Path

from assistant.errors import BadInput, ServiceMissing
from eval.judge.records import Judgement, JudgeReport
from prompts import Prompt


class JudgeFiles:
    """One judge's files in a run's folder; another model or prompt has files of its own."""

    def __init__(self, folder: Path, model: str, prompt: Prompt) -> None:
        """Read what was judged before; a line that a crash cut off is dropped.

        Raises:
            BadInput: the file of judgements is damaged.
            ServiceMissing: it cannot be read or written.
        """
        name = f"judge-{sha256(f'{model} {prompt.sha256}'.encode()).hexdigest()[:12]}"
        self.report_file = folder / f"{name}.json"
        self._judgements_file = folder / f"{name}.jsonl"
        self.judgements = self._read()

    def add(self, judgement: Judgement) -> None:
        """Keep one more judgement.

        Raises:
            ServiceMissing: it cannot be written.
        """
        self.judgements.append(judgement)
        self._write(self._judgements_file, judgement.model_dump_json() + "\n", "a")

    def finish(self, report: JudgeReport) -> None:
        """Keep the report.

        Raises:
            ServiceMissing: it cannot be written.
        """
        self._write(self.report_file, report.model_dump_json(indent=1) + "\n", "w")

    def _read(self) -> list[Judgement]:
        file = self._judgements_file
        if not file.exists():
            return []
        try:
            *lines, cut = file.read_text("utf-8").split("\n")
            judgements = [Judgement.model_validate_json(line) for line in lines]
        except OSError as exc:
            raise ServiceMissing(f"{file} cannot be read: {exc.strerror}.") from exc
        except ValueError as exc:  # of pydantic, or no UTF-8
            raise BadInput(f"{file} is damaged; delete it to have the run judged again.") from exc
        if cut:
            self._write(file, "".join(f"{line}\n" for line in lines), "w")
        return judgements

    def _write(self, file: Path, text: str, mode: str) -> None:
        try:
            with file.open(mode, encoding="utf-8") as opened:
                opened.write(text)
        except OSError as exc:
            raise ServiceMissing(f"{file} cannot be written: {exc.strerror}.") from exc
