"""Sessions over HTTP: made, listed, read, renamed, exported, deleted."""

import pytest

from tests.integration.service.conftest import Running, problem

pytestmark = pytest.mark.models


def test_a_session_from_beginning_to_end(service: Running) -> None:
    session = service.session()
    first = service.say(session, "a desk lamp under 60 dollars").json()
    second = service.say(session, "why the first one?").json()
    detail = service.client.get(f"/api/sessions/{session}").json()
    assert detail["title"] == "a desk lamp under 60 dollars"
    assert [message["said"] for message in detail["messages"]] == ["a desk lamp under 60 dollars", "why the first one?"]
    assert [message["reply"] for message in detail["messages"]] == [first, second]
    assert {c["field"]: c["value"] for c in detail["constraints"]} == {"max_price": 59.99}
    assert (detail["running"], detail["pending"]) == (None, None)

    renamed = service.client.patch(f"/api/sessions/{session}", json={"title": "  Lamps\n "}).json()
    assert renamed["title"] == "Lamps"
    assert [s["title"] for s in service.client.get("/api/sessions").json()["sessions"]] == ["Lamps"]

    exported = service.client.get(f"/api/sessions/{session}/export")
    assert exported.json()["messages"] == detail["messages"]
    assert "attachment" in exported.headers["content-disposition"]
    assert "Desk Lamp" in service.client.get(f"/api/sessions/{session}/export?format=markdown").text

    assert service.client.delete(f"/api/sessions/{session}").status_code == 204
    assert "no session" in problem(service.client.get(f"/api/sessions/{session}"), 404)
    assert service.client.get("/api/sessions").json() == {"sessions": []}


def test_deleting_a_session_deletes_its_files_and_memory(service: Running, picture: bytes) -> None:
    session = service.session()
    files = {"images": ("mine.png", picture, "image/png")}
    headers = {"Accept": "application/json"}
    answer = service.client.post(f"/api/sessions/{session}/messages", files=files, headers=headers)
    assert answer.status_code == 200
    folder = service.settings.data_folder / "uploads" / session
    assert len(list(folder.iterdir())) == 1
    sent = service.client.get(f"/api/sessions/{session}/attachments/img1")
    assert (sent.content, sent.headers["content-type"]) == (picture, "image/jpeg")
    service.client.delete(f"/api/sessions/{session}")
    assert not folder.exists()
    assert list((service.settings.data_folder / "uploads" / ".incoming").glob("*")) == []
    again = service.session()
    assert service.client.get(f"/api/sessions/{again}").json()["messages"] == []


def test_sessions_are_listed_latest_first_and_in_pages(service: Running) -> None:
    made = [service.session() for _ in range(5)]
    page = service.client.get("/api/sessions?limit=2").json()["sessions"]
    assert [s["session_id"] for s in page] == made[:2:-1]
    rest = service.client.get(f"/api/sessions?before={page[-1]['updated_at']}").json()["sessions"]
    assert [s["session_id"] for s in rest] == made[2::-1]


def test_sessions_are_searched_by_title_and_messages(service: Running) -> None:
    lamp, chair, named = (service.session() for _ in range(3))
    service.say(lamp, "a Desk lamp, 100% cotton shade")
    service.say(chair, "ein STÜHLCHEN")
    service.client.patch(f"/api/sessions/{named}", json={"title": "Presents_for Anna"})

    def found(query: str) -> list[str]:
        listed = service.client.get("/api/sessions", params={"query": query}).json()["sessions"]
        return [session["session_id"] for session in listed]

    assert found("desk LAMP") == [lamp]
    assert found("stühl") == [chair]
    assert found(" presents_ ") == [named]
    assert found("100%") == [lamp]
    assert found("%") == [lamp]
    assert found("e_k") == []
    assert found("' or 1=1 --") == []
    assert {*found("")} == {named, chair, lamp}
    problem(service.client.get("/api/sessions", params={"query": "x" * 201}), 422)


@pytest.mark.parametrize("session", ["..%2f..%2fetc", "a b", "x" * 65, "%00", "😀"])
def test_an_id_that_is_none_is_not_found(service: Running, session: str) -> None:
    problem(service.client.get(f"/api/sessions/{session}"), 404)


def test_feedback_is_kept_with_the_session(service: Running) -> None:
    session = service.session()
    path = f"/api/sessions/{session}/feedback"
    assert service.client.post(path, json={"item_id": "oak", "event": "like"}).status_code == 204
    kept = service.client.get(f"/api/sessions/{session}").json()["feedback"]
    assert [(f["item_id"], f["event"]) for f in kept] == [("oak", "like")]
    assert "no item" in problem(service.client.post(path, json={"item_id": "nothing", "event": "like"}), 404)
    problem(service.client.post(path, json={"item_id": "oak", "event": "adore"}), 422)
