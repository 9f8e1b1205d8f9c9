"""Feeds that are broken, hostile or in other encodings."""

from pathlib import Path
from typing import Any

import pytest

from assistant.errors import BadInput
from assistant.ingest import check
from assistant.ingest.feed_acp import rows as acp_rows
from assistant.ingest.feed_pages import products, rows

RSS = '<rss xmlns:g="http://base.google.com/ns/1.0"><channel>{}</channel></rss>'
BOMB = "".join(f'<!ENTITY l{n} "{(f"&l{n - 1};" if n else "ha") * 10}">' for n in range(9))


def first(tmp_path: Path, content: bytes, name: str = "feed.xml") -> dict[str, Any]:
    (path := tmp_path / name).write_bytes(content)
    return check([path])[0].examples[0]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1251"])
def test_xml_is_read_in_the_encoding_that_it_declares(tmp_path: Path, encoding: str) -> None:
    title = "Кресло" if encoding == "windows-1251" else "Crème"
    text = f'<?xml version="1.0" encoding="{encoding}"?>' + RSS.format(
        f"<item><g:id>1</g:id><title>{title}</title></item>"
    )
    assert first(tmp_path, text.encode(encoding))["title"] == title


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            f"<?xml version='1.0'?><!DOCTYPE x [{BOMB}]>" + RSS.format("<item><title>&l8;</title></item>"),
            "not well-formed",
        ),
        (RSS.format("<item>" + "<a>" * 3_000 + "</a>" * 3_000 + "</item>"), "Excessive depth"),
        (RSS.format("<item>" + "<a>1</a>" * 10_000 + "</item>"), "an item has more than 5,000 elements"),
        (RSS.format(""), "without the items of RSS"),
    ],
)
def test_hostile_xml_is_refused_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        first(tmp_path, text.encode())


def test_xml_reads_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hidden")
    declared = f'<!DOCTYPE r [<!ENTITY x SYSTEM "{(tmp_path / "secret").as_uri()}">]>'
    item = "<item><g:id>1</g:id><title>A &x;</title><description><b>&x;</b></description></item>"
    assert "hidden" not in str(
        first(tmp_path, (declared and "<?xml version='1.0'?>" + declared + RSS.format(item)).encode())
    )


@pytest.mark.parametrize(
    ("text", "ids", "rejected"),
    [
        ('[{"id": "1", "title": "A"}, 5, {"id": "2",}, {"id": "3", "title": "C"}]', ["1", "3"], 2),
        ('{"products": [{"id": "1", "title": "A"}]}', ["1"], 0),
        ('{\n  "id": "1",\n  "title": "A"\n}', ["1"], 0),
        ('{"id": "1", "title": "A"}\n{"id": "2", "title": "B"}\n', ["1", "2"], 0),
        ('{"@context": "https://schema.org", "@graph": [{"@type": "Product", "sku": "9", "name": "A"}]}', ["9"], 0),
    ],
)
def test_json_documents_and_lines(tmp_path: Path, text: str, ids: list[str], rejected: int) -> None:
    (path := tmp_path / "a.json").write_text(text)
    (report,) = check([path])
    assert ([example["id"] for example in report.examples], report.rejected) == (ids, rejected)


def test_rows_of_one_group_in_two_currencies_have_no_common_price(tmp_path: Path) -> None:
    rows = "a,T A,x,9.99 EUR,g,S,in stock\nb,T B,x,8.99 USD,g,M,in stock\n"
    item = first(tmp_path, f"id,title,image_link,price,item_group_id,size,availability\n{rows}".encode(), "a.csv")
    assert "price" not in item
    assert [line.get("price") for line in item["variants"]] == [None, None]


def test_a_later_row_of_the_same_variant_replaces_the_earlier_one(tmp_path: Path) -> None:
    rows = "a,T,x,9.99 EUR,g,S,in stock\nb,T,x,8.99 EUR,g,M,in stock\na,T,x,7.99 EUR,g,S,sold out\n"
    item = first(tmp_path, f"id,title,image_link,price,item_group_id,size,availability\n{rows}".encode(), "a.csv")
    assert (item["price"], item["in_stock"]) == (8.99, True)
    assert [(line["id"], line["price"], line["in_stock"]) for line in item["variants"]] == [
        ("a", 7.99, False), ("b", 8.99, True),
    ]  # fmt: skip


def test_a_variant_with_the_products_own_id_stays_a_variant() -> None:
    sizes = [{"id": key, "title": "Q", "variant_options": [{"name": "Size", "value": key}]} for key in ("q", "q2")]
    assert [row.get("variant_dict") for row in acp_rows({"id": "q", "variants": sizes})] == [
        None,
        {"Size": "q"},
        {"Size": "q2"},
    ]


def page(json_ld: str) -> list[dict[str, Any]]:
    content = f'<html><script type="application/ld+json">{json_ld}</script></html>'.encode()
    return [row for product in products(content, "page") for row in rows(product)]


@pytest.mark.parametrize(
    ("json_ld", "price", "list_price"),
    [
        ('{"@type": "Product", "name": "A", "offers": {"price": "1299.00"}}', 1299.0, None),
        ('{"@type": "Product", "name": "A", "offers": {"price": "1.299,00 €"}}', "1.299,00 €", None),
        ('{"@type": "Product", "name": "A", "offers": [{"price": 5, "availability": "SoldOut"}, {"price": 7}]}',
         7, None),
        ('{"@type": "Product", "name": "A", "offers": {"priceSpecification": [{"price": 10}, {"price": 15, '
         '"priceType": "https://schema.org/ListPrice"}]}}', 10, 15),
        ('{"@type": "http://schema.org/Product", "name": "A", "offers": {"@type": "AggregateOffer", "lowPrice": 3, '
         '"highPrice": 4}}', [3, 4], None),
        ('{"@type": "Product", "name": "A", "offers": "free"}', None, None),
    ],
)  # fmt: skip
def test_prices_of_pages(json_ld: str, price: object, list_price: object) -> None:
    (row,) = page(json_ld)
    assert (row["price"], row["list_price"], row["id"]) == (price, list_price, "page")


@pytest.mark.parametrize(
    "json_ld",
    [
        "", "{", "[[[]]]", "null", '{"@type": 5}', '{"a":' * 3_000 + "1" + "}" * 3_000, '{"@type": "Product"}',
        '{"@type": "WebPage", "about": {"@type": "Product", "name": "x"}}',
    ],
)  # fmt: skip
def test_pages_without_a_product(json_ld: str) -> None:
    assert page(json_ld) == []


def test_properties_of_any_type_end_in_no_error(tmp_path: Path) -> None:
    strange = ("5", "null", "[]", "{}", '[[{"a": [1]}]]', '{"@type": "x", "name": {"b": 1}}', "true")
    names = ("name", "sku", "offers", "image", "brand", "hasVariant", "isVariantOf", "color", "additionalProperty",
             "url", "aggregateRating", "variesBy", "productGroupID", "category")  # fmt: skip
    for name in names:
        for value in strange:
            text = f'{{"@type": "ProductGroup", "productID": "1", "description": "d", "{name}": {value}}}'
            (path := tmp_path / "p.html").write_text(f'<html><script type="application/ld+json">{text}</script></html>')
            assert check([path])[0].items == 1
