"""Visitors: a cookie, what it may not do, what becomes of theirs at log-in, and its end."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import httpx
import pytest

from assistant.impression_log import ImpressionLog
from assistant.privacy.pseudonyms import pseudonym
from assistant.service.keys import KeyStore, key_role
from assistant.sessions import SessionLog
from assistant.user_data import MODEL, tidy
from assistant.visitors import TICKET_SECONDS, VisitorStore
from tests.fakes.openai_server import FakeOpenAIServer
from tests.integration.service.doors.conftest import Serve, Served, png, slow
from tools.taste.events import EventStore
from tools.taste.records import Interaction, Preference

COOKIE = "assistant_visitor"


@pytest.fixture
def shop(serve: Serve) -> Iterator[Served]:
    """A service that needs keys and takes visitors."""
    with serve(needs_key=True, service={"visitors": True}) as served:
        yield served


def key(served: Served, role: str, name: str = "") -> str:
    return KeyStore(served.settings.keys_place).create(name or f"a {role}", role=key_role(role))[1]


@contextmanager
def visiting(served: Served) -> Iterator[httpx.Client]:
    """A browser that has become a visitor."""
    with served.client() as client:
        assert client.post("/api/visitors").status_code == 204
        yield client


def talk(client: httpx.Client, text: str, **headers: str) -> str:
    """A conversation of one turn with a like; its id."""
    session_id = str(client.post("/api/sessions", json={}, headers=headers).json()["session_id"])
    path = f"/api/sessions/{session_id}"
    sent = client.post(f"{path}/messages", json={"text": text}, headers={"Accept": "application/json", **headers})
    assert sent.status_code == 200, sent.text
    liked = client.post(f"{path}/feedback", json={"item_id": "chair-1", "event": "like"}, headers=headers)
    assert liked.status_code == 204, liked.text
    return session_id


def sessions(client: httpx.Client, **headers: str) -> list[str]:
    return [found["session_id"] for found in client.get("/api/sessions", headers=headers).json()["sessions"]]


def places(client: httpx.Client, **headers: str) -> dict[str, int]:
    return dict(client.get("/api/me", headers=headers).json()["places"])


def test_a_visitor_is_a_cookie_that_scripts_and_other_sites_cannot_use(shop: Served) -> None:
    with shop.client() as client:
        info = client.get("/api/info").json()
        assert (info["user"], info["role"], info["visitors"]) == (None, "nobody", True)
        assert client.get("/api/sessions").status_code == 401
        answer = client.post("/api/visitors")
        cookie = answer.headers["set-cookie"]
        assert (answer.status_code, answer.content) == (204, b"")
        assert {"HttpOnly", "SameSite=strict", "Path=/", "Max-Age=2592000"} <= set(cookie.split("; "))
        assert "Secure" not in cookie
        token = client.cookies[COOKIE]
        assert token.encode() not in (shop.settings.data_folder / "visitors.sqlite").read_bytes()

        info = client.get("/api/info").json()
        assert (info["user"], info["role"], info["models"], info["steps"]) == ("visitor", "visitor", {}, None)
        assert client.post("/api/visitors").headers.get("set-cookie") is None  # stays who they are
        assert sessions(client) == []

        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
            for method, path in (("POST", "/api/sessions"), ("POST", "/api/visitors/token"), ("DELETE", "/api/me")):
                assert client.request(method, path, headers=headers).status_code == 403
        assert client.get("/api/sessions").status_code == 200


def test_behind_https_the_cookie_never_goes_over_http(serve: Serve) -> None:
    for service in ({"visitors": True}, {"visitors": True, "proxies": ["127.0.0.1"]}):
        with serve(needs_key=True, service=service) as served, served.client() as client:
            answer = client.post("/api/visitors", headers={"X-Forwarded-Proto": "https", "X-Forwarded-For": "9.9.9.9"})
            assert "Secure" in answer.headers["set-cookie"].split("; ")


def test_in_a_frame_of_a_listed_site_the_cookie_goes_along_over_https_and_is_that_site_s_alone(serve: Serve) -> None:
    https = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "9.9.9.9"}
    for cors, headers, framed in (
        (["https://shop.example"], https, True), (["https://shop.example"], {}, False), (["*"], https, False),
    ):  # fmt: skip
        with serve(needs_key=True, service={"visitors": True, "cors": cors}) as served, served.client() as client:
            cookie = client.post("/api/visitors", headers=headers).headers["set-cookie"].split("; ")
            assert ({"SameSite=none", "Partitioned", "Secure"} <= set(cookie)) is framed
            assert ("SameSite=strict" in cookie) is not framed
            assert "HttpOnly" in cookie


def test_another_site_s_requests_with_the_cookie_are_refused(serve: Serve) -> None:
    settings = {"visitors": True, "cors": ["https://shop.example"]}
    with serve(needs_key=True, service=settings) as served, visiting(served) as client:
        for headers in ({"Origin": "https://other.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert client.post("/api/sessions", json={}, headers=headers).status_code == 403
        assert (
            "access-control-allow-credentials"
            not in client.get("/api/sessions", headers={"Origin": "https://shop.example"}).headers
        )


def test_without_the_setting_there_are_no_visitors(serve: Serve) -> None:
    with serve(needs_key=True) as served, served.client() as client:
        _, token = VisitorStore(served.settings.visitors_place).begin(1)
        assert client.post("/api/visitors").status_code == 403
        assert client.get("/api/info").json()["visitors"] is False
        assert client.get("/api/sessions", headers={"Cookie": f"{COOKIE}={token}"}).status_code == 401


def test_where_no_key_is_needed_everybody_stays_the_local_user(serve: Serve) -> None:
    with serve(service={"visitors": True}) as served, served.client() as client:
        assert client.post("/api/visitors").headers.get("set-cookie") is None
        assert client.get("/api/info").json()["role"] == "admin"


@pytest.mark.parametrize("cookie", ["x", "", "a" * 100, "' or 1=1 --", "../../etc", "%00", '"'])
def test_an_invented_cookie_is_nobody_s(shop: Served, cookie: str) -> None:
    with shop.client() as client:
        assert client.get("/api/sessions", headers={"Cookie": f"{COOKIE}={cookie}"}).status_code == 401


def test_a_key_counts_before_a_visitor_s_cookie(shop: Served) -> None:
    with visiting(shop) as client:
        own = talk(client, "a red chair")
        shopper = {"Authorization": f"Bearer {key(shop, 'shopper')}"}
        assert sessions(client, **shopper) == []
        assert client.get("/api/sessions", headers={"Authorization": "Bearer rak_wrong"}).status_code == 401
        stale = f"assistant_login=gone; {COOKIE}={client.cookies[COOKIE]}"
    with shop.client() as again:
        assert sessions(again, Cookie=stale) == [own]  # a login that has ended leaves the visitor


def test_nobody_reads_what_is_a_visitor_s(shop: Served) -> None:
    with visiting(shop) as one, visiting(shop) as other, shop.client(key(shop, "admin")) as admin:
        own = talk(one, "a red chair")
        for stranger in (other, admin):
            assert sessions(stranger) == []
            assert stranger.get(f"/api/sessions/{own}").status_code == 404
            assert stranger.delete(f"/api/sessions/{own}").status_code == 404
        assert sessions(one) == [own]


def test_a_visitor_s_data_are_shown_given_out_and_forgotten(shop: Served) -> None:
    model = shop.settings.data_folder / MODEL
    model.mkdir(parents=True)
    with visiting(shop) as client, visiting(shop) as other:
        own, kept = talk(client, "a red chair"), talk(other, "a lamp")
        assert (places(client)["sessions"], places(client)["events"]) == (1, 1)
        given = client.get("/api/me/export").json()
        assert [session["session_id"] for session in given["sessions"]] == [own]
        assert client.get("/api/me/profile").status_code == 200

        cookie = client.cookies[COOKIE]
        forgotten = client.delete("/api/me").json()
        assert (forgotten["places"]["sessions"], forgotten["model_removed"]) == (1, False)
        assert model.is_dir()  # who needs no key does not delete it for everybody
        assert COOKIE not in client.cookies
        assert client.get("/api/sessions", headers={"Cookie": f"{COOKIE}={cookie}"}).status_code == 401
        assert sessions(other) == [kept]
        log = SessionLog(shop.settings.place("sessions.sqlite"))
        assert not log.knows(own)


def test_at_log_in_everything_becomes_the_customer_s(shop: Served) -> None:
    service = key(shop, "service")
    with shop.client(service) as backend, visiting(shop) as visitor:
        before = talk(backend, "a lamp", **{"X-User": "K%C3%A4the"})  # another customer: nothing is decoded
        mine = talk(visitor, "a red chair")
        owner = visitor.get("/api/me").json()["user"]
        with closing(EventStore.open(shop.settings.place())) as store:
            store.set_preference(owner, Preference(attribute="brand", value="Glow", weight=1.0))
            store.set_preference(owner, Preference(attribute="color", value="red", weight=1.0))
            store.set_preference(
                pseudonym(shop.settings, "Käthe"), Preference(attribute="color", value="red", weight=-1.0)
            )
        ticket = visitor.post("/api/visitors/token").json()
        assert ticket["expires_at"] == pytest.approx(time.time() + TICKET_SECONDS, abs=5)

        body = {"token": ticket["token"], "customer": "Käthe"}
        with shop.client(key(shop, "shopper")) as shopper:
            assert shopper.post("/api/visitors/merge", json=body).status_code == 403
        assert visitor.post("/api/visitors/merge", json=body).status_code == 403
        merged = backend.post("/api/visitors/merge", json=body)
        assert merged.status_code == 200, merged.text
        assert merged.json() == {
            "user": pseudonym(shop.settings, "Käthe"),
            "places": {
                "files": 0,
                "rankings": 1,
                "insights": 1,
                "sessions": 1,
                "preferences": 2,
                "tastes": 0,
                "events": 1,
            },
        }

        utf8: Any = [(b"X-User", "Käthe".encode())]
        listed = backend.get("/api/sessions", headers=utf8).json()["sessions"]
        assert [session["session_id"] for session in listed] == [mine]
        assert before not in str(listed)
        profile = backend.get("/api/me/export", headers=utf8).json()
        told = sorted((one["attribute"], one["weight"]) for one in profile["preferences"])
        assert told == [("brand", 1.0), ("color", -1.0)]  # the customer's own word on red stays
        assert [event["item_id"] for event in profile["events"]] == ["chair-1"]
        assert {one.user for one in ImpressionLog(shop.settings.place("sessions.sqlite")).read(mine)} == {
            pseudonym(shop.settings, "Käthe")
        }
        path = f"/api/sessions/{mine}/messages"
        wants: Any = [(b"Accept", b"application/json"), *utf8]
        assert backend.post(path, json={"text": "cheaper"}, headers=wants).status_code == 200  # it goes on

        assert visitor.get("/api/sessions").status_code == 401  # the cookie has ended
        assert backend.post("/api/visitors/merge", json=body).status_code == 404  # a token works once
        with closing(EventStore.open(shop.settings.place())) as store:
            assert owner not in store.user_ids().values()
        with closing(sqlite3.connect(shop.settings.data_folder / "visitors.sqlite")) as db:
            assert db.execute("select count(*) from visitors").fetchone() == (0,)


def test_turns_that_run_at_log_in_are_stopped_and_two_run_at_once(serve: Serve, model: FakeOpenAIServer) -> None:
    model.script(slow)
    with serve(needs_key=True, llm={"call_seconds": 60.0}, service={"visitors": True}) as served:
        turns = served.app.state.service.turns
        with visiting(served) as visitor, served.client(key(served, "service")) as backend, ExitStack() as open_:
            answers = []
            for _ in range(3):
                path = f"/api/sessions/{visitor.post('/api/sessions', json={}).json()['session_id']}/messages"
                answers.append(open_.enter_context(visitor.stream("POST", path, json={"text": "something nice"})))
            assert [answer.status_code for answer in answers] == [200, 200, 429]
            token = visitor.post("/api/visitors/token").json()["token"]
            merged = backend.post("/api/visitors/merge", json={"token": token, "customer": "ann"})
            assert (merged.json()["places"]["sessions"], turns.active) == (3, 0)


def test_no_history_is_stolen_by_guessing(shop: Served) -> None:
    with shop.client(key(shop, "service")) as backend, visiting(shop) as visitor:
        own = talk(visitor, "a red chair")
        owner = visitor.get("/api/me").json()["user"]
        old = visitor.post("/api/visitors/token").json()["token"]
        new = visitor.post("/api/visitors/token").json()["token"]
        for token in ("", "x", owner, visitor.cookies[COOKIE], own, old, new[:-1], f"{new}x", "a" * 201):
            answer = backend.post("/api/visitors/merge", json={"token": token, "customer": "thief"})
            assert answer.status_code in (404, 422), token
        for customer in ("", " ", "local", "key:0a1b2c3d", "x" * 501):
            answer = backend.post("/api/visitors/merge", json={"token": new, "customer": customer})
            assert answer.status_code in (400, 422), customer
        assert sessions(visitor) == [own]
        assert backend.get("/api/sessions", headers={"X-User": "thief"}).json() == {"sessions": []}
        assert backend.post("/api/visitors/merge", json={"token": new, "customer": "ann"}).status_code == 200


def test_an_interrupted_merge_is_finished_by_the_next_start(shop: Served) -> None:
    store = VisitorStore(shop.settings.visitors_place)
    with visiting(shop) as visitor, shop.client(key(shop, "service")) as backend:
        own = talk(visitor, "a red chair")
        token = visitor.post("/api/visitors/token").json()["token"]
        ann = pseudonym(shop.settings, "ann")
        assert store.redeem(token, ann)  # and then the power fails
        assert visitor.get("/api/sessions").status_code == 401
        tidy(shop.settings)
        assert sessions(backend, **{"X-User": "ann"}) == [own]
        assert store.redeemed() == []


def test_what_is_a_visitor_s_goes_with_the_end_of_the_cookie(shop: Served) -> None:
    with visiting(shop) as visitor, visiting(shop) as other:
        talk(visitor, "a red chair with zanzibarine")
        kept = talk(other, "a lamp")
        owner = visitor.get("/api/me").json()["user"]
        with closing(sqlite3.connect(shop.settings.data_folder / "visitors.sqlite")) as db, db:
            db.execute("update visitors set expires_at = ? where owner = ?", (time.time() - 1, owner))
        assert visitor.get("/api/sessions").status_code == 401
        tidy(shop.settings)

        assert sessions(other) == [kept]
        with closing(EventStore.open(shop.settings.place())) as store:
            assert [event.user for user in store.user_ids().values() for event in store.of_user(user)] != []
            assert owner not in store.user_ids().values()
        for path in shop.settings.data_folder.glob("*.sqlite*"):
            content = path.read_bytes()
            assert owner.encode() not in content, path
            assert b"zanzibarine" not in content, path


def test_events_are_given_to_another_user_once(tmp_path: Any) -> None:  # noqa: ANN401
    with closing(EventStore.open(tmp_path)) as store:
        both = [Interaction(user=user, item_id="a", event="like", at=1.0) for user in ("visitor", "ann")]
        store.add([*both, Interaction(user="visitor", item_id="b", event="cart", at=2.0)])
        assert store.people(["a", "b"]) == {"a": 2, "b": 1}
        assert store.merge("visitor", "ann") == 1  # the same like at the same time is one
        assert [(event.item_id, event.at) for event in store.of_user("ann")] == [("b", 2.0), ("a", 1.0)]
        assert store.people(["a", "b"]) == {"a": 1, "b": 1}
        assert store.merge("visitor", "ann") == store.merge("ann", "ann") == 0
        assert list(store.user_ids().values()) == ["ann"]


def test_a_customer_of_the_shop_is_who_the_header_or_the_field_names(shop: Served) -> None:
    settings = shop.settings
    with shop.client(key(shop, "service", "one")) as one, shop.client(key(shop, "service", "two")) as two:
        ann = talk(one, "a red chair", **{"X-User": "ann"})
        message = {"model": "recommendation-assistant", "messages": [{"role": "user", "content": "a lamp"}]}
        field = one.post("/v1/chat/completions", json={**message, "user": "ann"}).json()["session_id"]
        header = one.post("/v1/chat/completions", json={**message, "user": "bob"}, headers={"X-User": "ann"})
        assert set(sessions(two, **{"X-User": "ann"})) == {ann, field, header.json()["session_id"]}  # of the shop
        assert sessions(one, **{"X-User": "bob"}) == sessions(one) == []
        assert one.get(f"/api/sessions/{ann}").status_code == 404
        log = SessionLog(settings.place("sessions.sqlite"))
        assert log.session(ann).owner == pseudonym(settings, "ann")  # as interaction files and --user have it
        assert b"ann" not in (log.session(ann).owner.encode())

        called = one.post("/api/tools/user_history", json={"arguments": {}}, headers={"X-User": "ann"})
        assert "chair-1" in called.text
        assert places(one, **{"X-User": "ann"})["events"] == 1
        assert one.request("DELETE", "/api/me", headers={"X-User": "ann"}).json()["places"]["sessions"] == 3
        assert sessions(two, **{"X-User": "ann"}) == []


def test_over_mcp_the_header_names_the_customer(shop: Served) -> None:
    def recommend(client: httpx.Client, **headers: str) -> httpx.Response:
        call = {"name": "recommend", "arguments": {"text": "a red chair"}}
        accept = {"Accept": "application/json, text/event-stream"}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
        return client.post("/mcp", json=body, headers=accept | headers)

    with shop.client(key(shop, "service")) as backend, shop.client(key(shop, "shopper")) as shopper:
        assert "chair-0" in recommend(backend, **{"X-User": "ann"}).text
        assert len(sessions(backend, **{"X-User": "ann"})) == 1
        assert sessions(backend) == []
        assert recommend(shopper, **{"X-User": "ann"}).status_code == 403
        with visiting(shop) as visitor:
            assert recommend(visitor).status_code == 403


def test_only_a_shop_speaks_for_others(shop: Served) -> None:
    message = {"model": "recommendation-assistant", "messages": [{"role": "user", "content": "a lamp"}]}
    with shop.client(key(shop, "shopper")) as shopper, visiting(shop) as visitor:
        for client in (shopper, visitor):
            assert client.get("/api/sessions", headers={"X-User": "ann"}).status_code == 403
        refused = shopper.post("/v1/chat/completions", json={**message, "user": "ann"})
        assert (refused.status_code, refused.json()["error"]["type"]) == (403, "permission_error")
        assert shopper.post("/v1/chat/completions", json=message).status_code == 200


@pytest.mark.parametrize(
    "name", [b"", b"  ", b"local", b"key:0a1b2c3d", b"key:0a1b2c3d/ann", b"x" * 501, b"\xff\xfe", "x".encode("utf-16")]
)
def test_names_that_are_no_customer_s_are_refused(shop: Served, name: bytes) -> None:
    with shop.client(key(shop, "service")) as backend:
        twice: Any = [(b"X-User", b"ann"), (b"x-user", b"bob")]
        assert backend.get("/api/sessions", headers=twice).status_code == 400
        given: Any = [(b"X-User", name)]
        try:
            answer = backend.get("/api/sessions", headers=given)
        except httpx.LocalProtocolError:  # what the client itself does not send
            return
        assert answer.status_code == 400, answer.text


def test_an_admin_makes_lists_and_revokes_keys_over_http(shop: Served) -> None:
    with shop.client(key(shop, "admin", "owner")) as admin:
        made = admin.post("/api/keys", json={"name": "back end", "role": "service", "days": 30})
        assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
        secret = made.json()["secret"]
        assert (made.json()["name"], made.json()["role"]) == ("back end", "service")
        listed = admin.get("/api/keys")
        assert secret not in listed.text
        assert [(one["name"], one["role"]) for one in listed.json()["keys"]] == [
            ("owner", "admin"), ("back end", "service")
        ]  # fmt: skip
        with shop.client(secret) as backend:
            assert backend.get("/api/info").json()["role"] == "service"
            assert backend.get("/api/keys").status_code == 403
            cookie = shop.client()
            assert cookie.post("/api/login", json={"key": secret}).status_code == 204
            assert cookie.get("/api/info").json()["role"] == "service"
            assert admin.delete(f"/api/keys/{made.json()['id']}").status_code == 204
            assert backend.get("/api/sessions").status_code == cookie.get("/api/sessions").status_code == 401

        ended = KeyStore(shop.settings.keys_place).create("ended", days=-1)[0].id
        last = admin.get("/api/keys").json()["keys"][0]["id"]
        assert "last key" in admin.delete(f"/api/keys/{last}").json()["detail"]
        assert admin.delete("/api/keys/owner").status_code == 404  # ids alone
        assert admin.delete(f"/api/keys/{ended}").status_code == 204
        bad = [
            {}, {"name": "x"}, {"name": "", "role": "admin"}, {"name": "x", "role": "visitor"},
            {"name": "x\n", "role": "admin"}, {"name": "x", "role": "admin", "days": 0},
            {"name": "x", "role": "admin", "days": 1e9}, {"name": "owner", "role": "admin"},
            {"name": "x", "role": "admin", "more": 1}, [],
        ]  # fmt: skip
        for body in bad:
            assert admin.post("/api/keys", json=body).status_code in (400, 422), body
        assert len(admin.get("/api/keys").json()["keys"]) == 1


def test_the_first_key_is_an_admin_s(serve: Serve) -> None:
    with serve() as served, served.client() as local:
        assert local.post("/api/keys", json={"name": "x", "role": "shopper"}).status_code == 409
        assert local.post("/api/keys", json={"name": "x", "role": "admin"}, headers={"Origin": "https://evil.example"}
                          ).status_code == 403  # fmt: skip
        secret = local.post("/api/keys", json={"name": "me", "role": "admin"}).json()["secret"]
        assert local.get("/api/sessions").status_code == 401
        with served.client(secret) as admin:
            assert admin.get("/api/keys").status_code == 200


def test_more_turns_of_a_visitor_have_to_wait(shop: Served) -> None:
    bounds = shop.settings.service.bounds
    with visiting(shop) as visitor:
        picture = {"images": ("a.png", png(), "image/png")}
        session = visitor.post("/api/sessions", json={}).json()["session_id"]
        codes = [
            visitor.post(f"/api/sessions/{session}/messages", files=picture, headers={"Accept": "application/json"})
            .status_code
            for _ in range(bounds.visitor_messages + 1)
        ]  # fmt: skip
        assert codes == [200] * bounds.visitor_messages + [429]
        assert visitor.get("/api/sessions").status_code == 200  # reading goes on
