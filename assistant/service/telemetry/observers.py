"""Those who watch the service at work: measures, log lines, traces. They look on and change nothing."""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assistant.llm.usage import CallUsage
from assistant.records import TurnEvent
from assistant.service.context import CLIENT_GONE

if TYPE_CHECKING:
    from assistant.service.runs.running import Running

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RequestEnded:
    """One request that has ended. Nothing in it is the client's own text: the route is a template."""

    method: str
    route: str
    status: int
    seconds: float
    size: int
    """Bytes of the answer's body."""
    user: str
    request_id: str


class Observer:
    """Is told of what happens, in the event loop and within the request's context; must be quick."""

    def answer_begun(self, request_id: str, user: str) -> None:
        """A request's answer goes out."""

    def request_ended(self, served: RequestEnded) -> None:
        """A request was answered, or its client went away."""

    def turn_started(self, turn: "Running") -> None:
        """A turn begins; what is set in the context here holds for the whole turn."""

    def turn_event(self, turn: "Running", event: TurnEvent) -> None:
        """A turn tells something."""

    def turn_ended(self, turn: "Running") -> None:
        """A turn has ended: with a reply or a problem."""

    def model_called(self, usage: CallUsage) -> None:
        """A call of the language model has ended."""


class Observers(Observer):
    """Tells several; one that fails is logged and harms neither the others nor the request."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def answer_begun(self, request_id: str, user: str) -> None:
        """Tell all."""
        self._tell("answer_begun", request_id, user)

    def request_ended(self, served: RequestEnded) -> None:
        """Tell all."""
        self._tell("request_ended", served)

    def turn_started(self, turn: "Running") -> None:
        """Tell all."""
        self._tell("turn_started", turn)

    def turn_event(self, turn: "Running", event: TurnEvent) -> None:
        """Tell all."""
        self._tell("turn_event", turn, event)

    def turn_ended(self, turn: "Running") -> None:
        """Tell all."""
        self._tell("turn_ended", turn)

    def model_called(self, usage: CallUsage) -> None:
        """Tell all."""
        self._tell("model_called", usage)

    def _tell(self, method: str, *about: Any) -> None:  # noqa: ANN401 - as the method takes them
        for observer in self._observers:
            try:
                getattr(observer, method)(*about)
            except Exception:  # a failing observer must not stop a turn
                logger.exception("%s failed at %s", type(observer).__name__, method)


def outcome_of(turn: "Running") -> str:
    """How a turn ended, in a word."""
    if turn.reply is not None:
        return "degraded" if turn.reply.degraded else "answered"
    status = turn.problem.status if turn.problem else CLIENT_GONE
    if status == CLIENT_GONE:
        return "stopped"
    return "refused" if status < 500 else "failed"
