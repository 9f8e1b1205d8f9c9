"""One case as a page shows it: what was sent, what was answered, what was expected, what failed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assistant.records import Reply
from eval.runs.reading import Run
from eval.runs.records import CaseAnswer, CaseScore, Check, TurnAnswer
from eval.suite.records import Case, PictureAttachment, Turn, VideoAttachment, VoiceAttachment


@dataclass(frozen=True)
class TurnView:
    """One turn: ``expected`` is empty where the run did not keep what was asked."""

    number: int
    text: str
    attachments: list[str]
    expected: dict[str, Any]
    answer: TurnAnswer
    checks: list[Check]

    @property
    def not_shown(self) -> list[str]:
        """The ranking beyond what the user saw."""
        return [item for item in self.answer.ranking if item not in self.answer.shown]


@dataclass(frozen=True)
class CaseView:
    """One conversation with its scores."""

    id: str
    tags: list[str]
    passed: bool
    because: str
    values: dict[str, float]
    turns: list[TurnView]

    @property
    def failures(self) -> list[Check]:
        """The checks that failed, over all turns."""
        return [check for turn in self.turns for check in turn.checks if not check.ok]


def case_views(run: Run) -> list[CaseView]:
    """All cases: failed ones first, each group in the order of the run."""
    views = [case_view(run, score) for score in run.scores.cases]
    return sorted(views, key=lambda view: view.passed)


def case_view(run: Run, score: CaseScore) -> CaseView:
    """One case of a run."""
    case, answer = run.cases.get(score.case), run.answers.get(score.case)
    return CaseView(
        id=score.case,
        tags=score.tags,
        passed=score.passed,
        because=case.because if case else "",
        values=score.values,
        turns=list(_turns(case, answer, score.checks)),
    )


def _turns(case: Case | None, answer: CaseAnswer | None, checks: Sequence[Check]) -> list[TurnView]:
    answers = answer.turns if answer else []
    turns: list[Turn | None] = list(case.turns) if case else [None] * len(answers)
    return [
        _turn(number, turn, answers[number] if number < len(answers) else TurnAnswer(error="was not answered"), checks)
        for number, turn in enumerate(turns)
    ]


def _turn(number: int, turn: Turn | None, answer: TurnAnswer, checks: Sequence[Check]) -> TurnView:
    if turn is not None:
        text, attachments = turn.text, attachments_in_words(turn)
        expected = turn.expect.model_dump(mode="json", exclude_defaults=True)
    else:
        text, attachments = _as_answered(answer.reply)
        expected = {}
    of_turn = [check for check in checks if check.turn == number]
    return TurnView(number + 1, text, attachments, expected, answer, sorted(of_turn, key=lambda check: check.ok))


def _as_answered(reply: Reply | None) -> tuple[str, list[str]]:
    """What was sent, as far as the reply tells."""
    if reply is None:
        return "", []
    return reply.query.text, [f"{note.kind} {note.name}" for note in reply.query.attachments]


def attachments_in_words(turn: Turn) -> list[str]:
    """Each picture, voice note and video in a few words."""
    return [*map(_picture, turn.pictures), *map(_voice, turn.voice), *map(_video, turn.video)]


def _picture(picture: PictureAttachment) -> str:
    if picture.of is not None:
        subject = f"photo of {picture.of}"
    elif picture.sheet is not None:
        subject = f"sheet with the words “{picture.sheet}”"
    else:
        subject = f"picture {picture.file}" if picture.file else "a wall"
    return ", ".join([subject, *_changes(picture.model_dump(exclude={"file", "of", "sheet"}, exclude_defaults=True))])


def _voice(voice: VoiceAttachment) -> str:
    subject = f"voice “{voice.say}”" if voice.say is not None else f"recording {voice.file}"
    return ", ".join([subject, *_changes(voice.model_dump(exclude={"file", "say", "seed"}, exclude_defaults=True))])


def _video(video: VideoAttachment) -> str:
    shown = "; ".join(map(_picture, video.shots))
    subject = f"video: {shown}" if shown else f"video {video.file}"
    sound = [_voice(video.sound)] if video.sound else []
    return ", ".join(
        [subject, *sound, *_changes(video.model_dump(include={"silent", "upright"}, exclude_defaults=True))]
    )


def _changes(settings: dict[str, Any]) -> list[str]:
    """Settings that are not the usual ones: "mirror", "hue 90"."""
    return [_change(name.replace("_", " "), value) for name, value in settings.items()]


def _change(name: str, value: Any) -> str:  # noqa: ANN401 - a setting of any type
    if value is True:
        return name
    return f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
