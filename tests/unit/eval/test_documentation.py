"""docs/evaluation.md says what the code does: every measure, every key of a suite, every variant."""

import re
from pathlib import Path

import pytest

from eval.measures.scoring import MEASURES
from eval.runs.variants import BUILT_IN
from eval.suite.records import (
    Case,
    Expectation,
    GroupExpectation,
    ItemPredicates,
    PartsHead,
    PictureAttachment,
    SuiteHead,
    Turn,
    VideoAttachment,
    VideoShot,
    VoiceAttachment,
)
from tools.records import Record

DOCUMENT = (Path(__file__).parents[3] / "docs" / "evaluation.md").read_text("utf-8")


def section(title: str) -> str:
    """A section's own text, up to the next one of any level."""
    (body,) = re.findall(rf"^##+ {re.escape(title)}\n(.*?)(?=^##|\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)
    return str(body)


def rows(title: str) -> list[str]:
    """The rows of a section's first table, without its head."""
    table = [line for line in section(title).splitlines() if line.startswith("| `")]
    return [line.strip("| ") for line in table]


def test_every_measure_is_described_as_it_is_reckoned() -> None:
    expected = [
        f"`{name}` | {measure.description} | {measure.better} | {measure.unit}" for name, measure in MEASURES.items()
    ]
    assert rows("What is measured") == expected


@pytest.mark.parametrize(
    ("title", "record"),
    [
        ("The head", SuiteHead),
        ("A case: `cases`", Case),
        ("A turn: `turns`", Turn),
        ("A picture: `pictures`", PictureAttachment),
        ("A voice note: `voice`", VoiceAttachment),
        ("A video: `video`", VideoAttachment),
        ("What is expected: `expect`", Expectation),
        ("What every item must be: `each`", ItemPredicates),
        ("A group of items: `groups`", GroupExpectation),
        ("A suite of parts", PartsHead),
    ],
)
def test_every_key_of_a_suite_is_described(title: str, record: type[Record]) -> None:
    described = [row.split(" | ") for row in rows(title)]
    assert [key.strip("`") for key, _, _ in described] == list(record.model_fields)
    assert all(description.strip() for _, _, description in described)


def test_every_key_of_a_shot_beyond_those_of_a_picture_is_described() -> None:
    described = [row.split(" | ")[0].strip("`") for row in rows("A shot: `shots`")]
    assert described == [key for key in VideoShot.model_fields if key not in PictureAttachment.model_fields]


def test_every_variant_is_named() -> None:
    assert {name for name in BUILT_IN if f"`{name}`" not in section("Variants")} == set()
