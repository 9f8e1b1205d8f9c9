"""Changing the catalogue over HTTP, on a real store; encoders draw vectors by hash."""

import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from assistant.ingest import remote
from eval.fuzzing.serving import service_bounds
from tests.fakes import catalogues
from tests.integration.service.catalogue_shop import CatalogueShop, Client
from tools.store import Catalogue
from tools.store.database import write_lock

ITEMS = "/api/catalogue/items"


@pytest.fixture
def shop(tmp_path: Path) -> CatalogueShop:
    shop = CatalogueShop(tmp_path)
    shop.fill(catalogues.lines(8, pictures=2))
    return shop


@pytest.fixture
def client(shop: CatalogueShop) -> Iterator[Client]:
    with shop.serving(requests_per_minute=100_000) as client:
        yield client


def line(**more: object) -> dict[str, Any]:
    return {"title": "Green lamp", "price": 12.5, "currency": "EUR", "category": "Lamps", **more}


# One item ------------------------------------------------------------------------------------------------------------


def test_a_new_item_can_be_found_at_once(client: Client) -> None:
    written = client.put(f"{ITEMS}/lamp", line(material="brass"), 201)
    assert (written["summary"]["new"], written["summary"]["texts_embedded"], written["rejections"]) == (1, 1, [])
    found = client.get(f"{ITEMS}/lamp")
    assert (found["item"]["price"], found["item"]["attributes"]) == (12.5, {"material": "brass"})
    assert client.get(ITEMS, query="brass")["items"][0]["item_id"] == "lamp"
    assert client.get(f"{ITEMS}/lamp/neighbours", k=50)["items"][0]["item_id"].startswith("item-")
    assert "lamp" in {point["item_id"] for point in client.get("/api/catalogue/map")["points"]}


def test_the_same_item_again_does_no_work_and_a_new_price_no_embedding(client: Client, shop: CatalogueShop) -> None:
    client.put(f"{ITEMS}/lamp", line(), 201)
    version = client.get("/api/catalogue/stats")["version"]
    shop.text.encoded.clear()
    assert client.put(f"{ITEMS}/lamp", line(id="lamp"))["summary"]["unchanged"] == 1
    assert client.get("/api/catalogue/stats")["version"] == version
    assert client.put(f"{ITEMS}/lamp", line(price=11))["summary"]["changed"] == 1
    assert not [text for text in shop.text.encoded if "lamp" in text]  # the warm-up encodes texts of its own


def test_an_item_that_is_read_changed_and_put_back_keeps_its_pictures(client: Client, shop: CatalogueShop) -> None:
    before = client.get(f"{ITEMS}/item-2")
    bytes_before = client.http.get(before["item"]["images"][1]).content
    written = client.put(f"{ITEMS}/item-2", {**before["item"], "price": 1.25})
    after = client.get(f"{ITEMS}/item-2")
    assert (after["item"]["price"], after["item"]["images"]) == (1.25, before["item"]["images"])
    assert after["vectors"] == before["vectors"]
    # not what the encoder counts: the warm-up encodes a picture of its own
    assert (written["summary"]["pictures_lost"], written["summary"]["pictures_embedded"]) == (0, 0)
    shutil.rmtree(shop.folder / "feed")
    assert client.http.get(after["item"]["images"][1]).content == bytes_before, "the catalogue has its own copy"
    assert client.put(f"{ITEMS}/item-2", after["item"])["summary"]["unchanged"] == 1
    borrowed = client.put(f"{ITEMS}/lamp", line(image=after["item"]["images"][0]), 201)
    assert borrowed["summary"]["pictures_lost"] == 0
    assert client.get(f"{ITEMS}/lamp/neighbours", by="picture")["items"][0]["item_id"] == "item-2"


def test_copies_of_pictures_go_with_the_last_item_that_has_them(client: Client, shop: CatalogueShop) -> None:
    kept = shop.data / "media" / "kept"
    before = client.get(f"{ITEMS}/item-2")["item"]
    assert len(before["images"]) == 2
    client.put(f"{ITEMS}/item-2", {**before, "price": 1.25})
    assert len(list(kept.iterdir())) == 2
    client.put(f"{ITEMS}/lamp", line(image=before["images"][0]), 201)
    client.put(f"{ITEMS}/item-2", {**before, "images": before["images"][:1]})
    (copy,) = kept.iterdir()
    client.delete(f"{ITEMS}/item-2")
    assert list(kept.iterdir()) == [copy]
    assert client.http.get(f"{ITEMS}/lamp/images/0").content == copy.read_bytes()
    client.put(f"{ITEMS}/lamp", line(id="other", image=f"{ITEMS}/item-3/images/0"), 422)
    assert list(kept.iterdir()) == [copy], "a line that is refused leaves no copy"
    client.put(f"{ITEMS}/lamp", line())
    assert list(kept.iterdir()) == []


