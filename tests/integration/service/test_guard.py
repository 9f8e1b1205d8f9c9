"""Who may ask, from where, how often, and how much."""

import time
from collections.abc import Iterator

import pytest

from assistant.service.keys import KeyStore
from eval.fuzzing.serving import service_bounds
from tests.integration.service.conftest import Running, Serve, problem

pytestmark = pytest.mark.models

EVERYWHERE = "0.0.0.0"  # what the guard goes by; the tests' server itself listens on this machine only


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def test_every_answer_has_an_id_and_the_security_headers(service: Running) -> None:
    answer = service.client.get("/healthz", headers={"X-Request-ID": "mine-1"})
    assert answer.headers["x-request-id"] == "mine-1"
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    invented = service.client.get("/healthz", headers={"X-Request-ID": "a b; c"}).headers["x-request-id"]
    assert invented != "a b; c"


def test_other_names_and_other_sites_are_refused(service: Running) -> None:
    problem(service.client.get("/api/info", headers={"Host": "shop.example"}), 421)
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        problem(service.client.post("/api/sessions", json={}, headers=headers), 403)
    assert service.client.post("/api/sessions", json={}, headers={"Origin": service.url}).status_code == 201


def test_without_cors_no_other_site_may_read(serve: Serve) -> None:
    site = {"Origin": "https://shop.example"}
    with serve() as service:
        assert "access-control-allow-origin" not in service.client.get("/api/info", headers=site).headers
    with serve(cors=["https://shop.example"]) as service:
        answer = service.client.post("/api/sessions", json={}, headers=site)
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"


def test_beyond_this_machine_every_request_needs_a_key(serve: Serve) -> None:
    with serve(host=EVERYWHERE) as service:
        _, secret = KeyStore(service.settings.keys_place).create("a shop")
        refused = service.client.get("/api/sessions")
        problem(refused, 401)
        assert refused.headers["www-authenticate"] == "Bearer"
        problem(service.client.get("/api/sessions", headers=bearer("rak_wrong")), 401)
        assert service.client.get("/api/sessions", headers=bearer(secret)).json() == {"sessions": []}
        assert service.client.get("/healthz").status_code == 200
        assert service.client.get("/api/info").json()["user"] is None
        stored = service.settings.keys_place.read_bytes()
        assert secret.encode() not in stored
        assert secret.removeprefix("rak_").encode() not in stored


def test_a_key_ends_when_its_time_is_over_or_it_is_revoked(serve: Serve) -> None:
    with serve(host=EVERYWHERE) as service:
        keys = KeyStore(service.settings.keys_place)
        _, short = keys.create("short", days=1 / 86_400)
        _, long = keys.create("long", days=1)
        assert service.client.get("/api/sessions", headers=bearer(long)).status_code == 200
        keys.revoke("long")
        time.sleep(1)
        for secret in (short, long):
            problem(service.client.get("/api/sessions", headers=bearer(secret)), 401)


@pytest.fixture
def two(serve: Serve) -> Iterator[tuple[Running, dict[str, str], dict[str, str]]]:
    """A service with two keys."""
    with serve(host=EVERYWHERE) as service:
        keys = KeyStore(service.settings.keys_place)
        yield service, bearer(keys.create("ann")[1]), bearer(keys.create("bob")[1])


def test_nobody_sees_what_is_another_s(two: tuple[Running, dict[str, str], dict[str, str]], picture: bytes) -> None:
    service, ann, bob = two
    session = service.session(headers=ann)
    path = f"/api/sessions/{session}"
    files = {"images": ("mine.png", picture, "image/png")}
    wants = {"Accept": "application/json"}
    sent = service.client.post(f"{path}/messages", files=files, data={"message_id": "m"}, headers=ann | wants)
    assert sent.status_code == 200
    assert service.client.get("/api/sessions", headers=bob).json() == {"sessions": []}
    asked = [
        service.client.get(path, headers=bob),
        service.client.patch(path, json={"title": "x"}, headers=bob),
        service.client.delete(path, headers=bob),
        service.client.get(f"{path}/export", headers=bob),
        service.client.get(f"{path}/attachments/img1", headers=bob),
        service.client.get(f"{path}/messages/m/events", headers=bob),
        service.client.delete(f"{path}/messages/m", headers=bob),
        service.client.post(f"{path}/messages", json={"text": "a lamp"}, headers=bob),
        service.client.post(f"{path}/feedback", json={"item_id": "oak", "event": "like"}, headers=bob),
    ]
    assert {problem(answer, 404) for answer in asked} == {f"There is no session {session!r}."}
    assert service.client.get(path, headers=ann).json()["turns"] == 1


def test_the_page_trades_a_key_for_a_cookie_that_scripts_cannot_read(serve: Serve) -> None:
    with serve(host=EVERYWHERE) as service:
        _, secret = KeyStore(service.settings.keys_place).create("ann")
        problem(service.client.post("/api/login", json={"key": "rak_wrong"}), 401)
        answer = service.client.post("/api/login", json={"key": secret})
        assert answer.status_code == 204
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert secret not in cookie
        assert service.client.get("/api/info").json()["user"] == "ann"
        assert service.client.get("/api/sessions").status_code == 200
        token = service.client.cookies["assistant_login"]
        service.client.delete("/api/login")
        problem(service.client.get("/api/sessions", headers={"Cookie": f"assistant_login={token}"}), 401)


def test_requests_are_counted(serve: Serve) -> None:
    with serve(requests_per_minute=3) as service:
        codes = [service.client.get("/api/sessions").status_code for _ in range(4)]
        assert codes == [200, 200, 200, 429]
        answer = service.client.get("/api/sessions")
        assert "3 a minute" in problem(answer, 429)
        assert 0 < int(answer.headers["retry-after"]) <= 60
        assert service.client.get("/healthz").status_code == 200


def test_bodies_are_measured_while_they_are_read(serve: Serve) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(10_000):
            yield b" " * 65_536

    with service_bounds(json_bytes=100_000), serve() as service:
        problem(service.client.post("/api/sessions", content=b" " * 100_001), 413)
        assert service.client.post("/api/sessions", content=b" " * 99_998 + b"{}", headers=JSON).status_code == 201
        problem(service.client.post("/api/sessions", content=endless(), headers=JSON), 413)


JSON = {"Content-Type": "application/json"}


def test_a_file_is_measured_while_it_is_read(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_LIMITS__IMAGE_BYTES", "70000")
    with serve() as service:
        path = f"/api/sessions/{service.session()}/messages"
        large = {"images": ("large.png", b"x" * 70_001, "image/png")}
        assert "large.png" in problem(service.client.post(path, files=large), 413)
        many = [("images", (f"{n}.png", b"x", "image/png")) for n in range(9)]
        assert "Too many files" in problem(service.client.post(path, files=many), 422)
