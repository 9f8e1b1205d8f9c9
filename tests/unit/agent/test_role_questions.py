"""A turn's questions to the language model: as many as allowed, in time, and never an error."""

import asyncio
import math
import time
from pathlib import Path
from typing import Any, cast

import pytest

from assistant.agent import role_questions
from assistant.agent.reading.questions import RoleQuestion
from assistant.agent.reading.reader import MessageReader
from assistant.agent.role_questions import with_questions
from assistant.agent.state import TurnContext
from assistant.llm.client import ChatClient
from assistant.settings import ReadingSettings
from tests.fakes.openai_server import FakeOpenAIServer, Reply
from tools.records import Vocabulary

QUESTIONS = [RoleQuestion("no Sony, no Bose, no LG", start, end, False) for start, end in ((3, 7), (12, 16), (21, 23))]
UNWANTED = Reply("B", finish_reason="length", top_tokens={"B": math.log(0.9), "A": math.log(0.1)})
SPLIT = Reply("A", finish_reason="length", top_tokens={"B": math.log(0.4), "A": math.log(0.6)})


def context_at(server: FakeOpenAIServer, folder: Path, **reading: float) -> TurnContext:
    settings = server.settings().model_copy(update={"reading": ReadingSettings.model_validate(reading)})
    nothing = cast("Any", None)
    return TurnContext(
        settings=settings,
        catalogue=nothing,
        vocabulary=Vocabulary(),
        chat=ChatClient(settings),
        run_tool=nothing,
        uploads=folder,
        models={},
        reader=MessageReader(nothing, nothing, nothing),
    )


async def asked(context: TurnContext) -> dict[RoleQuestion, str]:
    """What the reader is told in its thread."""
    reader = with_questions(context).reader
    assert reader.ask is not None
    return dict(await asyncio.to_thread(reader.ask, QUESTIONS))


async def test_unless_set_nothing_is_asked(tmp_path: Path) -> None:
    with FakeOpenAIServer([UNWANTED]) as server:
        context = context_at(server, tmp_path)
        assert with_questions(context) is context


async def test_as_many_as_allowed_are_asked_and_counted(tmp_path: Path) -> None:
    with FakeOpenAIServer([UNWANTED]) as server:
        context = context_at(server, tmp_path, questions=2)
        assert await asked(context) == dict.fromkeys(QUESTIONS[:2], "not")
        assert context.chat.usage.purposes == ["role", "role"]
        assert context.watch.seconds["llm"] > 0
        prefixes = [request["messages"][:-1] for request in server.requests]
        assert prefixes[0] == prefixes[1]


@pytest.mark.parametrize("reply", [SPLIT, Reply("Hello."), Reply(status=500), Reply(reset=True)])
async def test_no_sure_answer_leaves_the_reading_as_it_is(tmp_path: Path, reply: Reply) -> None:
    with FakeOpenAIServer([reply]) as server:
        assert await asked(context_at(server, tmp_path, questions=2)) == {}


async def test_a_busy_model_is_not_waited_for(tmp_path: Path) -> None:
    with FakeOpenAIServer([Reply(hang=True)]) as server:
        context = context_at(server, tmp_path, questions=2)
        context.chat.chat_model()  # imports before the clock starts
        began = time.monotonic()
        assert await asked(context) == {}
        assert time.monotonic() - began < role_questions.QUESTION_SECONDS + 5