def test_pictures_are_taken_from_the_media_folder_alone(client: Client, shop: CatalogueShop) -> None:
    catalogues.picture(shop.data / "media" / "new" / "lamp.png", 77)
    (shop.data / "media" / "link.png").symlink_to(shop.folder / "feed" / "images" / "0-0.png")
    outside = [
        "../../feed/images/0-0.png", str(shop.folder / "feed/images/0-0.png"), "link.png", "../keys.sqlite",
        "/etc/passwd", "file:///etc/passwd", f"{ITEMS}/nothing/images/0", "new/../../catalogue.sqlite",
    ]  # fmt: skip
    written = client.put(f"{ITEMS}/lamp", line(images=["new/lamp.png", *outside]), 201)
    assert written["summary"]["pictures_lost"] == len(outside)
    assert {rejection["kind"] for rejection in written["rejections"]} == {"picture"}
    found = client.get(f"{ITEMS}/lamp")
    assert found["item"]["images"] == [f"{ITEMS}/lamp/images/0"]
    assert [picture["state"] for picture in found["pictures"]] == ["ready"] + ["lost"] * len(outside)
    assert client.http.get(f"{ITEMS}/lamp/images/0").content == (shop.data / "media/new/lamp.png").read_bytes()
    client.get(f"{ITEMS}/lamp/images/1", 404)


def test_an_item_without_words_has_neighbours_by_picture_alone(client: Client, shop: CatalogueShop) -> None:
    client.put(f"{ITEMS}/silent", {"image": f"{ITEMS}/item-3/images/0"}, 201)
    assert client.get(f"{ITEMS}/silent/neighbours", by="picture")["items"][0]["item_id"] == "item-3"
    found = client.get(f"{ITEMS}/silent/neighbours", by="text")
    assert (found["items"], found["missing"]) == (
        [], ["silent has no text vector: the catalogue holds no words about it."],
    )  # fmt: skip


