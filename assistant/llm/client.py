"""The one place that speaks to the language model: OpenAI's wire format through langchain-openai.

Errors of the libraries beneath are translated here; JSON is held to its schema whatever the server claims; tokens and
seconds are counted. langchain-openai takes a second to import and is imported at the first call.
"""

import asyncio
import contextlib
import json
import logging
import math
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn

from langchain_core.messages import AIMessage, BaseMessage

from assistant.correlation import REQUEST_ID, REQUEST_ID_HEADER
from assistant.errors import LLMBadReply, LLMUnavailable, ProductError
from assistant.llm.profiles import Endpoint, endpoint, endpoints, mending_command
from assistant.llm.replicas import CONNECT_SECONDS, Replicas, caused_by, was_reset
from assistant.llm.thoughts import without_thoughts
from assistant.llm.usage import CallUsage, Usage
from assistant.settings import Settings

if TYPE_CHECKING:
    import httpx
    from langchain_openai import ChatOpenAI

__all__ = ["CallUsage", "ChatClient", "ToolAnswer", "ToolCall", "Usage"]

logger = logging.getLogger(__name__)

# vLLM closes idle connections after 5 s; a connection is given up before that, not found dead
_KEEP_IDLE_SECONDS: Final = 3.0
_SENTENCES: Final = re.compile(r"^.*[.!?。!?](?=\s|$|[^\d\s])", re.DOTALL)
_LONGEST_DETAIL: Final = 200
_TOP_LOGPROBS: Final = 20  # the most that vLLM and OpenAI tell


@dataclass(frozen=True)
class ToolCall:
    """A tool call as the model wrote it; ``arguments`` is None where they are no JSON object."""

    id: str
    name: str
    arguments: dict[str, Any] | None


@dataclass(frozen=True)
class ToolAnswer:
    """What the model says where it may call tools."""

    text: str
    calls: list[ToolCall]


