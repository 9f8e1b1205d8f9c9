"""Log lines on standard error: JSON for programs, text for people, each with the id of the request it belongs to."""

import logging
import re
import sys
from typing import TYPE_CHECKING, Any, TextIO

from pythonjsonlogger.json import JsonFormatter

from assistant.correlation import REQUEST_ID
from assistant.service.telemetry.observers import Observer, RequestEnded, outcome_of
from assistant.settings import ServiceSettings

if TYPE_CHECKING:
    from assistant.service.runs.running import Running

PACKAGES = ("assistant", "tools")
access = logging.getLogger("assistant.access")
turns = logging.getLogger("assistant.turns")

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def set_up(settings: ServiceSettings, stream: TextIO | None = None) -> None:
    """Send every record of this process to standard error; libraries speak from warnings on.

    Their lower levels hold what users wrote: httpx logs addresses, sse-starlette the events.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(formatter(settings, terminal=handler.stream.isatty()))
    handler.addFilter(_with_request_id)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in PACKAGES:
        logging.getLogger(name).setLevel(settings.log_level.upper())
    logging.captureWarnings(capture=True)


def formatter(settings: ServiceSettings, *, terminal: bool) -> logging.Formatter:
    """The form of a line that the settings ask for."""
    if settings.log_format == "text" or (settings.log_format == "auto" and terminal):
        return _Text("%(asctime)s %(levelname)s %(name)s: %(message)s%(request)s")
    return JsonFormatter(
        ["levelname", "name", "message", "request_id"],
        rename_fields={"levelname": "level", "name": "logger", "exc_info": "traceback"},
        timestamp="time",
        json_ensure_ascii=False,
    )


class AccessLog(Observer):
    """One line for each request and each turn: never a query, a body, a message or a key."""

    def request_ended(self, served: RequestEnded) -> None:
        """Write the line."""
        fields: dict[str, Any] = {
            "method": served.method,
            "route": served.route,
            "status": served.status,
            "seconds": round(served.seconds, 4),
            "bytes": served.size,
            "user": served.user,
            "request_id": served.request_id,
        }
        access.info("%s %s %d, %.3f s", served.method, served.route, served.status, served.seconds, extra=fields)

    def turn_ended(self, turn: "Running") -> None:
        """Write the line."""
        fields: dict[str, Any] = {
            "session": turn.session_id,
            "message_id": turn.message_id,
            "outcome": outcome_of(turn),
            "intent": turn.reply.intent if turn.reply else None,
            "seconds": round(turn.seconds, 4),
        }
        turns.info("turn %s, %.3f s", fields["outcome"], turn.seconds, extra=fields)


class _Text(logging.Formatter):
    """For people: what a terminal would obey is not in it."""

    def format(self, record: logging.LogRecord) -> str:
        name = getattr(record, "request_id", None)
        record.request = f" [{name}]" if name else ""
        return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", super().format(record))


def _with_request_id(record: logging.LogRecord) -> bool:
    if getattr(record, "request_id", None) is None:
        record.request_id = REQUEST_ID.get()
    return True
