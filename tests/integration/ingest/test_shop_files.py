"""CSV files as shops export them: several rows of a product, other programs' columns, prices of every country."""

from pathlib import Path

import pytest

from tests.integration.ingest.conftest import Bench
from tools.records import Filters, Item

SHOPIFY = """Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Tracker,Variant Inventory Qty,Variant Price,Variant Taxable,Image Src,Image Position,Status
ring-a,Silver Ring,<p>Plain &amp; round.</p>,Atelier,Rings,"silver, ring",true,Size,S,A-S,shopify,0,40.00,true,https://shop.example/r1.jpg,1,active
ring-a,,,,,,,,M,A-M,shopify,3,42.50,true,https://shop.example/r2.jpg,2,
ring-a,,,,,,,,L,A-L,shopify,0,45.00,true,,,
ring-a,,,,,,,,,,,,,,https://shop.example/r3.jpg,3,
mug-b,Coffee Mug,Stoneware.,Potter,Mugs,,true,Title,Default Title,B-1,shopify,0,"1,012.00",true,https://shop.example/m1.jpg,1,active
mug-b,,,,,,,,,,,,,,https://shop.example/m2.jpg,2,
old-c,Old Thing,Gone.,Potter,Mugs,,false,Title,Default Title,C-1,shopify,9,5.00,true,,,draft
"""  # noqa: E501 - as it is exported


def ingested(bench: Bench, text: str, name: str = "export.csv") -> dict[str, Item]:
    bench.folder.mkdir(exist_ok=True)
    (path := bench.folder / name).write_text(text, "utf-8")
    bench(path)
    return {item.id: item for item in bench.catalogue.items()}


def test_a_shopify_export_keeps_every_product_whole(bench: Bench) -> None:
    items = ingested(bench, SHOPIFY)
    ring, mug = items["ring-a"], items["mug-b"]
    assert (ring.title, ring.description, ring.brand, ring.category) == (
        "Silver Ring", "Plain & round.", "Atelier", "Rings",
    )  # fmt: skip
    assert (ring.price, ring.in_stock) == (42.5, True)  # of what can be bought
    assert ring.images == [f"https://shop.example/r{n}.jpg" for n in (1, 2, 3)]
    assert ring.attributes == {
        "Tags": "silver, ring",
        "Size": ["S", "M", "L"],
        "sku": ["A-S", "A-M", "A-L"],
        "variants": [
            {"Size": "S", "price": 40.0, "in_stock": False, "sku": "A-S"},
            {"Size": "M", "price": 42.5, "in_stock": True, "sku": "A-M"},
            {"Size": "L", "price": 45.0, "in_stock": False, "sku": "A-L"},
        ],
    }
    assert (mug.title, mug.price, mug.in_stock, len(mug.images)) == ("Coffee Mug", 1012.0, False, 2)
    assert mug.attributes == {"sku": ["B-1"]}
    assert set(items) == {"ring-a", "mug-b"}
    assert bench.reasons("line") == {8: "it is not published (Published false)"}
    assert bench.reasons("duplicate") == {}
    only_size = [bench.catalogue.eligible(Filters(in_stock=True, attributes={"size": [size]})) for size in "SM"]
    assert only_size == [[], ["ring-a"]]


def test_counts_of_a_file_with_several_rows_add_up_and_nothing_changes_the_second_time(bench: Bench) -> None:
    ingested(bench, SHOPIFY)
    again = bench(bench.folder / "export.csv")
    assert (again.lines, again.unchanged, again.rejected, again.merged, again.duplicates) == (7, 2, 1, 4, 0)
    assert (again.accepted, again.texts_embedded) == (0, 0)


def test_an_empty_cell_of_a_later_row_erases_nothing(bench: Bench) -> None:
    text = "id,title,price,brand,image\nring,Silver Ring,40,Atelier,r1.jpg\nlamp,Lamp,5,,\nring,,,,r2.jpg\nring,,45,,\n"
    for name in ("r1.jpg", "r2.jpg"):
        bench.folder.mkdir(exist_ok=True)
        (bench.folder / name).write_bytes(b"no picture")
    ring = ingested(bench, text)["ring"]
    assert (ring.title, ring.brand, ring.price) == ("Silver Ring", "Atelier", 45.0)
    assert bench.reasons("duplicate") == {2: "line 5 says another price for the same id and replaces it"}
    assert len(bench.catalogue.pictures("ring")) == 2


def test_a_row_with_nothing_but_a_price_adds_it(bench: Bench) -> None:
    assert ingested(bench, "id,title,price\na,Chair,\na,,12.50\n")["a"].price == 12.5
    assert (bench.rejections, bench.catalogue.count()) == ([], 1)


