"""Whether a text is in a language."""

import pytest

from eval.measures.language import written_in


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("This shoe is black and costs 44.95 USD, within your limit.", "en"),
        ("Dieser Schuh ist schwarz und passt gut zu Ihrem Wunsch.", "de"),
        ("Cette chaussure noire coûte moins que votre budget.", "fr"),
        ("Este zapato negro cuesta menos de lo que usted pidió.", "es"),
        ("这款 Cloud Runner 价格为 44.95 USD。", "zh"),
        ("黒い靴です。", "ja"),
    ],
)
def test_languages_are_told_apart(text: str, language: str) -> None:
    assert [code for code in ("en", "de", "fr", "es", "zh", "ja") if written_in(text, code)] == [language]


@pytest.mark.parametrize("text", ["", "OK.", "44.95 USD"])
def test_too_little_to_tell_is_no_fault(text: str) -> None:
    assert written_in(text, "de")


def test_quotations_and_names_are_left_out() -> None:
    assert written_in("商品描述写道“a light running shoe”", "zh")
    with_quotation = "Die Beschreibung nennt den Schuh „a light running shoe with a very soft mesh upper“ für Kunden."
    assert written_in(with_quotation, "de")
    with_title = "Der Schuh The Very Best Running Shoe in Town ist schwarz und leicht."
    assert written_in(with_title, "de", names=["The Very Best Running Shoe in Town"])