def test_web_addresses_are_kept_and_not_fetched(client: Client) -> None:
    address = "http://127.0.0.1:9/picture.png"
    written = client.put(f"{ITEMS}/lamp", line(image=address), 201)
    assert (written["summary"]["pictures_remote"], written["summary"]["pictures_embedded"]) == (1, 0)
    found = client.get(f"{ITEMS}/lamp")
    assert (found["item"]["images"], found["pictures"][0]["url"]) == ([address], None)
    assert client.put(f"{ITEMS}/lamp", found["item"])["summary"]["unchanged"] == 1


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "no title"), (line(id="other"), "'lamp'"), (line(id="a\0b"), "control characters"),
        ({"title": ["a"]}, "title"), ([], "dict"), ("text", "dict"),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_used_is_refused(client: Client, given: object, reason: str) -> None:
    assert reason in client.put(f"{ITEMS}/lamp", given, 422)["detail"]
    client.get(f"{ITEMS}/lamp", 404)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"price": -1}, "negative"), ({"price": "cheap"}, "not a number"), ({"in_stock": "perhaps"}, "in_stock"),
        ({"attributes": []}, "attributes"), ({"images": [1]}, "images"), ({"brand": ["x" * 101]}, "longer than 100"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_used_is_left_out_and_told(client: Client, given: dict[str, Any], reason: str) -> None:
    (told,) = client.put(f"{ITEMS}/lamp", line(**given), 201)["rejections"]
    assert (told["line"], told["kind"], reason in told["reason"]) == (1, "field", True)
    assert client.get(f"{ITEMS}/lamp")["item"]["title"] == line()["title"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"title": "x", "price": NaN}', b'{"title": "\xff"}', b"[" * 100_000, b'{"a":' * 50_000]
)
def test_a_body_that_is_no_json_is_refused(client: Client, body: bytes) -> None:
    response = client.http.put(f"{ITEMS}/lamp", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code in (400, 422), response.text
    client.get(f"{ITEMS}/lamp", 404)


@pytest.mark.parametrize(
    "item_id", ["a/b", "红色 椅子", "../../keys", "100%", "x" * 200, "a'b\"; DROP TABLE items", "🪑"]
)
def test_any_id_can_be_written_read_and_deleted(client: Client, item_id: str) -> None:
    address = f"{ITEMS}/{quote(item_id, safe='')}"
    client.put(address, line(), 201)
    assert client.get(address)["item"]["id"] == item_id
    client.delete(address)
    client.get(address, 404)
    assert client.get("/api/catalogue/stats")["items"] == 8


@pytest.mark.parametrize("item_id", [".", ".."])
def test_an_id_that_no_address_can_name_is_refused(client: Client, item_id: str) -> None:
    refused = client.http.post(ITEMS, json=[line(id=item_id)])
    assert (refused.status_code, "no web address can name" in refused.json()["detail"]) == (422, True)
    told = client.http.post(ITEMS, json=[line(id=item_id), line(id=f"{item_id}x")]).json()
    assert [(rejection["id"], rejection["line"]) for rejection in told["rejections"]] == [(None, 1)]
    assert client.get(f"{ITEMS}/{item_id}x")["item"]["id"] == f"{item_id}x"


@pytest.mark.parametrize("item_id", ["x" * 201, "%20", "%0A", "a%00b", "%EF%BB%BFa"])
def test_an_id_over_the_limit_or_invisible_is_refused(client: Client, item_id: str) -> None:
    assert "id" in client.put(f"{ITEMS}/{item_id}", line(), 422)["detail"]


def test_a_deleted_item_is_gone_everywhere(client: Client) -> None:
    client.delete(f"{ITEMS}/item-0")
    client.delete(f"{ITEMS}/item-0", 404)
    client.get(f"{ITEMS}/item-0", 404)
    assert client.get(ITEMS, query="chair")["total"] == len(client.get(ITEMS, query="chair")["items"])
    near = client.get(f"{ITEMS}/item-1/neighbours", by="picture", k=50)["items"]
    assert {item["item_id"] for item in near} == {f"item-{n}" for n in range(2, 8)}
    assert client.get("/api/catalogue/stats")["spaces"]["text"]["vectors"] == 7


# Many ----------------------------------------------------------------------------------------------------------------


def test_many_lines_are_taken_and_each_rejection_has_its_number(client: Client) -> None:
    lines = [line(id="a"), line(), line(id="b", price="?"), line(id="a", price=1), line(id="c", price=float("1e400"))]
    lines[4]["price"] = 3
    written = client.post(ITEMS, lines)
    summary = written["summary"]
    assert (summary["lines"], summary["new"], summary["rejected"], summary["duplicates"]) == (5, 3, 1, 1)
    assert [(r["line"], r["id"], r["kind"]) for r in written["rejections"]] == [
        (1, "a", "duplicate"), (2, None, "line"), (3, "b", "field"),
    ]  # fmt: skip
    assert client.get(f"{ITEMS}/a")["item"]["price"] == 1
    assert summary["files"] == []


def test_a_thousand_lines_are_the_most(client: Client) -> None:
    assert client.post(ITEMS, [{"id": str(n), "title": f"T {n}"} for n in range(1000)])["summary"]["new"] == 1000
    assert "1000" in client.post(ITEMS, [{"id": str(n), "title": f"T {n}"} for n in range(1001)], 422)["detail"]
    client.post(ITEMS, [], 422)


def test_when_no_line_can_be_taken_the_answer_says_why_and_names_no_file(client: Client, shop: CatalogueShop) -> None:
    sentence = client.post(ITEMS, [line(), {"id": "x"}], 422)["detail"]
    assert sentence == "None of the lines in the catalogue that was sent can be taken; the first, line 1: it has no id."


def test_a_request_over_the_limit_is_refused(shop: CatalogueShop) -> None:
    with service_bounds(json_bytes=2048), shop.serving() as client:
        client.put(f"{ITEMS}/lamp", line(description="x" * 1800), 201)
        client.put(f"{ITEMS}/lamp", line(description="x" * 2048), 413)
        client.post(ITEMS, [line(id="a", description="x" * 2048)], 413)


# Side by side --------------------------------------------------------------------------------------------------------


def test_concurrent_writes_are_all_kept(client: Client, shop: CatalogueShop) -> None:
    def write(n: int) -> int:
        return client.http.put(f"{ITEMS}/new-{n % 8}", json=line(price=n)).status_code

    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(write, range(24)))
    assert set(statuses) <= {200, 201}
    assert statuses.count(201) == 8
    assert client.get("/api/catalogue/stats")["items"] == 16
    with Catalogue.open(shop.data, read_only=True) as catalogue:
        assert all(space.missing == 0 for space in catalogue.stats().spaces.values())


def test_another_process_that_writes_is_a_conflict(client: Client, shop: CatalogueShop) -> None:
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with write_lock(shop.data):
            held.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)
    try:
        for sentence in (
            client.put(f"{ITEMS}/lamp", line(), 409)["detail"],
            client.delete(f"{ITEMS}/item-0", 409)["detail"],
            client.post(ITEMS, [line(id="a")], 409)["detail"],
        ):
            assert sentence == "Another process is writing to the catalogue; try again when it has ended."
        assert client.get(ITEMS)["total"] == 8
    finally:
        done.set()
        thread.join()
    client.put(f"{ITEMS}/lamp", line(), 201)


