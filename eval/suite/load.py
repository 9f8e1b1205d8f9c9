"""Suites from files: read, held to the format, and every mistake told with file, line and what to do."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, PrivateAttr, ValidationError
from pydantic_core import ErrorDetails

from assistant.errors import BadInput
from eval.suite.marked import KeyPath, Marked, read_marked
from eval.suite.records import Case, PartsHead, Suite, SuiteHead
from tools.records import Record

BUILT_IN = Path(__file__).resolve().parents[1] / "data" / "suites"
SHOWN_PROBLEMS = 20


class SuiteError(BadInput):
    """A suite breaks its format, or contradicts its catalogue; one line a problem, and ``problems`` holds all."""

    def __init__(self, problems: list[str]) -> None:
        visible = problems[:SHOWN_PROBLEMS]
        more = len(problems) - len(visible)
        super().__init__("\n".join([*visible, *([f"... and {more} more"] if more else [])]))
        self.problems = problems


class LoadedSuite(Suite):
    """A suite that knows where its cases stand in its file."""

    _marked: Marked = PrivateAttr()

    @property
    def file(self) -> Path:
        """Where it was read from."""
        return self._marked.file

    def line(self, index: int, key_path: KeyPath) -> int:
        """The line of a value inside a case."""
        return self._marked.line(("cases", index, *key_path))

    def problem(self, index: int, key_path: KeyPath, sentence: str) -> str:
        """A sentence about a value inside a case, with file and line before it."""
        return _problem(self._marked, ("cases", index, *key_path), sentence)


@dataclass(frozen=True)
class WholeSuite:
    """A suite as it is run and reported: one file, or several parts with a catalogue each."""

    name: str
    description: str
    file: Path
    parts: list[LoadedSuite]

    @property
    def cases(self) -> list[Case]:
        """The cases of all parts."""
        return [case for part in self.parts for case in part.cases]


class SuiteInfo(Record):
    """What `assistant eval list` tells of a suite."""

    name: str
    description: str
    cases: int
    turns: int
    tags: dict[str, int]
    file: str


def known_suites() -> list[SuiteInfo]:
    """The built-in suites, by name."""
    files = sorted(path for path in BUILT_IN.glob("*") if path.suffix in (".yaml", ".jsonl"))
    return [suite_info(path) for path in files]


def suite_info(path: Path) -> SuiteInfo:
    """A suite's numbers.

    Raises:
        BadInput: it cannot be read.
    """
    suite = load_whole(str(path))
    tags = Counter(tag for case in suite.cases for tag in case.tags)
    return SuiteInfo(
        name=suite.name,
        description=suite.description,
        cases=len(suite.cases),
        turns=sum(len(case.turns) for case in suite.cases),
        tags=dict(sorted(tags.items())),
        file=str(path),
    )


def load_whole(name_or_path: str) -> WholeSuite:
    """A suite by its built-in name or its file, with its parts where it is made of several.

    Raises:
        BadInput: there is none, it or a part breaks the format, or two parts have a case of the same id.
    """
    path = suite_file(name_or_path)
    marked = read_marked(path)
    if "parts" not in marked.data:
        suite = _suite(path, marked)
        return WholeSuite(suite.suite, suite.description, path, [suite])
    if problems := list(_wrong_head(marked, marked.data, PartsHead)):
        raise SuiteError(problems)
    head = PartsHead.model_validate(marked.data)
    whole = WholeSuite(head.suite, head.description, path, [load_suite(str(path.parent / name)) for name in head.parts])
    ids = Counter(case.id for case in whole.cases)
    if double := [case_id for case_id, count in ids.items() if count > 1]:
        raise BadInput(f"{path}: parts have cases of the same id: {', '.join(double[:SHOWN_PROBLEMS])}.")
    return whole


def load_suite(name_or_path: str) -> LoadedSuite:
    """A suite of one file by its built-in name or its file.

    Raises:
        BadInput: there is none, it is made of parts, or it breaks the format; each problem with file, line and what
            to do.
    """
    path = suite_file(name_or_path)
    marked = read_marked(path)
    if "parts" in marked.data:
        raise BadInput(f"{path} is made of parts; give one of its files.")
    return _suite(path, marked)


def _suite(path: Path, marked: Marked) -> LoadedSuite:
    head = {key: value for key, value in marked.data.items() if key != "cases"}
    problems = list(_wrong_head(marked, head, SuiteHead))
    cases = marked.data.get("cases")
    if not isinstance(cases, list) or not cases:
        raise SuiteError([*problems, _problem(marked, ("cases",), "cases: a suite needs a list of at least one case")])
    problems += [problem for index, case in enumerate(cases) for problem in _wrong_case(marked, index, case)]
    problems += _double_ids(marked, cases)
    if problems:
        raise SuiteError(problems)
    folder, digest = str(path.resolve().parent), sha256(path.read_bytes()).hexdigest()
    suite = LoadedSuite.model_validate({**head, "cases": cases, "folder": folder, "sha256": digest})
    suite._marked = marked
    return suite


def suite_file(name_or_path: str) -> Path:
    """The file of a suite.

    Raises:
        BadInput: there is no such built-in suite, and no such file.
    """
    path = Path(name_or_path).expanduser()
    built_in = [BUILT_IN / f"{name_or_path}{suffix}" for suffix in (".yaml", ".jsonl")]
    if path.name == name_or_path and not path.suffix:
        if built_in_file := next((file for file in built_in if file.is_file()), None):
            return built_in_file
        names = sorted(file.stem for file in BUILT_IN.glob("*") if file.suffix in (".yaml", ".jsonl"))
        hint = f"known: {', '.join(names)}" if names else "none is built in"
        raise BadInput(f"There is no suite {name_or_path!r}; {hint}; or give the path of a YAML or JSONL file.")
    return path


# Problems ------------------------------------------------------------------------------------------------------------


def _wrong_head(marked: Marked, head: dict[str, Any], kind: type[SuiteHead] | type[PartsHead]) -> Iterator[str]:
    try:
        kind.model_validate(head)
    except ValidationError as exc:
        for error in exc.errors():
            yield _problem(marked, error["loc"], _sentence(kind, error))


def _wrong_case(marked: Marked, index: int, case: object) -> Iterator[str]:
    try:
        Case.model_validate(case)
    except ValidationError as exc:
        for error in exc.errors():
            yield _problem(marked, ("cases", index, *error["loc"]), _sentence(Case, error))


def _double_ids(marked: Marked, cases: list[Any]) -> Iterator[str]:
    first: dict[str, int] = {}
    for index, case in enumerate(cases):
        name = case.get("id") if isinstance(case, dict) else None
        if isinstance(name, str) and first.setdefault(name, index) != index:
            sentence = f"the case in line {marked.line(('cases', first[name]))} has the same id; give it another"
            yield _problem(marked, ("cases", index, "id"), sentence)


def _problem(marked: Marked, key_path: KeyPath, sentence: str) -> str:
    """File, line, the case's id where there is one, and the path inside the case; then the sentence."""
    words = [f"{marked.file}:{marked.line(key_path)}"]
    if key_path[:1] == ("cases",) and len(key_path) > 1:
        case = marked.data["cases"][key_path[1]]
        name = case.get("id") if isinstance(case, dict) else None
        words.append(f'case "{name}"' if isinstance(name, str) else f"case {int(key_path[1]) + 1}")
        key_path = key_path[2:]
    if key_path and key_path != ("cases",):
        words.append(".".join(str(part) for part in key_path))
    return ": ".join([*words, sentence])


def _sentence(model: type[BaseModel], error: ErrorDetails) -> str:
    """What pydantic found, and what to do about it."""
    kind, message = error["type"], error["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    if kind == "extra_forbidden":
        return f"there is no such key; known: {', '.join(_fields_at(model, error['loc'][:-1]))}"
    if kind == "missing":
        return "it is needed and not there"
    if kind == "string_type":
        return f"{message}, not {error['input']!r:.60}; put it in quotes"
    return f"{message}, not {error['input']!r:.60}" if not isinstance(error["input"], dict | list) else message


def _fields_at(model: type[BaseModel], key_path: KeyPath) -> list[str]:
    """The names of the fields of the record at a path inside a model."""
    for part in key_path:
        if isinstance(part, str) and part in model.model_fields:
            model = _record_in(model.model_fields[part].annotation) or model
    return list(model.model_fields)


def _record_in(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - types have no common type
    """The record in an annotation such as ``list[Turn]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((record for inner in get_args(annotation) if (record := _record_in(inner))), None)
