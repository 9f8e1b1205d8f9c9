"""Option values that a message means, in whatever words and language: tables of messages, read by the real encoder."""

import json
from pathlib import Path

import pytest

from tools.engines.text import TextEncoder
from tools.records import Item
from tools.variants import meant_values

pytestmark = pytest.mark.models

TABLES = Path(__file__).parents[2] / "data" / "variants"
ITEMS = {item["id"]: Item(**item) for item in json.loads((TABLES / "items.json").read_text("utf-8"))}


@pytest.mark.parametrize(("table", "least"), [("seen", 21), ("held_back", 20)])
def test_values_are_meant_in_other_words_than_the_catalogue_s(
    table: str, least: int, text_encoder: TextEncoder
) -> None:
    lines = [json.loads(line) for line in (TABLES / f"{table}.jsonl").read_text("utf-8").splitlines()]
    read = [meant_values(ITEMS[line["item"]], line["text"], text_encoder) for line in lines]
    right = [got == line["means"] for got, line in zip(read, lines, strict=True)]
    wrong = [
        (line["text"], got)
        for got, line in zip(read, lines, strict=True)
        if any(value not in line["means"].get(name, []) for name, values in got.items() for value in values)
    ]
    assert sum(right) >= least, [line["text"] for line, ok in zip(lines, right, strict=True) if not ok]
    assert not wrong
