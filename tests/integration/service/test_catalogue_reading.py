"""Reading the catalogue over HTTP, on a real store; encoders draw vectors by hash."""

import io
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image

from assistant.ingest import Encoders, ingest
from assistant.service import pictures
from assistant.service.routes import catalogue_map
from assistant.service.routes.catalogue_map import Method, project
from tests.fakes import catalogues
from tests.integration.service.catalogue_shop import CatalogueShop, Client, ndjson
from tools.store import Catalogue

STRANGE = ["a/b", "a/images/0", "../../keys.sqlite", "红色 椅子", "100%", "a?b#c", "neighbours", "x" * 200]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> CatalogueShop:
    shop = CatalogueShop(tmp_path_factory.mktemp("shop"))
    rows = catalogues.lines(30, pictures=2)
    rows += [{"id": name, "title": f"Strange {n}"} for n, name in enumerate(STRANGE)]
    rows.append({"id": "far", "title": "Far away", "images": ["images/0-0.png"], "url": "https://example.org/far"})
    for row, size in ((rows[3], (3000, 1500)), (rows[4], (40, 20))):
        path = shop.folder / "feed" / row["images"][0]
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise(size, 80).convert("RGB").save(path)
    tiff = shop.folder / "feed" / "images" / "old.tiff"
    Image.new("RGB", (300, 300), "red").save(tiff)
    rows.append(
        {"id": "tiff", "title": "Old format", "images": ["images/old.tiff", "images/none.png", "http://x.example/y"]}
    )
    shop.fill(row for row in rows if row["id"] != "tiff")
    file = shop.folder / "feed" / "more.jsonl"
    file.write_bytes(ndjson(rows[-1:]))
    _ingest(shop, file)
    return shop


def _ingest(shop: CatalogueShop, file: Path) -> None:
    with Catalogue.open(shop.data) as catalogue:
        ingest(catalogue, [file], Encoders(shop.text, shop.pictures))


@pytest.fixture(scope="module")
def client(shop: CatalogueShop) -> Iterator[Client]:
    with shop.serving(requests_per_minute=100_000) as client:
        yield client


def test_items_of_an_attribute_at_the_price_of_their_variant(client: Client) -> None:
    sizes = [{"size": "43", "price": 99.0, "in_stock": False}, {"size": "42", "price": 50.0, "in_stock": True}]
    line = {"title": "Hiking boot", "price": 50.0, "currency": "USD", "variants": sizes}
    client.put("/api/catalogue/items/boot", line, 201)
    (card,) = client.get("/api/catalogue/items?attribute=Size=43")["items"]
    assert (card["item_id"], card["price"], card["in_stock"]) == ("boot", 99.0, False)
    assert card["variant"] == {"options": {"size": "43"}, "price": 99.0, "in_stock": False}
    several = client.get("/api/catalogue/items?attribute=size=43&attribute=size=42&in_stock=true")["items"]
    assert [found["price"] for found in several] == [50.0]
    assert client.get("/api/catalogue/items?attribute=size=43&max_price=60")["total"] == 0
    client.get("/api/catalogue/items?attribute=size", 422)
    client.get("/api/catalogue/items?" + "&".join(f"attribute=a{n}=1" for n in range(21)), 422)
    client.delete("/api/catalogue/items/boot")


# Numbers -------------------------------------------------------------------------------------------------------------


def test_stats_count_and_name_no_folder(client: Client, shop: CatalogueShop) -> None:
    stats = client.get("/api/catalogue/stats")
    assert (stats["items"], stats["in_stock"]) == (40, 24)
    assert stats["categories"]["Things > chairs"] == 5
    assert stats["min_price"] == 0.5
    assert stats["spaces"]["visual"]["vectors"] == 62
    assert stats["spaces"]["text"]["encoder"]["encoder"] == "hash-text"
    assert str(shop.folder) not in str(stats)


# Lists ---------------------------------------------------------------------------------------------------------------


