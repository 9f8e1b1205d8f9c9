"""Signals that are taken away from a turn."""

from pathlib import Path

import pytest

from eval.runs.answering import ReadyTurn
from eval.runs.without import take_away
from eval.suite.records import Turn

PHOTO, VOICE, VIDEO = Path("photo.jpg"), Path("voice.flac"), Path("clip.mp4")
WHOLE = ReadyTurn(Turn(text="a chair"), "a chair", [PHOTO], [VOICE], [VIDEO])


@pytest.mark.parametrize(
    ("without", "remaining"),
    [
        ([], ("a chair", [PHOTO], [VOICE], [VIDEO])),
        (["photo"], ("a chair", [], [VOICE], [VIDEO])),
        (["voice"], ("a chair", [PHOTO], [], [VIDEO])),
        (["video"], ("a chair", [PHOTO], [VOICE], [])),
        (["text", "voice"], ("", [PHOTO], [], [VIDEO])),
        (["text", "voice", "photo"], ("", [], [], [VIDEO])),
        (["history", "llm_rank"], ("a chair", [PHOTO], [VOICE], [VIDEO])),
    ],
)
def test_a_turn_loses_what_is_taken_away_and_nothing_else(
    without: list[str], remaining: tuple[str, list[Path], list[Path], list[Path]]
) -> None:
    turn = take_away(WHOLE, without)
    assert turn is not None
    assert (turn.text, turn.images, turn.audio, turn.video) == remaining
    assert turn.turn is WHOLE.turn, "what the answer is held to stays"


@pytest.mark.parametrize(
    ("turn", "without"),
    [
        (WHOLE, ["text", "photo", "voice", "video"]),
        (ReadyTurn(Turn(text="a chair"), "a chair"), ["text"]),
        (ReadyTurn(Turn(text=" ", voice=[{"say": "a chair"}]), " ", audio=[VOICE]), ["voice"]),  # type: ignore[list-item]
    ],
)
def test_nothing_is_sent_where_nothing_is_left(turn: ReadyTurn, without: list[str]) -> None:
    assert take_away(turn, without) is None
