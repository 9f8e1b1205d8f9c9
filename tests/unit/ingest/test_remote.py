"""Where pictures may be fetched from when people send the lines."""

import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from assistant.ingest.remote import Fetcher, PublicOnly, public_address
from tools.media import MediaLimits


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "::1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "0.0.0.0",
        "::ffff:127.0.0.1", "fe80::1%lo", "fc00::1", "100.64.0.1", "224.0.0.1", "2130706433", "0x7f.1", "",
    ],
)  # fmt: skip
def test_private_addresses_are_refused_however_they_are_written(host: str) -> None:
    with pytest.raises(httpx.ConnectError):
        public_address(host, 443)


def names(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Every name has these addresses."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)


def test_a_name_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, "8.8.8.8", "10.0.0.1")
    with pytest.raises(httpx.ConnectError, match="public internet"):
        public_address("shop.example", 443)


def test_the_address_that_was_checked_is_the_one_that_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[httpx.Request] = []

    def answer(_: Any, request: httpx.Request) -> httpx.Response:  # noqa: ANN401
        asked.append(request)
        if request.url.path == "/old":
            return httpx.Response(302, headers={"Location": "/new"})
        if request.url.path == "/new":
            return httpx.Response(302, headers={"Location": "http://shop.example/plain"})
        raise AssertionError(request.url)

    names(monkeypatch, "8.8.8.8")
    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", answer)
    with (
        httpx.Client(transport=PublicOnly(), follow_redirects=True) as client,
        pytest.raises(httpx.UnsupportedProtocol),
    ):
        client.get("https://shop.example/old")
    assert [str(request.url) for request in asked] == ["https://8.8.8.8/old", "https://8.8.8.8/new"]
    assert {request.headers["host"] for request in asked} == {"shop.example"}
    assert {request.extensions["sni_hostname"] for request in asked} == {"shop.example"}


def test_nothing_is_asked_of_this_machine(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.5)
        port = server.getsockname()[1]
        urls = [f"https://127.0.0.1:{port}/a", f"http://127.0.0.1:{port}/b", f"https://localhost:{port}/c"]
        fetch = Fetcher(tmp_path, MediaLimits())
        fetch(dict.fromkeys(urls, "video"))
        assert set(fetch.refused) == set(urls)
        with pytest.raises(TimeoutError):
            server.accept()
    assert list(tmp_path.iterdir()) == []


def test_once_stopped_nothing_more_is_fetched(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.5)
        Fetcher(tmp_path, MediaLimits(), public_only=False, stopped=lambda: True)(
            {f"http://127.0.0.1:{server.getsockname()[1]}/a": "picture"}
        )
        with pytest.raises(TimeoutError):
            server.accept()
