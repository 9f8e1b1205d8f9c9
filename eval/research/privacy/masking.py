"""How much personal data masking finds, and what it takes for personal data that is none.

Lines of ``eval/research/data/personal.jsonl`` are messages; personal data stands between marks, ``<phone>...</phone>``;
half of them have none and look as if they had. Recall: the share of marked stretches that are masked whole. Precision:
the share of masked stretches that lie within marked ones. A wish is understood alike when the same
preferences are read from the masked message as from the message without what is marked.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from assistant.agent.reading.untrained import read_untrained
from assistant.errors import BadInput
from assistant.privacy.masking import mask
from assistant.privacy.recognizing import Kind, Personal, find
from assistant.understanding import Utterance
from assistant.understanding.language import detect_language
from eval.research.public.reading import reading
from tools.records import Record, Vocabulary

LINES = Path(__file__).parent.parent / "data" / "personal.jsonl"
_MARKED = re.compile(r"<(?P<kind>\w+)>(?P<text>.*?)</(?P=kind)>")
Find = Callable[[str], Sequence[Personal]]


class Line(Record):
    """One message without its marks, and where they stood."""

    language: str
    text: str
    marked: list[Personal]


class MaskingFigures(Record):
    """What was found of one kind in one language; ``kind`` and ``language`` "all" are sums."""

    kind: str
    language: str
    marked: int
    found: int
    masked: int
    right: int

    @property
    def recall(self) -> float | None:
        """None where nothing is marked."""
        return self.found / self.marked if self.marked else None

    @property
    def precision(self) -> float | None:
        """None where nothing is masked."""
        return self.right / self.masked if self.masked else None


class MaskingOutcome(Record):
    """Everything measured."""

    lines: int
    without: int
    figures: list[MaskingFigures]
    missed: list[str]
    wrong: list[str]
    harmed: list[str]
    milliseconds: float


def read_lines(path: Path = LINES) -> list[Line]:
    """The messages of a file.

    Raises:
        BadInput: the file cannot be read, or a line is not of its form.
    """
    with reading(path):
        rows = path.read_text("utf-8").splitlines()
    return [_line(row, f"{path}, line {number}") for number, row in enumerate(rows, start=1)]


def measure(lines: Sequence[Line], finder: Find = find) -> MaskingOutcome:
    """Hold what a finder finds against what is marked."""
    began = time.perf_counter()
    found = [finder(line.text) for line in lines]
    seconds = time.perf_counter() - began
    pairs = list(zip(lines, found, strict=True))
    return MaskingOutcome(
        lines=len(lines),
        without=sum(not line.marked for line in lines),
        figures=list(_figures(pairs)),
        missed=[_shown(line, one) for line, its in pairs for one in line.marked if not _covered(one, its)],
        wrong=[_shown(line, one) for line, its in pairs for one in its if not _covered(one, line.marked)],
        harmed=[line.text for line in lines if not _understood_alike(line)],
        milliseconds=round(1000 * seconds / max(1, len(lines)), 2),
    )


Pairs = Sequence[tuple[Line, Sequence[Personal]]]


def _figures(pairs: Pairs) -> Iterator[MaskingFigures]:
    kinds = sorted({one.kind for line, its in pairs for one in (*line.marked, *its)})
    languages = sorted({line.language for line, _ in pairs})
    for language in (*languages, "all"):
        among = [(line, its) for line, its in pairs if language in (line.language, "all")]
        for kind in (*kinds, "all"):
            yield _one(among, kind, language)


def _one(pairs: Pairs, kind: str, language: str) -> MaskingFigures:
    marked = [_covered(one, its) for line, its in pairs for one in line.marked if kind in (one.kind, "all")]
    masked = [_covered(one, line.marked) for line, its in pairs for one in its if kind in (one.kind, "all")]
    return MaskingFigures(
        kind=kind, language=language, marked=len(marked), found=sum(marked), masked=len(masked), right=sum(masked)
    )


def _covered(one: Personal, by: Sequence[Personal]) -> bool:
    return any(other.start <= one.start and one.end <= other.end for other in by)


def _understood_alike(line: Line) -> bool:
    return _preferences(mask(line.text)) == _preferences(_without_marked(line))


def _preferences(text: str) -> list[tuple[str, object]]:
    said = [Utterance(source="text", text=text)]
    understanding = read_untrained(said, Vocabulary(), detect_language(text, default="en"))
    return [(one.field, one.value) for one in understanding.preferences]


def _without_marked(line: Line) -> str:
    text = line.text
    for one in reversed(line.marked):
        text = f"{text[: one.start]}…{text[one.end :]}"
    return text


def _shown(line: Line, one: Personal) -> str:
    return f"{one.kind}: “{line.text[one.start : one.end]}” in “{line.text}”"


def _line(row: str, where: str) -> Line:
    try:
        raw = json.loads(row)
        return _unmarked(raw["language"], raw["text"])
    except (ValueError, KeyError, TypeError, ValidationError) as exc:
        raise BadInput(f"{where}: needs a language and a text, in which kinds that are known are marked.") from exc


def _unmarked(language: str, text: str) -> Line:
    parts: list[str] = []
    marked: list[Personal] = []
    done = length = 0
    for match in _MARKED.finditer(text):
        parts += [text[done : match.start()], match["text"]]
        length = sum(map(len, parts))
        kind: Kind = match["kind"]  # type: ignore[assignment]  # the record checks it
        marked.append(Personal(kind=kind, start=length - len(match["text"]), end=length))
        done = match.end()
    return Line(language=language, text="".join([*parts, text[done:]]), marked=marked)
