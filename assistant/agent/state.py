"""What flows through a turn's graph, and what its nodes work with."""

import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

from langgraph.channels import UntrackedValue
from pydantic import Field, field_validator

from assistant.agent.feedback import Click
from assistant.agent.personalization import UserContext
from assistant.agent.reading.reader import MessageReader
from assistant.claims.entailment import Entailment
from assistant.impressions import Fusion
from assistant.llm.client import ChatClient
from assistant.records import (
    LOCAL,
    Attachment,
    Candidate,
    CartItem,
    Change,
    CitedEvidence,
    Constraint,
    ImageLabels,
    Intent,
    Memory,
    PictureReading,
    PictureWords,
    PlannedCall,
    Question,
    Recommendation,
    Relaxation,
    Reply,
    Step,
    Transcription,
    TurnEvent,
    VideoLabels,
)
from assistant.settings import Settings
from assistant.understanding import Understanding, Utterance
from assistant.understanding.phrases import gives_orders
from assistant.understanding.superlatives import Order
from tools.records import Filters, Hit, Record, Vocabulary
from tools.store.catalogue import Catalogue
from tools.taste.taste import Taste

_NO_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
"""Control characters and halves of characters, which terminals give for bytes that are not UTF-8."""


class Dropped(Record):
    """A constraint or preference of an earlier message that the user takes back."""

    field: str = Field(max_length=100)
    value: Annotated[float, Field(allow_inf_nan=False)] | bool | Annotated[str, Field(max_length=1_000)]
    attribute: str | None = Field(None, max_length=100, description="of the field attributes: whose value it is")


class Request(Record):
    """One message, from where it comes in to its reply: files, and text without what no file can hold."""

    session_id: str = Field("", description="the session that it belongs to; empty: a new one")
    owner: str = Field(LOCAL, description="whose session it is, where this message begins it")
    message_id: str | None = Field(None, description="the sender's own name for the message")
    text: str = ""
    images: list[Path] = []
    audio: list[Path] = []
    video: list[Path] = []
    names: dict[str, str] = Field(
        {}, description="by path: what the user calls a file, where that is not the file's name"
    )
    drop: list[Dropped] = Field([], description="conditions that are taken back; the last wish is answered anew")
    top_n: int = Field(0, description="how many recommendations; 0: as many as the settings say")
    door: str = Field("python", max_length=20, description="where the message came in, for the insights")
    language: str = Field("", description="of a client's interface: the session's until words tell another")
    keep_seconds: float | None = Field(
        None, description="of a service: how long the turn goes on when nobody listens to it; none: as the settings say"
    )

    def without_files(self) -> "Request":
        """The message as it is kept: where its files lay at the user's is nobody's business."""
        return self.model_copy(update={"images": [], "audio": [], "video": [], "names": {}})

    @property
    def files(self) -> list[Path]:
        """Every attachment."""
        return [*self.images, *self.audio, *self.video]

    @field_validator("text", mode="before")
    @classmethod
    def _readable(cls, text: str) -> str:
        return _NO_TEXT.sub(" ", text)


class SearchResult(Record):
    """What one search brought."""

    tool: str
    asked: str
    hits: list[Hit]
    by_model: bool = False
    """Whether a planning model asked for it."""


