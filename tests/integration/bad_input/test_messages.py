"""What is typed: empty and endless messages, unknown options, commands, sessions."""

import pytest

from assistant.errors import BadInput, SessionError
from tests.fakes.openai_server import FakeOpenAIServer
from tests.integration.bad_input.conftest import CommandLine, OpenAssistant


def test_a_command_line_that_makes_no_sense_is_refused_in_one_sentence(cli: CommandLine) -> None:
    assert "No such option: --colour" in cli("recommend", "--colour", "red").refused()
    assert "No such command 'recomend'" in cli("recomend", "--text", "a chair").refused()
    assert "'--top'" in cli("recommend", "--text", "a chair", "--top", "0").refused()


def test_an_empty_message_is_refused_before_anything_is_loaded(cli: CommandLine) -> None:
    assert "The message is empty" in cli("recommend", "--text", " \n\t ").refused()
    assert not cli.data.exists()


def test_a_message_of_100_000_characters_is_refused_with_both_numbers(cli: CommandLine) -> None:
    # one argument of a command can hold 131,072 bytes on Linux
    sentence = cli("recommend", "--text", "chair " * 16_666 + "now!", "--json").refused()
    assert "100,000 characters; at most 8,000" in sentence


def test_a_session_that_does_not_exist_is_refused(cli: CommandLine) -> None:
    assert "no session 'abcdef'" in cli("recommend", "--text", "a chair", "--session", "abcdef").refused()
    assert "session" in cli("recommend", "--text", "a chair", "--session", "../../etc").refused()
    assert "no session 'abcdef'" in cli("chat", "--session", "abcdef").refused()


@pytest.mark.models
async def test_the_library_refuses_the_same_messages(opened: OpenAssistant, model: FakeOpenAIServer) -> None:
    async with opened() as assistant:
        for text, reason in (("", "empty"), (" \u3000\n", "empty"), ("x" * 100_000, "100,000")):
            with pytest.raises(BadInput, match=reason):
                await assistant.reply(text)
        with pytest.raises(SessionError):
            await assistant.reply("a chair", session_id="../up")
    assert model.requests == []


@pytest.mark.models
async def test_a_message_of_8_000_characters_and_odd_ones_are_answered(opened: OpenAssistant) -> None:
    async with opened() as assistant:
        for text in ("a chair " * 1_000, "🪑" * 50, "a chair\x00\u202e\ud83d", "'; drop table items; -- %s {{ text }}"):
            reply = await assistant.reply(text[:8_000])
            assert reply.message
            assert all(item.item_id for item in reply.recommendations)