def test_filters_hold_and_pages_fit_together(client: Client) -> None:
    asked = {"category": "chairs", "min_price": 5, "max_price": 25, "in_stock": True, "sort": "price"}
    whole = client.get("/api/catalogue/items", **asked)
    assert [item["item_id"] for item in whole["items"]] == ["item-7", "item-14", "item-21"]
    assert whole["total"] == 3
    pages = [client.get("/api/catalogue/items", **asked, limit=1, offset=n) for n in range(4)]
    assert [item for page in pages for item in page["items"]] == whole["items"]
    assert {page["total"] for page in pages} == {3}


def test_brands_are_any_of_those_named_and_blanks_ask_for_nothing(client: Client) -> None:
    found = client.get("/api/catalogue/items", brand=["Brand 1", "Brand 2", " "], category="", limit=100)
    assert found["total"] == 20
    assert {item["brand"] for item in found["items"]} == {"Brand 1", "Brand 2"}


def test_without_a_query_the_newest_come_first_and_each_order_holds(client: Client) -> None:
    assert client.get("/api/catalogue/items", limit=1)["items"][0]["item_id"] == "tiff"
    dearest = client.get("/api/catalogue/items", sort="-price", limit=2)["items"]
    assert [item["price"] for item in dearest] == [29.5, 28.5]
    titles = [item["title"].casefold() for item in client.get("/api/catalogue/items", sort="title", limit=100)["items"]]
    assert titles == sorted(titles)


def test_a_query_finds_what_holds_its_words_within_the_constraints(client: Client) -> None:
    found = client.get("/api/catalogue/items", query="chair", max_price=10, sort="-price", limit=100)
    prices = [item["price"] for item in found["items"]]
    assert prices == sorted(prices, reverse=True)
    assert prices[0] <= 10
    by_words = [item for item in found["items"] if any(s["source"] == "keyword" for s in item["signals"])]
    assert [item["item_id"] for item in by_words] == ["item-7", "item-0"]
    pages = [client.get("/api/catalogue/items", query="chair", limit=2, offset=2 * n) for n in range(20)]
    ids = [item["item_id"] for page in pages for item in page["items"]]
    assert len(ids) == len(set(ids)) == pages[0]["total"]
    assert {"item-0", "item-7", "item-14", "item-21", "item-28"} <= set(ids)


