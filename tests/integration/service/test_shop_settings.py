"""The shop's settings over HTTP: read by everybody, written by admins."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from assistant.service.keys import KeyStore, Role
from tests.fakes import catalogues
from tests.integration.service.catalogue_shop import CatalogueShop, Client

SHOP = {
    "name": "Oak & Co",
    "colours": {"light": "#336633", "dark": None},
    "greeting": {"en": "Hello!", "zh": "你好"},
    "cart_link": "https://shop.example/cart?add={id}",
    "pages": [{"title": "Returns", "url": "https://shop.example/returns"}],
}


@pytest.fixture
def shop(tmp_path: Path) -> CatalogueShop:
    shop = CatalogueShop(tmp_path)
    shop.fill(catalogues.lines(4))
    return shop


@pytest.fixture
def client(shop: CatalogueShop) -> Iterator[Client]:
    with shop.serving() as client:
        yield client


def picture(kind: str, size: tuple[int, int] = (900, 300)) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, "teal").save(written, kind)
    return written.getvalue()


def test_what_an_admin_writes_everybody_reads(client: Client) -> None:
    before = client.get("/api/shop")
    assert (before["name"], before["currency"], before["logo"]) == ("", "USD", None)
    written = client.put("/api/admin/shop", SHOP)
    assert written == client.get("/api/shop")
    assert {key: written[key] for key in SHOP} == SHOP
    assert client.get("/api/admin/shop")["greeting"] == SHOP["greeting"]


def test_the_kind_says_what_items_are_called(client: Client) -> None:
    assert (client.get("/api/shop")["kind"], client.get("/api/shop")["nouns"]) == ("shop", {})
    assert client.put("/api/admin/shop", {**SHOP, "kind": "learning"})["nouns"]["fr"] == ["{} cours", "{} cours"]
    client.put("/api/admin/shop", {**SHOP, "kind": "health"}, 422)
    assert client.get("/api/shop")["kind"] == "learning"


def test_a_wrong_value_changes_nothing_and_is_named(client: Client) -> None:
    client.put("/api/admin/shop", SHOP)
    refusal = client.put("/api/admin/shop", {**SHOP, "cart_link": "http://shop.example/{id}"}, 422)
    assert "cart_link" in str(refusal)
    assert client.get("/api/shop")["cart_link"] == SHOP["cart_link"]


def test_the_logo_is_drawn_anew_and_small(client: Client) -> None:
    first = client.put_text("/api/admin/shop/logo", picture("JPEG"), "image/jpeg")["logo"]
    assert client.get("/api/shop")["logo"] == first
    answer = client.http.get(first)
    assert answer.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(answer.content)).size == (512, 171)
    client.delete("/api/admin/shop/logo")
    assert client.get("/api/shop")["logo"] is None
    client.get("/api/shop/logo", 404)


@pytest.mark.parametrize("content", [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a", picture("BMP")])
def test_what_is_no_picture_is_no_logo(client: Client, content: bytes) -> None:
    client.put_text("/api/admin/shop/logo", content, "image/png", 422)
    assert client.get("/api/shop")["logo"] is None


def test_everybody_reads_and_only_admins_write(shop: CatalogueShop) -> None:
    keys = KeyStore(shop.settings().keys_place)
    secrets = {role: keys.create(role, None, role)[1] for role in (Role.ADMIN, Role.SERVICE, Role.SHOPPER)}
    with shop.serving() as client:
        client.get("/api/shop")
        client.put("/api/admin/shop", SHOP, 401)
        for role, secret in secrets.items():
            client.http.headers["Authorization"] = f"Bearer {secret}"
            assert client.http.put("/api/admin/shop", json=SHOP).status_code == (200 if role is Role.ADMIN else 403)
            client.get("/api/shop")
