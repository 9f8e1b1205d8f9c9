"""The typed records that tools take and give; all JSON-able, all validated at the border."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Term = Annotated[str, Field(min_length=1, max_length=100)]
Terms = Annotated[list[Term], Field(max_length=50)]
Spellings = Annotated[list[Term], Field(max_length=2_000)]
"""As many things as `Terms`, each in every spelling of every language."""
Attributes = Annotated[dict[Term, Annotated[list[Term], Field(min_length=1, max_length=50)]], Field(max_length=20)]
"""Values by the name of their attribute."""


class Record(BaseModel):
    """Base of all records: unknown keys are refused, and so are numbers that are not finite."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Item(Record):
    """One catalogue line after validation (the contract in docs/catalogue.md)."""

    id: str
    title: str
    description: str = ""
    price: float | None = None
    currency: str | None = None
    category: str | None = None
    brand: str | None = None
    url: str | None = None
    images: list[str] = []
    audio: list[str] = []
    video: list[str] = []
    in_stock: bool | None = None
    attributes: dict[str, Any] = {}

    @field_validator("audio", "video", mode="before")
    @classmethod
    def _several(cls, files: Any) -> Any:  # noqa: ANN401 - whatever was stored: once it was one address or null
        return [] if files is None else [files] if isinstance(files, str) else files


class Filters(Record):
    """What an item must be. Everything is decided in the stores, before ranking; bounds are inclusive.

    A list means "any of these" when it includes and "none of these" when it excludes;
    ``include_terms`` means every term must stand in the item's title, description or attributes. Prices, stock and
    ``attributes`` are those of the item or of one of its variants.
    """

    min_price: float | None = Field(None, ge=0, description="lowest price, inclusive")
    max_price: float | None = Field(None, ge=0, description="highest price, inclusive")
    categories: Terms = Field([], description="any of these categories")
    brands: Terms = Field([], description="any of these brands")
    in_stock: bool | None = Field(None, description="true: only items in stock")
    attributes: Attributes = Field(
        {}, description='by name of an attribute, any of these values: {"size": ["43"]}; of one variant, at its price'
    )
    include_terms: Terms = Field([], description="words every item must mention, such as a colour")
    exclude_terms: Spellings = Field([], description="words no item may mention, such as leather")
    exclude_categories: Terms = Field([], description="none of these categories")
    exclude_brands: Terms = Field([], description="none of these brands")
    exclude_ids: Annotated[list[str], Field(max_length=10_000)] = Field([], description="items not to show")

    def is_empty(self) -> bool:
        """True when nothing is asked of an item."""
        return not self.model_dump(exclude_defaults=True)


SignalSource = Literal[
    "picture", "picture_text", "text_picture", "sound", "dense", "keyword", "collaborative", "profile", "session",
    "popular", "imported", "pinned",
]  # fmt: skip
"""Where a score comes from: photo to photo, photo to item text, words to item photo, sound to sound, words to text,
BM25; what people of similar taste chose, closeness to the user's own history, to what this conversation showed, what
many people chose; closeness to what the user likes in another catalogue; what the shop has put first.
"""


class Because(Record):
    """An item of the user's own that speaks for another one."""

    item_id: str
    title: str
    people: int | None = Field(None, description="how many people chose both; None: likeness of contents, no people")


class Moment(Record):
    """A place in a video or recording."""

    video: str = Field(
        description="vid1, ...: of the user's; 0, 1, ...: of the item's own, as its record lists them; a0, a1, ...: of "
        "its recordings"
    )
    second: float = Field(ge=0, description="from the beginning")


class Signal(Record):
    """One modality's opinion of one item."""

    source: SignalSource
    score: float = Field(description="the source's own scale: cosine, CSLS or BM25; larger is better")
    rank: int = Field(ge=1, description="1 is best within this source's list")
    z: float | None = Field(
        None,
        description="how many deviations the score lies above those of what is unrelated (dense, "
        "picture, sound; picture_text and text_picture with a CLIP model)",
    )
    share: float | None = Field(
        None, description="how much of the query's words the item holds, rare ones counting more (keyword)"
    )
    matched: list[str] = Field([], description="the query's words found in the item (keyword source only)")
    because: list[Because] = Field([], description="items of the user's own that it rests on (taste sources only)")
    people: int | None = Field(None, description="how many people it rests on, never who (taste sources only)")
    catalogue: str | None = Field(None, description="where the user likes what is close to it (imported source only)")
    shown: Moment | None = Field(None, description="where the user's video shows it (picture sources only)")
    moment: Moment | None = Field(None, description="where the item's own video shows it (picture sources only)")


