"""OpenAI's requests as records, and its form of errors. Parts of both operations are read in either of them.

`openai.types` is not used: its requests refuse null and check lists only while they are read, its answers take as many
lines as their JSON, and its import would add half a second to the start of the service.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from assistant.service.http.lenient import Lenient
from assistant.service.http.problems import Problem, Refused, first_fault

MODEL = "recommendation-assistant"
"""The assistant as a model's name."""
MOST_MESSAGES = 2_000


class TextPart(Lenient):
    """Words."""

    type: Literal["text", "input_text", "output_text"]
    text: str


class ImageUrl(Lenient):
    """Where a picture is; only ``data:`` URLs are read."""

    url: str


class ImagePart(Lenient):
    """A picture; chat completions have its address in an object, responses as a text."""

    type: Literal["image_url", "input_image"]
    image_url: ImageUrl | str

    @property
    def url(self) -> str:
        """The picture's address."""
        return self.image_url if isinstance(self.image_url, str) else self.image_url.url


class AudioData(Lenient):
    """A recording in base64; what it is shows in its content, whatever the format says."""

    data: str
    format: str = ""


class AudioPart(Lenient):
    """A recording."""

    type: Literal["input_audio"]
    input_audio: AudioData


class VideoPart(Lenient):
    """A video, as vLLM's API takes it; it is no part of OpenAI's."""

    type: Literal["video_url"]
    video_url: ImageUrl

    @property
    def url(self) -> str:
        """The video's address."""
        return self.video_url.url


_TEXT_TYPES = get_args(TextPart.model_fields["type"].annotation)
FilePart = ImagePart | AudioPart | VideoPart
Part = Annotated[TextPart | FilePart, Field(discriminator="type")]
_PARTS = TypeAdapter(list[Part])


class ChatMessage(Lenient):
    """One message; its content is checked only where it is used."""

    role: str
    content: Any = None

    @property
    def words(self) -> str:
        """The text; whatever else the content holds is passed over."""
        return "\n".join(_texts(self.content))

    @property
    def is_text_alone(self) -> bool:
        """Whether there is nothing but words."""
        found = self.content
        return isinstance(found, str) or (isinstance(found, list) and len(_texts(found)) == len(found))


class StreamOptions(Lenient):
    """What a stream carries besides."""

    include_usage: bool = False


class RequestBase(Lenient):
    """What requests of both operations have; parameters that are not named are ignored."""

    model: str
    stream: bool = False
    tool_choice: Any = None
    user: Any = Field(None, description="whom you ask for, in your own words: their history is theirs alone")
    session_id: str | None = Field(None, description="an extension: go on with this session, whatever the messages say")
    top_n: int | None = Field(None, ge=1, le=20, description="an extension: how many recommendations")

    @property
    def end_user(self) -> str | None:
        """Whom the client asks for; what some clients put there besides ids means nothing here."""
        return self.user if isinstance(self.user, str) and self.user else None


class ChatRequest(RequestBase):
    """A request for a chat completion."""

    messages: list[ChatMessage] = Field(min_length=1, max_length=MOST_MESSAGES)
    stream_options: StreamOptions | None = None
    n: int | None = None
    response_format: dict[str, Any] | None = None

    def check(self) -> None:
        """Refuse what there is not."""
        if (self.n or 1) != 1:
            raise bad("There is one answer to a request: leave n out, or set it to 1.")


class InputItem(ChatMessage):
    """One item of a response's input; those without a role are no messages and are passed over."""

    role: str = ""


def _as_items(given: object) -> object:
    return [{"role": "user", "content": given}] if isinstance(given, str) else given


Input = Annotated[list[InputItem], BeforeValidator(_as_items, json_schema_input_type=str | list[InputItem])]


class TextOptions(Lenient):
    """How the answer's text is written."""

    format: dict[str, Any] | None = None


class ResponseRequest(RequestBase):
    """A request for a response."""

    messages: Input = Field(alias="input", min_length=1, max_length=MOST_MESSAGES)
    previous_response_id: str | None = Field(None, description="the response that this one goes on from")
    store: bool = True
    text: TextOptions = TextOptions()
    metadata: dict[str, Any] = {}
    background: bool = False
    conversation: Any = None

    def check(self) -> None:
        """Refuse what there is not."""
        if self.background:
            raise bad("Responses are not made in the background: leave background out.")
        if self.conversation is not None:
            raise bad("There are no conversations here: go on with previous_response_id.")


