"""Feeds in the published form of each format: one item a product, with its variants, current prices and stock."""

import gzip
import shutil
from pathlib import Path
from typing import Any

import pytest

from assistant.errors import BadInput
from assistant.ingest import feed_pages
from tests.integration.ingest.conftest import Bench
from tools.records import Filters, Item

FEEDS = Path(__file__).resolve().parents[2] / "data" / "feeds"


def ingested(bench: Bench, *names: str, **options: Any) -> dict[str, Item]:  # noqa: ANN401 - the options' own types
    bench(*(FEEDS / name for name in names), **options)
    return {item.id: item for item in bench.catalogue.items()}


def passing(bench: Bench, **filters: Any) -> list[str]:  # noqa: ANN401 - the filter's own types
    return sorted(bench.catalogue.eligible(Filters(**filters)) or ())


def sizes(item: Item, option: str) -> dict[str, tuple[Any, Any]]:
    return {line[option]: (line.get("price"), line.get("in_stock")) for line in item.attributes["variants"]}


def test_shopify(bench: Bench) -> None:
    items = ingested(bench, "shopify.csv")
    shoe, wrapping = items["ridge-trail-shoe"], items["gift-wrapping"]
    assert shoe.title == "Ridge Trail Shoe"
    assert shoe.description == "Grips on wet rock.\n\nVibram sole"
    assert (shoe.brand, shoe.category) == ("Ridge", "Apparel & Accessories > Shoes")
    assert (shoe.price, shoe.in_stock) == (119.0, True)  # the one for 89 is sold out
    assert [Path(image).stem for image in shoe.images] == ["ridge-1", "ridge-red", "ridge-2", "ridge-black", "ridge-3"]
    assert shoe.attributes["variants"] == [
        {"Size": "42", "Color": "Red", "price": 119.0, "list_price": 149.0, "in_stock": True, "sku": "RT-42-R",
         "image": "https://shop.example/ridge-red.jpg"},
        {"Size": "43", "Color": "Red", "price": 89.0, "in_stock": False, "sku": "RT-43-R",
         "image": "https://shop.example/ridge-red.jpg"},
        {"Size": "43", "Color": "Black", "price": 129.0, "in_stock": True, "sku": "RT-43-B",
         "image": "https://shop.example/ridge-black.jpg"},
    ]  # fmt: skip
    further = {name: value for name, value in shoe.attributes.items() if name not in ("variants", "sku")}
    assert further == {
        "Size": ["42", "43"], "Color": ["Red", "Black"], "price_max": 129.0, "list_price": 149.0,
        "Tags": "trail, waterproof", "Type": "Running shoes",
    }  # fmt: skip
    assert (wrapping.price, wrapping.in_stock, "variants" in wrapping.attributes) == (4.5, True, False)
    assert bench.reasons("line") == {7: "it is not published (Published on online store FALSE)"}
    assert "draft-boot" not in items


def test_what_is_asked_for_holds_for_one_variant_that_can_be_bought(bench: Bench) -> None:
    ingested(bench, "shopify.csv")
    shoe = ["ridge-trail-shoe"]
    assert passing(bench, attributes={"size": ["43"]}, in_stock=True, max_price=130) == shoe
    assert passing(bench, attributes={"size": ["43"]}, in_stock=True, max_price=100) == []  # 89 is sold out
    assert passing(bench, attributes={"size": ["43"], "color": ["red"]}, in_stock=True) == []
    assert passing(bench, attributes={"size": ["43"], "color": ["red"]}) == shoe
    assert passing(bench, attributes={"size": ["44"]}) == []


