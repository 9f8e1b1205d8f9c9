"""The text encoder by URL, against servers with the wire formats of vLLM and text-embeddings-inference."""

import json
import math
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from assistant.engines import entailment_in, open_engines
from assistant.errors import ConfigError, ServiceMissing
from assistant.models.needs import needed
from assistant.settings import Settings, load_settings
from tests.fakes.embedding_server import FakeEmbeddingServer
from tools.engines import text_http
from tools.engines.text_http import EmbeddingServer, ServedTextEncoder
from tools.errors import ToolFailure
from tools.stopping import stopped_by

TEXTS = ["a red shoe", "", "   ", "一双红色的跑鞋", "a red shoe", "x" * 5000, "\ud83d lone surrogate", "oak table"]


@pytest.fixture(params=["vllm", "tei"])
def server(request: pytest.FixtureRequest) -> Iterator[FakeEmbeddingServer]:
    with FakeEmbeddingServer(request.param) as running:
        yield running


def encoder_for(server: FakeEmbeddingServer, **fields: Any) -> ServedTextEncoder:  # noqa: ANN401 - any of the server's
    return ServedTextEncoder(EmbeddingServer(server.base_url, server.model, **fields))


def test_texts_become_unit_rows_in_their_order(server: FakeEmbeddingServer) -> None:
    rows = encoder_for(server, batch=3).encode(TEXTS)
    assert (rows.shape, rows.dtype) == ((len(TEXTS), 256), np.float32)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-6)
    assert rows[0] @ rows[4] == pytest.approx(1)
    assert rows[0] @ rows[7] < 0.5
    assert max(len(body["input"]) for body in server.bodies) == 3
    assert encoder_for(server).encode([]).shape == (0, 256)


def test_each_purpose_has_its_prompt_and_requests_carry_key_model_and_further_keys() -> None:
    with FakeEmbeddingServer(key="s3cret") as server:
        prompts: dict[Literal["query", "document", "classification"], str] = {
            "query": "query: ",
            "document": "passage: ",
        }
        more = {"truncate_prompt_tokens": -1}
        encoder = encoder_for(server, api_key="s3cret", prompts=prompts, extra_body=more, dimensions=256)
        encoder.encode(["a shoe"], purpose="query")
        encoder.encode(["a shoe"])
        assert server.texts == ["query: a shoe", "passage: a shoe"]
        assert server.bodies[0] == {
            "model": server.model,
            "input": ["query: a shoe"],
            "encoding_format": "float",
            **more,
        }
        assert "query 'query: '" in encoder.identity.preprocessing


def test_too_many_texts_at_once_and_too_long_ones_are_sent_in_parts(server: FakeEmbeddingServer) -> None:
    server.batch, server.longest = 4, 20
    texts = [f"a chair number {n}" for n in range(9)] + ["an oak table " * 100]
    rows = encoder_for(server).encode(texts)
    assert rows.shape == (10, 256)
    assert rows[-1] @ encoder_for(server).encode(["an oak table"])[0] > 0.9


def test_the_version_is_of_model_and_width_and_not_of_the_address(server: FakeEmbeddingServer) -> None:
    identity = encoder_for(server).identity
    assert (identity.encoder, identity.dimensions) == ("served-model", 256)
    with FakeEmbeddingServer("tei") as other:
        assert encoder_for(other).identity == identity
        assert encoder_for(other, dimensions=128).identity.weights != identity.weights
        renamed = ServedTextEncoder(EmbeddingServer(other.base_url, "another", dimensions=256))
        assert renamed.identity.weights != identity.weights
        asked = len(other.bodies)
        assert renamed.identity.dimensions == 256  # stated, so not asked
        assert len(other.bodies) == asked


def test_a_busy_server_is_asked_again(server: FakeEmbeddingServer) -> None:
    server.answers = iter([(429, b"{}"), (503, b"{}"), None])
    assert encoder_for(server, dimensions=256).encode(["a shoe"]).shape == (1, 256)
    assert len(server.bodies) == 4