class ChatClient:
    """Asks the model for JSON or text, with a deadline for each call and one time budget for all of them.

    Cancelling a call's task hangs up, upon which vLLM stops working on it. ``usage`` counts the calls made through
    this object; ``for_turn`` gives one with fresh counts and a fresh budget over the same connections.
    """

    def __init__(self, settings: Settings, *, shared: "ChatClient | None" = None, session: str = "") -> None:
        """``shared``: another client whose connections are used; ``session``: whose calls stay with one replica."""
        self._settings = settings
        self._session = session
        self._connection: _Connection = shared._connection if shared else _Connection(settings)
        self.usage = Usage()
        self.observers: list[Callable[[CallUsage], None]] = shared.observers if shared else []
        """Told of every call, as it ends, of all clients over these connections."""

    def for_turn(self, session: str = "") -> "ChatClient":
        """A client over the same connections that counts one turn's usage and keeps its time budget."""
        return ChatClient(self._settings, shared=self, session=session)

    @property
    def replicas(self) -> Replicas:
        """The model's servers.

        Raises:
            ConfigError: the settings name none.
        """
        return self._connection.replicas

    async def aclose(self) -> None:
        """Close the connections, also those of the clients that share them."""
        await self._connection.aclose()

    def chat_model(self) -> "ChatOpenAI":
        """The configured langchain model itself, for agents that want one; its errors are langchain's own."""
        return self._connection.model(self.replicas.in_order(self._session)[0].endpoint)

    async def complete_json(
        self,
        messages: Sequence[BaseMessage],
        schema: dict[str, Any],
        *,
        purpose: str,
        max_tokens: int,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """One JSON object that `schema` allows.

        Args:
            purpose: what the call is for; letters, digits, ``_`` and ``-``.
            timeout: seconds, where the settings' ``llm.call_seconds`` is too long.

        Raises:
            LLMUnavailable: the server is not there, fails, or does not answer in time.
            LLMBadReply: the answer is cut off, no JSON, or breaks the schema; or the prompt is too long.
        """
        response_schema = {"name": purpose, "schema": schema, "strict": _fits_strict_mode(schema)}
        form = {"type": "json_schema", "json_schema": response_schema}
        # As a further key of the body: given as itself, the openai package checks the schema type by type, for 7 ms.
        body = self._settings.llm.extra_body | {"response_format": form}
        reply = await self._call(messages, purpose, max_tokens, timeout, extra_body=body)
        if _is_cut(reply):
            raise LLMBadReply(f"The model's {purpose} answer was cut off after {max_tokens} tokens.")
        return _parse(reply.text, schema, purpose)

    async def complete_text(
        self,
        messages: Sequence[BaseMessage],
        *,
        purpose: str,
        max_tokens: int,
        timeout: float | None = None,
        when_cut: Literal["refuse", "whole sentences"] = "refuse",
    ) -> str:
        """Plain text, never empty; see `complete_json` for the other arguments and the errors.

        Args:
            when_cut: what becomes of an answer that `max_tokens` cut off: an error, or its whole sentences.
        """
        reply = await self._call(messages, purpose, max_tokens, timeout)
        text = without_thoughts(reply.text)
        if _is_cut(reply):
            sentences = _SENTENCES.match(text) if when_cut == "whole sentences" else None
            if sentences is None:
                raise LLMBadReply(f"The model's {purpose} answer was cut off after {max_tokens} tokens.")
            text = sentences[0].strip()
        if not text:
            raise LLMBadReply(f"The model's {purpose} answer is empty.")
        return text

    async def call_tools(
        self,
        messages: Sequence[BaseMessage],
        tools: Sequence[dict[str, Any]],
        *,
        purpose: str,
        max_tokens: int,
        timeout: float | None = None,
    ) -> ToolAnswer:
        """Text or tool calls, as the server's own parser of tool calls reads them; see `complete_json` for the rest.

        Args:
            tools: functions in OpenAI's form.

        Raises:
            LLMUnavailable: the server is not there, fails, or does not answer in time.
            LLMBadReply: the server takes no tools, the answer is cut off or empty, or the prompt is too long.
        """
        reply = await self._call(messages, purpose, max_tokens, timeout, tools=tools)
        if _is_cut(reply):
            raise LLMBadReply(f"The model's {purpose} answer was cut off after {max_tokens} tokens.")
        calls = [ToolCall(str(call["id"] or ""), call["name"], dict(call["args"])) for call in reply.tool_calls]
        calls += [ToolCall(str(call["id"] or ""), str(call["name"]), None) for call in reply.invalid_tool_calls]
        text = without_thoughts(reply.text).strip()
        if not calls and not text:
            raise LLMBadReply(f"The model's {purpose} answer is empty.")
        return ToolAnswer(text, calls)

    async def choose(
        self, messages: Sequence[BaseMessage], answers: Sequence[str], *, purpose: str, timeout: float | None = None
    ) -> dict[str, float]:
        """How probable each of some answers of one token is, from one token's log probabilities; together 1.

        See `complete_json` for the other arguments and the errors.
        """
        reply = await self._call(messages, purpose, 1, timeout, logprobs=True, top_logprobs=_TOP_LOGPROBS)
        powers = dict.fromkeys(answers, 0.0)
        for token, logprob in _first_token(reply):
            if token.strip() in powers:
                powers[token.strip()] += math.exp(logprob)
        total = sum(powers.values())
        if not total:
            raise LLMBadReply(f"The model's {purpose} answer is none of {', '.join(answers)}.")
        return {answer: power / total for answer, power in powers.items()}

    async def _call(
        self,
        messages: Sequence[BaseMessage],
        purpose: str,
        max_tokens: int,
        timeout: float | None,
        *,
        tools: Sequence[dict[str, Any]] = (),
        **fields: Any,  # noqa: ANN401 - fields of the request
    ) -> AIMessage:
        self.chat_model()  # before the clock starts: the first time, it imports
        deadline, seconds = self._deadline(timeout)

        async def ask(at: Endpoint) -> AIMessage:
            model = self._connection.model(at)
            runnable = model.bind_tools(tools) if tools else model
            return await _with_one_more_try(lambda: runnable.ainvoke(list(messages), max_tokens=max_tokens, **fields))

        with self._count_usage(purpose) as count, self.usage.under_way():
            async with self._guarded(deadline, seconds):
                reply = await self.replicas.ask(self._session, deadline, ask)
            count(reply)
        return reply

    def _deadline(self, timeout: float | None) -> tuple[float, float]:
        """When the call must have ended, on the loop's clock, and how many seconds that leaves it."""
        llm = self._settings.llm
        remaining_seconds = max(llm.turn_seconds - self.usage.busy_seconds, 0.0)
        seconds = min(timeout or llm.call_seconds, llm.call_seconds, remaining_seconds)
        return asyncio.get_running_loop().time() + seconds, seconds

    @contextlib.contextmanager
    def _count_usage(self, purpose: str) -> Iterator[Callable[[AIMessage | None], None]]:
        """Puts the call into the usage, however it ends."""
        begun = time.monotonic()
        replies: list[AIMessage | None] = []
        try:
            yield replies.append
        finally:
            reply = replies[0] if replies else None
            self.usage.records.append(_measured(purpose, time.monotonic() - begun, reply))
            for observer in self.observers:
                observer(self.usage.records[-1])

    @contextlib.asynccontextmanager
    async def _guarded(self, deadline: float, seconds: float) -> AsyncIterator[None]:
        """Ends the block at the deadline and turns the libraries' errors into ours."""
        try:
            async with asyncio.timeout_at(deadline):
                yield
        except ProductError:
            raise
        except Exception as exc:  # translated one and all: see _translate
            _translate(exc, self._settings, seconds)


class _Connection:
    """The langchain models over one httpx client; new ones when the event loop is another, as they must be."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loop: asyncio.AbstractEventLoop | None = None
        self._models: dict[Endpoint, ChatOpenAI] = {}
        self._http: httpx.AsyncClient | None = None

    @cached_property
    def replicas(self) -> Replicas:
        """What is known of the model's servers, in all event loops."""
        return Replicas(endpoints(self._settings))

    def model(self, at: Endpoint) -> "ChatOpenAI":
        """A replica's model for the running event loop."""
        loop = asyncio.get_running_loop()
        if self._http is None or self._loop is not loop:
            self._loop, self._http, self._models = loop, self._open(), {}
        if at not in self._models:
            self._models[at] = self._make(at, self._http)
        return self._models[at]

    async def aclose(self) -> None:
        """Close what this event loop uses."""
        if self._http is not None and self._loop is asyncio.get_running_loop():
            await self._http.aclose()
        self._loop, self._http, self._models = None, None, {}

    def _open(self) -> "httpx.AsyncClient":
        import httpx

        managed = self._settings.llm.profile != "remote"
        return httpx.AsyncClient(
            limits=httpx.Limits(max_connections=None, keepalive_expiry=_KEEP_IDLE_SECONDS),
            timeout=None,  # noqa: S113 - each call has a deadline, see ChatClient._guarded
            trust_env=not managed,  # a proxy is for other machines
            verify=not managed,  # no certificates to load for plain HTTP
            event_hooks={"request": [_name_request]},
        )

    def _make(self, at: Endpoint, http: "httpx.AsyncClient") -> "ChatOpenAI":
        import httpx
        from langchain_openai import ChatOpenAI
        from pydantic import SecretStr

        llm = self._settings.llm
        return ChatOpenAI(
            model=at.model,
            base_url=at.base_url,
            api_key=SecretStr(at.api_key),
            temperature=0.0,  # the likeliest answer; llm.extra_body says otherwise
            seed=llm.seed,
            max_retries=0,
            timeout=httpx.Timeout(None, connect=CONNECT_SECONDS) if len(self.replicas.all) > 1 else None,
            http_async_client=http,
            stream_usage=True,
            use_responses_api=False,
            extra_body=llm.extra_body or None,
        )


async def _name_request(request: "httpx.Request") -> None:
    """Tell the server which request of ours the call belongs to."""
    if name := REQUEST_ID.get():
        request.headers[REQUEST_ID_HEADER] = name


async def _with_one_more_try(call: Callable[[], Awaitable[AIMessage]]) -> AIMessage:
    """Repeats once when the connection was reset: the server had closed it, and the question did not get through."""
    import openai

    try:
        return await call()
    except openai.APIConnectionError as exc:
        if not was_reset(exc):
            raise
    return await call()


def _translate(exc: Exception, settings: Settings, seconds: float) -> NoReturn:
    """Raise our error for a library's. Anything unknown means that the answer was no chat completion.

    Replies hand the sentences on to users, so the server's address stands in the log alone.
    """
    import httpx
    import openai

    at = endpoint(settings)
    addresses = ", ".join(replica.base_url for replica in endpoints(settings))
    logger.info("a call of the language model at %s failed: %s", addresses, type(exc).__name__)
    where = "The language model"
    mend = mending_command(settings)
    match exc:
        case openai.APITimeoutError() if caused_by(exc, httpx.ConnectTimeout):
            raise LLMUnavailable(f"{where} does not answer; {mend}") from exc
        case TimeoutError() | openai.APITimeoutError() | httpx.TimeoutException():
            raise LLMUnavailable(f"{where} did not answer within {seconds:.0f} s.") from exc
        case openai.APIConnectionError() | httpx.TransportError() | ConnectionError():
            broke = "broke the connection" if was_reset(exc) else "does not answer"
            raise LLMUnavailable(f"{where} {broke}; {mend}") from exc
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            raise LLMUnavailable(f"{where} refused the key; set ASSISTANT_LLM__API_KEY.") from exc
        case openai.NotFoundError():
            raise LLMUnavailable(f"{where} has no model named {at.model}; {_other_model(settings)}") from exc
        case openai.BadRequestError() | openai.UnprocessableEntityError():
            raise LLMBadReply(f"{where} refused the request: {_shortened(str(exc))}") from exc
        case openai.APIStatusError():
            raise LLMUnavailable(f"{where} failed with HTTP {exc.status_code}; {_look(settings)}") from exc
        case openai.LengthFinishReasonError():
            raise LLMBadReply(f"{where} was cut off by the token limit.") from exc
        case openai.APIError() if exc.type or exc.code:  # an error in the middle of a stream
            raise LLMUnavailable(f"{where} failed: {_shortened(str(exc))}") from exc
    raise LLMBadReply(f"{where} answered something that is no chat completion.") from exc


def _other_model(settings: Settings) -> str:
    if settings.llm.profile == "remote":
        return "check ASSISTANT_LLM__MODEL"
    return "change over with: assistant llm down && assistant llm up"


def _look(settings: Settings) -> str:
    return "check that server" if settings.llm.profile == "remote" else "look at: assistant llm logs"


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_DETAIL else text[: _LONGEST_DETAIL - 1] + "…"


def _measured(purpose: str, seconds: float, reply: AIMessage | None) -> CallUsage:
    if reply is None:
        return CallUsage(purpose, seconds, ok=False)
    usage = reply.usage_metadata
    if usage is None:
        return CallUsage(purpose, seconds)
    cached = usage.get("input_token_details", {}).get("cache_read") or 0
    return CallUsage(purpose, seconds, usage["input_tokens"], usage["output_tokens"], cached)


def _first_token(reply: AIMessage) -> list[tuple[str, float]]:
    """The likeliest first tokens of a reply with their log probabilities; none where the server tells none."""
    content = (reply.response_metadata.get("logprobs") or {}).get("content") or []
    return [(entry["token"], entry["logprob"]) for entry in content[0]["top_logprobs"]] if content else []


def _is_cut(reply: AIMessage) -> bool:
    return reply.response_metadata.get("finish_reason") == "length"


def _parse(text: str, schema: dict[str, Any], purpose: str) -> dict[str, Any]:
    """The JSON object in `text`, checked against `schema`."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    text = text.strip()
    try:
        answer = json.loads(text if text.startswith("{") else without_thoughts(text), parse_constant=_no_constant)
    except ValueError as exc:
        raise LLMBadReply(f"The model's {purpose} answer is no JSON: {_shortened(str(exc))}") from exc
    error = best_match(Draft202012Validator(schema).iter_errors(answer))
    if error is not None:
        raise LLMBadReply(f"The model's {purpose} answer breaks its schema at {error.json_path}: {error.validator}.")
    if not isinstance(answer, dict):
        raise LLMBadReply(f"The model's {purpose} answer is no JSON object.")
    return answer


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def _fits_strict_mode(schema: Any) -> bool:  # noqa: ANN401 - any part of a schema
    """OpenAI's strict mode takes only schemas whose objects are closed and require all they name."""
    if isinstance(schema, list):
        return all(map(_fits_strict_mode, schema))
    if not isinstance(schema, dict):
        return True
    if schema.get("type") == "object":
        closed = schema.get("additionalProperties") is False
        if not closed or set(schema.get("required", [])) != set(schema.get("properties", {})):
            return False
    return all(map(_fits_strict_mode, schema.values()))