def test_other_encoders_than_the_catalogues_are_a_conflict(shop: CatalogueShop) -> None:
    from tests.fakes.encoders import HashText

    with CatalogueShop(shop.folder, text=HashText("another")).serving() as client:
        assert "reindex" in client.put(f"{ITEMS}/lamp", line(), 409)["detail"]
        assert client.get(f"{ITEMS}/item-0")["item"]["id"] == "item-0"


def test_writing_needs_a_key_where_reading_does(shop: CatalogueShop) -> None:
    with shop.serving(host="0.0.0.0") as client:
        client.put(f"{ITEMS}/lamp", line(), 401)
        client.delete(f"{ITEMS}/item-0", 401)
        client.send(b"{}", 401)
        client.get(ITEMS, 401)
        client.get(f"{ITEMS}/a%2Fapi%2Fmessages", 401)
        client.get("/api/jobs", 401)


def test_other_web_sites_cannot_write(client: Client) -> None:
    elsewhere = {"Origin": "https://elsewhere.example"}
    assert client.http.put(f"{ITEMS}/lamp", json=line(), headers=elsewhere).status_code == 403
    assert client.http.delete(f"{ITEMS}/item-0", headers=elsewhere).status_code == 403


def test_web_addresses_are_fetched_where_that_is_allowed(
    shop: CatalogueShop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    content = catalogues.picture(tmp_path / "web.png", 4242).read_bytes()
    asked: list[str] = []

    def answer(_: object, request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, content=content, request=request)

    monkeypatch.setattr(remote, "public_address", lambda host, port: "8.8.8.8")
    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", answer)
    with shop.serving(fetch_pictures=True) as client:
        addresses = ["https://shop.example/lamp.png", "http://shop.example/plain.png"]
        summary = client.put(f"{ITEMS}/lamp", line(images=addresses), 201)["summary"]
        assert (asked, summary["pictures_embedded"], summary["pictures_remote"]) == (["https://8.8.8.8/lamp.png"], 1, 1)
        assert client.http.get(f"{ITEMS}/lamp/images/0").content == content
        shown = client.get(f"{ITEMS}/lamp")["item"]
        assert shown["images"] == [f"{ITEMS}/lamp/images/0", addresses[1]]
        assert client.put(f"{ITEMS}/lamp", shown)["summary"]["unchanged"] == 1


@pytest.mark.parametrize(
    ("poison", "kept"),
    [
        ('{"a": ' * 200 + "1" + "}" * 200, True), ("[" * 5_000 + "]" * 5_000, False), ("NaN", True), ("1e999", True),
        ("9" * 5_000, True), ('"\\ud800"', True), ("oops", False),
    ],
)  # fmt: skip
def test_the_lines_beside_a_poisoned_one_are_kept(client: Client, poison: str, kept: bool) -> None:
    bad = f'{{"id": "bad", "title": "X", "specs": {poison}}}'
    content = f'[{{"id": "before", "title": "B"}},\n{bad}, {{"id": "after", "title": "A"}}]'
    answer = client.http.post(ITEMS, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["summary"]["new"] == (3 if kept else 2)
    assert {told["line"] for told in answer.json()["rejections"]} == ({2} if "ud800" not in poison else set())
    for name in ("before", "after"):
        client.get(f"{ITEMS}/{name}")
    assert client.http.get(f"{ITEMS}/bad").status_code == (200 if kept else 404)
