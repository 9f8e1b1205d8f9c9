"""One turn as checks and measures look at it: what was expected, what came back, and what stands around it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from assistant.records import Reply, Step
from assistant.understanding.lexicon import has_cjk
from eval.measures.claim_ground import CatalogueIndex
from eval.measures.claims import CheckedText, checked_texts
from eval.measures.constraints import resolved
from eval.runs.records import CaseAnswer, TurnAnswer
from eval.suite.records import Case, Expectation, Turn
from tools.records import Item

ATTACHMENT_TOOLS = frozenset({"transcribe_audio", "describe_image", "describe_video", "read_text"})
"""What an attachment makes certain; nobody chose to call them."""

SEARCHES = frozenset({"search_by_text", "search_by_image", "search_by_video", "search_by_sound", "browse"})


@dataclass(frozen=True)
class ScoredTurn:
    """A turn's answer beside its expectation; ``number`` counts from 0, ``first_before`` was shown first before it.

    ``shown_before`` are the items of the turns before it. ``outcome``: it is judged by what was shown alone.
    ``spoken_language`` is the ISO 639-1 code of the language of its recordings, where they were made for the case.
    """

    number: int
    expect: Expectation
    answer: TurnAnswer
    shelf: CatalogueIndex
    first_before: Item | None = None
    catalogue_language: str = "en"
    spoken_language: str | None = None
    shown_before: frozenset[str] = frozenset()
    outcome: bool = False

    @property
    def reply(self) -> Reply | None:
        """The whole reply, where there is one."""
        return self.answer.reply

    @property
    def items(self) -> Mapping[str, Item]:
        """The catalogue."""
        return self.shelf.items

    @property
    def only_ranks(self) -> bool:
        """True for baselines, which rank and say nothing."""
        return self.answer.reply is None and self.answer.error is None

    @property
    def shown(self) -> list[str]:
        """What the user saw; of a baseline that shows nothing, its ranking."""
        return self.answer.shown or (self.answer.ranking if self.only_ranks else [])

    @property
    def ranked(self) -> list[str]:
        """The whole ranking: what was shown, and the candidates that follow it."""
        return self.shown if self.outcome else self.answer.ranking or self.shown

    @property
    def within(self) -> int:
        """How many of the ranking count for ``must``."""
        return len(self.shown) if self.outcome else self.expect.within

    @property
    def recommends(self) -> bool:
        """Whether new items are to be shown: as expected, or else as the reply says."""
        intent = self.expect.intent or (self.reply.intent if self.reply else "recommend")
        return intent == "recommend"

    @property
    def called(self) -> list[Step]:
        """The tool calls, those that an attachment makes certain left out unless they are expected."""
        expected_tools = {tool.tool for tool in self.expect.tools}
        steps = self.reply.steps if self.reply else []
        return [step for step in steps if step.tool in expected_tools or step.tool not in ATTACHMENT_TOOLS]

    @cached_property
    def constraints(self) -> dict[str, Any] | None:
        """The expected constraints, relative bounds as numbers."""
        return None if self.expect.constraints is None else resolved(self.expect.constraints, self.first_before)

    @cached_property
    def texts(self) -> list[CheckedText]:
        """The reply's texts with their claims."""
        return checked_texts(self.reply, self.shelf, self.catalogue_language) if self.reply else []


def scored_turns(
    case: Case, answer: CaseAnswer, shelf: CatalogueIndex, catalogue_language: str = "en", *, outcome: bool = False
) -> Iterator[ScoredTurn]:
    """The case's turns, each beside its answer; a turn that was not reached counts as not answered."""
    first: Item | None = None
    before: frozenset[str] = frozenset()
    for number, turn in enumerate(case.turns):
        reached = number < len(answer.turns)
        turn_answer = answer.turns[number] if reached else TurnAnswer(error="The conversation ended before this turn.")
        scored_turn = ScoredTurn(
            number, turn.expect, turn_answer, shelf, first, catalogue_language, _spoken_language(turn), before, outcome
        )
        yield scored_turn
        before |= set(scored_turn.shown)
        first = shelf.items.get(scored_turn.shown[0]) if scored_turn.shown else first


def _spoken_language(turn: Turn) -> str | None:
    """espeak-ng's name of the language as ISO 639-1: "cmn" is Chinese, "en-gb" English."""
    voices = [*turn.voice, *(video.sound for video in turn.video if video.sound)]
    voice_language = next((voice.language for voice in voices if voice.say is not None), None)
    if voice_language is None:
        return "zh" if has_cjk(turn.expect.hears or "") else None
    return {"cmn": "zh", "yue": "zh"}.get(voice_language, voice_language[:2])
