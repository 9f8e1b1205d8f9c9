"""What joins the members of a list, in many languages."""

import pytest

from assistant.understanding.joining import joint


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        (" under 1,500 and a ", "en", ["and"]),
        (" max. 1.500 with ", "en", ["."]),
        (" en cuir et un ", "fr", ["et"]),
        (" en een ", "nl", ["en"]),
        ("和一个", "zh", ["和"]),
        (" de ", "pt", []),
        (" und eine ", "unknown", ["und"]),
        (" I want a ", "en", []),
    ],
)
def test_joints(text: str, language: str, found: list[str]) -> None:
    assert [match.group() for match in joint(language).finditer(text)] == found