class Variant(Record):
    """One of the ways in which an item is sold: in size 43, in red."""

    options: dict[str, str] = Field(description="name of each attribute to its value, as the catalogue spells them")
    price: float | None = None
    in_stock: bool | None = None


class Hit(Record):
    """An item as a search result carries it; with a variant, price and stock are the variant's."""

    item_id: str
    title: str
    price: float | None = None
    currency: str | None = None
    category: str | None = None
    brand: str | None = None
    in_stock: bool | None = None
    variant: Variant | None = Field(
        None, description="the variant that meets the conditions, where the item has several"
    )
    score: float = Field(0.0, description="fused score within this result, larger is better")
    signals: list[Signal] = []


class ItemsResult(Record):
    """What every tool that finds items returns."""

    items: list[Hit]
    total: int | None = Field(None, description="how many items passed the filters, when counted")
    has_more: bool = Field(False, description="more items passed than total says; they were not all counted")
    missing: list[str] = Field([], description="what was left out of the search and why, a sentence each")


class Segment(Record):
    """One stretch of speech; times in seconds from the start."""

    start: float
    end: float
    text: str


class Transcript(Record):
    """What was said. ``spoken`` false means no speech was heard, and ``text`` is empty."""

    text: str
    language: str | None
    confidence: float = Field(ge=0, le=1, description="mean token probability, 0 when nothing was spoken")
    segments: list[Segment]
    seconds: float = Field(description="length of the recording")
    spoken: bool
    silent: bool = Field(False, description="whether nothing at all is to be heard")


class Label(Record):
    """A picture label with its probability."""

    label: str
    score: float


class PictureDescription(Record):
    """Labels of a picture, best first, and its size in pixels after EXIF rotation."""

    labels: list[Label]
    width: int
    height: int


class TextLine(Record):
    """A line of text in a picture."""

    text: str = Field(max_length=200)
    confidence: float = Field(ge=0, le=1)
    box: tuple[int, int, int, int] = Field(description="left, top, right, bottom in pixels of the upright picture")
    second: float | None = Field(None, description="of the frame, counted from the video's beginning; none: a picture")


class PictureText(Record):
    """The words in a picture, or in frames of a video one after another, each from top to bottom, and its size in
    pixels after EXIF rotation."""

    lines: list[TextLine] = Field(max_length=120)
    width: int
    height: int


class Shot(Record):
    """What a frame of a video shows."""

    second: float
    labels: list[Label]


class VideoDescription(Record):
    """Labels of a video's frames, in order of time, and what is said in it; null where nobody listened."""

    shots: list[Shot]
    transcript: Transcript | None
    seconds: float
    width: int
    height: int
    has_sound: bool = False
    missing: list[str] = Field([], description="what was left out and why, a sentence each")


class EncoderIdentity(Record):
    """Which model and preprocessing made a vector; vectors of two identities are never compared."""

    encoder: str
    weights: str = Field(description="sha256 of the weights, or hub repository and revision")
    preprocessing: str
    dimensions: int


FailureKind = Literal["input", "unknown", "media", "missing", "late", "failed"]
"""Whose fault a failure is: wrong arguments, a tool or item that is not there, a file that cannot be read, a model file
or server that is not there, the time that ran out, or the tool itself."""


class ToolOutcome(Record):
    """What calling a tool gives, whoever called it."""

    ok: bool
    result: dict[str, Any] | None = None
    error: str | None = None
    failure: FailureKind | None = Field(None, exclude=True, description="for the caller's code; not part of the JSON")
    seconds: float


class Vocabulary(Record):
    """The catalogue's own names and values, as it spells them: what constraints are read against.

    Attributes with more than 200 different values are left out, and so are values longer than 60 characters and names
    of categories and brands longer than 100.
    """

    categories: list[str] = []
    brands: list[str] = []
    frequent_categories: list[str] = Field([], description="a hundred of the categories, those of most items first")
    frequent_brands: list[str] = Field([], description="a hundred of the brands, likewise")
    attribute_values: dict[str, list[str]] = Field({}, description="attribute name to its values")
    currencies: list[str] = []
    min_price: float | None = None
    max_price: float | None = None
