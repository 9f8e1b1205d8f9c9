from pathlib import Path

import pytest

from prompts import PromptError, check_folder, load_prompt, prompt_names, say, sentence_keys
from tools.toolbox import TOOLS


@pytest.mark.parametrize("name", prompt_names())
def test_every_prompt_declares_what_it_is(name: str) -> None:
    prompt = load_prompt(name)
    assert prompt.version >= 1
    assert prompt.purpose.endswith(".")


def test_a_missing_or_unknown_variable_is_refused() -> None:
    with pytest.raises(PromptError, match="missing or unknown"):
        load_prompt("chat").render(text="hi")
    with pytest.raises(PromptError, match="missing or unknown"):
        load_prompt("chat").render(text="hi", language="English", mood="good")


def test_an_unknown_prompt_lists_the_known_ones() -> None:
    with pytest.raises(PromptError, match="plan"):
        load_prompt("nonsense")
    with pytest.raises(PromptError):
        load_prompt("../pyproject")


def test_all_languages_say_the_same_things() -> None:
    for language in ("zh", "de", "fr", "es"):
        assert sentence_keys(language) == sentence_keys("en")


def test_a_language_without_sentences_falls_back_to_english() -> None:
    assert say("empty_catalogue", "fi") == say("empty_catalogue", "en")


def test_a_sentence_with_a_missing_variable_is_an_error() -> None:
    with pytest.raises(PromptError):
        say("why", "en", title="x")


def test_the_planning_system_prompt_does_not_change_between_turns() -> None:
    assert load_prompt("plan").variables == {"categories", "brands"}


def test_slots_are_data_and_never_templates() -> None:
    rendered = load_prompt("chat").render(language="English", text="{{ 7 * 7 }} {% raw %}")
    assert "{{ 7 * 7 }}" in rendered[-1].content


CHAT = """---
name: chat
version: 9
purpose: Another tone.
variables: [language, text]
---
## user
Say hello in {{ language }} to: {{ text }}
"""


def test_a_file_of_a_folder_stands_in_for_the_prompt_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "chat.md").write_text(CHAT, "utf-8")
    check_folder(tmp_path)
    assert load_prompt("chat", tmp_path).version == 9
    assert load_prompt("plan", tmp_path) == load_prompt("plan")
    assert load_prompt("chat") != load_prompt("chat", tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("plann.md", CHAT, "known: chat, explain"),
        ("chat.md", CHAT.replace("[language, text]", "[language]"), "declares"),
        ("chat.md", CHAT.replace("[language, text]", "[language, text, day]") + "{{ day }}", r"not \['day'\]"),
        ("chat.md", "Say hello.", "no header"),
        ("chat.md", CHAT.replace("version: 9\n", ""), "must have name, version"),
        ("chat.md", CHAT.replace("purpose: Another", "purpose: ]["), "no YAML"),
        ("chat.md", CHAT.replace("{{ text }}", "{{ text"), "no template"),
    ],
)
def test_a_folder_that_cannot_stand_in_is_refused(tmp_path: Path, name: str, text: str, reason: str) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    with pytest.raises(PromptError, match=reason):
        check_folder(tmp_path)


def test_a_folder_of_prompts_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="no folder"):
        check_folder(tmp_path / "nowhere")


def test_every_tool_has_a_sentence_that_says_what_it_does() -> None:
    assert {f"step_{tool.name}" for tool in TOOLS} <= sentence_keys("en")
