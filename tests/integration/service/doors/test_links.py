"""Pages, pictures and ids of items, as programs get them that show an answer somewhere else."""

import json
import re
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from langchain_openai import ChatOpenAI
from PIL import Image
from pydantic import SecretStr

from assistant.service.openai.records import MODEL
from tests.integration.service.doors.conftest import LAMP, Serve, Served, new_key
from tests.integration.service.doors.test_openai import ask, client_of, user

PAGE = "https://shop.example/chairs/red?a=1&b=(2)"
IN_TEXT = r'1\. \*\*\[red chair\]\((\S+) "chair-0"\)\*\* \(40\.00 USD\): .+\n   !\[red chair\]\((\S+) "chair-0"\)'


def say(http: httpx.Client, text: str) -> dict[str, Any]:
    """The reply over the HTTP API."""
    session = http.post("/api/sessions", json={}).json()["session_id"]
    answer = http.post(f"/api/sessions/{session}/messages", json={"text": text}, headers={"Accept": "application/json"})
    reply: dict[str, Any] = answer.json()
    return reply


def test_a_recommendation_has_page_picture_stock_and_category(http: httpx.Client) -> None:
    item = say(http, "a red chair")["recommendations"][0]
    expected = {"category": "Furniture > Chairs", "in_stock": True, "url": PAGE}
    assert expected.items() <= item.items()
    assert item["image_url"] == "/api/catalogue/items/chair-0/images/0"
    assert http.get(item["image_url"]).headers["content-type"] == "image/png"


def test_an_item_without_page_and_picture_has_none(http: httpx.Client) -> None:
    (lamp,) = [item for item in say(http, "desk lamp")["recommendations"] if item["item_id"] == LAMP["id"]]
    assert (lamp["url"], lamp["image_url"]) == (None, None)


def test_the_text_of_a_chat_completion_shows_pages_pictures_and_ids(served: Served) -> None:
    with client_of(served) as client:
        message = ask(client, [user("a red chair")]).choices[0].message
    found = re.search(IN_TEXT, message.content or "")
    assert found
    assert found[1] == "https://shop.example/chairs/red?a=1&b=%282%29"
    assert found[2] == message.recommendations[0]["image_url"]  # type: ignore[attr-defined]
    assert found[2].startswith(f"{served.url}/pictures/")


def test_a_picture_of_an_answer_needs_no_key_and_may_stand_on_other_sites(serve: Serve) -> None:
    with serve(needs_key=True) as served, client_of(served, new_key(served, "ann")) as client:
        item = ask(client, [user("a red chair")]).choices[0].message.recommendations[0]  # type: ignore[attr-defined]
        address = item["image_url"]
        with served.client() as anyone:
            got = anyone.get(address)
            assert (got.status_code, got.headers["content-type"]) == (200, "image/jpeg")
            assert got.headers["cross-origin-resource-policy"] == "cross-origin"
            assert Image.open(BytesIO(got.content)).size == (12, 12)
            assert anyone.get(address, headers={"If-None-Match": got.headers["etag"]}).status_code == 304
            path = urlsplit(address).path
            for wrong in (path.replace("chair-0", "chair-1"), "/pictures/ü/chair-0", "/pictures/0/none", path + "x"):
                assert anyone.get(wrong).status_code == 404, wrong
            assert anyone.get("/api/catalogue/items/chair-0/images/0").status_code == 401


def test_a_conversation_goes_on_in_its_session_though_its_text_has_links(served: Served) -> None:
    with client_of(served) as client:
        first = ask(client, [user("a red chair")])
        said = {"role": "assistant", "content": first.choices[0].message.content}
        second = ask(client, [user("a red chair"), said, user("why this one?")])
    assert second.session_id == first.session_id  # type: ignore[attr-defined]


@pytest.mark.parametrize("stream", [False, True])
def test_langchain_keeps_the_ids_in_the_text_of_a_chat_completion(served: Served, stream: bool) -> None:
    model = ChatOpenAI(model=MODEL, base_url=f"{served.url}/v1", api_key=SecretStr("any"))
    if stream:
        text = "".join(str(chunk.content) for chunk in model.stream("a red chair"))
    else:
        text = str(model.invoke("a red chair").content)
    assert re.search(IN_TEXT, text)


@pytest.mark.parametrize("stream", [False, True])
def test_langchain_keeps_the_ids_as_annotations_of_a_response(served: Served, stream: bool) -> None:
    model = ChatOpenAI(model=MODEL, base_url=f"{served.url}/v1", api_key=SecretStr("any"), use_responses_api=True)
    if stream:
        whole = None
        for chunk in model.stream("a red chair"):
            whole = chunk if whole is None else whole + chunk
        assert whole is not None
        blocks = whole.content
    else:
        blocks = model.invoke("a red chair").content
    texts = [block for block in blocks if isinstance(block, dict) and block["type"] == "text"]
    text = "".join(block.get("text", "") for block in texts)
    annotations = [annotation for block in texts for annotation in block.get("annotations", [])]
    assert annotations
    first = annotations[0]
    assert (first["type"], first["item_id"], first["url"], first["title"]) == (
        "url_citation",
        "chair-0",
        PAGE,
        "red chair",
    )
    assert text[first["start_index"] : first["end_index"]].startswith("[red chair](")


def test_an_item_without_a_page_is_cited_by_its_id(http: httpx.Client) -> None:
    asked = {"model": MODEL, "input": "desk lamp"}
    text = http.post("/v1/responses", json=asked).json()["output"][0]["content"][0]
    (lamp,) = [annotation for annotation in text["annotations"] if annotation["item_id"] == LAMP["id"]]
    assert (lamp["type"], lamp["file_id"], lamp["filename"]) == ("file_citation", LAMP["id"], LAMP["title"])
    assert text["text"][lamp["index"] :].startswith("Desk \\[lamp\\]")


def test_the_reply_as_json_has_whole_addresses_and_no_annotations(http: httpx.Client, served: Served) -> None:
    asked = {"model": MODEL, "input": "a red chair", "text": {"format": {"type": "json_object"}}}
    text = http.post("/v1/responses", json=asked).json()["output"][0]["content"][0]
    assert text["annotations"] == []
    item = json.loads(text["text"])["recommendations"][0]
    assert item["image_url"].startswith(f"{served.url}/pictures/")