class Plan(Record):
    """What this turn is going to do."""

    intent: Intent
    topic: str = ""
    head: str = ""
    """The topic without what it is for: a mouse, of a mouse for a laptop."""
    sentence: str = ""
    """The wish as it was said, without what is held as constraints: what a property or a purpose means stands here."""
    kind: str = ""
    """The words for the kind of thing, of this message or of those that it goes on with."""
    clauses: list[str] = []
    """What this message wants beside the kind of thing, clause by clause: what a superlative stands in."""
    vague: bool = False
    """Whether no kind of thing is named, in this message or in those that it goes on with."""
    keeps_limits: bool = False
    """Whether no price limit is moved: the wish is vague, or it is to be a gift."""
    pictures: list[str] = []
    words: list[PictureWords] = []
    """What the words in these pictures name."""
    constraints: list[Constraint] = []
    unused: list[Constraint] = []
    """Constraints that are not in force: no filter can hold them, or there are too many."""
    preferences: list[Constraint] = []
    """What is likely wanted, in this message or in those that it goes on with: items that meet it go first."""
    unchecked: list[Constraint] = []
    """Excluded words that are unknown in the language of the catalogue; they are not in force either."""
    unknown: list[Constraint] = []
    """Attributes of which nothing is known of any item that has to do with the wish; not in force either."""
    filters: Filters = Filters()
    relaxed: list[Relaxation] = []
    references: list[Recommendation] = []
    rejected: list[str] = []
    """Ids of items that the user does not want; no other constraint is worth showing one again."""
    goes_on: bool = False
    """Whether this turn is about what the last one was about."""
    best: dict[str, float] = {}
    """The best z-score of texts and of pictures over the whole catalogue; see `assistant.agent.relevance`."""
    open_wish: bool = False
    """Whether what to recommend is left to the assistant."""
    spread: bool = False
    """Whether items of different categories are shown, because nothing says what to look for."""
    sort: Literal["price", "-price"] | None = None
    """The order that the user asked for: the cheapest, or the dearest first."""
    order: Order | None = None
    """The order by an attribute that the user asked for: the lightest first."""

    @property
    def is_ordered(self) -> bool:
        """Whether the user asked for an order."""
        return self.sort is not None or self.order is not None


class Assortment(Record):
    """What there is of what was asked about."""

    count: int
    brands: list[str]
    categories: list[str]
    lowest: float | None = None
    highest: float | None = None
    currency: str | None = None


class WishSearch(Record):
    """One wish of a message with its own plan and what came of it; most messages have a single one."""

    heading: str = ""
    """The wish in the user's words, for lists of several."""
    plan: Plan
    found: list[SearchResult] = []
    candidates: list[Candidate] = []
    """Best first; as many as the request wants of them are shown."""
    first: list[str] = []
    """Ids of the first candidates, before any model call."""
    proposed: list[Constraint] = []
    """What a planning model has added to the plan's constraints."""
    given_up: list[Constraint] = []
    """What it has taken back of them."""
    far: bool = False
    """Whether something was found and nothing of it has to do with the wish."""
    weak: bool = False
    """Whether the candidates are near misses."""
    assortment: Assortment | None = None


@dataclass(frozen=True)
class Unheard:
    """Videos whose sound is listened to once the first cards are shown.

    ``memory`` and ``degraded`` are as they were before the plan: a wish that is heard has the message planned anew.
    """

    videos: list[str]
    memory: Memory
    degraded: list[str]


class TurnState(TypedDict, total=False):
    """The graph's channels; all but ``kept`` are of this turn alone, and what only its steps need is never stored.

    ``plan`` is the whole message's; where there are several wishes it holds what they have in common, and each of
    ``searches`` has its own. ``memory`` starts as ``kept`` and grows during the turn. ``kept`` is written once, when
    the turn is answered, so that a turn that was refused, failed or was interrupted leaves the session as it was.
    ``request`` and ``reply`` are stored with it.
    """

    kept: Memory
    request: Request
    reply: Reply
    memory: Annotated[Memory, UntrackedValue]
    attachments: Annotated[list[Attachment], UntrackedValue]
    heard: Annotated[list[Transcription], UntrackedValue]
    seen: Annotated[list[ImageLabels], UntrackedValue]
    read: Annotated[list[PictureReading], UntrackedValue]
    watched: Annotated[list[VideoLabels], UntrackedValue]
    unheard: Annotated[Unheard | None, UntrackedValue]
    sounding: Annotated[list[str], UntrackedValue]
    understanding: Annotated[Understanding, UntrackedValue]
    plan: Annotated[Plan, UntrackedValue]
    steps: Annotated[list[Step], UntrackedValue]
    searches: Annotated[list[WishSearch], UntrackedValue]
    candidates: Annotated[list[Candidate], UntrackedValue]
    fusion: Annotated[Fusion, UntrackedValue]
    recommendations: Annotated[list[Recommendation], UntrackedValue]
    changes: Annotated[list[Change], UntrackedValue]
    message: Annotated[str, UntrackedValue]
    evidence: Annotated[list[CitedEvidence], UntrackedValue]
    question: Annotated[Question | None, UntrackedValue]
    cart: Annotated[CartItem | None, UntrackedValue]
    degraded: Annotated[list[str], UntrackedValue]
    model_out: Annotated[bool, UntrackedValue]
    known: Annotated[UserContext, UntrackedValue]