def test_a_server_that_is_killed_and_comes_back_loses_no_text() -> None:
    with FakeEmbeddingServer() as first:
        port = first.port
        encoder = encoder_for(first, batch=2, dimensions=256)
        first.delay = 0.05
        done: list[int] = []
        failed: list[str] = []

        def ingest() -> None:
            for start in range(0, 40, 4):
                while True:
                    try:
                        done.append(len(encoder.encode([f"text {n}" for n in range(start, start + 4)])))
                        break
                    except ServiceMissing as exc:
                        failed.append(str(exc))
                        time.sleep(0.05)

        work = threading.Thread(target=ingest)
        work.start()
        time.sleep(0.3)
        first.stop()
        time.sleep(0.3)
        with FakeEmbeddingServer(port=port):
            work.join(20)
            assert not work.is_alive()
    assert sum(done) == 40
    assert all("check text.base_url" in sentence for sentence in failed)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((401, b""), "refused the key; set ASSISTANT_TEXT__API_KEY"),
        ((404, b'{"detail":"Not Found"}'), "no model named served-model"),
        ((429, b"{}"), r"is overloaded \(HTTP 429\)"),
        ((500, b'{"error":{"message":"CUDA\\n out of memory"}}'), "HTTP 500: CUDA out of memory"),
        ((424, b'{"message":"inference failed","type":"Backend","code":424}'), "HTTP 424: inference failed"),
        ((422, b'{"error":"no such key"}'), "HTTP 422: no such key"),
        ((301, b""), "HTTP 301: no reason"),
        ((200, b""), "something that is no list of 1 embeddings"),
        ((200, b"<html>"), "no list"), ((200, b"[]"), "no list"), ((200, b"null"), "no list"),
        ((200, b'{"data": []}'), "no list"),
        ((200, b'{"data": [{"index": 0, "embedding": []}]}'), "no list"),
        ((200, b'{"data": [{"index": 0, "embedding": ["a"]}]}'), "no list"),
        ((200, b'{"data": [{"index": 0, "embedding": "AAAA"}]}'), "no list"),
        ((200, b'{"data": [{"index": 1, "embedding": [1.0]}]}'), "no list"),
        ((200, b'{"data": [{"index": 0, "embedding": [1' + b"0" * 400 + b"]}]}"), "no list"),
        ((200, b'{"data": [{"index": 0, "embedding": [NaN, 1.0]}]}'), "without a direction"),
        ((200, b'{"data": [{"index": 0, "embedding": [0.0, 0.0]}]}'), "without a direction"),
        ((200, b'{"data": [{"index": 0, "embedding": [1.0, 0.0, 0.0]}]}'), "3 dimensions in place of 2"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_sentence_without_the_address(answer: tuple[int, bytes], says: str) -> None:
    with FakeEmbeddingServer() as server:
        server.answers = iter([answer] * 50)
        encoder = encoder_for(server, dimensions=2, call_seconds=0.4)
        with pytest.raises(ServiceMissing, match=says) as caught:
            encoder.encode(["a shoe"])
    assert "\n" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)


def test_nobody_listens_and_nobody_answers_in_time(
    server: FakeEmbeddingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_http, "LOOK_SECONDS", 1.0)
    server.delay = 2
    begun = time.monotonic()
    with pytest.raises(ServiceMissing, match="did not answer within 1 s"):
        encoder_for(server, call_seconds=1).load()
    assert time.monotonic() - begun < 1.8
    begun = time.monotonic()
    with pytest.raises(ServiceMissing, match="did not answer within 1 s"):
        encoder_for(server, dimensions=256).load()
    assert time.monotonic() - begun < 1.8
    server.stop()
    for urls in (server.base_url, "http://no-such-host.invalid/v1", "http://[::1/v1"):
        with pytest.raises(ServiceMissing, match=r"check text\.base_url"):
            ServedTextEncoder(EmbeddingServer(urls, "m", call_seconds=1)).encode(["a"])


def test_it_stops_where_it_is_asked_to(server: FakeEmbeddingServer) -> None:
    stop = threading.Event()
    stop.set()
    with stopped_by(stop), pytest.raises(ToolFailure):
        encoder_for(server, dimensions=256).encode(["a"])
    assert server.bodies == []


def test_it_gives_no_vectors_of_tokens(server: FakeEmbeddingServer) -> None:
    with pytest.raises(ServiceMissing, match="no vectors of tokens"):
        encoder_for(server).token_states("a shoe")


def settings_for(server: FakeEmbeddingServer, home: Path, **text: object) -> Settings:
    return load_settings(home=home, text={"base_url": server.base_url, "model": server.model, **text})


def test_the_settings_make_it_and_the_classifiers_are_left_out(server: FakeEmbeddingServer, tmp_path: Path) -> None:
    settings = settings_for(server, tmp_path, batch=2, query_prompt="query: ", model="embeddinggemma-300m")
    server.model = "embeddinggemma-300m"  # the same name as a model whose classifiers are part of the product
    engines = open_engines(settings)
    assert isinstance(engines.text, ServedTextEncoder)
    engines.text.encode(["one", "two", "three"], purpose="query")
    sent = [body["input"] for body in server.bodies if "query" in body["input"][0]]
    assert sent == [["query: one", "query: two"], ["query: three"]]
    assert entailment_in(engines, settings) is None
    assert "embeddinggemma-300m" not in needed(settings)
    assert "embeddinggemma-300m" in needed(load_settings(home=tmp_path))


@pytest.mark.parametrize(
    "text", [{"base_url": "host:8000"}, {"base_url": "file:///etc/passwd"}, {"batch": 0}, {"dimensions": 10**9}]
)
def test_wrong_settings_are_one_sentence(text: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=f"text.{next(iter(text))}"):
        load_settings(text=text)


def test_a_key_is_no_part_of_what_is_printed() -> None:
    assert "s3cret" not in json.dumps(load_settings(text={"api_key": "s3cret"}).model_dump(mode="json"))
    assert math.isfinite(load_settings().text.call_seconds)