def test_woocommerce(bench: Bench) -> None:
    items = ingested(bench, "woocommerce.csv")
    hoodie, cap = items["20"], items["30"]
    assert (hoodie.title, hoodie.description, hoodie.brand) == ("Hoodie", "Warm.\n\nBrushed inside.", "Northwear")
    assert (hoodie.category, hoodie.price, hoodie.in_stock) == ("Clothing > Hoodies", 42.0, True)
    assert [Path(image).stem for image in hoodie.images] == ["hoodie", "hoodie-back", "hoodie-red", "hoodie-blue"]
    assert hoodie.attributes["variants"] == [
        {"Color": "Red", "Size": "M", "id": "21", "price": 42.0, "list_price": 45.0, "in_stock": True,
         "sku": "hoodie-red-m", "image": "https://woo.example/hoodie-red.jpg"},
        {"Color": "Red", "Size": "L", "id": "22", "price": 45.0, "in_stock": False,
         "sku": "hoodie-red-l", "image": "https://woo.example/hoodie-red.jpg"},
        {"Color": "Blue", "id": "23", "price": 49.0, "in_stock": False,
         "sku": "hoodie-blue", "image": "https://woo.example/hoodie-blue.jpg"},
    ]  # fmt: skip
    assert hoodie.attributes["Color"] == ["Red", "Blue"]
    assert (hoodie.attributes["list_price"], hoodie.attributes["Weight (kg)"]) == (45.0, "0.9")
    assert (cap.price, cap.attributes) == (16.0, {"SKU": "cap", "GTIN, UPC, EAN, or ISBN": "4006381333931"})
    assert set(items) == {"20", "30"}
    assert bench.reasons("line") == {8: "it is not published (Visibility in catalog hidden)"}
    assert passing(bench, attributes={"color": ["blue"], "size": ["l"]}) == ["20"]  # blue is made in every size
    assert passing(bench, attributes={"color": ["red"], "size": ["l"]}, in_stock=True) == []


def test_google_rss(bench: Bench) -> None:
    items = ingested(bench, "google.xml")
    shirt, mug = items["shirt"], items["mug"]
    assert (shirt.title, shirt.description) == ("Linen Shirt - White", "Cool & light.")
    assert (shirt.price, shirt.currency, shirt.in_stock) == (39.0, "EUR", True)
    assert (shirt.brand, shirt.category, shirt.url) == ("Lino", "Clothing > Shirts", "https://shop.example/shirt?v=ws")
    assert [Path(image).stem for image in shirt.images] == ["shirt-white", "shirt-back", "shirt-collar"]
    assert sizes(shirt, "size") == {"S": (39.0, True), "M": (29.0, False)}
    assert [line["id"] for line in shirt.attributes["variants"]] == ["shirt-ws", "shirt-wm"]
    assert shirt.attributes["variants"][1]["url"] == "https://shop.example/shirt?v=wm"
    further = {name: value for name, value in shirt.attributes.items() if name != "variants"}
    assert further == {
        "color": "White", "size": ["S", "M"], "material": "Linen", "Washing": "30 degrees", "list_price": 59.0,
        "gtin": ["3234567890126", "3234567890133"],
    }  # fmt: skip
    assert (mug.title, mug.price, mug.in_stock) == ("Coffee Mug", 12.0, False)  # the sale is over
    assert mug.attributes == {"availability": "preorder"}
    assert bench.rejections == []


def test_google_atom_and_text(bench: Bench) -> None:
    items = ingested(bench, "google-atom.xml", "google.txt")
    jumper, rope = items["1a"], items["rope"]
    assert (jumper.title, jumper.description, jumper.url) == (
        "Red Wool Jumper", "Soft and warm.", "https://shop.example/jumper",
    )  # fmt: skip
    assert (jumper.price, jumper.currency, jumper.in_stock) == (25.0, "GBP", True)
    assert (rope.title, rope.price, rope.attributes["list_price"], len(rope.images)) == ("Rope", 29.0, 35.0, 3)
    assert sizes(rope, "size") == {"10 m": (29.0, True), "20 m": (65.0, False)}


