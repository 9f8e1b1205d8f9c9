"""What is known decides how much taste counts."""

import re
from pathlib import Path

import pytest

from assistant.agent.taste_weights import SCALES, scales, situation

DOCUMENTED = Path(__file__).parents[3] / "docs" / "taste.md"


@pytest.mark.parametrize(
    ("words", "photo", "events", "wish", "history"),
    [
        (True, True, 0, "words", "none"), (True, False, 1, "words", "few"), (False, True, 19, "photo", "few"),
        (False, True, 20, "photo", "many"), (False, False, 500, "none", "many"),
    ],
)  # fmt: skip
def test_the_situation_follows_from_the_message_and_the_history(
    words: bool, photo: bool, events: int, wish: str, history: str
) -> None:
    result = situation(words=words, photo=photo, events=events)
    assert (result.wish, result.history) == (wish, history)


def test_without_history_the_conversation_counts_where_something_is_wished_and_a_taste_of_elsewhere_a_little() -> None:
    assert scales(situation(words=True, photo=False, events=0)) == {
        "session": 1.0, "profile": 0.0, "collaborative": 0.0, "popular": 0.0, "imported": 0.1,
    }  # fmt: skip


def test_the_documented_table_is_the_one_in_force() -> None:
    number = r"\| ([\d.]+) "
    rows = re.findall(rf"^\| (words|a photo alone|no wish) \| (\w+)[^|]*{number * 5}\|$", DOCUMENTED.read_text(), re.M)
    names = {"words": "words", "a photo alone": "photo", "no wish": "none"}
    assert {(names[wish], history): tuple(map(float, values)) for wish, history, *values in rows} == SCALES
