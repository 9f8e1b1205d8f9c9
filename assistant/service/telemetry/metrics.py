"""Measures for Prometheus: what runs, how often, how long, how it ends. No label holds anything of a user's."""

import asyncio
import logging
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from assistant.llm.replicas import OUTCOMES, Replicas
from assistant.llm.usage import CallUsage
from assistant.records import StepFinished, TurnEvent
from assistant.service.telemetry.observers import Observer, RequestEnded, outcome_of
from tools.toolbox import TOOLS

if TYPE_CHECKING:
    from assistant.service.runs.running import Running
    from assistant.service.runs.turns import Turns

router = APIRouter(tags=["service"])

REQUEST_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0)
TURN_BUCKETS = (0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 180.0)
TOOL_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder of workers' measures in their environment; prometheus_client reads it when it is imported."""
STAGES = frozenset({"accepted", "provisional", "ranking", "done"})
disable_created_metrics()  # type: ignore[no-untyped-call]  # a time for each series: twice the text, and nothing reads it


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request) -> Response:
    """Measures in Prometheus' text format."""
    measures: Measures = request.app.state.measures
    return Response(generate_latest(measures.latest()), media_type=CONTENT_TYPE_LATEST)


class Measures(Observer):
    """The measures of one service, in a registry of their own.

    Workers keep theirs in files of one folder (`SHARED_FOLDER` in their environment), and each answers with the sums.
    """

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry(auto_describe=True)
        self._shared = SHARED_FOLDER in os.environ
        for collector in () if self._shared else (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        self._requests = Counter(
            "assistant_http_requests", "Requests that have ended.", ["route", "method", "status"], registry=registry
        )
        self._request_seconds = Histogram(
            "assistant_http_request_seconds", "From a request's head to its answer's end, streams included.",
            ["route", "method"], registry=registry, buckets=REQUEST_BUCKETS,
        )  # fmt: skip
        self._turns = Counter(
            "assistant_turns", "Turns that have ended: answered, degraded, refused, failed or stopped.",
            ["intent", "outcome"], registry=registry,
        )  # fmt: skip
        self._turn_seconds = Histogram(
            "assistant_turn_seconds", "From a turn's begin to its end.",
            ["intent", "outcome"], registry=registry, buckets=TURN_BUCKETS,
        )  # fmt: skip
        self._stage_seconds = Histogram(
            "assistant_turn_stage_seconds", "From a turn's begin to an event of it.",
            ["stage"], registry=registry, buckets=TURN_BUCKETS,
        )  # fmt: skip
        self._tool_seconds = Histogram(
            "assistant_tool_seconds", "Tool calls within turns.",
            ["tool", "ok"], registry=registry, buckets=TOOL_BUCKETS,
        )  # fmt: skip
        self._model_seconds = Histogram(
            "assistant_model_call_seconds", "Calls of the language model.",
            ["purpose", "ok"], registry=registry, buckets=TURN_BUCKETS,
        )  # fmt: skip
        self._tokens = Counter(
            "assistant_model_tokens", "Tokens of the language model; cached ones are among the prompt's.",
            ["kind"], registry=registry,
        )  # fmt: skip
        self._running = _gauge("assistant_turns_running", "Turns in work.", registry)
        self._streams = _gauge("assistant_turn_streams", "Listeners of turns in work.", registry)
        self._tasks = _gauge("assistant_tasks", "Tasks of the event loop.", registry)
        self._followed: Turns | None = None
        self._of_replicas: _OfReplicas | None = None
        self._log_records = Counter("assistant_log_records", "Log lines from warning on.", ["level"], registry=registry)
        for level in ("warning", "error"):
            self._log_records.labels(level)  # a rate needs the zero before the first one
        self._handler = _Counting(self._log_records)

    def follow(self, turns: "Turns", replicas: Replicas) -> None:
        """Measure what runs, and the language model's servers."""
        self._followed = turns
        self._of_replicas = _OfReplicas(replicas)
        self.registry.register(self._of_replicas)
        logging.getLogger().addHandler(self._handler)

    def close(self) -> None:
        """Count no more log lines."""
        logging.getLogger().removeHandler(self._handler)

    def latest(self) -> CollectorRegistry:
        """The measures as they are now, those of all workers together."""
        self._look()
        if not self._shared:
            return self.registry
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        if self._of_replicas:
            together.register(self._of_replicas)  # as this worker knows them
        return together

    def _look(self) -> None:
        """Note what runs; other workers cannot ask for it."""
        if self._followed is not None:
            self._running.set(self._followed.active)
            self._streams.set(self._followed.streams)
            self._tasks.set(len(asyncio.all_tasks()))

    def turn_started(self, turn: "Running") -> None:
        """Note that it runs."""
        self._look()

    def request_ended(self, served: RequestEnded) -> None:
        """Count and time a request."""
        self._look()
        self._requests.labels(served.route, served.method, served.status).inc()
        self._request_seconds.labels(served.route, served.method).observe(served.seconds)

    def turn_event(self, turn: "Running", event: TurnEvent) -> None:
        """Time a turn's stages, each when it is first reached, and its tools."""
        if event.type in STAGES and all(event.type != earlier.name for earlier in turn.events):
            self._stage_seconds.labels(event.type).observe(turn.seconds)
        elif isinstance(event, StepFinished) and any(tool.name == event.step for tool in TOOLS):
            self._tool_seconds.labels(event.step, _yes_no(event.ok)).observe(event.seconds)

    def turn_ended(self, turn: "Running") -> None:
        """Count and time a turn."""
        self._look()
        labels = turn.reply.intent if turn.reply else "unknown", outcome_of(turn)
        self._turns.labels(*labels).inc()
        self._turn_seconds.labels(*labels).observe(turn.seconds)

    def model_called(self, usage: CallUsage) -> None:
        """Count and time a model call."""
        self._model_seconds.labels(usage.purpose, _yes_no(usage.ok)).observe(usage.seconds)
        self._tokens.labels("prompt").inc(usage.prompt_tokens)
        self._tokens.labels("completion").inc(usage.completion_tokens)
        self._tokens.labels("cached").inc(usage.cached_tokens)


def _gauge(name: str, documentation: str, registry: CollectorRegistry) -> Gauge:
    return Gauge(name, documentation, registry=registry, multiprocess_mode="livesum")


class _OfReplicas(Collector):
    """The language model's servers, as they are known at the moment."""

    def __init__(self, replicas: Replicas) -> None:
        self._replicas = replicas

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """All their measures, also of servers that were never asked."""
        requests = CounterMetricFamily(
            "assistant_model_replica_requests", "Requests to a server of the language model that have ended.",
            labels=["replica", "outcome"],
        )  # fmt: skip
        running = GaugeMetricFamily(
            "assistant_model_replica_running", "Requests that wait for a server of the language model.",
            labels=["replica"],
        )  # fmt: skip
        usable = GaugeMetricFamily(
            "assistant_model_replica_usable", "1 while a server of the language model is asked, 0 while left alone.",
            labels=["replica"],
        )  # fmt: skip
        for replica in self._replicas.all:
            for outcome in OUTCOMES:
                requests.add_metric([replica.name, outcome], replica.outcomes[outcome])
            running.add_metric([replica.name], replica.running)
            usable.add_metric([replica.name], not self._replicas.rests(replica))
        yield from (requests, running, usable)


class _Counting(logging.Handler):
    """Counts records instead of writing them."""

    def __init__(self, counter: Counter) -> None:
        super().__init__(logging.WARNING)
        self._counter = counter

    def emit(self, record: logging.LogRecord) -> None:
        """Count one."""
        self._counter.labels("error" if record.levelno >= logging.ERROR else "warning").inc()


def _yes_no(value: bool) -> str:
    return "yes" if value else "no"
