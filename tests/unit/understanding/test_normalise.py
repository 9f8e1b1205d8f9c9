"""The one form in which a message is matched."""

import pytest

from assistant.understanding.normalise import normalise


@pytest.mark.parametrize("text", ["黑色的鞋\udcff", "shoes\ud8db", "\udfff"])
def test_halves_of_characters_are_set_aside(text: str) -> None:
    plain = normalise(text, "zh")
    assert plain == text.encode("utf-8", "replace").decode()
