"""What a reader of the code may rely on; that imports go one way is held by import-linter (`make check`)."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
OURS = ("assistant", "tools", "prompts", "eval")
COMMANDS = ("assistant/cli", "eval/cli", "eval/research/cli")
"""Each command imports what it needs when it runs, so that none waits for the imports of another."""


def modules() -> Iterator[tuple[str, str, ast.Module]]:
    """The path from the root, the text and the syntax of every module."""
    for package in OURS:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "node_modules" not in path.parts:
                text = path.read_text("utf-8")
                yield path.relative_to(ROOT).as_posix(), text, ast.parse(text)


def own_imports(function: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    for node in ast.walk(function):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names = [one.name for one in node.names] if isinstance(node, ast.Import) else names
        if isinstance(node, ast.Import | ast.ImportFrom) and any(name.split(".")[0] in OURS for name in names):
            yield node


def test_an_import_of_our_own_inside_a_function_says_why() -> None:
    silent = set()
    for path, text, tree in modules():
        lines = text.splitlines()
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and not path.startswith(COMMANDS):
                silent |= {f"{path}:{one.lineno}" for one in own_imports(function) if "#" not in lines[one.lineno - 1]}
    assert silent == set()


def test_no_class_name_stands_twice() -> None:
    places = defaultdict(list)
    for path, _, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(path)
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


def test_no_pattern_has_a_possessive_group() -> None:
    """Before Python 3.11.5 such a group may match too little or too much (CPython issue 106052); Debian 12 has 3.11.2.

    A single character or class may be followed by "++", "*+" or "?+".
    """
    possessive = re.compile(r"(?<!\\)\)(?:[*+?]|\{[\d,]+\})\+")
    found = {
        f"{path}:{node.lineno}: {node.value}"
        for path, _, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and possessive.search(node.value)
    }
    assert found == set()