def test_rows_of_another_file_replace_the_item(bench: Bench) -> None:
    ingested(bench, "id,title,price\na,Chair,5\na,,6\n", "one.csv")
    (other := bench.folder / "two.csv").write_text("id,title,price\na,Sofa,\n")
    bench(bench.folder / "one.csv", other)
    assert [(item.title, item.price) for item in bench.catalogue.items()] == [("Sofa", None)]


def test_a_line_of_json_is_a_whole_item(bench: Bench) -> None:
    text = '{"id": "a", "title": "Chair", "price": 5}\n{"id": "a", "title": "Chair", "price": null}\n'
    assert ingested(bench, text, "a.jsonl")["a"].price is None


def test_a_woocommerce_export(bench: Bench) -> None:
    items = ingested(
        bench,
        "ID,Type,SKU,Name,Published,Short description,Description,In stock?,Stock,Sale price,Regular price,"
        "Date sale price ends,Categories,Images,Attribute 1 name,Attribute 1 value(s),Meta: _x\n"
        '7,simple,A7,Hoodie,1,Soft.,,1,,35,45,,"Clothing > Hoodies, Sale","https://s.example/a.jpg, '
        'https://s.example/b.jpg",Color,"Blue, Green",9\n'
        "8,simple,A8,Cap,1,,A cap.,0,0,10,16,2003-01-01,Clothing,,,,\n"
        "9,simple,A9,Draft,0,,,1,,,1,,,,,,\n",
    )
    hoodie, cap = items["7"], items["8"]
    assert (hoodie.title, hoodie.description, hoodie.price, hoodie.in_stock) == ("Hoodie", "Soft.", 35.0, True)
    assert (hoodie.category, len(hoodie.images)) == ("Clothing > Hoodies", 2)
    assert hoodie.attributes["Color"] == ["Blue", "Green"]
    assert (cap.price, cap.in_stock, cap.description) == (16.0, False, "A cap.")
    assert set(items) == {"7", "8"}


def test_a_feed_for_google(bench: Bench) -> None:
    items = ingested(
        bench,
        "g:id\tg:title\tg:description\tg:link\tg:image_link\tg:availability\tg:price\tg:sale_price\tg:product_type\n"
        "a\tTent\tFor two.\thttps://s.example/a\thttps://s.example/a.jpg\tout_of_stock\t1299.00 EUR\t999.00 EUR\tSport > Tents\n"  # noqa: E501
        "b\tRope\t\thttps://s.example/b\thttps://s.example/b.jpg\tpreorder\t12.50 EUR\t\tSport\n",
        "feed.tsv",
    )
    tent, rope = items["a"], items["b"]
    assert (tent.title, tent.price, tent.currency, tent.in_stock) == ("Tent", 999.0, "EUR", False)
    assert (tent.url, tent.images, tent.category) == (
        "https://s.example/a", ["https://s.example/a.jpg"], "Sport > Tents",
    )  # fmt: skip
    assert tent.attributes == {"list_price": 1299.0}
    assert (rope.price, rope.in_stock, rope.attributes) == (12.5, False, {"availability": "preorder"})


@pytest.mark.parametrize(
    ("rows", "prices", "reasons"),
    [
        ("1.299\n1.299,00", [1299.0, 1299.0], {}),
        ("1.299\n12.50", [1.299, 12.5], {}),
        ("1.299\n7", [None, 7.0], {2: "its price '1.299' can be read in more than one way; write it like 1299.00"}),
        ("1.299\n12.50\n12,50", [None, 12.5, 12.5], {2: "its price '1.299' can be read in more than one way"}),
        ("1,29,999\n1,299", [129999.0, 1299.0], {}),
    ],
)
def test_a_price_is_read_as_the_files_other_prices_are(
    bench: Bench, rows: str, prices: list[float | None], reasons: dict[int, str]
) -> None:
    lines = [f"{n};Thing {n};{price}" for n, price in enumerate(rows.split("\n"))]
    items = ingested(bench, "\n".join(["id;title;price", *lines]) + "\n")
    assert [items[str(n)].price for n in range(len(lines))] == prices
    told = bench.reasons("field")
    assert told.keys() == reasons.keys()
    assert all(told[line].startswith(reason) for line, reason in reasons.items())


def test_a_value_that_cannot_be_used_is_told_with_the_line_of_its_row(bench: Bench, tmp_path: Path) -> None:
    items = ingested(bench, "id,title,price,in_stock\na,Chair,,\na,,ask,\na,,,perhaps\n")
    assert (items["a"].title, items["a"].price, items["a"].in_stock) == ("Chair", None, None)
    assert bench.reasons("field") == {
        3: "its price 'ask' is not a number",
        4: "its in_stock is 'perhaps', and should be true or false",
    }