@pytest.mark.parametrize(
    "asked",
    [
        {"limit": 0}, {"limit": 101}, {"offset": -1}, {"min_price": -1}, {"max_price": "nan"}, {"max_price": "cheap"},
        {"sort": "random"}, {"query": "x" * 2001}, {"category": "x" * 101}, {"brand": ["x"] * 51},
        {"query": "chair", "sort": "newest"},
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(client: Client, asked: dict[str, object]) -> None:
    sentence = client.get("/api/catalogue/items", 422, **asked)["detail"]
    assert sentence.endswith(".")


@pytest.mark.parametrize("asked", [{"limit": 100}, {"offset": 10_000_000}, {"query": "x" * 2000}, {"max_price": 0}])
def test_the_limits_themselves_are_allowed(client: Client, asked: dict[str, object]) -> None:
    assert client.get("/api/catalogue/items", **asked)["total"] >= 0


# One item ------------------------------------------------------------------------------------------------------------


def test_an_item_comes_whole_and_names_no_folder(client: Client, shop: CatalogueShop) -> None:
    found = client.get("/api/catalogue/items/item-3")
    assert found["item"]["attributes"] == {"color": "green"}
    assert found["item"]["images"] == [f"/api/catalogue/items/item-3/images/{n}" for n in (0, 1)]
    assert [(vectors["space"], vectors["count"]) for vectors in found["vectors"]] == [
        ("text", 1),
        ("visual", 2),
        ("joint", 2),
        ("sound", 0),
    ]
    assert found["vectors"][1]["encoder"]["encoder"] == "hash-pictures visual"
    assert str(shop.folder) not in str(found)


def test_pictures_that_are_not_here_say_why(client: Client) -> None:
    pictures = client.get("/api/catalogue/items/tiff")["pictures"]
    assert [picture["state"] for picture in pictures] == ["ready", "lost", "remote"]
    assert [picture["url"] for picture in pictures] == ["/api/catalogue/items/tiff/images/0", None, None]
    assert "no such file" in pictures[1]["reason"]
    assert "not fetched" in pictures[2]["reason"]
    assert "file is not here" in client.get("/api/catalogue/items/tiff/images/1", 404)["detail"]


@pytest.mark.parametrize("item_id", STRANGE)
def test_any_id_can_be_asked_for(client: Client, item_id: str) -> None:
    address = f"/api/catalogue/items/{quote(item_id, safe='')}"
    assert client.get(address)["item"]["id"] == item_id
    assert client.get(f"{address}/neighbours", k=1)["item_id"] == item_id
    assert "has no picture 0" in client.get(f"{address}/images/0", 404)["detail"]


@pytest.mark.parametrize("item_id", ["nothing", "%00", "%ff", "x" * 5000, "..%2F..%2Fcatalogue.sqlite", "%2e%2e"])
def test_an_id_that_is_not_there_is_not_found(client: Client, item_id: str) -> None:
    for rest in ("", "/images/0", "/neighbours"):
        response = client.http.get(f"/api/catalogue/items/{item_id}{rest}")
        assert response.status_code in (404, 405), response.text


# Pictures ------------------------------------------------------------------------------------------------------------


def _picture(client: Client, path: str, **headers: str) -> tuple[Image.Image, dict[str, str]]:
    response = client.http.get(path, headers=headers)
    assert response.status_code == 200, response.text
    return Image.open(io.BytesIO(response.content)), dict(response.headers)


def test_a_picture_comes_as_it_is(client: Client, shop: CatalogueShop) -> None:
    response = client.http.get("/api/catalogue/items/item-3/images/0")
    assert response.content == (shop.folder / "feed/images/3-0.png").read_bytes()
    assert response.headers["content-type"] == "image/png"
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("asked", "made"), [(1, 96), (96, 96), (97, 160), (300, 320), (640, 640), (1280, 1280), (4096, 1280)]
)
def test_a_width_gives_one_of_a_few_sizes(client: Client, shop: CatalogueShop, asked: int, made: int) -> None:
    picture, headers = _picture(client, f"/api/catalogue/items/item-3/images/0?width={asked}")
    assert (picture.size, picture.format) == ((made, made // 2), "JPEG")
    assert headers["content-type"] == "image/jpeg"
    assert len(list((shop.data / "thumbnails").glob(f"*-{made}.jpg"))) >= 1


def test_small_pictures_are_not_enlarged_and_other_formats_become_jpeg(client: Client) -> None:
    assert _picture(client, "/api/catalogue/items/item-4/images/0?width=640")[0].size == (40, 20)
    assert _picture(client, "/api/catalogue/items/tiff/images/0")[0].format == "JPEG"


def test_a_browser_that_has_the_picture_is_told_so(client: Client) -> None:
    path = "/api/catalogue/items/item-3/images/0?width=96"
    _, headers = _picture(client, path)
    assert "max-age" in headers["cache-control"]
    again = client.http.get(path, headers={"If-None-Match": f'"other", W/{headers["etag"]}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", headers["etag"])
    assert client.http.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("n", ["2", "-1", "99999999999999999999"])
def test_a_picture_that_an_item_does_not_have_is_not_found(client: Client, n: str) -> None:
    client.get(f"/api/catalogue/items/item-3/images/{n}", 404)


@pytest.mark.parametrize("rest", ["images/one", "images/0?width=0", "images/0?width=4097", "images/0?width=big"])
def test_a_picture_asked_for_wrongly_is_refused(client: Client, rest: str) -> None:
    client.get(f"/api/catalogue/items/item-3/{rest}", 422)


def test_a_picture_whose_file_is_gone_or_spoilt_is_not_found(client: Client, shop: CatalogueShop) -> None:
    (shop.folder / "feed/images/20-0.png").unlink()
    (shop.folder / "feed/images/20-1.png").write_bytes(b"no picture any more")
    client.get("/api/catalogue/items/item-20/images/0", 404)
    for width in ("", "?width=96"):
        sentence = client.get(f"/api/catalogue/items/item-20/images/1{width}", 404)["detail"]
        assert str(shop.folder) not in sentence
    shown = client.get("/api/catalogue/items/item-20")
    assert (shown["pictures"][0]["url"], shown["pictures"][0]["reason"]) == (None, "its file is gone")


# Neighbours and the map ----------------------------------------------------------------------------------------------


def test_neighbours_leave_the_item_out_and_come_nearest_first(client: Client) -> None:
    found = client.get("/api/catalogue/items/item-0/neighbours", by="text", k=50)
    ids = [item["item_id"] for item in found["items"]]
    scores = [item["score"] for item in found["items"]]
    assert (len(ids), "item-0" in ids, scores) == (39, False, sorted(scores, reverse=True))


def test_neighbours_by_picture_find_the_same_picture(client: Client) -> None:
    first = client.get("/api/catalogue/items/far/neighbours", by="picture", k=1)["items"][0]
    assert (first["item_id"], first["score"]) == ("item-0", 1.0)
    assert first["image"] == "/api/catalogue/items/item-0/images/0"


def test_an_item_without_a_picture_says_so(client: Client) -> None:
    found = client.get("/api/catalogue/items/neighbours/neighbours", by="picture")
    assert found["items"] == []
    assert found["missing"] == ["Strange 6 has no picture vector: it has no picture."]


@pytest.mark.parametrize("asked", [{"k": 0}, {"k": 51}, {"by": "sound"}])
def test_neighbours_asked_for_wrongly_are_refused(client: Client, asked: dict[str, object]) -> None:
    client.get("/api/catalogue/items/item-0/neighbours", 422, **asked)


@pytest.mark.parametrize(("space", "count"), [("text", 40), ("picture", 32)])
@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_the_map_has_a_place_for_every_item_with_a_vector(client: Client, space: str, count: int, method: str) -> None:
    drawn = client.get("/api/catalogue/map", space=space, method=method)
    assert (len(drawn["points"]), drawn["total"], drawn["sampled"], drawn["method"]) == (count, count, False, method)
    assert max(max(abs(point["x"]), abs(point["y"])) for point in drawn["points"]) == pytest.approx(1)
    assert client.get("/api/catalogue/map", space=space, method=method) == drawn, "drawn once, time included"


def test_an_empty_catalogue_can_be_read(tmp_path: Path) -> None:
    with CatalogueShop(tmp_path).serving() as client:
        assert client.get("/api/catalogue/stats")["items"] == 0
        assert client.get("/api/catalogue/items") == {"items": [], "total": 0, "has_more": False}
        assert client.get("/api/catalogue/items", query="chair") == {"items": [], "total": 0, "has_more": False}
        assert client.get("/api/catalogue/map")["points"] == []
        assert client.get("/api/jobs") == {"jobs": []}


def test_a_map_is_drawn_once_and_the_service_answers_meanwhile(
    shop: CatalogueShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []

    def slow(rows: Any, method: Method) -> Any:  # noqa: ANN401
        drawn.append(len(rows))
        time.sleep(3)
        return project(rows, method)

    monkeypatch.setattr(catalogue_map, "project", slow)
    with shop.serving() as client, ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(client.get, "/api/catalogue/map") for _ in range(4)]
        while not drawn:
            time.sleep(0.01)
        client.get("/healthz")
        client.get("/api/catalogue/items", limit=1)
        assert not any(each.done() for each in asked)
        assert len({str(each.result()) for each in asked}) == 1
    assert drawn == [40]


def test_a_large_catalogue_is_shown_by_a_sample(shop: CatalogueShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue_map, "MOST_POINTS", 10)
    with shop.serving() as client:
        drawn = client.get("/api/catalogue/map", method="pca")
        assert (len(drawn["points"]), drawn["total"], drawn["sampled"]) == (10, 40, True)
    with shop.serving() as client:
        again = client.get("/api/catalogue/map", method="pca")
        assert [point["item_id"] for point in again["points"]] == [point["item_id"] for point in drawn["points"]]


def test_small_pictures_are_kept_within_bounds(shop: CatalogueShop, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = shop.data / "thumbnails"
    with shop.serving() as client:
        for n in range(5, 10):
            client.http.get(f"/api/catalogue/items/item-{n}/images/0", params={"width": 96})
    (folder / "left.part").write_bytes(b"x")
    files = sorted(folder.glob("*.jpg"), key=lambda path: path.stat().st_mtime)
    monkeypatch.setattr(pictures, "KEPT_BYTES", sum(path.stat().st_size for path in files[-2:]))
    with shop.serving():
        assert set(folder.iterdir()) == set(files[-2:])
