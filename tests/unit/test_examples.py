"""The files below docs/examples are right, and the documents show them as they are."""

import re
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest

from assistant.ingest.files import CatalogueFile, Contents, RawRecord
from assistant.ingest.pages import read_page
from assistant.ingest.survey import product_of
from assistant.ingest.validate import CatalogueLine, validate
from assistant.interactions.validate import EventRules
from assistant.interactions.validate import validate as validate_event
from assistant.settings import ServiceSettings
from tests.unit.test_configuration import settings_in_code

DOCS = Path(__file__).resolve().parents[2] / "docs"
EXAMPLES = DOCS / "examples"
LINE_BYTES = 10_000


@pytest.mark.parametrize(
    ("page", "example"),
    [
        ("catalogue.md", "products.jsonl"),
        ("catalogue.md", "products.csv"),
        ("interactions.md", "events.jsonl"),
        ("pages.md", "delivery.md"),
    ],
)
def test_a_document_shows_the_file(page: str, example: str) -> None:
    text = textwrap.indent((EXAMPLES / example).read_text("utf-8"), "    ")
    assert text in (DOCS / page).read_text("utf-8")


def lines_of(name: str) -> list[CatalogueLine]:
    file = CatalogueFile(EXAMPLES / name, line_bytes=LINE_BYTES)
    records = [record for record in file.records() if isinstance(record, RawRecord)]
    return [validate(product_of(file, [record]).values, description_characters=1000) for record in records]


def test_catalogue_lines_are_read_whole() -> None:
    chair, shoe = lines_of("products.jsonl")
    in_csv, lamp = lines_of("products.csv")
    assert [line.unread for line in (chair, shoe, in_csv, lamp)] == [()] * 4
    for line in (chair, in_csv):
        assert (line.price, line.currency, line.in_stock, line.attributes) == (129.0, "EUR", True, {"material": "oak"})
    assert in_csv.images == ("oak-chair.jpg", "oak-chair-side.jpg")
    assert (lamp.price, lamp.currency, lamp.in_stock) == (39.9, "EUR", False)
    assert (shoe.price, shoe.in_stock) == (89.9, True)
    assert shoe.attributes["variants"][1] == {"size": "43", "color": "red", "price": 94.9, "in_stock": False}


def test_events_and_pages_are_read() -> None:
    file = CatalogueFile(EXAMPLES / "events.jsonl", line_bytes=LINE_BYTES, contents=Contents("events", ()))
    rules = EventRules(now=1_800_000_000.0, undated=None, pseudonym=str)
    events = [validate_event(record.values, rules) for record in file.records() if isinstance(record, RawRecord)]
    assert [(event.user, event.item_id, event.event, event.value) for event in events] == [
        ("ann", "oak-chair", "like", None),
        ("17", "desk-lamp", "rating", 4.5),
    ]
    page = read_page(EXAMPLES / "delivery.md")
    assert page.title == "Delivery and returns"
    assert {passage.heading for passage in page.passages} == {"Delivery", "Returns"}


def test_nginx_passes_on_what_the_service_takes() -> None:
    text = re.sub(r"#.*", "", (EXAMPLES / "nginx.conf").read_text("utf-8"))
    assert text.count("{") == text.count("}")
    statements = [statement.split() for statement in re.findall(r"[^;{}]+(?=[;{])", text)]
    assert not [" ".join(words) for words in statements if not re.fullmatch(r"[a-z_]+", words[0])]
    service = ServiceSettings()
    units = {"m": 2**20, "g": 2**30}
    sizes = [int(size) * units[unit] for size, unit in re.findall(r"max_body_size (\d+)([mg]);", text)]
    assert sizes == [service.bounds.body_bytes, service.bounds.import_bytes]
    assert f"server 127.0.0.1:{service.port};" in text
    assert re.findall(r"proxy_pass (\S+);", text) == ["http://assistant"] * 2  # a path would decode %2F
    assert {"proxy_buffering off;", "proxy_set_header Host $host;"} <= {" ".join(words) + ";" for words in statements}


@pytest.mark.parametrize("unit", ["assistant.service", "assistant-llm.service"])
def test_settings_of_the_units_are_there(unit: str) -> None:
    text = (EXAMPLES / unit).read_text("utf-8")
    known = {f"ASSISTANT_{key.upper().replace('.', '__')}" for key, _ in settings_in_code()}
    assert set(re.findall(r"^Environment='?(\w+)=", text, re.MULTILINE)) <= known


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
@pytest.mark.parametrize("unit", ["assistant.service", "assistant-llm.service"])
def test_systemd_knows_every_key_of_the_units(unit: str) -> None:
    done = subprocess.run(["systemd-analyze", "verify", EXAMPLES / unit], capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if "is not executable" not in line] == []
