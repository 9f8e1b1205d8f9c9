"""The admin page in Chromium: a feed, the shop's settings, rules, keys, insights, for everybody who uses a browser."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.web.conftest import OpenPage, axe
from tests.fakes import catalogues
from tests.fakes.encoders import HashPictures, WordText
from tests.integration.service.catalogue_shop import CatalogueShop, no_speech
from tests.integration.service.conftest import Running, serving
from tools.engines.lazy import Lazy
from tools.engines.parts import Engines
from tools.store import Catalogue
from tools.store.pages import PageStore

PARTS = ["insights", "feed", "shop", "rules", "keys", "health"]
FEED = (
    "Handle,Title,Body (HTML),Vendor,Type,Published,Variant SKU,Variant Price,Image Src\n"
    "oak,Oak chair,<p>A chair.</p>,Oak & Co,Chairs,TRUE,A1,80.00,https://cdn.example/a.jpg\n"
    "elm,Elm lamp,<p>A lamp.</p>,Elm,Lamps,TRUE,A2,20.00,\n"
)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Running]:
    shop = CatalogueShop(tmp_path, WordText(), HashPictures(own_text_space=True))  # type: ignore[arg-type]
    shop.fill(catalogues.lines(14))
    with Catalogue.open(shop.data) as catalogue:
        engines = Engines(catalogue, shop.text, shop.pictures, Lazy(no_speech), pages=PageStore(shop.data))  # type: ignore[arg-type]
        with serving(shop.settings(), engines) as running:
            session = running.session()
            running.say(session, "a red chair")
            running.client.post(f"/api/sessions/{session}/feedback", json={"item_id": "item-0", "event": "like"})
            yield running


def look(page: Page, name: str) -> None:
    """Keep a picture of the page where a folder for them is named."""
    if folder := os.environ.get("ADMIN_PICTURES"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def opened(open_page: OpenPage, part: str, **context: object) -> Page:
    page = open_page(f"admin/{part}", **context)
    expect(
        page.get_by_role("navigation", name="Parts of this page").or_(page.get_by_role("navigation", name="本页各部分"))
    ).to_be_visible()
    page.wait_for_load_state("networkidle")
    return page


@pytest.mark.parametrize(("scheme", "locale"), [("light", "en-US"), ("dark", "zh-CN")])
@pytest.mark.parametrize("part", PARTS)
def test_axe_finds_nothing_serious_and_nothing_is_cut_off(
    open_page: OpenPage, part: str, scheme: str, locale: str
) -> None:
    page = opened(open_page, part, color_scheme=scheme, locale=locale, viewport={"width": 1100, "height": 900})
    assert axe(page) == []
    look(page, f"{part}-{scheme}")
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    look(page, f"{part}-{scheme}-phone")


def test_the_address_leads_here_and_shoppers_load_none_of_it(open_page: OpenPage, service: Running) -> None:
    loaded: list[str] = []
    page = open_page("")
    page.on("request", lambda request: loaded.append(request.url))
    page.reload()
    page.wait_for_load_state("networkidle")
    assert loaded
    assert not [url for url in loaded if "AdminPage" in url]
    page.goto("/admin")
    expect(page.get_by_role("heading", name="Your shop")).to_be_visible()


def test_a_feed_is_looked_at_and_taken_in(open_page: OpenPage, tmp_path: Path) -> None:
    file = tmp_path / "products_export.csv"
    file.write_text(FEED)
    page = opened(open_page, "feed")
    page.get_by_label("Feed (CSV").set_input_files(file)
    expect(page.get_by_text("Shopify products (CSV): 2 rows, 2 items")).to_be_visible()
    page.get_by_label("Currency, if the feed").fill("EUR")
    page.get_by_role("button", name="Look again").click()
    assert axe(page) == []
    look(page, "feed-preview")
    page.get_by_role("button", name="Take it in", exact=True).click()
    expect(page.get_by_text("New: 2, changed: 0")).to_be_visible()
    page.goto("/#/catalogue/oak")
    expect(page.get_by_role("heading", name="Oak chair")).to_be_visible()


def test_settings_rules_and_keys_are_in_force(open_page: OpenPage, service: Running) -> None:
    page = opened(open_page, "shop")
    page.get_by_label("Name").fill("Oak & Co")
    page.get_by_label("Address that puts an item").fill("http://shop.example/{id}")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("cart_link")
    page.get_by_label("Address that puts an item").fill("https://shop.example/{id}")
    page.get_by_label("Example wishes (en)").fill("a chair\na lamp")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    shop = service.client.get("/api/shop").json()
    assert (shop["name"], shop["examples"]["en"]) == ("Oak & Co", ["a chair", "a lamp"])

    page.get_by_role("link", name="Words and items").click()
    page.get_by_role("textbox", name="Customers say").fill("fauteuil")
    page.get_by_label("Your catalogue says").fill("chair")
    page.get_by_role("button", name="Add").first.click()
    expect(page.get_by_text("fauteuil → chair")).to_be_visible()
    page.get_by_role("region", name="Shown nowhere").get_by_label("Id of the item").fill("item-0")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Red chair number 0 [item-0]")).to_be_visible()
    look(page, "rules-filled")
    assert service.client.get("/api/catalogue/items/item-0").status_code == 404
    page.get_by_role("button", name="Remove Red chair number 0 [item-0]").click()
    expect(page.get_by_text("[item-0]")).to_have_count(0)
    assert service.client.get("/api/catalogue/items/item-0").status_code == 200

    page.get_by_role("link", name="Keys").click()
    page.get_by_label("Name").fill("office")
    page.get_by_role("button", name="Make a key").click()
    secret = page.locator("code").inner_text()
    assert secret.startswith("rak_")
    expect(page.get_by_text("office · admin")).to_be_visible()
    page.context.clear_cookies()
    page.goto("/#/admin/insights")
    page.reload()
    page.get_by_label("Key").fill(secret)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="By day")).to_be_visible()
