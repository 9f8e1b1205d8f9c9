"""The shop's own rules at every door: conversations, catalogue, tools, MCP, the command line."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from assistant.cli import app
from assistant.errors import BadInput, UnknownItem
from assistant.service.keys import KeyStore, Role
from tests.fakes import catalogues
from tests.fakes.encoders import HashPictures, WordText
from tests.integration.service.catalogue_shop import CatalogueShop, Client
from tools.errors import StoreError

RULES = "/api/admin/rules"


@pytest.fixture
def shop(tmp_path: Path) -> CatalogueShop:
    shop = CatalogueShop(tmp_path, WordText(), HashPictures(own_text_space=True))  # type: ignore[arg-type] # as every encoder
    shop.fill(catalogues.lines(28))
    return shop


@pytest.fixture
def client(shop: CatalogueShop) -> Iterator[Client]:
    with shop.serving() as client:
        yield client


def rules(client: Client, **given: Any) -> Any:  # noqa: ANN401
    return client.put(RULES, given)


def found(client: Client, query: str, **filters: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    arguments = {"query": query, "k": 10, "filters": filters or None}
    hits: list[dict[str, Any]] = client.post("/api/tools/search_by_text", {"arguments": arguments})["result"]["items"]
    return hits


def ids(hits: list[dict[str, Any]]) -> list[str]:
    return [hit["item_id"] for hit in hits]


def reply(client: Client, text: str) -> dict[str, Any]:
    session = client.post("/api/sessions", {}, 201)["session_id"]
    path, headers = f"/api/sessions/{session}/messages", {"Accept": "application/json"}
    answer = client.http.post(path, json={"text": text, "top_n": 5}, headers=headers)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def everywhere(client: Client, item_id: str) -> list[str]:
    """The doors that show an item."""
    mcp = {"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": f"catalogue://items/{item_id}"}}
    headers = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}
    answers = {
        "list": client.http.get("/api/catalogue/items?limit=100").text,
        "search": client.http.get("/api/catalogue/items?query=chair&limit=100").text,
        "map": client.http.get("/api/catalogue/map").text,
        "neighbours": client.http.get("/api/catalogue/items/item-7/neighbours?k=50").text,
        "tool": str(found(client, "chair")),
        "browse": str(client.post("/api/tools/browse", {"arguments": {"k": 50}})),
        "turn": json.dumps(reply(client, "a chair")["recommendations"]),
        "open wish": json.dumps(reply(client, "recommend me something")["recommendations"]),
        "mcp": client.http.post("/mcp", json=mcp, headers=headers).text,
    }
    title = catalogues.lines(28)[int(item_id.partition("-")[2])]["title"]
    shown = [door for door, text in answers.items() if re.search(rf"{title}\b", text)]
    own = [f"/api/catalogue/items/{item_id}", f"/api/catalogue/items/{item_id}/images/0"]
    return shown + [path for path in own if client.http.get(path).status_code == 200]


def test_a_hidden_item_is_at_no_door(client: Client) -> None:
    assert len(everywhere(client, "item-0")) >= 7
    told = rules(client, hidden=["item-0"])
    assert told["titles"] == {"item-0": "Red chair number 0"}
    assert everywhere(client, "item-0") == []
    client.post("/api/tools/get_item", {"arguments": {"item_id": "item-0"}}, 404)


def test_an_import_changes_a_hidden_item_and_does_not_show_it(client: Client) -> None:
    rules(client, hidden=["item-0"])
    line = {**catalogues.lines(1)[0], "title": "A new chair", "images": []}
    assert client.put("/api/catalogue/items/item-0", line)["summary"]["changed"] == 1
    client.get("/api/catalogue/items/item-0", 404)
    rules(client)
    assert client.get("/api/catalogue/items/item-0")["item"]["title"] == "A new chair"


def test_a_customers_word_finds_what_the_catalogue_calls_otherwise(client: Client) -> None:
    assert not reply(client, "a fauteuil")["recommendations"]
    rules(client, synonyms={"fauteuil": "chair"})
    hits = found(client, "red fauteuils")
    assert hits[0]["title"].startswith("Red chair")
    assert [s["matched"] for s in hits[0]["signals"] if s["source"] == "keyword"] == [["red", "chair"]]
    titles = [item["title"] for item in reply(client, "a fauteuil")["recommendations"]]
    assert titles
    assert all("chair" in title for title in titles)
    assert client.get("/api/catalogue/items", query="fauteuil")["items"]


def test_a_pin_goes_first_among_what_meets_the_conditions_and_says_so(client: Client) -> None:
    assert ids(found(client, "a lamp"))[0] != "item-22"
    rules(client, pinned=[{"item_id": "item-22", "wish": "lamp"}, {"item_id": "item-5", "wish": "lamp"}])
    hits = found(client, "Lamps, please")
    assert ids(hits)[:2] == ["item-22", "item-5"]  # a ball, too, where the shop says so
    assert hits[0]["signals"][-1]["source"] == "pinned"
    assert ids(found(client, "a lamp", max_price=10))[0] == "item-5"
    assert "item-22" not in ids(found(client, "a lamp", max_price=10))
    assert "item-22" not in ids(found(client, "a chair"))[:1]
    told = reply(client, "a lamp")["recommendations"]
    assert [item["item_id"] for item in told[:2]] == ["item-22", "item-5"]
    assert [e["sentence"] for e in told[0]["evidence"] if e["source"] == "pinned"] == ["the shop's choice: shown first"]
    assert not [e for item in told[2:] for e in item["evidence"] if e["source"] == "pinned"]


def test_a_pin_for_every_wish_goes_first_only_where_it_fits(client: Client) -> None:
    rules(client, pinned=[{"item_id": "item-22"}])
    assert ids(found(client, "a lamp"))[0] == "item-22"
    assert reply(client, "a lamp")["recommendations"][0]["item_id"] == "item-22"
    assert ids(found(client, "a chair"))[0] != "item-22"
    assert "item-22" not in [item["item_id"] for item in reply(client, "a chair")["recommendations"]]


def test_rules_outlive_a_new_service_and_are_for_admins(shop: CatalogueShop) -> None:
    with shop.serving() as client:
        rules(client, hidden=["item-0"])
        for wrong in ({"hidden": [""]}, {"synonyms": {"!": "x"}}, {"more": 1}, [], "x"):
            client.put(RULES, wrong, 422)
    keys = KeyStore(shop.settings().keys_place)
    secrets = {role: keys.create(role, None, role)[1] for role in (Role.ADMIN, Role.SERVICE, Role.SHOPPER)}
    with shop.serving() as client:
        client.get(RULES, 401)
        for role, secret in secrets.items():
            client.http.headers["Authorization"] = f"Bearer {secret}"
            assert client.http.get(RULES).status_code == (200 if role is Role.ADMIN else 403)
            assert client.http.put(RULES, json={}).status_code == (200 if role is Role.ADMIN else 403)


def test_the_commands(shop: CatalogueShop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ASSISTANT_DATA", str(shop.data))

    def run(*arguments: str, stdin: str | None = None) -> str:
        result = CliRunner().invoke(app, ["shop", *arguments], input=stdin)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    assert run("rules").startswith("There are no rules")
    run("synonym", "couch", "sofa")
    run("pin", "item-1", "item-2", "--wish", "lamp")
    assert run("hide", "item-0") == "1 synonyms, 2 pinned, 1 hidden.\n"
    assert "hidden   Red chair number 0 [item-0]" in run("rules")
    kept = run("rules", "--json")
    run("hide", "item-0", "--drop")
    run("pin", "item-1", "item-2", "--wish", "lamp", "--drop")
    run("synonym", "couch", "--drop")
    assert run("rules").startswith("There are no rules")
    run("load", "-", stdin=kept)
    assert run("rules", "--json") == kept
    for wrong in (["hide", "nowhere"], ["pin", "nowhere"]):
        with pytest.raises(UnknownItem):
            run(*wrong)
    for wrong in (["synonym", "a"], ["hide", "item-3", "--drop"], ["pin", "item-3", "--drop"], ["synonym", "!", "a"]):
        with pytest.raises(BadInput):
            run(*wrong)
    for text in ("", "[]", "{", '{"hidden": 1}', '{"x": []}'):
        with pytest.raises(BadInput):
            run("load", "-", stdin=text)
    assert run("rules", "--json") == kept
    monkeypatch.setenv("ASSISTANT_DATA", str(tmp_path / "empty"))
    with pytest.raises(StoreError):
        run("hide", "item-0")
    assert not (tmp_path / "empty").exists()
