"""Insights over HTTP: after real turns, for admins alone."""

import csv
import io
from pathlib import Path

import pytest

from assistant.insights import log as module
from assistant.service.keys import KeyStore, Role
from tests.fakes import catalogues
from tests.fakes.encoders import HashPictures, WordText
from tests.integration.service.catalogue_shop import CatalogueShop, Client

INSIGHTS = "/api/admin/insights"


@pytest.fixture
def shop(tmp_path: Path) -> CatalogueShop:
    shop = CatalogueShop(tmp_path, WordText(), HashPictures(own_text_space=True))  # type: ignore[arg-type] # as every encoder
    shop.fill(catalogues.lines(8))
    return shop


def say(client: Client, text: str, session: str = "", **headers: str) -> tuple[str, dict[str, object]]:
    session = session or client.post("/api/sessions", {}, 201)["session_id"]
    answer = client.http.post(
        f"/api/sessions/{session}/messages", json={"text": text}, headers={"Accept": "application/json", **headers}
    )
    assert answer.status_code == 200, answer.text
    return session, answer.json()


def test_turns_and_presses_are_counted_and_go_with_their_session(shop: CatalogueShop) -> None:
    with shop.serving() as client:
        session, reply = say(client, "a red chair for bob@mail.example", **{"Sec-Fetch-Site": "same-origin"})
        say(client, "thank you", session)
        client.http.post(f"/api/sessions/{session}/feedback", json={"item_id": "item-0", "event": "like"})
        found = client.get(INSIGHTS, days=2)
        assert [(day["turns"], day["conversations"]) for day in found["days"]] == [(0, 0), (2, 1)]
        assert found["doors"] == {"page": 1, "api": 1}
        assert "mail.example" not in str(found)
        shown = [item["item_id"] for item in reply["recommendations"]]  # type: ignore[attr-defined]
        assert {item["item_id"] for item in found["items"] if item["shown"]} == set(shown)
        assert all(item["title"] for item in found["items"])
        rows = [
            *csv.DictReader(io.StringIO(client.http.get(f"{INSIGHTS}/days.csv?days=2").content.decode("utf-8-sig")))
        ]
        assert [row["turns"] for row in rows] == ["0", "2"]
        client.delete(f"/api/sessions/{session}")
        assert client.get(INSIGHTS)["doors"] == {}


def test_a_turn_stands_when_its_row_cannot_be_kept(shop: CatalogueShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "row_of", lambda *_: 1 / 0)
    with shop.serving() as client:
        _, reply = say(client, "a red chair")
        assert reply["message"]
        assert client.get(INSIGHTS)["doors"] == {}


def test_only_admins_read_them_and_wrong_questions_are_refused(shop: CatalogueShop) -> None:
    keys = KeyStore(shop.settings().keys_place)
    secrets = {role: keys.create(role, None, role)[1] for role in (Role.ADMIN, Role.SERVICE, Role.SHOPPER)}
    with shop.serving() as client:
        client.get(INSIGHTS, 401)
        for role, secret in secrets.items():
            client.http.headers["Authorization"] = f"Bearer {secret}"
            for path in (INSIGHTS, f"{INSIGHTS}/items.csv"):
                assert client.http.get(path).status_code == (200 if role is Role.ADMIN else 403)
        client.http.headers["Authorization"] = f"Bearer {secrets[Role.ADMIN]}"
        for days in ("0", "401", "x", "-1"):
            client.get(INSIGHTS, 422, days=days)
        client.get(f"{INSIGHTS}/turns.csv", 422)


def test_a_damaged_file_keeps_nobody_from_an_answer(shop: CatalogueShop, caplog: pytest.LogCaptureFixture) -> None:
    (shop.data / module.DATABASE).write_bytes(b"no database at all " * 500)
    with shop.serving() as client:
        _, reply = say(client, "a red chair")
        assert reply["message"]
        assert "insights" in client.get(INSIGHTS, 503)["detail"]
    assert "no insights are kept" in caplog.text
