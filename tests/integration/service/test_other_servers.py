"""Turns over several servers of the language model and a text encoder by URL, which are killed and come back."""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from assistant.service import readiness
from assistant.service.readiness import Dependency
from assistant.settings import Settings, load_settings
from prompts import say as say_sentence
from tests.chroma_server import ChromaServer
from tests.chroma_server import chroma_server as chroma_server
from tests.fakes import catalogues
from tests.fakes.embedding_server import FakeEmbeddingServer
from tests.fakes.encoders import HashPictures
from tests.fakes.openai_server import EVERY_STEP, FakeOpenAIServer
from tests.integration.bad_input.conftest import obliging
from tests.integration.service.catalogue_shop import CatalogueShop, Client
from tools.engines.text_http import EmbeddingServer, ServedTextEncoder
from tools.errors import StoreError
from tools.store import chroma_server as chroma_module
from tools.store import reading


@dataclass
class OtherServers(CatalogueShop):
    """A shop whose models are elsewhere."""

    llms: list[FakeOpenAIServer] = field(default_factory=list)
    embeddings: FakeEmbeddingServer = field(default_factory=FakeEmbeddingServer)
    chroma_url: str | None = None

    def settings(self, **service: object) -> Settings:
        llm = {"profile": "remote", "base_urls": [one.base_url for one in self.llms], "model": self.llms[0].model}
        text = {"base_url": self.embeddings.base_url, "model": self.embeddings.model}
        return load_settings(
            data=self.data,
            llm={**llm, "probe": False},
            text=text,
            service=service,
            turn=EVERY_STEP,
            chroma_url=self.chroma_url,
        )


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[OtherServers]:
    with contextlib.ExitStack() as stack:
        llms = [stack.enter_context(FakeOpenAIServer(obliging)) for _ in range(3)]
        embeddings = stack.enter_context(FakeEmbeddingServer("tei"))
        server = EmbeddingServer(embeddings.base_url, embeddings.model, call_seconds=2)
        pictures = HashPictures(own_text_space=True)
        shop = OtherServers(
            tmp_path, text=ServedTextEncoder(server), pictures=pictures, llms=llms, embeddings=embeddings
        )  # type: ignore[arg-type]
        shop.fill(catalogues.lines(40))
        yield shop


