"""The typed records of a turn: what comes in, what is found, what is answered, and the events on the way."""

import math
from typing import Any, Literal

from pydantic import Field, field_validator

from assistant.impressions import Impression
from tools.records import (
    FailureKind,
    Filters,
    Hit,
    Label,
    Moment,
    PictureDescription,
    PictureText,
    Record,
    Segment,
    Shot,
    Transcript,
    Variant,
    VideoDescription,
)
from tools.taste.records import Interaction

LOCAL = "local"
"""The owner of sessions where nobody has to say who they are: the terminal, and the service without keys."""

Intent = Literal["recommend", "compare", "details", "why", "chat", "shop", "cart"]
"""What the user wants of this turn; only ``recommend`` searches."""


def _is_finite(value: object) -> bool:
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))


def _with_finite(records: list[Any], name: str) -> list[Any]:
    """Stored records without those that hold no finite value: an infinite price was once accepted as a constraint."""
    values = [record.get(name) if isinstance(record, dict) else getattr(record, name, None) for record in records]
    return [record for record, value in zip(records, values, strict=True) if _is_finite(value)]


class Attachment(Record):
    """A picture, recording or video of the user, copied into the session's uploads."""

    id: str = Field(description="img1, aud1, vid1, ... counted over the session")
    kind: Literal["picture", "audio", "video"]
    path: str
    name: str = Field(description="the file's name as the user gave it; shown, never opened")


class Transcription(Record):
    """A transcript and the attachment it came from."""

    attachment: str
    transcript: Transcript


class VideoLabels(Record):
    """What a video shows and says, and the attachment it came from."""

    attachment: str
    description: VideoDescription


class ImageLabels(Record):
    """A picture's labels, or a video's most certain ones, and the attachment they came from."""

    attachment: str
    description: PictureDescription


class PictureReading(Record):
    """The words in a picture, or in one frame of a video, and the attachment they came from."""

    attachment: str
    text: PictureText
    second: float | None = Field(None, description="of the frame")


class PictureWords(Record):
    """Words in a picture that name an item or a brand of the catalogue; searched for, and never a condition."""

    attachment: str
    words: str
    is_title: bool = Field(description="whether they are most of an item's title, and not one word or a brand alone")
    second: float | None = Field(None, description="where in the video they stand; none: in a picture")


class Constraint(Record):
    """One thing that an item must or must not be, and the words that said so."""

    field: Literal[
        "min_price", "max_price", "categories", "brands", "in_stock", "attributes",
        "include_terms", "exclude_terms", "exclude_categories", "exclude_brands", "exclude_ids",
    ]  # fmt: skip
    value: float | bool | str
    attribute: str | None = Field(None, description="of the field attributes: whose value it is, such as size")
    source: str = Field(description="text, or the attachment it was spoken in")
    words: str = Field(description="the user's words, as understood")
    exclusive: bool = Field(False, description="a price bound that itself is not meant: below 100 has the value 99.99")
    currency: str | None = Field(None, description="of a price bound: the user's, or else the catalogue's only one")


class Relaxation(Record):
    """A constraint that was loosened because nothing fitted, and by how much."""

    field: str
    wanted: float | bool | str
    attribute: str | None = Field(None, description="as of the constraint")
    used: float | bool | str | None = Field(description="the looser bound; null when the constraint was dropped")
    words: str
    exclusive: bool = Field(False, exclude=True, description="as of the constraint; for code, not part of the answer")
    currency: str | None = Field(None, exclude=True, description="likewise")


class PlannedCall(Record):
    """A tool call before it runs; ``origin`` says whether a model asked for it."""

    tool: str
    arguments: dict[str, Any]
    origin: Literal["anticipated", "planned"]


class Step(Record):
    """A tool call that has run."""

    tool: str
    arguments: dict[str, Any]
    origin: Literal["anticipated", "planned"]
    ok: bool
    error: str | None = None
    failure: FailureKind | None = Field(None, exclude=True, description="for code; not part of the answer")
    seconds: float


