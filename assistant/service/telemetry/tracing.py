"""Traces for OpenTelemetry: a span for each request, turn, tool call and model call.

They are sent where ``OTEL_EXPORTER_OTLP_ENDPOINT`` leads; without it nothing of OpenTelemetry is imported.
"""

import os
import time
from typing import TYPE_CHECKING, Any

from assistant.correlation import REQUEST_ID
from assistant.llm.usage import CallUsage
from assistant.records import StepFinished, TurnEvent
from assistant.service.telemetry.observers import Observer, outcome_of

if TYPE_CHECKING:
    from contextvars import Token

    from fastapi import FastAPI
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span

    from assistant.service.runs.running import Running

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
SERVICE = "recommendation-assistant"
QUIET = "healthz,readyz,metrics"
"""Addresses without traces: programs ask for them every few seconds."""
_WITH_QUERY = ("http.url", "http.target", "url.full", "url.query")


def from_environment() -> "Traces | None":
    """What sends traces, where an endpoint is configured."""
    if not any(os.environ.get(name) for name in ENDPOINTS):
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return Traces(OTLPSpanExporter())


class Traces(Observer):
    """Makes the spans; the exporter's own thread sends them."""

    def __init__(self, exporter: "SpanExporter") -> None:
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        service_name = os.environ.get("OTEL_SERVICE_NAME") or SERVICE
        self._provider = TracerProvider(resource=Resource.create({SERVICE_NAME: service_name}), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("assistant")
        self._turns: dict[Running, tuple[Span, Token[Context]]] = {}

    def instrument(self, app: "FastAPI") -> None:
        """Have every request of the app make a span; a query is what a user wrote and is left out of it."""
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

        FastAPIInstrumentor.instrument_app(
            app,
            server_request_hook=_without_query,
            tracer_provider=self._provider,
            excluded_urls=QUIET,
            exclude_spans=["receive", "send"],
        )

    def close(self) -> None:
        """Send what is left; blocks for some seconds where the endpoint does not answer."""
        self._provider.shutdown()

    def answer_begun(self, request_id: str, user: str) -> None:
        """Name the request in its span, which ends with the answer's last part."""
        from opentelemetry import trace

        trace.get_current_span().set_attributes({"request.id": request_id, "enduser.id": user})

    def turn_started(self, turn: "Running") -> None:
        """Open the turn's span, within which its calls will lie."""
        from opentelemetry import context, trace

        span = self._tracer.start_span("turn", attributes={"session.id": turn.session_id, **_request()})
        self._turns[turn] = span, context.attach(trace.set_span_in_context(span))

    def turn_event(self, turn: "Running", event: TurnEvent) -> None:
        """Make a span of a tool call, and a mark in the turn's span of anything else."""
        if turn not in self._turns:
            return
        if isinstance(event, StepFinished) and event.seconds:
            self._span(f"tool {event.step}", event.seconds, {"ok": event.ok})
        else:
            self._turns[turn][0].add_event(event.type)

    def turn_ended(self, turn: "Running") -> None:
        """Close the turn's span."""
        from opentelemetry import context

        if turn in self._turns:
            span, token = self._turns.pop(turn)
            span.set_attribute("outcome", outcome_of(turn))
            if turn.reply:
                span.set_attribute("intent", turn.reply.intent)
            span.end()
            context.detach(token)

    def model_called(self, usage: CallUsage) -> None:
        """Make a span of a model call."""
        tokens = {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens}
        self._span(f"model {usage.purpose}", usage.seconds, {"ok": usage.ok, **tokens})

    def _span(self, name: str, seconds: float, attributes: dict[str, Any]) -> None:
        """A span that ends now."""
        end = time.time_ns()
        span = self._tracer.start_span(name, start_time=end - int(seconds * 1e9), attributes=attributes | _request())
        span.end(end)


def _request() -> dict[str, str]:
    return {"request.id": REQUEST_ID.get() or ""}


def _without_query(span: "Span", scope: dict[str, Any]) -> None:
    attributes = getattr(span, "attributes", None) or {}
    for name in _WITH_QUERY:
        if name in attributes:
            plain = "" if name == "url.query" else str(attributes[name]).partition("?")[0]
            span.set_attribute(name, plain)
