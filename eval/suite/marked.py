"""YAML and JSON lines as plain data that knows the line of everything in it; nothing is taken twice or guessed."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from assistant.errors import BadInput

MAX_BYTES = 20 * 2**20
MAX_DEPTH = 50
KeyPath = tuple[str | int, ...]
"""Keys and indexes that lead from the document to a value, such as ("cases", 3, "id")."""

_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's is ten times faster


@dataclass(frozen=True)
class Marked:
    """A document and where its values stand."""

    file: Path
    data: dict[str, Any]
    lines: dict[KeyPath, int] = field(default_factory=dict)

    def line(self, key_path: KeyPath) -> int:
        """The line of a value, or of the innermost thing around it whose line is known."""
        while key_path and key_path not in self.lines:
            key_path = key_path[:-1]
        return self.lines.get(key_path, 1)


def read_marked(path: Path) -> Marked:
    """Read a suite's file: YAML by its ending, or JSONL, whose first line is the head and each further one a case.

    Raises:
        BadInput: it cannot be read, is too long, or is not what its ending says; one sentence with file and line.
    """
    if path.suffix not in (".yaml", ".yml", ".jsonl"):
        raise BadInput(f"{path} should end in .yaml or .jsonl; a suite is one of the two.")
    text = _text(path)
    try:
        return _yaml(path, text) if path.suffix != ".jsonl" else _json_lines(path, text)
    except RecursionError:
        raise BadInput(f"{path} is nested too deeply to be a suite.") from None


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadInput(f"{path} has more than {MAX_BYTES // 2**20} MB; split it into several suites.")
        content = path.read_bytes()
    except OSError as exc:
        raise BadInput(f"{path} cannot be read: {exc.strerror or exc}.") from exc
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        raise BadInput(f"{path}:{line}: not UTF-8 (byte 0x{content[exc.start]:02x}); save the file as UTF-8.") from exc


# YAML ----------------------------------------------------------------------------------------------------------------


def _yaml(path: Path, text: str) -> Marked:
    loader = _Loader(text)
    try:
        _refuse_traps(path, text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise BadInput(f"{path}:1: a suite is a mapping with the keys suite, description and cases.")
        reader = _Reader(path, loader)
        return Marked(path, reader.value(node, ()), reader.lines)
    except yaml.YAMLError as exc:
        raise BadInput(_what_is_wrong(path, exc)) from exc
    finally:
        loader.dispose()


def _what_is_wrong(path: Path, exc: yaml.YAMLError) -> str:
    mark = getattr(exc, "problem_mark", None) or getattr(exc, "context_mark", None)
    where = f"{path}:{mark.line + 1}" if mark else str(path)
    problem = getattr(exc, "problem", None) or str(exc).splitlines()[0]
    return f"{where}: not valid YAML: {problem}; check indentation, and put texts with a colon or hash in quotes."


def _refuse_traps(path: Path, text: str) -> None:
    """Refuse what could fill the memory or the stack while it is composed: aliases, and very deep nesting."""
    depth = 0
    for event in yaml.parse(text, _Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        where = f"{path}:{event.start_mark.line + 1 if event.start_mark else 1}"
        if isinstance(event, yaml.AliasEvent):
            raise BadInput(f"{where}: the alias *{event.anchor} is not taken; write out what it stands for.")
        if depth > MAX_DEPTH:
            raise BadInput(f"{where}: nested too deeply to be a suite.")


class _Reader:
    """YAML nodes to values. A double key, and a key that is not text, are refused."""

    def __init__(self, path: Path, loader: yaml.SafeLoader) -> None:
        self.path = path
        self.lines: dict[KeyPath, int] = {}
        self._loader = loader

    def value(self, node: yaml.Node, key_path: KeyPath) -> Any:  # noqa: ANN401 - whatever stands there
        """What a node says; its line and those of everything in it are noted."""
        self.lines.setdefault(key_path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return {key: self.value(inner, (*key_path, key)) for key, inner in self._pairs(node, key_path)}
        if isinstance(node, yaml.SequenceNode):
            return [self.value(inner, (*key_path, index)) for index, inner in enumerate(node.value)]
        return self._scalar(node)

    def _pairs(self, node: yaml.MappingNode, key_path: KeyPath) -> Iterator[tuple[str, yaml.Node]]:
        before: set[str] = set()
        for key_node, value_node in node.value:
            key = key_node.value
            if not isinstance(key, str):
                raise self._error(key_node, "a key should be a word")
            if key in before:
                raise self._error(key_node, f"the key {key!r} stands here a second time; keep one of them")
            before.add(key)
            self.lines[(*key_path, key)] = key_node.start_mark.line + 1
            yield key, value_node

    def _scalar(self, node: yaml.Node) -> Any:  # noqa: ANN401
        try:
            return self._loader.construct_object(node)
        except ValueError as exc:  # a date that does not exist
            raise self._error(node, f"{node.value!r} cannot be read ({exc}); put it in quotes") from exc

    def _error(self, node: yaml.Node, sentence: str) -> BadInput:
        return BadInput(f"{self.path}:{node.start_mark.line + 1}: {sentence}.")


# JSON lines ----------------------------------------------------------------------------------------------------------


def _json_lines(path: Path, text: str) -> Marked:
    numbered = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    if not numbered:
        raise BadInput(f"{path} is empty; its first line should be the head, such as {{'suite': 'shop', ...}}.")
    head, *cases = [_json_object(path, number, line) for number, line in numbered]
    if "cases" in head:
        raise BadInput(
            f"{path}:{numbered[0][0]}: in JSON lines the cases stand on lines of their own, not in the head."
        )
    first, *further = [number for number, _ in numbered]
    lines: dict[KeyPath, int] = {(): first, ("cases",): first}
    lines |= {(key,): first for key in head}
    lines |= {("cases", index): number for index, number in enumerate(further)}
    return Marked(path, {**head, "cases": cases}, lines)


def _json_object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        value = json.loads(line, object_pairs_hook=_once)
    except json.JSONDecodeError as exc:
        raise BadInput(f"{path}:{number}: not valid JSON: {exc.msg} at column {exc.colno}.") from exc
    except ValueError as exc:
        raise BadInput(f"{path}:{number}: {exc}.") from exc
    if not isinstance(value, dict):
        raise BadInput(f"{path}:{number}: should be a JSON object: the head on the first line, then a case a line.")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The pairs as a mapping.

    Raises:
        ValueError: a key stands there twice.
    """
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {double!r} stands there a second time; keep one of them")
    return mapping