class Evidence(Record):
    """One entry of the ledger: a fact about one item, or a passage of a page, that code can check again."""

    id: str
    item_id: str = Field(description="empty where it is about no item")
    source: Literal[
        "picture", "picture_text", "text_picture", "picture_words", "sound", "dense", "keyword", "attribute", "price",
        "stock", "session", "profile", "collaborative", "popular", "imported", "pinned", "page", "description",
    ]  # fmt: skip
    detail: str = Field(description="the fact in words; what an explanation may say")
    score: float | None = None
    key: str = Field(description="the sentence that says it, in prompts/messages")
    facts: dict[str, Any] = Field({}, description="the fact as data: the sentence's variables")


class Candidate(Record):
    """A fused candidate as the ranking model sees it."""

    alias: str = Field(description="A, B, C ...: what the model says instead of the item id")
    hit: Hit
    score: float
    evidence: list[Evidence]


class CitedEvidence(Record):
    """Evidence as the answer carries it."""

    id: str
    source: str
    detail: str = Field(description="the fact in English words; what explanations are checked against")
    sentence: str = Field("", description="the same in the reply's language; empty in replies of earlier versions")
    score: float | None
    shown: Moment | None = Field(None, description="where the user's video shows it")
    moment: Moment | None = Field(None, description="where the item's own video shows it")


class Recommendation(Record):
    """One ranked, explained item of the answer."""

    rank: int
    item_id: str
    title: str
    price: float | None
    currency: str | None = None
    variant: Variant | None = Field(None, description="the variant that is meant; the price is then the variant's")
    category: str | None = None
    in_stock: bool | None = Field(None, description="of the variant, where one is meant; null: not known")
    url: str | None = Field(None, description="the item's page in the shop, as the catalogue has it")
    image_url: str | None = Field(
        None, description="its first picture: a web address of the catalogue's, or a path of this service"
    )
    score: float
    explanation: str
    explained_by: Literal["model", "template"] = "template"
    evidence: list[CitedEvidence]

    @field_validator("price", mode="before")
    @classmethod
    def _finite(cls, price: Any) -> Any:  # noqa: ANN401 - whatever was stored
        return price if _is_finite(price) else None


class Change(Record):
    """An item that stands elsewhere than on the first cards, is new, or is gone, and what did that."""

    item_id: str
    title: str
    before: int | None = Field(description="its rank on the first cards; null: it was not on them")
    rank: int | None = Field(description="its rank now; null: it is not shown any more")
    cause: Literal["search", "condition", "ranking"] = Field(
        description="a search of the planning model, a condition that it read, or the ranking model's order"
    )
    reason: str = Field(description="the same in a few words, in the reply's language")


class Group(Record):
    """What is shown for one of several wishes."""

    wish: str = Field(description="the wish in the user's words, as a heading")
    item_ids: list[str] = Field([], description="items of the ranking, best first; of two wishes it may be the same")
    constraints: dict[str, Any] = Field({}, description="the filters in force for this wish")
    message: str | None = Field(None, description="what is to be said of this wish alone: nothing fits, what gave way")


class CartItem(Record):
    """An item that a message has put in the cart."""

    item_id: str
    title: str
    url: str | None = Field(None, description="the shop's address that puts it in its cart, where one is configured")


class TranscriptNote(Record):
    """A transcript as the answer carries it."""

    attachment: str
    text: str
    language: str | None
    confidence: float


class PictureNote(Record):
    """Picture labels as the answer carries them."""

    attachment: str
    labels: list[Label]


class VideoNote(Record):
    """What a video shows and says, by time, as the answer carries it."""

    attachment: str
    seconds: float
    shots: list[Shot]
    speech: list[Segment]


class AttachmentNote(Record):
    """An attachment as the answer carries it; its file stays on the server."""

    id: str
    kind: Literal["picture", "audio", "video"]
    name: str


class Question(Record):
    """What the assistant asks back, and short answers to choose from."""

    text: str
    choices: list[str] = []


class Query(Record):
    """What was understood of the message."""

    text: str
    attachments: list[AttachmentNote] = []
    transcripts: list[TranscriptNote] = []
    pictures: list[PictureNote] = []
    videos: list[VideoNote] = []


class Timings(Record):
    """Seconds of the turn; ``other`` is the assistant's own work."""

    total: float = 0
    llm: float = 0
    tools: float = 0
    other: float = 0


class UsageNote(Record):
    """What the language model cost."""

    llm_calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0


