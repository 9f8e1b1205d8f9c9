"""What of a run is graded, and what the judge reads of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from eval.judge.records import Pair
from eval.runs.reading import Run
from eval.runs.records import TurnAnswer
from eval.suite.records import Expectation, PictureAttachment, Turn
from tools.records import Item

FACTS = {"title", "description", "price", "currency", "category", "brand", "in_stock", "attributes"}
"""What a judge reads of an item."""


def pairs_of(run: Run, items: Mapping[str, Item]) -> list[Pair]:
    """All pairs of a run, those with a grade by hand before the others.

    A turn that grades items (``relevant``) has all of them graded by the judge too, shown or not, so that agreement
    does not depend on what was shown; an item that it does not name counts as 0, as is usual in retrieval (TREC).

    Args:
        items: the catalogue of the run's suite; what is not in it is not graded.
    """
    pairs = [
        Pair(case=case.id, turn=number, item=item, shown=item in answer.shown, label=_label(turn.expect, item))
        for case in run.cases.values()
        for number, (turn, answer) in enumerate(zip(case.turns, run.answers[case.id].turns, strict=True))
        for item in _to_grade(turn.expect, answer)
        if item in items
    ]
    return sorted(pairs, key=lambda pair: pair.label is None)


def _to_grade(expect: Expectation, answer: TurnAnswer) -> list[str]:
    labelled = [*expect.relevant, *expect.never] if expect.relevant else []
    return list(dict.fromkeys([*answer.shown, *labelled]))


def _label(expect: Expectation, item: str) -> int | None:
    return expect.relevant.get(item, 0) if expect.relevant else None


@dataclass(frozen=True)
class JudgeVariables:
    """The variables of the judge's prompt for one pair."""

    run: Run
    items: Mapping[str, Item]

    def variables(self, pair: Pair) -> dict[str, Any]:
        """The conversation up to the pair's turn, and the item."""
        turns = self.run.cases[pair.case].turns[: pair.turn + 1]
        answers = self.run.answers[pair.case].turns
        return {
            "turns": [self._turn(turn, answer) for turn, answer in zip(turns, answers, strict=False)],
            "item": self.items[pair.item].model_dump(include=FACTS, exclude_defaults=True),
        }

    def _turn(self, turn: Turn, answer: TurnAnswer) -> dict[str, Any]:
        """One turn; a photo is told by what it shows, because the judge reads words only."""
        return {
            "text": turn.text.strip(),
            "spoken": list(_spoken_words(turn, answer)),
            "photos": [self._photo(picture) for picture in turn.pictures],
            "shown": [self.items[item_id] for item_id in answer.shown if item_id in self.items],
        }

    def _photo(self, picture: PictureAttachment) -> dict[str, Any]:
        item = self.items.get(picture.of or "")
        words = " ".join(filter(None, (picture.sheet, picture.words)))
        return {"title": item.title if item else "", "other_colour": picture.hue != 0, "words": words}


def _spoken_words(turn: Turn, answer: TurnAnswer) -> Iterator[str]:
    """The words of a turn's recordings: as the suite has them, else as they were heard."""
    scripts = [note.say for note in turn.voice if note.say]
    if len(scripts) == len(turn.voice):
        yield from scripts
    elif turn.expect.hears:
        yield turn.expect.hears
    elif answer.reply:
        yield from (transcript.text for transcript in answer.reply.query.transcripts)
