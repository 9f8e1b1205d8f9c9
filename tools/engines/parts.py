"""All that the tools work with, each part made on first use."""

from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from tools.engines.lazy import Lazy
from tools.media import MediaLimits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.engines.ocr import WordReader
    from tools.engines.pictures import PictureEncoder
    from tools.engines.sounds import SoundEncoder
    from tools.engines.speech import SpeechEngine
    from tools.engines.text import TextEncoder
    from tools.store import Catalogue
    from tools.store.pages import PageStore
    from tools.taste.taste import Taste

T = TypeVar("T")


class Part(Generic[T]):
    """A field that takes a value or a `Lazy` one, and always gives the value."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type | None = None) -> T:
        if instance is None:  # dataclass asks the class for a default: there is none
            raise AttributeError(self._name)
        part: Lazy[T] = instance.__dict__[self._name]
        return part()

    def __set__(self, instance: object, value: "T | Lazy[T]") -> None:
        instance.__dict__[self._name] = value if isinstance(value, Lazy) else Lazy(lambda: value)


class OptionalPart(Part[T | None]):
    """A part that may be left out: it is then None."""

    def __get__(self, instance: object, owner: type | None = None) -> T | None:
        return None if instance is None else super().__get__(instance, owner)


@dataclass(frozen=True, eq=False, repr=False)
class Engines:
    """The catalogue and the encoders that its vectors come from.

    Give each part as an object, or as ``Lazy(make)``; it is made when a tool first reads it, so that `browse` works
    where no model is installed. What ``make`` raises (a missing model, a damaged catalogue) is raised then.
    """

    catalogue: "Part[Catalogue]" = Part()
    text: "Part[TextEncoder]" = Part()
    pictures: "Part[PictureEncoder]" = Part()
    speech: "Part[SpeechEngine]" = Part()
    limits: MediaLimits = field(default_factory=MediaLimits)
    """How many items each signal of a search brings into the fusion."""
    weights: "Mapping[str, float] | None" = None
    """Each signal's share in the fusion; None: the defaults of `tools.search`."""
    taste: "OptionalPart[Taste]" = OptionalPart()
    """What is known of users; None: nothing."""
    pages: "OptionalPart[PageStore]" = OptionalPart()
    """The shop's own pages; None: there are none."""
    words: "OptionalPart[WordReader]" = OptionalPart()
    """What reads words in pictures; None: nothing does."""
    sounds: "OptionalPart[SoundEncoder]" = OptionalPart()
    """What compares sounds; None: nothing does."""
    cut_out: bool = False
    """Whether a small thing in a photo is cut out and searched for beside the whole."""

    def with_taste(self, taste: "Taste | None") -> "Engines":
        """The same parts, beside another knowledge of users."""
        other = copy(self)
        other.__dict__["taste"] = Lazy(lambda: taste)
        return other

    def load(self, part: Literal["text", "pictures", "speech", "words"]) -> None:
        """Load a model now, and not when it is first used; nothing where the part is left out.

        Raises:
            ServiceMissing: it is not there.
        """
        engine = getattr(self, part)
        if engine is not None:
            engine.load()
