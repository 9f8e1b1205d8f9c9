"""assistant eval list and assistant eval check, as they are typed."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assistant.errors import BadInput
from eval.cli import app
from eval.suite import load
from tests.fakes.catalogues import lines, write
from tools.errors import ProductError

SUITE = """\
suite: shop
description: A shop.
catalogue: items.jsonl
cases:
  - id: chair
    tags: [text, price]
    because: its price
    turns:
      - text: a chair
        expect: {must: [item-0]}
      - text: cheaper
"""


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(load, "BUILT_IN", tmp_path)
    monkeypatch.setenv("ASSISTANT_HOME", str(tmp_path / "home"))
    write(tmp_path / "things", lines(2))
    path = tmp_path / "shop.yaml"
    path.write_text(SUITE.replace("items.jsonl", "things/products.jsonl"))
    return path


def test_suites_are_listed_for_people_and_programs(suite: Path) -> None:
    output = CliRunner().invoke(app, ["list"]).stdout
    assert output == "shop: 1 case, 2 turns\n    A shop.\n    price 1, text 1\n\n"
    [entry] = json.loads(CliRunner().invoke(app, ["list", "--json"]).stdout)["suites"]
    assert entry == {
        "name": "shop",
        "description": "A shop.",
        "cases": 1,
        "turns": 2,
        "tags": {"price": 1, "text": 1},
        "file": str(suite),
    }


@pytest.mark.parametrize("argument", ["by name", "by file"])
def test_a_sound_suite_is_said_to_be_sound(suite: Path, argument: str) -> None:
    result = CliRunner().invoke(app, ["check", "shop" if argument == "by name" else str(suite)])
    assert (result.stdout, result.exit_code) == ("1 case, 2 turns: nothing wrong\n", 0)


def test_what_is_wrong_ends_with_2(suite: Path) -> None:
    suite.write_text(suite.read_text().replace("item-0", "item-9"))
    error = CliRunner().invoke(app, ["check", "shop"]).exception
    assert isinstance(error, BadInput)
    assert str(error) == f"{suite}:10: case \"chair\": turns.0.expect.must.0: the catalogue has no item 'item-9'"
    assert isinstance(error, ProductError)
    assert error.exit_code == 2


@pytest.fixture
def parts(suite: Path) -> Path:
    """A suite of two parts: the suite, and another with a case of its own."""
    (suite.parent / "more.yaml").write_text(suite.read_text().replace("id: chair", "id: stool"))
    whole = suite.parent / "whole.yaml"
    whole.write_text("suite: whole\ndescription: Both.\nparts: [shop.yaml, more.yaml]\n")
    return whole


def test_a_suite_of_parts_is_listed_and_checked_as_one(parts: Path) -> None:
    result = CliRunner().invoke(app, ["check", str(parts), "shop"])
    assert result.stdout == "whole: 2 cases, 4 turns: nothing wrong\nshop: 1 case, 2 turns: nothing wrong\n"
    entries = json.loads(CliRunner().invoke(app, ["list", "--json"]).stdout)["suites"]
    assert [(entry["name"], entry["cases"], entry["tags"]) for entry in entries if entry["name"] == "whole"] == [
        ("whole", 2, {"price": 2, "text": 2})
    ]


@pytest.mark.parametrize(
    ("parts_of_it", "message"),
    [
        ("[shop.yaml, shop.yaml]", "parts have cases of the same id: chair"),
        ("[]", "parts: list should have at least 1 item"),
        ("[none.yaml]", "none.yaml cannot be read"),
        ("[whole.yaml]", "is made of parts; give one of its files"),
    ],
)
def test_what_is_wrong_with_parts_is_said(parts: Path, parts_of_it: str, message: str) -> None:
    parts.write_text(f"suite: whole\ndescription: Both.\nparts: {parts_of_it}\n")
    result = CliRunner().invoke(app, ["check", str(parts)])
    assert isinstance(result.exception, BadInput)
    assert message in str(result.exception)
