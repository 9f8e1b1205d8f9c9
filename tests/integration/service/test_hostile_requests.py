"""Generated requests to every door of a service as a process: none ends in a 5xx that it should not, or in silence."""

from collections.abc import Iterator

import httpx
import pytest
from hypothesis import HealthCheck, given, settings

from tests.integration.service.test_leaves_nothing import serving
from tests.integration.service.test_serving import Server
from tests.strategies.http_bodies import Sent, requests

__all__ = ["serving"]

MISSING = "assistant models pull"
"""What a 503 says here: no model is in this home."""


@pytest.fixture(scope="module")
def session(serving: Server) -> Iterator[str]:
    """A session that is there."""
    yield serving.session()


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@given(sent=requests())
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_nothing_that_is_sent_breaks_the_service(serving: Server, session: str, sent: Sent) -> None:
    answer = answered(serving, session, sent)
    if answer is None:
        return
    assert answer.status_code < 500 or (answer.status_code == 503 and MISSING in answer.text), answer.text
    assert "Traceback" not in answer.text
    assert "Infinity" not in answer.text or b"Infinity" in sent.body
    if answer.status_code >= 400 and answer.headers.get("content-type") == "application/problem+json":
        assert answer.json()["status"] == answer.status_code


def answered(server: Server, session: str, sent: Sent) -> httpx.Response | None:
    """The whole answer; None where no HTTP client can send such a request."""
    path = sent.path.replace("{session}", session)
    headers = {name: value.encode("latin-1", "replace") for name, value in sent.headers.items()}
    try:
        return server.client.request(sent.method, path, content=sent.body, headers=headers)  # type: ignore[arg-type]
    except httpx.LocalProtocolError:
        return None


def test_the_service_is_well_afterwards(serving: Server, session: str) -> None:
    assert serving.client.get("/healthz").status_code == 200
    assert serving.client.get(f"/api/sessions/{session}/export").status_code == 200
    assert serving.client.get("/api/me/export").status_code == 200
    assert [line for line in serving.log() if line["level"] == "ERROR"] == []
