"""Telling a text's language, here and in a process of its own."""

import pytest

from assistant.understanding import language, language_child
from assistant.understanding.language import detect_language, told_apart

TEXTS = {
    "une veste chaude pour la montagne": "fr",
    "eine warme Jacke für den Winter": "de",
    "una chaqueta caliente para el invierno": "es",
    "一件暖和的夹克": "zh",
    "show me the red one please": "en",
    "nike": "en",
    "guitarra para adultos": "es",
    "la guitare pour adultes": "fr",
    "Nintendo Switch OLED": "en",
}


def test_another_process_tells_the_same() -> None:
    with told_apart("una mesa de madera maciza"):
        apart = {text: detect_language(text, default="en") for text in TEXTS}
    assert apart == TEXTS == {text: detect_language(text, default="en") for text in TEXTS}


def test_no_process_is_started_for_what_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "_Apart", None)
    for text in ("一件暖和的夹克", "show me the red one please", "nike", ""):
        with told_apart(text):
            assert detect_language(text, default="en") in ("en", "zh")


def test_a_process_that_fails_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language_child, "__file__", "/no/such/program.py")
    with told_apart("eine warme Jacke"):
        assert detect_language("une veste chaude pour la montagne", default="en") == "fr"