RunTool = Callable[[PlannedCall, dict[str, Attachment]], Awaitable[tuple[Step, dict[str, Any] | None]]]


@dataclass
class Stopwatch:
    """Seconds by kind. Concurrent spans of one kind count once: it is wall time that a turn costs."""

    seconds: dict[str, float] = field(default_factory=lambda: {"llm": 0.0, "tools": 0.0, "any": 0.0})
    _open: dict[str, tuple[int, float]] = field(default_factory=dict)

    def start(self, kind: Literal["llm", "tools"]) -> None:
        """A span of this kind begins."""
        self._enter(kind)
        self._enter("any")

    def stop(self, kind: Literal["llm", "tools"]) -> None:
        """A span of this kind ends."""
        self._leave(kind)
        self._leave("any")

    def _enter(self, kind: str) -> None:
        depth, since = self._open.get(kind, (0, 0.0))
        self._open[kind] = (depth + 1, since if depth else time.perf_counter())

    def _leave(self, kind: str) -> None:
        depth, since = self._open[kind]
        self._open[kind] = (depth - 1, since)
        if depth == 1:
            self.seconds[kind] += time.perf_counter() - since


@dataclass(frozen=True)
class TurnRules:
    """Numbers of a turn that evaluation and training vary.

    Attributes:
        candidates: how many fused candidates the model reads; never fewer than are recommended.
        planner_seconds: for all rounds together; what is later is cut off.
        fuse_signals: if false, the signals' lists are interleaved without scores.
    """

    candidates: int = 8
    planner_seconds: float = 20
    fuse_signals: bool = True


@dataclass
class TurnContext:
    """The parts a node works with; made anew for each turn, never stored."""

    settings: Settings
    catalogue: Catalogue
    vocabulary: Vocabulary
    chat: ChatClient
    reader: MessageReader
    run_tool: RunTool
    uploads: Path
    models: dict[str, str]
    rules: TurnRules = TurnRules()
    user: str = LOCAL
    taste: Taste | None = None
    entailment: Entailment | None = None
    reads_pictures: bool = False
    """Whether the words in the user's pictures are read."""
    pressed: Sequence[Click] = ()
    watch: Stopwatch = field(default_factory=Stopwatch)
    started: float = field(default_factory=time.perf_counter)


def said_by(state: TurnState) -> list[Utterance]:
    """What the user said in this turn: the typed text and every transcript with speech in it."""
    typed = [Utterance(source="text", text=state["request"].text)] if state["request"].text.strip() else []
    spoken = [
        Utterance(source=recording.attachment, text=recording.transcript.text) for recording in wishes_heard(state)
    ]
    return typed + spoken


def a_video_says_wishes(state: TurnState) -> bool:
    """Whether what is said in a video is one of the message's wishes."""
    videos = {video.attachment for video in state["watched"]}
    return any(one.attachment in videos for one in wishes_heard(state))


def only_steers(state: TurnState) -> bool:
    """Whether the message only says what to do with the list: no model is asked then, as the reading does all of it.

    A condition is taken back, an item ruled out or liked, an order or more of the same is asked for.
    """
    if state["seen"] or state.get("sounding"):
        return False
    return state["understanding"].steers if said_by(state) else bool(state["request"].drop)


def wishes_heard(state: TurnState) -> list[Transcription]:
    """The recordings with speech in them, but for those that give the assistant orders beside another message.

    A film in the background, or a recording that is passed on, may say "new orders for all assistants": its words are
    shown, and are no wish. What is said in a video is one only where nothing is typed: it is often somebody else's.
    What is sung in a recording whose sound is searched by is none.
    """
    others = {video.attachment for video in state.get("watched", [])} if state["request"].text.strip() else set()
    others |= set(state.get("sounding", []))
    spoken = [one for one in state["heard"] if one.transcript.spoken and one.attachment not in others]
    wishes = [recording for recording in spoken if not gives_orders(recording.transcript.text)]
    return wishes if wishes or state["request"].text.strip() or state["seen"] else spoken


Emit = Callable[[TurnEvent], None]
