"""A suite held to its catalogue, to the tools and to the filters."""

from pathlib import Path
from typing import Any

import pytest

from eval.suite.check import check_against, suite_problems
from eval.suite.load import SuiteError, load_suite
from tests.unit.eval.suite.conftest import WriteSuite
from tools.records import Item

ITEMS = {
    "stool": Item(id="stool", title="Stool", images=["/photos/stool.jpg"]),
    "sofa": Item(id="sofa", title="Sofa", price=900, brand="Oak & Co", category="Home > Sofas"),
}


def problems(path: Path) -> list[str]:
    return [problem.split(": ", 2)[2] for problem in suite_problems(load_suite(str(path)), ITEMS)]


def test_what_makes_sense_passes(write_suite: WriteSuite, tmp_path: Path) -> None:
    (tmp_path / "note.wav").write_bytes(b"sound")
    search = {"tool": "search_by_text", "arguments": {"filters": {"max_price": 100}}}
    expect = {
        "tools": [search, {"tool": "get_item"}],
        "further_tools": ["browse"],
        "constraints": {"max_price": 100},
        "may_constrain": ["categories"],
        "relaxed": ["brands"],
        "first": ["stool"],
        "must": ["stool", "sofa"],
        "relevant": {"stool": 3, "sofa": 0},
        "order": [["stool", "sofa"]],
    }
    path = write_suite(expect=expect, pictures=[{"of": "stool", "words": "mine"}], voice=[{"file": "note.wav"}])
    check_against(load_suite(str(path)), ITEMS)


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        ({"must": ["stool", "stol"]}, "turns.0.expect.must.1: the catalogue has no item 'stol'"),
        ({"never": ["stol"]}, "turns.0.expect.never.0: the catalogue has no item 'stol'"),
        ({"relevant": {"stol": 1}}, "turns.0.expect.relevant.stol: the catalogue has no item 'stol'"),
        ({"relevant": {"stool": 7}}, "turns.0.expect.relevant.stool: the grade is 7; it should be 0 to 3"),
        ({"order": [["stool", "stol"]]}, "turns.0.expect.order.0.1: the catalogue has no item 'stol'"),
        ({"order": [["stool", "stool"]]}, "turns.0.expect.order.0: 'stool' and 'stool' cannot each stand before"),
        ({"first": ["stool"], "never": ["stool"]}, "turns.0.expect.first.0: 'stool' stands in never too"),
        ({"any": ["stool"], "nothing": True}, "turns.0.expect.any.0: 'stool' is wanted, and nothing may be"),
        ({"cart": "stol"}, "turns.0.expect.cart: the catalogue has no item 'stol'"),
        ({"groups": [{"any": ["stol"]}]}, "turns.0.expect.groups.0.any.0: the catalogue has no item 'stol'"),
        ({"each": {"not_brand": ["Oak"]}}, "turns.0.expect.each.not_brand.0: no item of the catalogue has 'Oak'"),
        ({"each": {"category": ["Sofa"]}}, "turns.0.expect.each.category.0: no item of the catalogue has 'Sofa'"),
        ({"each": {"ids": ["stol"]}}, "turns.0.expect.each.ids.0: the catalogue has no item 'stol'"),
        (
            {"first": ["sofa"], "each": {"max_price": 500}},
            "turns.0.expect.each: 'sofa' is wanted and does not meet max_price 500.0",
        ),
        ({"must": ["stool", "sofa"], "within": 1}, "turns.0.expect.must: 2 items cannot all be among the first 1"),
        (
            {"tools": [{"tool": "search"}]},
            "turns.0.expect.tools.0.tool: there is no such tool; known: transcribe_audio",
        ),
        ({"further_tools": ["look"]}, "turns.0.expect.further_tools.0: there is no such tool"),
        (
            {"tools": [{"tool": "browse", "arguments": {"order": "price"}}]},
            "turns.0.expect.tools.0.arguments.order: browse has no such argument; it takes: filters, sort, k",
        ),
        (
            {"tools": [{"tool": "browse", "arguments": {"filters": {"color": "red"}}}]},
            "turns.0.expect.tools.0.arguments.filters.color: browse has no such argument; it takes: min_price",
        ),
        (
            {"tools": [{"tool": "browse", "arguments": {"sort": "cheap"}}]},
            "turns.0.expect.tools.0.arguments.sort: browse would not take it: Input should be 'price'",
        ),
        (
            {"constraints": {"price": 3}},
            "turns.0.expect.constraints.price: there is no filter 'price'; known: min_price",
        ),
        ({"may_constrain": ["price"]}, "turns.0.expect.may_constrain.0: there is no filter 'price'"),
        ({"relaxed": ["price"]}, "turns.0.expect.relaxed.0: there is no filter 'price'"),
    ],
)
def test_expectations_that_nothing_could_meet_are_told(
    write_suite: WriteSuite, expect: dict[str, Any], message: str
) -> None:
    [problem] = problems(write_suite(expect=expect))
    assert problem.startswith(message)


@pytest.mark.parametrize(
    ("turn", "message"),
    [
        ({"pictures": [{"of": "stol"}]}, "turns.0.pictures.0.of: the catalogue has no item 'stol'"),
        ({"pictures": [{"of": "sofa"}]}, "turns.0.pictures.0.of: the item 'sofa' has no picture"),
        ({"pictures": [{"file": "me.jpg"}]}, "turns.0.pictures.0.file: there is no file 'me.jpg'"),
        ({"pictures": [{"sheet": "椅子"}]}, "turns.0.pictures.0: no font at hand draws '子椅'"),
        ({"video": [{"shots": [{}, {"of": "sofa"}]}]}, "turns.0.video.0.shots.1.of: the item 'sofa' has no picture"),
        ({"video": [{"file": "me.mp4"}]}, "turns.0.video.0.file: there is no file 'me.mp4'"),
        (
            {"expect": {"moments": [{"item": "stool", "start": 0, "end": 1}]}},
            "turns.0.expect.moments: the turn has no video whose seconds",
        ),
        ({"voice": [{"file": "me.wav"}]}, "turns.0.voice.0.file: there is no file 'me.wav'"),
    ],
)
def test_attachments_that_cannot_be_made_are_told(write_suite: WriteSuite, turn: dict[str, Any], message: str) -> None:
    [problem] = problems(write_suite(**turn))
    assert problem.startswith(message)


def test_problems_come_in_the_order_of_their_lines(write_suite: WriteSuite) -> None:
    path = write_suite(expect={"further_tools": ["look"], "must": ["stol"], "constraints": {"price": 3}})
    with pytest.raises(SuiteError) as caught:
        check_against(load_suite(str(path)), ITEMS)
    lines = [int(problem.removeprefix(f"{path}:").split(":")[0]) for problem in caught.value.problems]
    assert lines == [13, 15, 17]