class Reply(Record):
    """The answer of one turn: the contract of ``assistant recommend --json`` (docs/architecture.md)."""

    session_id: str
    query: Query
    intent: Intent
    language: str
    constraints: dict[str, Any]
    preferences: list[Constraint] = Field([], description="what is likely wanted: it moves the ranking, hides nothing")
    relaxed: list[Relaxation]
    recommendations: list[Recommendation]
    further: list[str] = Field([], description="candidates that follow and are not shown, best first, at most 24")
    changes: list[Change] = Field([], description="what is other than on the first cards, and why")
    steps: list[Step]
    message: str
    groups: list[Group] = Field([], description="the ranking by wish, where the message has several; else empty")
    question: str | None = Field(None, description="what the assistant asks back, where the wish leaves much open")
    choices: list[str] = Field([], description="short answers to the question, each a message of its own")
    evidence: list[CitedEvidence] = Field([], description="what the message itself rests on, of pages and items")
    cart: CartItem | None = Field(None, description="the item that the message has put in the cart")
    degraded: list[str]
    internal: list[str] = Field([], description="those of degraded about the language model, of no use to a customer")
    models: dict[str, str]
    timings: Timings
    usage: UsageNote

    def sections(self) -> list[tuple[Group | None, list[Recommendation]]]:
        """The ranking as it is shown: each group with its items, or, of a single wish, all items without a group."""
        by_id = {item.item_id: item for item in self.recommendations}
        if not self.groups:
            return [(None, self.recommendations)]
        return [(group, [by_id[item_id] for item_id in group.item_ids if item_id in by_id]) for group in self.groups]

    @field_validator("constraints", mode="before")
    @classmethod
    def _finite(cls, constraints: Any) -> Any:  # noqa: ANN401 - whatever was stored
        if not isinstance(constraints, dict):
            return constraints
        return {field: value for field, value in constraints.items() if _is_finite(value)}

    @field_validator("relaxed", mode="before")
    @classmethod
    def _relaxed_from_something(cls, changes: Any) -> Any:  # noqa: ANN401 - whatever was stored
        return _with_finite(changes, "wanted") if isinstance(changes, list) else changes


class Exchange(Record):
    """One earlier turn, as later turns need it."""

    said: str
    message: str


class ItemFeedback(Record):
    """What the user showed for one item in a conversation."""

    item_id: str
    title: str
    turn: int = Field(description="in which turn it was said, or after which it was pressed")
    source: Literal["words", "button"]
    for_price: bool = Field(False, description="rejected for its price: what is like it is not")


class Memory(Record):
    """What a session remembers between turns."""

    turns: int = 0
    language: str = "en"
    topic: str = ""
    pictures: list[str] = Field([], description="ids of the pictures that the current topic is about")
    read: list[PictureWords] = Field([], description="what the words in the session's pictures name")
    constraints: list[Constraint] = []
    preferences: list[Constraint] = Field([], description="what is likely wanted; as constraints, but hides nothing")
    shown: list[Recommendation] = Field([], description="the last ranking")
    ledger: list[Evidence] = Field([], description="the last ranking's evidence")
    attachments: dict[str, Attachment] = {}
    exchanges: list[Exchange] = []
    question: Question | None = Field(None, description="what the last reply asked back")
    liked: list[ItemFeedback] = []
    rejected: list[ItemFeedback] = Field([], description="not shown again, unless asked for by name")
    looked_at: list[ItemFeedback] = []
    for_other: str = Field("", description="for whom the user asks, in their words, where not for themselves")
    pressed_until: float = Field(0.0, description="until when pressed buttons are counted, seconds since 1970")

    @property
    def conditions(self) -> list[Constraint]:
        """What a message can take back: preferences, then constraints."""
        return [*self.preferences, *self.constraints]

    @field_validator("constraints", mode="before")
    @classmethod
    def _finite(cls, constraints: Any) -> Any:  # noqa: ANN401 - whatever was stored
        return _with_finite(constraints, "value") if isinstance(constraints, list) else constraints


class Event(Record):
    """Base of what a running turn tells; ``type`` names the kind."""

    type: str


class Accepted(Event):
    """The message is taken: its attachments have their ids."""

    type: Literal["accepted"] = "accepted"
    attachments: list[AttachmentNote] = []
    taken: list[Attachment] = Field([], exclude=True, description="the same with their files; for code, never told")
    said: str = Field("", exclude=True, description="the typed text, masked; likewise")


