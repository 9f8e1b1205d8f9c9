"""Feeds over HTTP: seen before anything is written, taken in as jobs, and again by a schedule."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from assistant.service.keys import KeyStore, Role
from assistant.service.runs import feeds as module
from tests.fakes import catalogues
from tests.integration.service.catalogue_shop import CatalogueShop, Client

FEEDS, SCHEDULE = "/api/admin/feeds", "/api/admin/schedule"
SHOPIFY = (
    "Handle,Title,Body (HTML),Vendor,Type,Published,Option1 Name,Option1 Value,Variant SKU,Variant Price,Image Src\n"
    'oak,"Oak, chair",<p>A chair.</p>,Oak & Co,Chairs,TRUE,Title,Default Title,A1,80.00,https://cdn.example/a.jpg\n'
    "elm,Elm lamp,<p>A lamp.</p>,Elm,Lamps,TRUE,Title,Default Title,A2,20.00,\n"
)
OWN = "Nr;Bezeichnung;Preis netto\n1;Stuhl;12,50\n2;Lampe;7,00\n"


@pytest.fixture
def shop(tmp_path: Path) -> CatalogueShop:
    shop = CatalogueShop(tmp_path)
    shop.fill(catalogues.lines(2))
    return shop


@pytest.fixture
def client(shop: CatalogueShop) -> Iterator[Client]:
    with shop.serving() as client:
        yield client


def upload(client: Client, text: str | bytes, name: str = "feed.csv", status: int = 201) -> dict[str, object]:
    answer = client.http.post(f"{FEEDS}?name={name}", content=text)
    assert answer.status_code == status, answer.text
    told: dict[str, object] = answer.json()
    return told


def items(client: Client) -> int:
    return int(client.get("/api/catalogue/stats")["items"])


def left(shop: CatalogueShop) -> list[str]:
    return [str(path) for path in (shop.data / "imports" / "feeds").rglob("*") if path.is_file()]


def test_a_feed_is_seen_first_and_then_taken_in(client: Client, shop: CatalogueShop) -> None:
    feed = upload(client, SHOPIFY, "products_export.csv")
    check = feed["check"]
    assert (check["feed"], check["items"], check["file"]) == ("Shopify products", 2, "products_export.csv")  # type: ignore[index]
    assert {"name": "Vendor", "fills": "brand"} in check["columns"]  # type: ignore[index]
    assert check["warnings"]  # type: ignore[index]
    assert items(client) == 2
    job = client.post(f"{FEEDS}/{feed['feed_id']}/import", {"currency": "EUR"}, 202)
    ended = client.ended(job["job_id"])
    assert (ended["state"], ended["summary"]["new"]) == ("done", 2)
    assert client.get("/api/catalogue/items/oak")["item"]["currency"] == "EUR"
    assert left(shop) == []
    client.post(f"{FEEDS}/{feed['feed_id']}/import", {}, 404)


def test_columns_are_named_where_they_are_not_understood(client: Client) -> None:
    feed = upload(client, OWN)
    assert [one["name"] for one in feed["check"]["columns"]] == ["Nr", "Bezeichnung", "Preis netto"]  # type: ignore[index]
    assert "has no column named id" in feed["check"]["warnings"][0]  # type: ignore[index]
    path = f"{FEEDS}/{feed['feed_id']}"
    reading = {"mapping": {"id": "Nr", "title": "Bezeichnung", "price": "Preis netto"}, "currency": "EUR"}
    check = client.post(f"{path}/check", reading)["check"]
    assert check["known"]["price"] == 2
    assert check["examples"][0]["price"] == 12.5
    job = client.post(f"{path}/import", {**reading, "prune": True}, 202)
    assert client.ended(job["job_id"])["summary"]["removed"] == 2
    assert items(client) == 2
    for wrong in ({"mapping": {"titel": "Nr"}}, {"currency": "euro"}, {"more": 1}, {"mapping": {"title": ""}}):
        client.post(f"{path}/check", wrong, 422)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ("", 400),
        ("no feed at all", 422),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), 422),
        ("{" * 3_000, 422),
        ("<a>" * 99, 422),
    ],
)
def test_what_is_no_feed_is_refused_and_not_kept(
    client: Client, shop: CatalogueShop, content: str | bytes, status: int
) -> None:
    refusal = upload(client, content, "x", status)["detail"]
    assert str(shop.folder) not in str(refusal)
    assert left(shop) == []
    assert items(client) == 2


def test_names_lead_nowhere_and_uploads_are_few(client: Client, shop: CatalogueShop) -> None:
    for name in ("../../../x.csv", "%2e%2e%2fx.csv", "a%00b.csv", ".hidden.csv", "名.csv", "x" * 200):
        upload(client, SHOPIFY, name)
    assert all(Path(path).parent.parent == shop.data / "imports" / "feeds" for path in left(shop))
    for _ in range(12):
        feed = upload(client, SHOPIFY)
    assert len(left(shop)) == module.MOST_FEEDS
    client.delete(f"{FEEDS}/{feed['feed_id']}")
    for feed_id in (feed["feed_id"], "..", "%2e%2e", "a" * 16, "*"):
        client.delete(f"{FEEDS}/{feed_id}", 404)


def test_a_folder_is_taken_in_again_when_it_is_due(client: Client, shop: CatalogueShop) -> None:
    assert client.get(SCHEDULE) == {"schedule": None, "last": None, "job": None, "next_at": None}
    state = client.put(SCHEDULE, {"hours": 2, "reading": {"currency": "EUR"}})
    assert state["next_at"] <= time.time()
    assert "should hold 1 to" in client.post(f"{SCHEDULE}/run", {}, 202)["last"]["error"]
    (shop.data / "feeds").mkdir()
    (shop.data / "feeds" / "a.csv").write_text(SHOPIFY)
    (shop.data / "feeds" / "link.csv").symlink_to("/etc/passwd")
    state = client.post(f"{SCHEDULE}/run", {}, 202)
    assert client.ended(state["last"]["job_id"])["summary"]["new"] == 2
    state = client.get(SCHEDULE)
    assert state["job"]["state"] == "done"
    assert state["next_at"] == state["last"]["at"] + 7200
    assert (shop.data / "feeds" / "a.csv").is_file()
    assert client.http.delete(SCHEDULE).json()["schedule"] is None
    client.post(f"{SCHEDULE}/run", {}, 404)


def test_an_address_is_fetched_and_fetched_again(
    client: Client, shop: CatalogueShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(404) if "gone" in str(request.url) else httpx.Response(200, text=SHOPIFY)

    monkeypatch.setattr(module.Feeds, "_transport", lambda _: httpx.MockTransport(answer))
    client.put(SCHEDULE, {"url": "https://shop.example/feed.csv?key=1", "hours": 1})
    state = client.post(f"{SCHEDULE}/run", {}, 202)
    assert client.ended(state["last"]["job_id"])["summary"]["new"] == 2
    assert asked == ["https://shop.example/feed.csv?key=1"]
    client.put(SCHEDULE, {"url": "https://shop.example/gone", "hours": 1})
    assert "cannot be fetched" in client.post(f"{SCHEDULE}/run", {}, 202)["last"]["error"]
    assert left(shop) == []


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/a", "https://169.254.169.254/a", "https://localhost.localdomain/a", "https://[::1]/x.a"]
)
def test_an_address_of_a_private_network_is_not_fetched(client: Client, url: str) -> None:
    answer = client.http.put(SCHEDULE, json={"url": url, "hours": 1})
    if answer.status_code == 200:
        assert "cannot be fetched" in client.post(f"{SCHEDULE}/run", {}, 202)["last"]["error"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://shop.example/a", "hours": 1}, {"url": "file:///etc/passwd", "hours": 1}, {"hours": 0},
        {"hours": 1e9}, {"hours": "x"}, {"url": "https://u:p@shop.example/a"}, {"folder": "/etc"},
    ],
)  # fmt: skip
def test_wrong_schedules_are_refused(client: Client, wrong: dict[str, object]) -> None:
    client.put(SCHEDULE, wrong, 422)
    assert client.get(SCHEDULE)["schedule"] is None


async def test_the_schedule_runs_by_itself_and_once(shop: CatalogueShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TICK_SECONDS", 0.05)
    with shop.serving() as client:
        (shop.data / "feeds").mkdir()
        (shop.data / "feeds" / "a.csv").write_text(SHOPIFY)
        client.put(SCHEDULE, {"hours": 1})
        end = time.monotonic() + 20
        while items(client) < 4 and time.monotonic() < end:
            await asyncio.sleep(0.05)
        assert items(client) == 4
        await asyncio.sleep(0.5)
        assert len(client.get("/api/jobs")["jobs"]) == 1
        kept = json.loads((shop.data / "imports" / "schedule.json").read_text())
        assert kept["last"]["job_id"]


def test_a_damaged_schedule_is_off(shop: CatalogueShop) -> None:
    (shop.data / "imports").mkdir(exist_ok=True)
    (shop.data / "imports" / "schedule.json").write_text("{")
    with shop.serving() as client:
        assert client.get(SCHEDULE)["schedule"] is None


def test_feeds_are_for_admins(shop: CatalogueShop) -> None:
    keys = KeyStore(shop.settings().keys_place)
    secrets = {role: keys.create(role, None, role)[1] for role in (Role.ADMIN, Role.SERVICE, Role.SHOPPER)}
    with shop.serving() as client:
        for role, secret in secrets.items():
            client.http.headers["Authorization"] = f"Bearer {secret}"
            upload(client, SHOPIFY, status=201 if role is Role.ADMIN else 403)
            assert client.http.get(SCHEDULE).status_code == (200 if role is Role.ADMIN else 403)