@dataclass(frozen=True)
class OpenAIConversation:
    """A conversation as far as it matters.

    Attributes:
        parts: the content of the message that is to be answered.
        message_id: its id.
        earlier_id: the id of the user's message before it; None in a new conversation.
        answered: the last answer's text, as the client has it.
    """

    parts: list[TextPart | FilePart]
    message_id: str
    earlier_id: str | None = None
    answered: str = ""

    @property
    def text(self) -> str:
        """What is said now."""
        return _words(self.parts)


def chain_id(said: list[str]) -> str:
    """A message's id: a digest of all that the user has said up to and with it, spaces set aside."""
    digest = b""
    for text in said:
        digest = hashlib.sha256(digest + " ".join(text.split()).encode("utf-8", "replace")).digest()
    return f"chat-{digest.hex()[:48]}"


RequestT = TypeVar("RequestT", ChatRequest, ResponseRequest)


def read_request(body: bytes, kind: type[RequestT]) -> RequestT:
    """The request, if it is one that can be answered.

    Raises:
        Refused: 400 for what is not of its shape or asks for what there is not, 404 for another model.
    """
    try:
        asked = kind.model_validate_json(body)
    except ValidationError as exc:
        raise bad(first_fault(exc.errors())) from exc
    if asked.model != MODEL:
        raise Refused(HTTPStatus.NOT_FOUND, f"There is no model {asked.model[:80]!r} here; use {MODEL!r}.")
    if asked.tool_choice not in (None, "auto", "none"):
        raise bad("This model calls its own tools and none of the client's: leave tool_choice out.")
    asked.check()
    return asked


def read_talk(messages: Sequence[ChatMessage]) -> OpenAIConversation:
    """The conversation. The user's messages that follow each other without an answer between them are one message.

    Raises:
        Refused: 400, the last message is not the user's, or its content is of a kind that is not read here.
    """
    said: list[list[ChatMessage]] = []
    answers: list[str] = []
    goes_on = False
    for message in messages:
        if message.role == "user":
            said = [*said[:-1], [*said[-1], message]] if goes_on else [*said, [message]]
            goes_on = True
        elif message.role == "assistant":
            answers.append(message.words)
            goes_on = False
    if not goes_on:
        raise bad("The last message has to be the user's.")
    parts = [part for message in said[-1] for part in _parts(message.content)]
    before = ["\n".join(message.words for message in group) for group in said[:-1]]
    earlier_id = chain_id(before) if before else None
    return OpenAIConversation(parts, chain_id([*before, _words(parts)]), earlier_id, answers[-1] if answers else "")


def openai_error(problem: Problem) -> tuple[int, dict[str, Any]]:
    """A problem as OpenAI's servers tell it: the status and the body."""
    status = _AS_BAD_REQUEST.get(problem.status, problem.status)
    usual = ("server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error", None)
    kind, code = _KINDS.get(status, usual)
    return status, {"error": {"message": problem.detail, "type": kind, "param": None, "code": code}}


_AS_BAD_REQUEST = {415: 400, 422: 400}
_KINDS: dict[int, tuple[str, str | None]] = {
    401: ("authentication_error", "invalid_api_key"),
    403: ("permission_error", None),
    404: ("invalid_request_error", "not_found"),
    413: ("invalid_request_error", "request_too_large"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
}


def _parts(content: object) -> list[TextPart | FilePart]:
    if isinstance(content, str):
        return [TextPart(type="text", text=content)]
    try:
        return _PARTS.validate_python(content)
    except ValidationError as exc:
        raise bad(f"content.{first_fault(exc.errors())}") from exc


def _words(parts: list[TextPart | FilePart]) -> str:
    return "\n".join(part.text for part in parts if isinstance(part, TextPart))


def _texts(content: object) -> list[str]:
    """The words of a message; of one that was answered before, whatever else it held is in the session already."""
    if isinstance(content, str):
        return [content]
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict) and part.get("type") in _TEXT_TYPES]
    return [text for text in texts if isinstance(text, str)]


def bad(detail: str) -> Refused:
    """A request that cannot be answered as it is."""
    return Refused(HTTPStatus.BAD_REQUEST, detail)
