"""Videos over HTTP: an item's own, with its frames; and one that is sent, as an upload and with a message."""

from collections.abc import Iterator

import pytest

from tests.integration.service.catalogue_shop import CatalogueShop, Client
from tests.made_videos import make_video


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> CatalogueShop:
    shop = CatalogueShop(tmp_path_factory.mktemp("shop"))
    (shop.folder / "feed").mkdir()
    make_video(shop.folder / "feed" / "clip.mp4", [("red", 2.0), ("green", 2.0)])
    (shop.folder / "feed" / "broken.mp4").write_bytes(b"\0\0\0\x18ftypisom and no more")
    broken = {"id": "broken", "title": "Broken tent", "video": "broken.mp4"}
    shop.fill([{"id": "tent", "title": "Tent", "video": "clip.mp4"}, {"id": "other", "title": "Other"}, broken])
    return shop


@pytest.fixture(scope="module")
def client(shop: CatalogueShop) -> Iterator[Client]:
    with shop.serving(requests_per_minute=100_000) as client:
        yield client


def test_an_item_s_video_is_played_and_its_frames_are_shown(client: Client, shop: CatalogueShop) -> None:
    detail = client.get("/api/catalogue/items/tent")
    assert detail["item"]["images"] == []
    assert detail["item"]["video"] == ["/api/catalogue/items/tent/video/0"]
    assert all(picture["moment"]["video"] == "0" for picture in detail["pictures"])
    frame = client.http.get(detail["pictures"][-1]["url"], params={"width": 160})
    assert (frame.status_code, frame.headers["content-type"]) == (200, "image/jpeg")
    part = client.http.get("/api/catalogue/items/tent/video/0", headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.headers["content-type"], part.content) == (206, "video/mp4", b"ftyp")
    assert "no item" in client.get("/api/catalogue/items/none/video/0", 404)["detail"]
    assert client.get("/api/catalogue/items/tent/video/1", 404)["detail"] == "Tent has no video 1 here."


def test_an_answer_has_pictures_that_can_be_had(client: Client) -> None:
    session = client.post("/api/sessions", {}, 201)["session_id"]
    address, accept = f"/api/sessions/{session}/messages", {"Accept": "application/json"}
    reply = client.http.post(address, json={"text": "a tent"}, headers=accept).json()
    pictures = {item["item_id"]: item["image_url"] for item in reply["recommendations"]}
    assert pictures["broken"] is None
    assert client.http.get(pictures["tent"]).status_code == 200


def test_an_item_that_is_read_and_put_back_keeps_its_video(client: Client) -> None:
    line = client.get("/api/catalogue/items/tent")["item"]
    client.put("/api/catalogue/items/tent", line | {"price": 9.0})
    assert client.get("/api/catalogue/items/tent")["item"]["video"] == ["/api/catalogue/items/tent/video/0"]
    assert client.http.get("/api/catalogue/items/tent/video/0").status_code == 200


def test_a_video_that_is_uploaded_finds_the_item(client: Client, shop: CatalogueShop) -> None:
    with (shop.folder / "feed" / "clip.mp4").open("rb") as file:
        upload = client.http.post("/api/uploads", files={"file": ("clip.mp4", file)}).json()
    assert upload["kind"] == "video"
    answer = client.post("/api/tools/search_by_video", {"arguments": {"video": upload["id"]}})
    assert answer["result"]["items"][0]["item_id"] == "tent"


@pytest.mark.parametrize(
    "content",
    [b"%PDF-1.7 and so on", b"PK\x03\x04" + b"\0" * 50, b"\0" * 2000, b""],
    ids=["PDF", "zip", "zeros", "empty"],
)
def test_what_is_no_video_is_refused_in_one_sentence(client: Client, content: bytes) -> None:
    session = client.post("/api/sessions", {}, 201)["session_id"]
    answer = client.http.post(
        f"/api/sessions/{session}/messages",
        files={"video": ("clip.mp4", content)},
        headers={"Accept": "application/json"},
    )
    detail = client.refused(answer, 422)
    assert "clip.mp4" in detail and detail.count(".") <= 3