@pytest.mark.parametrize("name", ["acp.csv", "acp.jsonl"])
def test_agentic_commerce_files(bench: Bench, name: str) -> None:
    items = ingested(bench, name)
    shoes, mug = items["TRAIL"], items["MUG-350-BLUE"]
    assert (shoes.title, shoes.price, shoes.currency, shoes.in_stock) == ("Trail running shoes", 59.99, "USD", True)
    assert [Path(image).stem for image in shoes.images] == ["trail-black", "trail-side", "trail-sole"]
    assert sizes(shoes, "size") == {"10": (59.99, True), "11": (49.99, False)}
    assert (shoes.attributes["color"], shoes.attributes["list_price"]) == (["Black"], 79.99)
    assert not {"seller_name", "group_id", "return_policy", "is_eligible_search"} & shoes.attributes.keys()
    assert (mug.price, mug.in_stock, "list_price" in mug.attributes) == (18.0, None, False)
    assert bench.rejections == []


def test_agentic_commerce_products(bench: Bench) -> None:
    items = ingested(bench, "acp.json")
    tee, kimono = items["prod_classic_tee"], items["prod_kimono"]
    assert (tee.title, tee.description) == ("Classic Tee", "A classic cotton tee.")
    assert (tee.price, tee.currency, tee.in_stock, tee.category) == (19.99, "USD", True, "Apparel > Shirts")
    assert [Path(image).stem for image in tee.images] == ["main", "red-small-1"]
    assert sizes(tee, "Size") == {"Small": (19.99, True), "Medium": (17.99, False)}
    assert tee.attributes["variants"][0]["list_price"] == 24.99
    assert (kimono.title, kimono.price, kimono.currency) == ("Silk Kimono", 120_000.0, "JPY")  # no cents in yen
    assert bench.rejections == []


def test_saved_pages(bench: Bench) -> None:
    items = ingested(bench, "pages")
    coat, socks = items["44E01"], items["925872"]
    assert (coat.title, coat.brand, coat.url) == ("Wool winter coat", "Good brand", "https://www.example.com/coat")
    assert (coat.price, coat.currency, coat.in_stock) == (39.99, "USD", True)
    assert sizes(coat, "color") == {"Green": (39.99, True), "light blue": (29.99, False)}
    assert (coat.attributes["material"], coat.attributes["list_price"], coat.attributes["rating"]) == (
        "wool", 59.99, 4.4,
    )  # fmt: skip
    assert (socks.title, socks.description) == ("Merino Socks", "Warm & thin.\nTwo pairs.")
    assert (socks.price, socks.attributes["price_max"], socks.attributes["Wool"]) == (9.0, 14.0, "80 %")
    assert socks.images == ["https://www.example.com/img/socks.jpg"]
    assert list(bench.reasons("line").values()) == ["it states no product (schema.org JSON-LD)"]


def test_variants_on_pages_of_their_own_are_one_item(bench: Bench, tmp_path: Path) -> None:
    page = """<html><script type="application/ld+json">{"@context": "https://schema.org", "@type": "Product",
      "sku": "c-%s", "name": "Coat, %s", "size": "%s", "isVariantOf": {"@type": "ProductGroup", "productGroupID": "c"},
      "offers": {"price": %s, "priceCurrency": "USD", "availability": "https://schema.org/%s"}}</script></html>"""
    (tmp_path / "m.html").write_text(page % ("m", "M", "M", "50", "InStock"))
    (tmp_path / "l.html").write_text(page % ("l", "L", "L", "40", "SoldOut"))
    bench(tmp_path)
    (coat,) = bench.catalogue.items()
    assert (coat.id, coat.title, coat.price, sizes(coat, "size")) == (
        "c", "Coat", 50.0, {"L": (40.0, False), "M": (50.0, True)},
    )  # fmt: skip


