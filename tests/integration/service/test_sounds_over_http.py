"""Recordings over HTTP: an item's own, and one that is uploaded to search by."""

from collections.abc import Iterator

import numpy as np
import pytest

from eval.suite.made_sounds import MadeSound, encoded, play
from tests.integration.service.catalogue_shop import CatalogueShop, Client

AUDIO = "/api/catalogue/items/organ/audio"


def recording(instrument: str, seed: int = 1) -> bytes:
    return encoded(play(MadeSound(instrument, 80, 262), np.random.default_rng(seed), seconds=3.0), "flac", "flac")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> CatalogueShop:
    shop = CatalogueShop(tmp_path_factory.mktemp("shop"))
    (shop.folder / "feed").mkdir()
    for name in ("organ", "drum"):
        (shop.folder / "feed" / f"{name}.bin").write_bytes(recording(name))
    items = [{"id": name, "title": name.title(), "audio": f"{name}.bin"} for name in ("organ", "drum")]
    shop.fill([*items, {"id": "other", "title": "Other", "audio": "https://shop.example/far.mp3"}])
    return shop


@pytest.fixture(scope="module")
def client(shop: CatalogueShop) -> Iterator[Client]:
    with shop.serving(requests_per_minute=100_000) as client:
        yield client


def test_an_item_s_recording_is_played(client: Client) -> None:
    detail = client.get("/api/catalogue/items/organ")
    assert detail["item"]["audio"] == [f"{AUDIO}/0"]
    assert [space["count"] for space in detail["vectors"] if space["space"] == "sound"] == [1]
    part = client.http.get(f"{AUDIO}/0", headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.headers["content-type"], part.content) == (206, "audio/flac", b"fLaC")
    assert client.get(f"{AUDIO}/1", 404)["detail"] == "Organ has no recording 1 here."
    assert "no item" in client.get("/api/catalogue/items/none/audio/0", 404)["detail"]
    assert client.get("/api/catalogue/items/other")["item"]["audio"] == ["https://shop.example/far.mp3"]


def test_a_recording_that_is_uploaded_finds_what_sounds_like_it(client: Client) -> None:
    upload = client.http.post("/api/uploads", files={"file": ("clip.txt", recording("organ", seed=2))}).json()
    assert upload["kind"] == "audio"
    answer = client.post("/api/tools/search_by_sound", {"arguments": {"audio": upload["id"]}})
    assert [item["item_id"] for item in answer["result"]["items"]] == ["organ", "drum"]


def test_an_item_that_is_read_and_put_back_keeps_its_recording(client: Client) -> None:
    line = client.get("/api/catalogue/items/organ")["item"]
    client.put("/api/catalogue/items/organ", line | {"price": 9.0})
    assert client.get("/api/catalogue/items/organ")["item"]["audio"] == [f"{AUDIO}/0"]
    assert client.http.get(f"{AUDIO}/0").status_code == 200
