"""What a service keeps of whoever asks: under a pseudonym, shown, given out, and forgotten to the last byte."""

import base64
from contextlib import closing
from typing import Any

import httpx

from assistant.privacy.pseudonyms import pseudonym
from assistant.service.context import KEY_OWNER
from assistant.service.keys import KeyStore
from assistant.service.openai.records import MODEL
from assistant.sessions import SessionLog
from tests.integration.privacy.traces import traces_of
from tests.integration.service.doors.conftest import Serve, Served, new_key, png
from tools.taste.events import EventStore
from tools.taste.records import Interaction, Preference

WORD = "zanzibarine"


def owner_of(served: Served, name: str) -> str:
    """The pseudonym of the owner of the key of that name."""
    key = next(key for key in KeyStore(served.settings.keys_place).list() if key.name == name)
    return pseudonym(served.settings, KEY_OWNER + key.id)


def say(client: httpx.Client, session_id: str, text: str, images: dict[str, bytes] | None = None) -> dict[str, Any]:
    files = [{"name": name, "data": base64.b64encode(data).decode()} for name, data in (images or {}).items()]
    answer = client.post(
        f"/api/sessions/{session_id}/messages",
        json={"text": text, "images": files},
        headers={"Accept": "application/json"},
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def begin(client: httpx.Client) -> str:
    return str(client.post("/api/sessions").json()["session_id"])


def events_of(served: Served, user: str) -> list[Interaction]:
    with closing(EventStore.open(served.settings.place())) as store:
        return store.of_user(user)


def test_what_is_pressed_becomes_an_event_of_the_user(served: Served) -> None:
    with served.client() as client:
        session_id = begin(client)
        for event in ("view", "like", "cart", "purchase", "dislike", "more_like_this", "not_this"):
            given = {"item_id": "chair-1", "event": event}
            assert client.post(f"/api/sessions/{session_id}/feedback", json=given).status_code == 204
        unknown = {"item_id": "no such", "event": "like"}
        assert client.post(f"/api/sessions/{session_id}/feedback", json=unknown).status_code == 404

    kept = [(event.item_id, event.event) for event in reversed(events_of(served, "local"))]
    assert kept == [
        ("chair-1", kind) for kind in ("view", "like", "cart", "purchase", "dislike", "more_like_this", "not_this")
    ]


def test_without_taste_the_session_alone_remembers(serve: Serve) -> None:
    with serve(taste={"enabled": False}) as served, served.client() as client:
        session_id = begin(client)
        client.post(f"/api/sessions/{session_id}/feedback", json={"item_id": "chair-1", "event": "like"})

        assert client.get(f"/api/sessions/{session_id}").json()["feedback"][0]["event"] == "like"
        assert client.get("/api/me").json()["places"]["events"] == 0


def test_a_key_s_owner_is_kept_under_a_pseudonym(serve: Serve) -> None:
    with serve(needs_key=True) as served, served.client(new_key(served, "ann")) as client:
        session_id = begin(client)
        client.post(f"/api/sessions/{session_id}/feedback", json={"item_id": "chair-1", "event": "like"})
        ann = owner_of(served, "ann")

        assert client.get("/api/me").json()["user"] == ann
        assert SessionLog(served.settings.place("sessions.sqlite")).session(session_id).owner == ann
        assert len(events_of(served, ann)) == 1


def test_sessions_from_before_pseudonyms_stay_their_owner_s(serve: Serve) -> None:
    with serve(needs_key=True) as served:
        secret = new_key(served, "ann")
    key = KeyStore(served.settings.keys_place).list()[0]
    SessionLog(served.settings.place("sessions.sqlite")).create("old", f"{KEY_OWNER}{key.id}", "from before")

    with serve(needs_key=True) as served, served.client(secret) as client:
        assert [found["title"] for found in client.get("/api/sessions").json()["sessions"]] == ["from before"]


def test_whom_a_program_names_has_conversations_apart(serve: Serve) -> None:
    def ask(client: httpx.Client, user: object) -> str:
        talk = [{"role": "user", "content": "a red chair"}]
        answer = client.post("/v1/chat/completions", json={"model": MODEL, "messages": talk, "user": user})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["session_id"])

    with serve(needs_key=True) as served:
        with served.client(new_key(served, "shop")) as shop, served.client(new_key(served, "spy")) as spy:
            told = {name: ask(shop, name) for name in ("alice", "bob", "")}
            spied = ask(spy, "alice")
            unusual = ask(shop, {"name": "an object"})
        log = SessionLog(served.settings.place("sessions.sqlite"))
        owners = [log.session(session_id).owner for session_id in (*told.values(), spied)]

        assert len(set(owners)) == 4
        assert log.session(told[""]).owner == log.session(unusual).owner == owner_of(served, "shop")
        key = next(key for key in KeyStore(served.settings.keys_place).list() if key.name == "shop")
        assert owners[0] == pseudonym(served.settings, f"{KEY_OWNER}{key.id}/alice")


def test_everything_of_a_user_is_shown_given_out_and_forgotten_to_the_last_byte(serve: Serve) -> None:
    with serve(needs_key=True) as served:
        data = served.settings.data_folder
        with served.client(new_key(served, "ann")) as ann, served.client(new_key(served, "bob")) as bob:
            kept = begin(bob)
            say(bob, kept, "a blue chair")
            bob.post(f"/api/sessions/{kept}/feedback", json={"item_id": "chair-1", "event": "like"})
            sessions = [begin(ann), begin(ann)]
            say(ann, sessions[0], "a chair", {f"{WORD}.png": png()})
            say(ann, sessions[0], f"cheaper and more {WORD}")
            say(ann, sessions[1], "a lamp")
            ann.post(f"/api/sessions/{sessions[0]}/feedback", json={"item_id": "chair-2", "event": "like"})
            ann.post("/api/uploads", files={"file": (f"{WORD}.png", png("blue"), "image/png")})
            owner = owner_of(served, "ann")
            with closing(EventStore.open(served.settings.place())) as store:
                store.set_preference(owner, Preference(attribute="brand", value=WORD, weight=1.0))

            assert ann.get("/api/me").json() == {
                "user": owner,
                "places": {
                    "files": 2,
                    "rankings": 2,
                    "insights": 3,
                    "sessions": 2,
                    "preferences": 1,
                    "tastes": 0,
                    "events": 1,
                },
            }
            given = ann.get("/api/me/export").json()
            assert sorted(session["session_id"] for session in given["sessions"]) == sorted(sessions)
            assert given["events"][0]["item_id"] == "chair-2"
            assert given["preferences"] == [{"attribute": "brand", "value": WORD, "weight": 1.0}]
            assert ann.get("/api/me/export").text.count(WORD) >= 4
            words = [WORD, owner, *sessions]
            assert {trace.split(" in ")[0] for trace in traces_of(data, words)} == set(words)

            done = ann.delete("/api/me")

            assert done.json()["places"] == {
                "files": 2,
                "rankings": 2,
                "insights": 3,
                "sessions": 2,
                "preferences": 1,
                "tastes": 0,
                "events": 1,
            }
            assert traces_of(data, words) == []
            assert ann.get(f"/api/sessions/{sessions[0]}").status_code == 404
            assert set(ann.get("/api/me").json()["places"].values()) == {0}
            assert bob.get(f"/api/sessions/{kept}").json()["turns"] == 1
            assert bob.get("/api/me").json()["places"]["events"] == 1
            assert say(bob, kept, "a chair")["recommendations"]
    assert traces_of(data, words) == []
