"""The catalogue over HTTP with the real encoders and the sample catalogue, and turns that meet its changes.

The language model is a server that says what it is told; everything else is real.
"""

import base64
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image, ImageOps

from assistant.engines import open_engines
from assistant.front import Assistant
from assistant.ingest import Encoders, ingest
from assistant.service.app import create_app
from assistant.settings import load_settings
from eval.sample import sample_folder
from tests.fakes.openai_server import FakeOpenAIServer
from tests.integration.bad_input.conftest import obliging
from tests.integration.service.catalogue_shop import Client
from tools.engines.parts import Engines

pytestmark = pytest.mark.models

ITEMS = "/api/catalogue/items"


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """The sample catalogue in a data folder of its own."""
    settings = load_settings(data=tmp_path_factory.mktemp("sample"))
    engines = open_engines(settings)
    ingest(engines.catalogue, [sample_folder(settings) / "products.jsonl"], Encoders(engines.text, engines.pictures))
    yield engines
    engines.catalogue.close()


@pytest.fixture(scope="module")
def client(engines: Engines) -> Iterator[Client]:
    with FakeOpenAIServer(obliging) as model:
        llm = {"profile": "remote", "base_url": model.base_url, "model": model.model}
        service = {"requests_per_minute": 100_000}
        settings = load_settings(data=engines.catalogue.folder, llm=llm, service=service)
        app = create_app(settings, Assistant(settings, engines=engines))
        with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as http:
            yield Client(http)


@pytest.fixture
def session(client: Client) -> str:
    return str(client.post("/api/sessions", {}, 201)["session_id"])


def say(client: Client, session: str, text: str, **more: object) -> Any:  # noqa: ANN401
    path = f"/api/sessions/{session}/messages"
    response = client.http.post(path, json={"text": text, **more}, headers={"Accept": "application/json"})
    assert response.status_code == 200, response.text
    return response.json()


def ids(reply: Any) -> list[str]:  # noqa: ANN401
    return [item["item_id"] for item in reply["recommendations"]]


# Reading -------------------------------------------------------------------------------------------------------------


def test_what_a_query_means_is_found_within_the_constraints(client: Client) -> None:
    shoes = client.get(ITEMS, query="sneakers for jogging")
    titles = [item["title"] for item in shoes["items"]]
    assert "Shoe" in titles[0] or "Sneaker" in titles[0]
    assert shoes["total"] < 54, "what has nothing to do with it is left out"
    cheap = client.get(ITEMS, query="sneakers for jogging", max_price=100, sort="-price")
    prices = [item["price"] for item in cheap["items"]]
    assert 0 < len(prices) < shoes["total"]
    assert prices == sorted(prices, reverse=True)
    assert prices[0] <= 100
    assert client.get(ITEMS, query="a violin")["total"] == 0


def test_neighbours_are_of_the_same_kind(client: Client) -> None:
    for by in ("text", "picture"):
        nearest = client.get(f"{ITEMS}/runx-running-shoe/neighbours", by=by, k=3)["items"]
        assert sum("Shoe" in item["title"] or "Sneaker" in item["title"] for item in nearest) >= 2, nearest
        assert "runx-running-shoe" not in [item["item_id"] for item in nearest]
        assert all(client.http.get(item["image"], params={"width": 96}).status_code == 200 for item in nearest)


def test_the_map_puts_shoes_beside_shoes(client: Client) -> None:
    for method in ("pca", "tsne"):
        points = client.get("/api/catalogue/map", space="text", method=method)["points"]
        assert len(points) == client.get("/api/catalogue/stats")["items"]
        places = {point["item_id"]: (point["x"], point["y"]) for point in points}
        at = places["runx-running-shoe"]
        nearest = sorted(places, key=lambda other: (places[other][0] - at[0]) ** 2 + (places[other][1] - at[1]) ** 2)
        assert sum("shoe" in other or "sneaker" in other for other in nearest[1:4]) >= 2, nearest[:5]


def test_an_item_says_by_which_encoder_it_is_known(client: Client) -> None:
    vectors = {v["space"]: v for v in client.get(f"{ITEMS}/runx-running-shoe")["vectors"]}
    assert set(vectors) == {"text", "visual", "joint"}
    assert "conse" in vectors["visual"]["encoder"]["encoder"].casefold() or "efficientnet" in str(vectors["visual"])
    assert all(v["count"] >= 1 for v in vectors.values())


# Changes meet turns --------------------------------------------------------------------------------------------------


def test_an_item_is_recommended_as_soon_as_it_is_written(client: Client, session: str) -> None:
    assert "hurdy-gurdy" not in ids(say(client, session, "a hurdy-gurdy, please"))
    began = time.monotonic()
    line = {
        "title": "Hurdy-Gurdy Travel Model", "description": "A hurdy-gurdy of maple wood with six strings.",
        "category": "Music > Strings", "price": 890, "currency": "USD", "in_stock": True,
    }  # fmt: skip
    client.put(f"{ITEMS}/hurdy-gurdy", line, 201)
    reply = say(client, session, "a hurdy-gurdy, please")
    assert time.monotonic() - began < 30
    assert ids(reply)[0] == "hurdy-gurdy"
    assert reply["recommendations"][0]["price"] == 890
    client.put(f"{ITEMS}/hurdy-gurdy", {**line, "price": 640})
    assert say(client, session, "a hurdy-gurdy under 700 dollars")["recommendations"][0]["price"] == 640
    client.delete(f"{ITEMS}/hurdy-gurdy")
    assert "hurdy-gurdy" not in ids(say(client, session, "a hurdy-gurdy, please"))