def say(client: Client, session: str, text: str) -> Any:  # noqa: ANN401
    answer = client.http.post(
        f"/api/sessions/{session}/messages", json={"text": text}, headers={"Accept": "application/json"}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def begun(client: Client) -> str:
    return str(client.post("/api/sessions", {}, 201)["session_id"])


def asked(shop: OtherServers) -> list[int]:
    """How many calls each server had, without those of the warm-up."""
    return [sum(body.get("max_completion_tokens") != 1 for body in one.requests) for one in shop.llms]


def measured(client: Client) -> dict[tuple[str, ...], float]:
    """The samples of the replicas by name and labels."""
    families = text_string_to_metric_families(client.http.get("/metrics").text)
    samples = [sample for family in families for sample in family.samples if "replica" in sample.labels]
    return {(s.name, s.labels["replica"], s.labels.get("outcome", "")): s.value for s in samples}


def test_a_session_stays_with_its_server_and_goes_on_when_that_is_killed(shop: OtherServers) -> None:
    with shop.serving() as client:
        session = begun(client)
        first = say(client, session, "a red lamp")
        assert first["recommendations"]
        assert "lamp" in json.dumps(first["recommendations"])
        assert any("dense" in json.dumps(one) for one in first["recommendations"])
        (mine,) = [number for number, count in enumerate(asked(shop)) if count]
        say(client, session, "a blue sofa")
        assert [bool(count) for count in asked(shop)] == [number == mine for number in range(3)]
        parts = client.http.get("/readyz").json()["parts"]
        assert [parts[name] for name in ("llm", "llm 1", "llm 2", "llm 3", "vectors", "text")] == ["ok"] * 6

        shop.llms[mine].stop()
        reply = say(client, session, "a black chair")
        assert reply["recommendations"]
        assert not [note for note in reply["degraded"] if "language model" in note]
        found = measured(client)
        name = shop.llms[mine].base_url.removeprefix("http://").removesuffix("/v1")
        assert found["assistant_model_replica_requests_total", name, "unreachable"] >= 1
        assert found["assistant_model_replica_usable", name, ""] == 0
        assert sum(found["assistant_model_replica_running", one.base_url[7:-3], ""] for one in shop.llms) == 0
        answered = [value for key, value in found.items() if key[0].endswith("requests_total") and key[2] == "answered"]
        assert sum(value > 0 for value in answered) >= 2


def test_readiness_names_each_server_and_no_address(shop: OtherServers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "FRESH_SECONDS", 0.0)
    with shop.serving() as client:
        shop.llms[1].stop()
        answer = client.http.get("/readyz")
        parts = answer.json()["parts"]
        assert (parts["llm"], parts["llm 1"], parts["llm 3"]) == ("ok", "ok", "ok")
        assert "does not answer as wanted; check ASSISTANT_LLM__BASE_URLS" in parts["llm 2"]
        for one in shop.llms:
            one.stop()
        shop.embeddings.stop()
        answer = client.http.get("/readyz")
        assert "The language model does not answer" in answer.json()["parts"]["llm"]
        assert "embedding server does not answer" in answer.json()["parts"]["text"]
        assert "127.0.0.1" not in answer.text


def test_a_dependency_that_registers_itself_counts(shop: OtherServers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "FRESH_SECONDS", 0.0)

    def gone() -> str:
        raise StoreError("PostgreSQL does not answer; check database_url.")

    with shop.serving() as client:
        looks = client.http.app.state.readiness  # type: ignore[attr-defined] # FastAPI's
        looks.register(Dependency("redis", gone))
        while "being loaded" in client.http.get("/readyz").text:
            pass
        assert client.http.get("/readyz").status_code == 200
        looks.register(Dependency("postgresql", gone, is_needed=True))
        answer = client.http.get("/readyz")
        assert (answer.status_code, answer.json()["parts"]["postgresql"]) == (
            503,
            "PostgreSQL does not answer; check database_url.",
        )


def test_a_chroma_server_that_stops_costs_the_meaning_of_words_until_it_is_back(
    shop: OtherServers, chroma_server: ChromaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(chroma_module, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(reading, "FEW", 5)
    shop.chroma_url = chroma_server.url
    only_words = say_sentence("words_only", "en")
    with shop.serving() as client:
        session = begun(client)
        assert only_words not in say(client, session, "a red lamp")["degraded"]
        while "being loaded" in client.http.get("/readyz").text:
            time.sleep(0.05)
        chroma_server.stop()
        reply = say(client, session, "a blue sofa")
        assert "sofa" in json.dumps(reply["recommendations"])
        assert only_words in reply["degraded"]
        answer = client.http.get("/readyz")
        wrong = "The Chroma server does not answer; check chroma_url and that server."
        assert (answer.status_code, answer.json()["parts"]["vectors"]) == (200, wrong)
        chroma_server.start()
        reply = say(client, session, "a black chair")
        assert (only_words in reply["degraded"], bool(reply["recommendations"])) == (False, True)
        assert client.http.get("/readyz").json()["parts"]["vectors"] == "ok"


def test_without_the_embedding_server_a_turn_says_so_and_the_next_one_is_whole(shop: OtherServers) -> None:
    with shop.serving() as client:
        session = begun(client)
        port = shop.embeddings.port
        shop.embeddings.stop()
        reply = say(client, session, "a red lamp")
        assert "lamp" in json.dumps(reply["recommendations"])
        assert any("meaning" in note for note in reply["degraded"]), reply["degraded"]
        assert "127.0.0.1" not in json.dumps(reply)
        with FakeEmbeddingServer("tei", port=port):
            assert say(client, session, "a red lamp")["recommendations"]