class StepStarted(Event):
    """A tool call or a model call begins."""

    type: Literal["step_started"] = "step_started"
    step: str
    arguments: dict[str, Any] = {}
    origin: str


class StepFinished(Event):
    """A tool call or a model call has ended."""

    type: Literal["step_finished"] = "step_finished"
    step: str
    ok: bool
    seconds: float
    summary: str = ""


class Provisional(Event):
    """The first cards: what the searches found, fused, before any model call. A later one replaces them."""

    type: Literal["provisional"] = "provisional"
    items: list[Hit]
    further: list[str] = Field([], description="ids of the candidates that follow and are not shown, best first")
    groups: list[Group] = Field([], description="as of the reply, without messages")
    changes: list[Change] = Field([], description="what is other than on the first cards, and why")


class Ranked(Event):
    """The final order."""

    type: Literal["ranking"] = "ranking"
    items: list[Hit]
    further: list[str] = Field([], description="ids of the candidates that follow and are not shown, best first")
    groups: list[Group] = Field([], description="as of the reply, without messages")
    changes: list[Change] = Field([], description="what is other than on the first cards, and why")


class Explained(Event):
    """A verified explanation of one item of the final ranking."""

    type: Literal["explanation"] = "explanation"
    item_id: str
    rank: int
    text: str
    explained_by: Literal["model", "template"]


class CartChanged(Event):
    """The message has put an item in the cart."""

    type: Literal["cart"] = "cart"
    item_id: str
    title: str
    url: str | None = None


class CallResult(Record):
    """A tool call and what a planner reads of its result, or of why there is none."""

    tool: str
    arguments: dict[str, Any] | None = Field(description="null: what was said for them is no JSON object")
    result: str


class MessageRead(Event):
    """A wish of the message with what was read of it, as a planner is told. Kept, and told to no client."""

    type: Literal["read"] = "read"
    wish: str = Field("", description="of several wishes of a message: its heading")
    text: str


class RoundFinished(Event):
    """The calls that were made together. The first round is the reading's. Kept, and told to no client."""

    type: Literal["round"] = "round"
    wish: str = Field("", description="as of `MessageRead`")
    calls: list[CallResult]


class QuestionAsked(Event):
    """The assistant asks back."""

    type: Literal["question"] = "question"
    text: str
    choices: list[str] = []


class Done(Event):
    """The turn has ended."""

    type: Literal["done"] = "done"
    reply: Reply
    impression: Impression | None = Field(None, exclude=True, description="the ranking to log; for code, never told")
    done: list[Interaction] = Field([], exclude=True, description="what the message said of items; likewise")
    refused: bool = Field(False, exclude=True, description="the message asked for what is refused; likewise")


TurnEvent = (
    Accepted | StepStarted | StepFinished | MessageRead | RoundFinished | Provisional | Ranked | Explained
    | CartChanged | QuestionAsked | Done
)  # fmt: skip
"""A turn is the list of these: the stream, the planner's prompt, the log and its replays are made of it."""

ONLY_KEPT = (MessageRead, RoundFinished)
"""What is told to no client."""

__all__ = [
    "LOCAL",
    "Accepted",
    "Attachment",
    "AttachmentNote",
    "CallResult",
    "Candidate",
    "CartChanged",
    "CartItem",
    "Change",
    "CitedEvidence",
    "Constraint",
    "Done",
    "Event",
    "Evidence",
    "Exchange",
    "Explained",
    "Filters",
    "Group",
    "Hit",
    "ImageLabels",
    "Intent",
    "ItemFeedback",
    "Memory",
    "MessageRead",
    "PictureNote",
    "PictureReading",
    "PictureWords",
    "PlannedCall",
    "Provisional",
    "Query",
    "Question",
    "QuestionAsked",
    "Ranked",
    "Recommendation",
    "Relaxation",
    "Reply",
    "RoundFinished",
    "Step",
    "StepFinished",
    "StepStarted",
    "Timings",
    "TranscriptNote",
    "Transcription",
    "TurnEvent",
    "UsageNote",
    "VideoLabels",
    "VideoNote",
]  # fmt: skip