def test_a_new_items_picture_is_found_by_a_photo(client: Client, session: str, engines: Engines) -> None:
    name = client.get(f"{ITEMS}/allstar-sneakers")["item"]["images"][0]
    with Image.open(engines.catalogue.image_path(engines.catalogue.get("allstar-sneakers"))) as opened:  # type: ignore[arg-type]
        turned = ImageOps.flip(opened.convert("RGB"))
    media = engines.catalogue.folder / "media"
    media.mkdir(exist_ok=True)
    turned.save(media / "turned.jpg")
    written = client.put(f"{ITEMS}/turned", {"title": "Object 17", "images": ["turned.jpg", name]}, 201)
    assert written["summary"]["pictures_embedded"] == 1, "the second picture is one that the catalogue knows"
    data = base64.b64encode((media / "turned.jpg").read_bytes()).decode()
    reply = say(client, session, "something like this", images=[{"name": "turned.jpg", "data": data}])
    assert ids(reply)[0] in ("turned", "allstar-sneakers")
    assert "turned" in ids(reply)
    client.delete(f"{ITEMS}/turned")
    reply = say(client, session, "something like this", images=[{"name": "turned.jpg", "data": data}])
    assert "turned" not in ids(reply)


def test_a_session_goes_on_after_what_it_has_shown_was_deleted(client: Client, session: str) -> None:
    for n, wood in enumerate(("oak", "pine", "birch")):
        line = {
            "title": f"Zither of {wood.title()}", "description": f"A zither made of {wood}, for beginners.",
            "price": 100 + n, "currency": "USD",
        }  # fmt: skip
        client.put(f"{ITEMS}/zither-{wood}", line, 201)
    first = say(client, session, "a zither")
    shown = first["recommendations"]
    assert {item["item_id"] for item in shown} == {"zither-oak", "zither-pine", "zither-birch"}
    client.delete(f"{ITEMS}/{shown[0]['item_id']}")

    why = say(client, session, "why the first one?")
    assert why["intent"] == "why"
    assert shown[0]["title"] in why["message"], "the reasons are the session's own"
    compared = say(client, session, "compare the first two")
    assert compared["intent"] == "compare"
    assert f"{shown[0]['title']} is no longer in the catalogue." in compared["message"]
    assert f"{shown[1]['title']}: " in compared["message"]
    details = say(client, session, "tell me more about the first one")
    assert "no longer in the catalogue" in details["message"]
    cheaper = say(client, session, "cheaper")
    assert shown[0]["item_id"] not in ids(cheaper)
    read = client.get(f"/api/sessions/{session}")
    assert [message["reply"]["intent"] for message in read["messages"]][:3] == ["recommend", "why", "compare"]
    feedback = client.http.post(
        f"/api/sessions/{session}/feedback", json={"item_id": shown[0]["item_id"], "event": "like"}
    )
    assert feedback.status_code == 404
    for item in shown[1:]:
        client.delete(f"{ITEMS}/{item['item_id']}")
    assert say(client, session, "why the second one?")["message"]
    assert not {item["item_id"] for item in shown} & set(ids(say(client, session, "a zither")))


def test_turns_are_answered_while_a_catalogue_is_taken_in(client: Client, session: str) -> None:
    lines = [
        {"id": f"bulk-{n}", "title": f"Bulk Screw {n}", "description": "A steel screw. " * 20} for n in range(1500)
    ]
    content = "".join(json.dumps(line) + "\n" for line in lines).encode()
    job_id = client.send(content)["job_id"]
    client.when(job_id, lambda job: job["stage"] == "ingesting" and job["done"] > 0, 120)
    reply = say(client, session, "black running shoes")
    assert "runx-running-shoe" in ids(reply)
    assert client.get(f"/api/jobs/{job_id}")["state"] == "running", "the turn met a running import"
    began = time.monotonic()
    client.delete(f"/api/jobs/{job_id}")
    assert time.monotonic() - began < 60, "one batch of real embeddings, on a machine that may be busy"
    assert client.get(f"/api/jobs/{job_id}")["state"] == "cancelled"
    kept = [item["item_id"] for item in client.get(ITEMS, query="bulk screw", limit=100)["items"]]
    assert kept
    for item_id in client.get(ITEMS, query="bulk screw", limit=1)["items"]:
        client.delete(f"{ITEMS}/{item_id['item_id']}")
    assert "runx-running-shoe" in ids(say(client, session, "black running shoes"))


def test_the_sample_sent_over_http_is_the_sample(client: Client, engines: Engines, tmp_path: Path) -> None:
    """With its pictures in the media folder, an import gives the very vectors that the command gives."""
    other = load_settings(
        data=tmp_path / "other", llm={"profile": "remote", "base_url": "http://127.0.0.1:9", "model": "x"}
    )
    shutil.copytree(sample_folder(other) / "images", tmp_path / "other" / "media" / "images")
    own = open_engines(other)
    parts = Engines(own.catalogue, engines.text, engines.pictures, engines.speech, engines.limits)
    with TestClient(create_app(other, Assistant(other, engines=parts)), base_url="http://127.0.0.1") as http:
        job = Client(http).ended(
            Client(http).send((sample_folder(other) / "products.jsonl").read_bytes())["job_id"], 300
        )
        assert (job["state"], job["summary"]["new"], job["summary"]["pictures_lost"]) == ("done", 54, 0)
        for space in ("text", "visual"):
            ours = own.catalogue.vectors_of(space, ["runx-running-shoe"])["runx-running-shoe"]
            theirs = engines.catalogue.vectors_of(space, ["runx-running-shoe"])["runx-running-shoe"]
            assert [row @ other_row for row, other_row in zip(ours, theirs, strict=True)] == pytest.approx(
                [1] * len(ours)
            )
    own.catalogue.close()
