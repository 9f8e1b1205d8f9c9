"""What the service tells those who run it: measures, log lines, traces; and what it never tells."""

import asyncio
import contextlib
import gzip
import io
import json
import logging
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client.parser import text_string_to_metric_families

from assistant.agent.graph import build_graph
from assistant.service.keys import KeyStore
from assistant.service.telemetry import logs
from assistant.service.telemetry.observers import Observer, Observers, RequestEnded
from assistant.sessions import SessionLog
from assistant.settings import ServiceSettings, load_settings
from tests.fakes.openai_server import FakeOpenAIServer
from tests.integration.service.conftest import Running, Serve, problem
from tools.calibration import Calibration
from tools.toolbox import Engines

SECRET = "zebra-coloured umbrella"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the service writes to its log, as JSON lines; the process's own logging is put back afterwards."""
    root, out = logging.getLogger(), io.StringIO()
    handlers, levels = root.handlers[:], {name: logging.getLogger(name).level for name in ("", *logs.PACKAGES)}
    logs.set_up(ServiceSettings(log_format="json"), out)
    yield out
    root.handlers[:] = handlers
    logging.captureWarnings(capture=False)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def records(lines: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def measured(service: Running) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample of /metrics by name and labels."""
    text = service.client.get("/metrics").text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.models
def test_a_turn_is_measured_by_intent_stage_tool_and_model_call(service: Running, model: FakeOpenAIServer) -> None:
    session = service.session()
    assert service.say(session, "a desk lamp").status_code == 200
    found = measured(service)
    turn = (("intent", "recommend"), ("outcome", "answered"))
    assert found["assistant_turns_total", turn] == 1
    assert found["assistant_turn_seconds_count", turn] == 1
    assert found["assistant_turn_stage_seconds_count", (("stage", "ranking"),)] == 1
    assert found["assistant_tool_seconds_count", (("ok", "yes"), ("tool", "search_by_text"))] >= 1
    assert found["assistant_model_call_seconds_count", (("ok", "yes"), ("purpose", "plan"))] == 1
    assert found["assistant_model_tokens_total", (("kind", "prompt"),)] == 20 * len(model.requests)
    sent = (("method", "POST"), ("route", "/api/sessions/{session_id}/messages"), ("status", "200"))
    assert found["assistant_http_requests_total", sent] == 1
    assert found["assistant_turns_running", ()] == found["assistant_turn_streams", ()] == 0
    assert found["process_open_fds", ()] > 0


@pytest.mark.models
def test_a_failed_and_a_stopped_turn_are_told_apart(service: Running, model: FakeOpenAIServer) -> None:
    assert service.say(service.session(), "").status_code == 400
    assert ("assistant_turns_total", (("intent", "unknown"), ("outcome", "refused"))) in measured(service)


@pytest.mark.models
def test_no_text_of_a_user_becomes_a_label_or_a_log_line(service: Running, lines: io.StringIO) -> None:
    session = service.session(headers={"Authorization": "Basic c2VjcmV0"})
    service.say(session, SECRET)
    service.client.get(f"/api/sessions/{session}", params={"query": SECRET})
    service.client.get(f"/nowhere/{SECRET}")
    service.client.request("PROPFIND", f"/api/sessions/{session}")
    told = service.client.get("/metrics").text
    for part in (*SECRET.split(), session):
        assert part not in told
    assert 'route="none",status="404"' in told
    assert 'method="other"' in told
    written = lines.getvalue()
    assert "umbrella" not in written
    assert "c2VjcmV0" not in written


@pytest.mark.models
def test_every_request_has_one_line_with_its_id(service: Running, lines: io.StringIO) -> None:
    session = service.session(headers={"X-Request-ID": "mine-1"})
    service.say(session, "a desk lamp", headers={"X-Request-ID": "mine-2"})
    created, *_, answered = [line for line in records(lines) if line["logger"] == "assistant.access"]
    assert created["request_id"] == "mine-1"
    assert (created["method"], created["route"], created["status"]) == ("POST", "/api/sessions", 201)
    assert (created["user"], created["level"]) == ("local", "INFO")
    assert isinstance(created["bytes"], int)
    assert created["bytes"] > 10
    assert answered["request_id"] == "mine-2"
    (turn,) = [line for line in records(lines) if line["logger"] == "assistant.turns"]
    assert (turn["request_id"], turn["outcome"], turn["session"]) == ("mine-2", "answered", session)


@pytest.mark.models
def test_the_request_s_id_reaches_the_model_s_server(service: Running, model: FakeOpenAIServer) -> None:
    service.say(service.session(), "a desk lamp", headers={"X-Request-ID": "mine-3"})
    of_turn = [h.get("x-request-id") for h, body in zip(model.headers, model.requests, strict=True)
               if body.get("max_completion_tokens") != 1]  # fmt: skip
    assert len(of_turn) >= 2
    assert set(of_turn) == {"mine-3"}


@pytest.mark.models
def test_an_error_in_a_tool_s_thread_is_logged_under_the_request_s_id(
    lines: io.StringIO, service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(Calibration, "z", broken)
    reply = service.say(service.session(), "a desk lamp", headers={"X-Request-ID": "mine-4"})
    assert reply.status_code == 200
    assert "a mistake of ours" not in reply.text
    errors = [line for line in records(lines) if line["level"] == "ERROR"]
    assert errors
    assert {line["request_id"] for line in errors} == {"mine-4"}
    assert all("a mistake of ours" in str(line["traceback"]) for line in errors)
    assert measured(service)["assistant_log_records_total", (("level", "error"),)] == len(errors)


@pytest.mark.models
def test_an_unexpected_error_is_logged_once_and_answered_without_its_inside(
    lines: io.StringIO, service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(SessionLog, "of_owner", broken)
    answer = service.client.get("/api/sessions")
    assert "mistake" not in problem(answer, 500)
    assert answer.headers["content-security-policy"]
    (error,) = [line for line in records(lines) if line["level"] == "ERROR"]
    assert "a mistake of ours" in str(error["traceback"])
    assert error["request_id"] == answer.headers["x-request-id"]


def test_text_for_a_terminal_holds_nothing_that_it_would_obey() -> None:
    form = logs.formatter(ServiceSettings(log_format="text"), terminal=False)
    made = logging.LogRecord("assistant.x", logging.INFO, "", 1, "title \x1b[31m%s", ("red\x07",), None)
    made.request_id = "mine-5"
    assert re.search(r"INFO assistant\.x: title \ufffd\[31mred\ufffd \[mine-5\]$", form.format(made))


def test_the_form_of_lines_follows_the_terminal_unless_it_is_set() -> None:
    def is_json(form: str, *, terminal: bool) -> bool:
        made = logging.LogRecord("x", logging.INFO, "", 1, "hello", (), None)
        setting = ServiceSettings.model_validate({"log_format": form})
        return logs.formatter(setting, terminal=terminal).format(made).startswith("{")

    assert [is_json(form, terminal=True) for form in ("auto", "json", "text")] == [False, True, False]
    assert [is_json(form, terminal=False) for form in ("auto", "json", "text")] == [True, True, False]


def test_a_watcher_that_fails_is_logged_and_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    told: list[RequestEnded] = []

    class Broken(Observer):
        def request_ended(self, served: RequestEnded) -> None:
            raise RuntimeError("broken")

    class Good(Observer):
        def request_ended(self, served: RequestEnded) -> None:
            told.append(served)

    Observers(Broken(), Good()).request_ended(SERVED)
    assert told == [SERVED]
    assert "Broken failed at request_ended" in caplog.text


SERVED = RequestEnded("GET", "/api/info", 200, 0.001, 10, "local", "mine")


class Collector:
    """A stand-in for an OpenTelemetry collector: takes OTLP over HTTP and keeps the spans."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Quiet."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                assert self.path == "/v1/traces"
                collector.take(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

        self.server = HTTPServer(("127.0.0.1", 0), Handler)

    def take(self, request: ExportTraceServiceRequest) -> None:
        for resource in request.resource_spans:
            named = {a.key: a.value.string_value for a in resource.resource.attributes}
            self.services.add(named["service.name"])
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]

    @contextlib.contextmanager
    def running(self) -> Iterator[str]:
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{self.server.server_address[1]}"
        self.server.shutdown()
        self.server.server_close()


def attributes(span: Span) -> dict[str, str]:
    return {a.key: a.value.string_value for a in span.attributes}


@pytest.mark.models
def test_traces_of_requests_turns_tools_and_model_calls(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    collector = Collector()
    with collector.running() as url:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        with serve() as service:
            service.say(service.session(), "a chair", headers={"X-Request-ID": "mine-6"})
            service.client.get("/api/sessions", params={"before": "1", "query": SECRET})
            service.client.get("/healthz")
    spans = {span.name: span for span in collector.spans}
    (turn,) = [span for span in collector.spans if span.name == "turn"]
    request = next(span for span in collector.spans if span.span_id == turn.parent_span_id)
    assert "/api/sessions/{session_id}/messages" in request.name
    assert attributes(request)["request.id"] == attributes(turn)["request.id"] == "mine-6"
    assert (attributes(turn)["outcome"], attributes(turn)["intent"]) == ("answered", "recommend")
    for name in ("tool search_by_text", "model plan", "model rank"):
        assert spans[name].trace_id == turn.trace_id, name
        assert spans[name].parent_span_id == turn.span_id, name
        assert attributes(spans[name])["request.id"] == "mine-6"
        assert turn.start_time_unix_nano <= spans[name].end_time_unix_nano <= turn.end_time_unix_nano
    assert "umbrella" not in str(collector.spans)
    assert not any("healthz" in span.name for span in collector.spans)
    assert collector.services == {"recommendation-assistant"}


def test_without_an_endpoint_nothing_that_traces_is_imported() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from assistant.service.app import create_app; from assistant.settings import load_settings; "
        "create_app(load_settings()); "
        "print([n for n in sys.modules if n.startswith(('opentelemetry.exporter', 'opentelemetry.instrumentation'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def when_warm(service: Running) -> httpx.Response:
    """The answer of /readyz when the warm-up has ended."""
    end = time.monotonic() + 120
    while "being loaded" in (answer := service.client.get("/readyz")).text:
        assert answer.status_code == 503
        assert time.monotonic() < end
        time.sleep(0.1)
    return answer


@pytest.mark.models
def test_it_is_ready_when_nothing_is_being_loaded_any_more(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()
    monkeypatch.setattr(Engines, "load", lambda self, part: go.wait())
    with serve() as service:
        answer = service.client.get("/readyz")
        assert (answer.status_code, answer.json()["ready"]) == (503, False)
        assert "being loaded: text, pictures, speech" in answer.json()["parts"]["warm_up"]
        assert service.client.get("/healthz").status_code == 200
        go.set()
        assert when_warm(service).json()["ready"]


@pytest.mark.models
def test_a_warm_up_that_fails_keeps_nobody_from_being_ready(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(Engines, "load", fail)
    monkeypatch.setattr("assistant.front.build_graph", lambda saver: build_graph(saver) if saver else fail())
    with serve() as service:
        assert when_warm(service).json()["parts"]["warm_up"] == "ok"


@pytest.mark.models
def test_a_rehearsal_leaves_nothing(serve: Serve) -> None:
    with serve() as service:
        when_warm(service)
        assert service.client.get("/api/sessions").json()["sessions"] == []
        files = [path.name for path in service.settings.data_folder.rglob("*") if path.is_file()]
        stores = ("sessions.sqlite", "events", "interactions", "insights.sqlite")
        assert not [name for name in files if not name.startswith(stores)], files
        assert sum(day["turns"] for day in service.client.get("/api/admin/insights").json()["days"]) == 0


@pytest.mark.models
def test_every_part_s_state_is_asked_for_at_most_every_two_seconds(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assistant.llm import server

    asked: list[object] = []
    status = server.status
    monkeypatch.setattr(server, "status", lambda settings: (asked.append(settings), status(settings))[1])
    when_warm(service)
    asked.clear()
    answers = [service.client.get("/readyz") for _ in range(5)]
    assert len(asked) <= 1
    assert answers[0].status_code == 200
    assert answers[0].json() == {"ready": True, "parts": dict.fromkeys(
        ("catalogue", "vectors", "text", "pictures", "speech", "llm", "disk", "warm_up"), "ok")}  # fmt: skip


@pytest.mark.models
def test_a_model_server_that_is_gone_is_named_and_keeps_nobody_from_being_ready(
    service: Running, model: FakeOpenAIServer
) -> None:
    model.stop()
    answer = when_warm(service)
    assert answer.status_code == 200
    assert "does not answer" in answer.json()["parts"]["llm"]
    assert "127.0.0.1" not in answer.text


@pytest.mark.models
def test_without_a_key_strangers_learn_no_measures_and_no_details(serve: Serve, model: FakeOpenAIServer) -> None:
    model.stop()
    with serve(host="0.0.0.0") as service:
        for path in ("/metrics", "/docs", "/openapi.json"):
            problem(service.client.get(path), 401)
        parts = service.client.get("/readyz").json()["parts"]
        assert (parts["llm"], parts["catalogue"]) == ("missing", "ok")
        _, secret = KeyStore(service.settings.keys_place).create("prometheus")
        headers = {"Authorization": f"Bearer {secret}"}
        assert "assistant_turns_running 0.0" in service.client.get("/metrics", headers=headers).text
        assert "does not answer" in service.client.get("/readyz", headers=headers).json()["parts"]["llm"]


@pytest.mark.models
def test_a_full_disk_is_not_ready(service: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.service.readiness.FREE_BYTES", 2**80)
    answer = service.client.get("/readyz")
    assert answer.status_code == 503
    assert "MiB are free" in answer.json()["parts"]["disk"]


async def test_several_who_ask_at_once_wait_for_one_look() -> None:
    from assistant.service.readiness import Readiness, Ready

    class Counting(Readiness):
        looks = 0

        async def _look(self) -> Ready:
            self.looks += 1
            await asyncio.sleep(0.05)
            return Ready(ready=True, parts={"warm_up": "ok"})

    readiness = Counting(SimpleNamespace(settings=load_settings()))  # type: ignore[arg-type] # it is not looked at
    await asyncio.gather(*(readiness.look() for _ in range(20)))
    assert readiness.looks == 1
