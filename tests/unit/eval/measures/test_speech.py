"""Word error rates count what was heard differently, not how it is written."""

import pytest

from eval.measures.speech import error_rate


@pytest.mark.parametrize(
    ("reference", "transcript", "language"),
    [
        ("under sixty dollars please", "Under $60, please.", "en"),
        ("sixty dollars", "60 USD", "en"),
        ("one dollar", "$1", "en"),
        ("I don't want leather", "I do not want leather!", "en"),
        ("one thousand two hundred dollars", "$1,200", "en"),
        ("twenty-five euros", "€25", "en"),
        ("fifty percent off", "50% off", "en"),
        ("unter sechzig Euro", "Unter 60 €", "de"),
        ("moins de soixante euros", "Moins de 60 euros.", "fr"),
        ("menos de sesenta euros", "menos de 60 €", "es"),
        ("不超过六十美元", "不超过60美元。", "zh"),
        ("不超过六十美元", "不超过$60", "zh"),
    ],
)
def test_ways_of_writing_are_no_errors(reference: str, transcript: str, language: str) -> None:
    assert error_rate(reference, transcript, language).errors == 0


@pytest.mark.parametrize(
    ("reference", "transcript", "errors", "words"),
    [
        ("under sixty dollars", "under fifty dollars", 1, 3),
        ("no leather please", "leather please", 1, 3),
        ("a chair", "a red chair", 1, 2),
        ("a chair", "", 2, 2),
        ("", "thank you", 2, 0),
        ("不要红色", "不要黑色", 1, 4),
        ("9.99 dollars", "999 dollars", 1, 2),
    ],
)
def test_errors_are_counted(reference: str, transcript: str, errors: int, words: int) -> None:
    rate = error_rate(reference, transcript)
    assert (rate.errors, rate.words) == (errors, words)


def test_the_rate_is_errors_a_word() -> None:
    assert error_rate("under sixty dollars", "under fifty dollars").rate == pytest.approx(1 / 3)
    assert (error_rate("", "thank you").rate, error_rate("", "").rate) == (1, 0)