def test_a_page_that_cannot_be_used_costs_that_page(bench: Bench, tmp_path: Path) -> None:
    (folder := tmp_path / "saved" / "deeper").mkdir(parents=True)
    shutil.copy(FEEDS / "pages" / "socks.html", folder)
    (folder / "empty.html").write_bytes(b"")
    (folder / "large.htm").write_bytes(b" " * (feed_pages.MOST_BYTES + 1))
    (folder / "binary.html").write_bytes(bytes(range(256)))
    bench(folder.parent)
    assert [item.id for item in bench.catalogue.items()] == ["925872"]
    reasons = {Path(rejection.file).name: rejection.reason for rejection in bench.rejections}
    assert reasons.keys() == {"empty.html", "large.htm", "binary.html"}
    assert reasons["large.htm"] == "longer than 10,485,760 bytes"


def test_any_table_by_naming_its_columns(bench: Bench) -> None:
    mapping = {
        "id": "Artikelnummer", "title": "Bezeichnung", "price": "Regular price", "in_stock": "Verfügbarkeit",
        "image": "Bild",
    }  # fmt: skip
    items = ingested(bench, "table.csv", mapping=mapping)
    assert {name: (item.title, item.price, item.currency, item.in_stock) for name, item in items.items()} == {
        "A1": ("Stuhl", 129.0, "EUR", True),
        "A2": ("Tisch", 1299.0, "EUR", False),
    }
    assert items["A1"].attributes == {"Farbe": "Eiche"}
    assert [picture.reference.rpartition("/")[2] for picture in bench.catalogue.pictures("A1")] == ["stuhl.jpg"]
    with pytest.raises(BadInput, match=r"no column 'Preis' for price; its columns are: Artikelnummer, Bezeichnung"):
        bench(FEEDS / "table.csv", mapping={**mapping, "price": "Preis"})


def test_a_column_can_be_named_for_a_field_of_a_known_feed(bench: Bench) -> None:
    items = ingested(bench, "shopify.csv", mapping={"category": "Type"})
    assert items["ridge-trail-shoe"].category == "Running shoes"
    assert items["ridge-trail-shoe"].attributes["Product category"] == "Apparel & Accessories > Shoes"


@pytest.mark.parametrize("name", ["shopify.csv", "woocommerce.csv", "google.xml", "acp.jsonl", "acp.json", "pages"])
def test_nothing_changes_the_second_time_and_counts_add_up(bench: Bench, name: str) -> None:
    first = bench(FEEDS / name)
    again = bench(FEEDS / name)
    for summary in (first, again):
        parts = summary.accepted + summary.unchanged + summary.rejected + summary.duplicates + summary.merged
        assert summary.lines == parts
    assert (again.accepted, again.unchanged, again.texts_embedded) == (0, first.new, 0)


def test_packed_files_are_read(bench: Bench, tmp_path: Path) -> None:
    for name in ("acp.jsonl", "google.xml"):
        with gzip.open(packed := tmp_path / f"{name}.gz", "wb") as file:
            file.write((FEEDS / name).read_bytes())
        bench(packed)
    assert {item.id for item in bench.catalogue.items()} == {"TRAIL", "MUG-350-BLUE", "shirt", "mug"}
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(BadInput, match=r"google.xml.gz cannot be read"):
        bench(packed)


def test_an_item_of_a_feed_that_is_gone_is_removed_only_when_asked(bench: Bench, tmp_path: Path) -> None:
    shutil.copy(FEEDS / "google.xml", feed := tmp_path / "feed.xml")
    bench(feed)
    text = feed.read_text()
    feed.write_text(text[: text.rindex("<item>")] + "</channel></rss>")
    assert (bench(feed).removed, bench.catalogue.count()) == (0, 2)
    assert (bench(feed, prune=True).removed, [item.id for item in bench.catalogue.items()]) == (1, ["shirt"])
    feed.write_text(text[: text.rindex("<item>")])  # the transfer broke: nothing may be removed
    with pytest.raises(BadInput, match="not well-formed"):
        bench(feed, prune=True)
    assert bench.catalogue.count() == 1
