"""The id that ties together what belongs to one request: its answer, its log lines, its model calls."""

from contextvars import ContextVar

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request in work; it reaches every task and tool thread that the request starts."""
REQUEST_ID_HEADER = "X-Request-ID"
