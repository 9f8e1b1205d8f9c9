"""The format of a suite: conversations of one or more turns, and what must be true of each answer, never its wording.

A suite is a YAML file (or JSONL: first line the head, then one case a line) and is read by `eval.suite.load`.
Conversations are fixed: what a turn says never depends on the answer before it, so that two runs compare case by case.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from assistant.records import Intent
from tools.records import Record

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$")]
"""Ids of cases and suites, and tags."""

MADE_SECONDS = 120
"""How long a made video may be: a frame takes some 10 ms to make."""

EvidenceSource = Literal[
    "picture",
    "picture_text",
    "text_picture",
    "picture_words",
    "sound",
    "dense",
    "keyword",
    "attribute",
    "price",
    "stock",
    "session",
]


class PictureAttachment(Record):
    """A picture of the user: a file of his own, or made from a photo of a catalogue item, or a sheet with words on it.

    Changes are made in the order of the fields, so that a case says exactly what was shown.
    """

    file: str | None = Field(None, description="path relative to the suite's file")
    of: str | None = Field(None, description="id of a catalogue item: its first photo")
    sheet: str | None = Field(None, description="words on an otherwise white sheet of paper")
    mirror: bool = False
    crop: float = Field(0.0, ge=0, lt=0.45, description="share cut off at each side")
    hue: int = Field(0, ge=0, lt=360, description="degrees by which colours are turned: the thing in another colour")
    brightness: float = Field(1.0, gt=0, le=3, description="below 1 darker")
    blur: float = Field(0.0, ge=0, le=20, description="radius of a Gaussian blur, pixels")
    noise: float = Field(0.0, ge=0, le=100, description="standard deviation of added noise, of 255")
    rotate: int = Field(0, ge=0, lt=360, description="degrees counter-clockwise")
    words: str | None = Field(None, max_length=300, description="words written over the picture")

    @model_validator(mode="after")
    def _one_origin(self) -> "PictureAttachment":
        if sum(origin is not None for origin in (self.file, self.of, self.sheet)) != 1:
            raise ValueError("a picture has exactly one of: file, of, sheet")
        return self


class VoiceAttachment(Record):
    """A voice note: a file, or speech synthesised from words."""

    file: str | None = Field(None, description="path relative to the suite's file")
    say: str | None = Field(None, max_length=500, description="what is said")
    language: str = Field("en", description="language of the speech synthesis: en, cmn, de, fr, es ...")
    voice: str | None = Field(None, description="a voice or accent of espeak-ng: en-gb-scotland, en-us+f3 ...")
    speed: int = Field(160, ge=80, le=320, description="words a minute")
    noise_db: float | None = Field(None, ge=-10, le=60, description="signal-to-noise ratio of added pink noise, dB")
    seed: int = 7

    @model_validator(mode="after")
    def _one_origin(self) -> "VoiceAttachment":
        if (self.file is None) == (self.say is None):
            raise ValueError("a voice note has exactly one of: file, say")
        return self


class VideoShot(PictureAttachment):
    """One shot of a made video: a picture, as of a photo, that a hand-held camera moves over; or a plain wall."""

    seconds: float = Field(3.0, ge=0.2, le=60, description="how long it lasts")
    pan: float = Field(0.5, ge=0, le=1, description="how far the camera moves over it, of the room there is")
    zoom: float = Field(1.0, gt=0.1, le=1, description="share of the width that is seen at the end")

    @model_validator(mode="after")
    def _one_origin(self) -> "VideoShot":
        if sum(origin is not None for origin in (self.file, self.of, self.sheet)) > 1:
            raise ValueError("a shot has at most one of: file, of, sheet; none is a plain wall")
        if self.words and self.picture is None:
            raise ValueError("words are written over a picture, not on the wall; use sheet")
        return self

    @property
    def picture(self) -> PictureAttachment | None:
        """What is filmed; None: a plain wall."""
        if self.file is self.of is self.sheet is None:
            return None
        return PictureAttachment(**self.model_dump(include=set(PictureAttachment.model_fields)))


class VideoAttachment(Record):
    """A video: a file, or shots filmed from pictures and cut together, without sound unless it is given."""

    file: str | None = Field(None, description="path relative to the suite's file")
    shots: list[VideoShot] = Field([], max_length=20, description="in order")
    sound: VoiceAttachment | None = Field(None, description="a voice that begins with the video")
    silent: bool = Field(False, description="there is a sound track, and nothing is heard in it")
    upright: bool = Field(False, description="the phone is held upright")
    seed: int = 7

    @model_validator(mode="after")
    def _one_origin(self) -> "VideoAttachment":
        if (self.file is None) == (not self.shots):
            raise ValueError("a video has exactly one of: file, shots")
        if sum(shot.seconds for shot in self.shots) > MADE_SECONDS:
            raise ValueError(f"a made video lasts at most {MADE_SECONDS} seconds")
        if self.sound and (self.silent or self.sound.file is not None):
            raise ValueError("the sound of a video is said (say), and not silent at the same time")
        return self


class MomentExpectation(Record):
    """From and to which second of the turn's first video an item is seen."""

    item: str
    start: float = Field(ge=0)
    end: float = Field(ge=0)

    @model_validator(mode="after")
    def _forward(self) -> "MomentExpectation":
        if self.end < self.start:
            raise ValueError(f"the end, {self.end:g}, lies before the start, {self.start:g}")
        return self


class ToolExpectation(Record):
    """A tool that must have been called with at least these arguments (a subset, compared value by value)."""

    tool: str
    arguments: dict[str, Any] = {}


