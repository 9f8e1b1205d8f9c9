"""What is said of a file before it is ingested."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assistant.cli import app
from assistant.cli.catalogue import check_text, columns_by_field
from assistant.errors import BadInput
from assistant.ingest import IngestOptions, check

FEEDS = Path(__file__).resolve().parents[2] / "data" / "feeds"


def test_a_check_names_the_feed_its_columns_and_what_is_missing() -> None:
    (report,) = check([FEEDS / "shopify.csv"])
    assert (report.feed, report.format, report.rows, report.items, report.variants) == (
        "Shopify products",
        "CSV",
        6,
        2,
        3,
    )
    fills = {column.name: column.fills for column in report.columns}
    assert fills["URL handle"] == "id"
    assert fills["Option1 value"] == "variant"
    assert fills["Compare-at price"] == "list_price"
    assert fills["Tags"] == "attribute"
    assert fills["SEO title"] is None
    assert (report.known["price"], report.known["description"], report.known["currency"]) == (2, 1, 0)
    assert report.attributes["Size"] == 1
    assert "no column for currency: known of 0 of 2 items" in report.warnings
    assert "description: known of 1 of 2 items" in report.warnings
    assert (
        "1 line rejected; the first, line 7: it is not published (Published on online store FALSE)" in report.warnings
    )
    assert "5 pictures at web addresses; --fetch-pictures fetches them" in report.warnings
    assert [example["id"] for example in report.examples] == ["ridge-trail-shoe", "gift-wrapping"]
    text = check_text(report)
    assert text.startswith(f"{FEEDS / 'shopify.csv'}: Shopify products (CSV), 6 rows, 2 items, 3 variants\n")
    assert "  Description " in text
    assert "\n  not used: Barcode, Option1 Linked To, " in text


def test_stock_that_no_column_tells_is_said(tmp_path: Path) -> None:
    (path := tmp_path / "a.csv").write_text("id,title,price\n1,Chair,ask\n2,Table,5\n")
    (report,) = check([path], IngestOptions(currency="EUR"))
    assert "no column for in_stock: known of 0 of 2 items" in report.warnings
    assert "price: known of 1 of 2 items" in report.warnings
    assert "1 value not read; the first, line 2: its price 'ask' is not a number" in report.warnings
    assert report.examples[1] == {"id": "2", "title": "Table", "price": 5.0, "currency": "EUR"}


@pytest.mark.parametrize(
    ("name", "feed", "items"),
    [
        ("woocommerce.csv", "WooCommerce products", 2),
        ("google.xml", "product feed for Google Merchant Center", 2),
        ("google-atom.xml", "product feed for Google Merchant Center", 1),
        ("google.txt", "product feed for Google Merchant Center", 1),
        ("acp.csv", "product feed of the Agentic Commerce Protocol", 2),
        ("acp.jsonl", "product feed of the Agentic Commerce Protocol", 2),
        ("acp.json", "product feed of the Agentic Commerce Protocol", 2),
        ("pages", "products in pages (schema.org JSON-LD)", 2),
    ],
)
def test_every_feed_is_recognised(name: str, feed: str, items: int) -> None:
    (report,) = check([FEEDS / name])
    assert (report.feed, report.items) == (feed, items)


def test_the_command_writes_nothing_and_prints_one_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_HOME", str(tmp_path / "home"))
    mapping = 'id=Artikelnummer,title=Bezeichnung,price="Regular price"'
    arguments = ["ingest", str(FEEDS / "table.csv"), "--check", "--json", "--map", mapping.replace('"', "")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    (report,) = json.loads(done.stdout)["files"]
    assert [example["price"] for example in report["examples"]] == [129.0, 1299.0]
    assert not (tmp_path / "home").exists()


def test_columns_are_named_for_fields() -> None:
    assert columns_by_field(["title=Name, price=Price, net", "id = Nr"]) == {
        "title": "Name", "price": "Price, net", "id": "Nr",
    }  # fmt: skip
    for option in ("Name", "colour=Farbe", "title=", "=x"):
        with pytest.raises(BadInput, match="is not FIELD=COLUMN with one of these fields: audio, brand"):
            columns_by_field([option])
    with pytest.raises(BadInput, match="two columns for id"):
        columns_by_field(["id=a,id=b"])


def test_the_title_stands_for_an_id_that_a_table_does_not_have(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("Name;Preis\nStuhl;49,90 €\nTisch;1.299,00 €\nStuhl;39,90 €\n", "utf-8")
    [found] = check([path], IngestOptions(mapping={"title": "Name", "price": "Preis"}))
    assert {line["id"]: line["title"] for line in found.examples} == {"Stuhl": "Stuhl", "Tisch": "Tisch"}
    assert found.items == 2
    with pytest.raises(BadInput, match="no column named id"):
        check([path], IngestOptions(mapping={"price": "Preis"}))
