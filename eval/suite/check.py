"""Whether a suite makes sense: items and pictures that exist, tools and arguments that are real, no contradictions."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from eval.suite.load import LoadedSuite, SuiteError
from eval.suite.marked import KeyPath
from eval.suite.pictures import unwritable
from eval.suite.predicates import folded, levels, unmet
from eval.suite.records import Expectation, ItemPredicates, PictureAttachment, Suite, Turn
from tools.records import Filters, Item
from tools.tool import Tool

Problem = tuple[KeyPath, str]
"""A place inside a turn, and what is wrong there."""

GRADES = range(4)
UPPER_HALF = ("first", "must", "any")


def check_against(suite: LoadedSuite, items: Mapping[str, Item]) -> None:
    """Hold a suite to the catalogue that it is asked over, and to the product's tools and filters.

    Raises:
        SuiteError: every problem, with file and line.
    """
    if problems := suite_problems(suite, items):
        raise SuiteError(problems)


def suite_problems(suite: LoadedSuite, items: Mapping[str, Item]) -> list[str]:
    """Everything that is wrong, a sentence each with file and line; empty when nothing is."""
    problems = [
        (("turns", number, *key_path), index, sentence)
        for index, case in enumerate(suite.cases)
        for number, turn in enumerate(case.turns)
        for key_path, sentence in _turn(suite, turn, items)
    ]
    problems.sort(key=lambda problem: suite.line(problem[1], problem[0]))
    return [suite.problem(index, key_path, sentence) for key_path, index, sentence in problems]


def _turn(suite: Suite, turn: Turn, items: Mapping[str, Item]) -> Iterator[Problem]:
    for index, picture in enumerate(turn.pictures):
        yield from _at(("pictures", index), _picture(suite, picture, items))
    for index, note in enumerate(turn.voice):
        if note.file is not None and not (Path(suite.folder) / note.file).is_file():
            yield ("voice", index, "file"), f"there is no file {note.file!r} in {suite.folder}"
    for index, video in enumerate(turn.video):
        if video.file is not None and not (Path(suite.folder) / video.file).is_file():
            yield ("video", index, "file"), f"there is no file {video.file!r} in {suite.folder}"
        for number, shot in enumerate(video.shots):
            yield from _at(("video", index, "shots", number), _picture(suite, shot, items))
    if turn.expect.moments and not turn.video:
        yield ("expect", "moments"), "the turn has no video whose seconds evidence could name"
    yield from _at(("expect",), _expectation(turn.expect, items))


def _picture(suite: Suite, picture: PictureAttachment, items: Mapping[str, Item]) -> Iterator[Problem]:
    if picture.file is not None and not (Path(suite.folder) / picture.file).is_file():
        yield ("file",), f"there is no file {picture.file!r} in {suite.folder}"
    if letters := unwritable(f"{picture.sheet or ''}{picture.words or ''}"):
        yield (), f"no font at hand draws {letters!r}; use letters without accents, or a picture file"
    if picture.of is None:
        return
    if picture.of not in items:
        yield ("of",), _no_item(picture.of)
    elif not items[picture.of].images:
        yield ("of",), f"the item {picture.of!r} has no picture"


def _expectation(expect: Expectation, items: Mapping[str, Item]) -> Iterator[Problem]:
    yield from _items(expect, items)
    yield from _predicates(expect, items)
    yield from _contradictions(expect)
    yield from _tools(expect)
    yield from _filters(expect)


# Items ---------------------------------------------------------------------------------------------------------------


def _items(expect: Expectation, items: Mapping[str, Item]) -> Iterator[Problem]:
    for key_path, item_id in _named_items(expect):
        if item_id not in items:
            yield key_path, _no_item(item_id)
    for item_id, grade in expect.relevant.items():
        if grade not in GRADES:
            yield ("relevant", item_id), f"the grade is {grade}; it should be {GRADES[0]} to {GRADES[-1]}"


def _named_items(expect: Expectation) -> Iterator[tuple[KeyPath, str]]:
    for name in (*UPPER_HALF, "never"):
        for index, item_id in enumerate(getattr(expect, name)):
            yield (name, index), item_id
    for number, group in enumerate(expect.groups):
        for name in ("first", "any"):
            yield from ((("groups", number, name, at), item_id) for at, item_id in enumerate(getattr(group, name)))
    if expect.cart is not None:
        yield ("cart",), expect.cart
    for item_id in expect.relevant:
        yield ("relevant", item_id), item_id
    for index, moment in enumerate(expect.moments):
        yield ("moments", index, "item"), moment.item
    for index, pair in enumerate(expect.order):
        yield from ((("order", index, side), item_id) for side, item_id in enumerate(pair))


def _predicates(expect: Expectation, items: Mapping[str, Item]) -> Iterator[Problem]:
    """Values that no item has, and items that are wanted although the predicates rule them out."""
    yield from _at(("each",), _each(expect.each, [*expect.first, *expect.must], items))
    for number, group in enumerate(expect.groups):
        yield from _at(("groups", number, "each"), _each(group.each, group.first, items))


def _each(each: ItemPredicates | None, expected_ids: Sequence[str], items: Mapping[str, Item]) -> Iterator[Problem]:
    if each is None:
        return
    values = {
        name: {value for item in items.values() for value in levels(item, name)} for name in ("brand", "category")
    }
    for field in ("brand", "not_brand", "category", "not_category"):
        for index, name in enumerate(getattr(each, field)):
            if folded(name) not in values[field.removeprefix("not_")]:
                yield (field, index), f"no item of the catalogue has {name!r}"
    for index, item_id in enumerate(each.ids):
        if item_id not in items:
            yield ("ids", index), _no_item(item_id)
    for item_id in expected_ids:
        if item_id in items and (wrong := unmet(items[item_id], each)):
            yield (), f"{item_id!r} is wanted and does not meet {', '.join(wrong)}"


def _contradictions(expect: Expectation) -> Iterator[Problem]:
    expected = [(key_path, item_id) for key_path, item_id in _named_items(expect) if key_path[0] in UPPER_HALF]
    for key_path, item_id in expected:
        if item_id in expect.never:
            yield key_path, f"{item_id!r} stands in never too"
        elif expect.nothing or expect.refuses:
            yield key_path, f"{item_id!r} is wanted, and nothing may be recommended; drop one of the two"
    for index, (first, second) in enumerate(expect.order):
        if first == second or (second, first) in expect.order:
            yield ("order", index), f"{first!r} and {second!r} cannot each stand before the other"
    if len(set(expect.must)) > expect.within:
        yield ("must",), f"{len(set(expect.must))} items cannot all be among the first {expect.within}; set within"


def _no_item(item_id: str) -> str:
    return f"the catalogue has no item {item_id!r}"


# Tools and filters ---------------------------------------------------------------------------------------------------


def _tools(expect: Expectation) -> Iterator[Problem]:
    from tools.toolbox import TOOLS  # brings the engines; only suites with tool calls need it

    tools = {tool.name: tool for tool in TOOLS}
    unknown = f"there is no such tool; known: {', '.join(tools)}"
    for index, expectation in enumerate(expect.tools):
        if expectation.tool in tools:
            yield from _at(("tools", index, "arguments"), _arguments(tools[expectation.tool], expectation.arguments))
        else:
            yield ("tools", index, "tool"), unknown
    for index, name in enumerate(expect.further_tools or []):
        if name not in tools:
            yield ("further_tools", index), unknown


def _arguments(tool: Tool[Any], arguments: Mapping[str, Any]) -> Iterator[Problem]:
    """What the tool's schema would not take; arguments that the case leaves out are not missed."""
    try:
        tool.arguments.model_validate(arguments)
    except ValidationError as exc:
        for error in exc.errors():
            if error["type"] == "extra_forbidden":
                fields = Filters.model_fields if "filters" in error["loc"][:-1] else tool.arguments.model_fields
                yield error["loc"], f"{tool.name} has no such argument; it takes: {', '.join(fields)}"
            elif error["type"] != "missing":
                yield error["loc"], f"{tool.name} would not take it: {error['msg'].removeprefix('Value error, ')}"


def _filters(expect: Expectation) -> Iterator[Problem]:
    field_names: Sequence[str] = list(Filters.model_fields)
    references = [(("constraints", field), field) for field in expect.constraints or {}]
    for name in ("may_constrain", "relaxed"):
        references += [((name, index), field) for index, field in enumerate(getattr(expect, name) or [])]  # type: ignore[misc]
    for key_path, field in references:
        if field not in field_names:
            yield key_path, f"there is no filter {field!r}; known: {', '.join(field_names)}"


def _at(key_path: KeyPath, problems: Iterator[Problem]) -> Iterator[Problem]:
    """The problems, their paths below ``key_path``."""
    return (((*key_path, *inner), sentence) for inner, sentence in problems)