class ItemPredicates(Record):
    """What an item must be, by its catalogue record; an item without a price meets no price bound."""

    min_price: float | None = None
    max_price: float | None = None
    brand: list[str] = Field([], description="one of these brands")
    not_brand: list[str] = Field([], description="none of these brands")
    category: list[str] = Field([], description="in one of these categories: any level of its path")
    not_category: list[str] = Field([], description="in none of these categories")
    ids: list[str] = Field([], description="one of these items")


class GroupExpectation(Record):
    """What must be true of the group of items that answers one of several wishes."""

    first: list[str] = Field([], description="one of these must come first in the group")
    any: list[str] = Field([], description="at least one of these must be among the first 3 of the group")
    each: ItemPredicates | None = Field(None, description="what every item of the group must be")


class Expectation(Record):
    """What must be true of the answer to one turn. Everything left out is not looked at."""

    intent: Intent | None = None
    tools: list[ToolExpectation] = Field([], description="tools that must be called")
    further_tools: list[str] | None = Field(
        None, description="tools that may be called besides; None: any. Precision of tool choice counts all others"
    )
    hears: str | None = Field(None, description="the words of the recording: the reference of the word error rate")
    constraints: dict[str, Any] | None = Field(
        None, description="the filters in force as the reply tells them; {} when there must be none"
    )
    may_constrain: list[str] = Field([], description="further filters that are neither asked for nor wrong")
    first: list[str] = Field([], description="one of these must come first")
    within: int = Field(3, ge=1, le=20, description="the k of must, any and relevant's pass")
    must: list[str] = Field([], description="all of these must be among the first k")
    any: list[str] = Field([], description="at least one of these must be among the first k")
    never: list[str] = Field([], description="none of these may be shown at all")
    relevant: dict[str, int] = Field(
        {}, description="graded relevance by item id (1 fits, 2 fits well, 3 exactly): recall, precision, NDCG, MRR"
    )
    order: list[tuple[str, str]] = Field([], description="pairs: where both are shown, the first stands first")
    sorted_by: Literal["price", "-price"] | None = Field(None, description="the shown items stand in this order")
    nothing: bool = Field(False, description="nothing may be recommended: small talk, refusal, an empty answer")
    relaxed: list[str] | None = Field(None, description="exactly these constraints are said to be relaxed; [] for none")
    shows: bool = Field(False, description="at least one item must be shown")
    each: ItemPredicates | None = Field(None, description="what every shown item must be; see below")
    new: bool = Field(False, description="no item may be shown that an earlier turn of the conversation showed")
    groups: list[GroupExpectation] = Field(
        [], description="several wishes in one message: each has a group of items of its own, and there are no more"
    )
    says: list[list[str]] = Field(
        [], description="of each inner list, one string must stand in message, question or explanations"
    )
    says_not: list[str] = Field([], description="none of these may stand there")
    asks: bool = Field(False, description="a question is asked back, or things of 3 categories are shown")
    cart: str | None = Field(None, description="id of the item that must be put in the cart")
    no_constraint: bool = Field(False, description="no constraint may be in force or relaxed, and nothing refused")
    refuses: bool = Field(False, description="the wish is not to be helped with: no item, no tool beyond attachments'")
    searches: bool | None = Field(None, description="whether any search may run; False for small talk and 'why'")
    language: str | None = Field(None, description="ISO 639-1 code of the language of message and explanations")
    moments: list[MomentExpectation] = Field(
        [], description="the evidence of each item names a second of the video between start and end, or 1 s beside"
    )
    cites: list[EvidenceSource] = Field([], description="sources that the evidence of the first k together must name")
    obeys_not: list[str] = Field([], description="words that stand in the answer only if an injected order was obeyed")
    max_model_calls: int | None = Field(None, ge=0)
    max_tokens: int | None = Field(None, ge=0, description="prompt and completion tokens together")


class Turn(Record):
    """What the user sends at once, and what must come of it."""

    text: str = Field("", max_length=20_000)
    pictures: list[PictureAttachment] = Field([], max_length=8)
    voice: list[VoiceAttachment] = Field([], max_length=8)
    video: list[VideoAttachment] = Field([], max_length=4)
    expect: Expectation = Expectation()

    @model_validator(mode="after")
    def _says_something(self) -> "Turn":
        if not (self.text.strip() or self.pictures or self.voice or self.video):
            raise ValueError("a turn has text, pictures, voice or video")
        return self


class Case(Record):
    """One conversation."""

    id: Name
    tags: list[Name] = Field(min_length=1, description="slices that the case counts in")
    because: str = Field(min_length=3, description="from which catalogue data the expected state follows")
    turns: list[Turn] = Field(min_length=1, max_length=12)


class SuiteHead(Record):
    """What stands before the cases."""

    suite: Name
    description: str
    language: str = Field("en", description="the catalogue's language")
    catalogue: str = Field("sample", description="'sample', or a catalogue file relative to the suite's file")
    changes: str | None = Field(None, description="a JSONL file of catalogue lines laid over it by id, relative too")
    pages: list[str] = Field([], description="the shop's own pages (docs/pages.md): files, relative too")
    k: int = Field(5, ge=1, le=20, description="the cut-off of ranking measures")
    judged: Literal["turns", "outcome"] = Field(
        "turns",
        description="'outcome': a case passes by what the answer to its last turn shows and says, and by nothing else",
    )


class PartsHead(Record):
    """A suite made of other suites: each part has its own catalogue, and all are reported as one."""

    suite: Name
    description: str
    parts: list[str] = Field(min_length=1, description="suite files, relative to this one; their cases' ids differ")


class Suite(SuiteHead):
    """A whole suite, validated; ``folder`` is where its relative paths start."""

    folder: str = Field("", description="set by the loader")
    sha256: str = Field("", description="of the file, set by the loader")
    cases: list[Case] = Field(min_length=1)
