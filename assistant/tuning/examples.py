"""Examples to train on: prompts as a turn gives them to the language model, each with the right answer.

Conversations are run through the product, its stores and encoders, with a model that answers as the labels say. What
code refuses (a call that is not anchored, a sentence that the claim check does not accept) is no example.
"""

import asyncio
import json
import os
import random
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.resources import files
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, Literal

from langchain_core.messages import AIMessage, BaseMessage, SystemMessage
from pydantic import Field

from assistant.agent.degradation import REHEARSING
from assistant.agent.first_searches import constraints_in_words
from assistant.agent.reading.labels import NUMBER_ROLES, messages
from assistant.agent.reading.questions import ANSWERS, DECISIONS, NAME_ROLES, RoleQuestion
from assistant.agent.state import TurnRules
from assistant.engines import open_engines
from assistant.errors import ProductError, SessionError
from assistant.front import Assistant
from assistant.ingest import Encoders, IngestOptions, ingest
from assistant.llm.adapters import TAUGHT
from assistant.records import Reply, RoundFinished
from assistant.settings import Settings
from assistant.tuning.conversations import Conversations, LabelledConversation, LabelledTurn, load
from assistant.tuning.labelled import LabelledChat, LabelledPrompt, is_round, missing_filters
from assistant.understanding.language import language_name
from prompts import Message, load_prompt
from tools.records import Record
from tools.toolbox import Engines

NO_CALLS: Final = '{"calls":[]}'
"""A plan that ends."""
ROLES: Final = 1_600
"""How many of the labelled names, words and numbers are trained on; they are short and there are ten thousand."""
ORDERS: Final = 25
"""How many orders of a catalogue are trained on; they are long and soon learned."""

Step = Literal["plan", "order", "sentence", "chat", "role"]


class ExampleMessage(Record):
    """One message of an example."""

    role: Literal["system", "user", "assistant"]
    content: str
    learned: bool = Field(False, description="whether it is what the model is to answer")


class Example(Record):
    """What the model reads and answers; of a plan with several rounds each is an answer."""

    step: Step
    language: str
    messages: list[ExampleMessage]
    source: str = Field(description="which conversation and turn, sentence or labelled message it was made of")


async def examples_of(data: Conversations, settings: Settings) -> list[Example]:
    """The examples of one catalogue's conversations.

    Args:
        settings: whose models encode; nothing of the user's data is read or written.
    """
    with tempfile.TemporaryDirectory(prefix="assistant-tune-") as folder:
        own = _own_settings(settings, data.language, Path(folder))
        engines = open_engines(own)
        catalogue = Path(folder) / "items.jsonl"
        catalogue.write_text("".join(item.model_dump_json(exclude_none=True) + "\n" for item in data.items), "utf-8")
        ingest(engines.catalogue, [catalogue], Encoders(engines.text, engines.pictures), IngestOptions())
        return await _run(data, own, engines)


async def _run(data: Conversations, settings: Settings, engines: Engines) -> list[Example]:
    REHEARSING.set(True)  # what the labels do not say is no warning
    chat, examples = LabelledChat(settings, data.items), list[Example]()
    async with Assistant(settings, engines=engines, chat=chat, rules=TurnRules(planner_seconds=600)) as assistant:
        for number, conversation in enumerate(data.conversations):
            session = f"{number}"
            for position, turn in enumerate(conversation.turns):
                prompts, reply = await _ask(assistant, chat, turn, session)
                if reply is None:
                    break
                records = assistant.log.events(session, position + 1)
                rounds = [record for record in records if isinstance(record, RoundFinished)]
                accepted = _accepted(prompts, reply, rounds)
                source = f"{data.name} {number}.{position}"
                examples += [_example(prompt, conversation, source) for prompt in accepted]
    return examples


async def _ask(
    assistant: Assistant, chat: LabelledChat, turn: LabelledTurn, session: str
) -> tuple[list[LabelledPrompt], Reply | None]:
    """What the model was asked in the turn, and the reply; none where the message is refused."""
    chat.turn, chat.condition, chat.prompts = turn, "", []
    if turn.next == "take_back":
        try:
            constraints = (await assistant.memory(session)).constraints
        except SessionError:
            constraints = []
        given_up = [constraint for constraint in constraints if constraint.field == turn.condition]
        chat.condition = constraints_in_words(given_up[:1], "en")
    try:
        return chat.prompts, await assistant.reply(turn.say, session_id=session, top_n=3)
    except ProductError:
        return chat.prompts, None


def _accepted(
    prompts: Sequence[LabelledPrompt], reply: Reply, rounds: Sequence[RoundFinished]
) -> Iterator[LabelledPrompt]:
    """What code let pass; of the rounds of a plan the last that did, as the others stand in its prompt."""
    call_rounds, whole = iter(rounds[1:]), None
    for prompt in prompts:
        if prompt.step != "plan":
            yield prompt
            continue
        calls = json.loads(prompt.answer)["calls"]
        if "ask_customer" in prompt.answer and not reply.question:
            break
        if calls and calls[0]["tool"] not in ("ask_customer", "small_talk") and not _passed(next(call_rounds, None)):
            break
        if not all(_holds(call["arguments"].get("filters", {}), reply.constraints) for call in calls):
            whole = None
            break
        whole = prompt
    if whole is not None:
        yield whole


def _holds(filters: dict[str, Any], constraints: dict[str, Any]) -> bool:
    """Whether the filters that were proposed are in force: they stand in the customer's words."""
    return not missing_filters(filters, constraints)


def _passed(finished_round: RoundFinished | None) -> bool:
    """Whether the calls were made, and none was answered with a reason why not."""
    good = ("{", "Taken back", "Nothing was found")
    return finished_round is not None and all(
        " | " in call.result or call.result.startswith(good) for call in finished_round.calls
    )


def _example(prompt: LabelledPrompt, conversation: LabelledConversation, source: str) -> Example:
    """The prompt and the answer; in a plan the rounds after the reading's own are answers too."""
    rounds = [position for position, message in enumerate(prompt.messages) if is_round(message)][1:]
    messages = [
        ExampleMessage(role=_role(message), content=str(message.content), learned=position in rounds)
        for position, message in enumerate(prompt.messages)
    ]
    messages.append(ExampleMessage(role="assistant", content=prompt.answer, learned=True))
    return Example(step=prompt.step, language=conversation.language, messages=messages, source=source)


def _role(message: BaseMessage) -> Literal["system", "user", "assistant"]:
    if isinstance(message, SystemMessage):
        return "system"
    return "assistant" if isinstance(message, AIMessage) else "user"


def role_examples() -> Iterator[Example]:
    """An example for each name, word and number of the labelled messages whose role is asked for in turns."""
    answers = dict(zip(NAME_ROLES, ANSWERS, strict=True)) | dict(zip(NUMBER_ROLES, ANSWERS, strict=True))
    for number, message in enumerate(messages()):
        for span in message.spans:
            role = DECISIONS.get(span.role, span.role)
            if role not in answers:
                continue
            question = RoleQuestion(message.text, span.start, span.end, number=role in NUMBER_ROLES)
            prompt, source = question.messages(TAUGHT), f"labels {number}.{span.start}"
            yield _with_answer("role", message.language, prompt, answers[role], source)


def sentence_examples(*, held_out: bool = False) -> Iterator[Example]:
    """An example for each sentence of ``data/sentences.jsonl``: facts about an item, and what they come to in words."""
    folder = files(__package__) / "data"
    file = (folder / "held_out" if held_out else folder) / "sentences.jsonl"
    for number, line in enumerate(file.read_text("utf-8").splitlines()):
        row = json.loads(line)
        prompt = load_prompt("explain", TAUGHT).render(
            language=language_name(row["language"]), title=row["title"], facts=row["facts"]
        )
        yield _with_answer("sentence", row["language"], prompt, row["sentence"], f"sentences {number}")


def _with_answer(step: Step, language: str, prompt: Sequence[Message], answer: str, source: str) -> Example:
    prompt_messages = [ExampleMessage(role=message.role, content=message.content) for message in prompt]
    messages = [*prompt_messages, ExampleMessage(role="assistant", content=answer, learned=True)]
    return Example(step=step, language=language, messages=messages, source=source)


def _own_settings(settings: Settings, language: str, folder: Path) -> Settings:
    """The user's models and no more: a data folder of its own, and every step done by the (labelled) model."""
    turn = settings.turn.model_copy(
        update={"planner": "model", "ranking": "model", "explanations": "model", "rounds": 3}
    )
    llm = settings.llm.model_copy(update={"adapter": "none", "probe": False, "turn_seconds": 3600.0})
    return settings.over(folder / "data", catalogue_language=language, prompts=TAUGHT, turn=turn, llm=llm)


def built_in(
    settings: Settings, *, held_out: bool, seed: int = 0, say: Callable[[str], None] = lambda _: None
) -> list[Example]:
    """All examples of the data that comes with the product, in an order that mixes them.

    Args:
        say: told how far it is.
    """
    chance, several, examples = random.Random(seed), load(held_out=held_out), []
    with ProcessPoolExecutor(min(len(several), os.cpu_count() or 1), mp_context=get_context("spawn")) as pool:
        for data, data_examples in zip(several, pool.map(_examples_in_process, several, repeat(settings)), strict=True):
            say(f"{data.name}: {len(data_examples)} examples")
            examples += data_examples if held_out else _evened(data_examples, chance)
    labelled = [example for example in role_examples() if _is_held_out(example.source) == held_out]
    limit = ROLES // 10 if held_out else ROLES
    examples += [*sentence_examples(held_out=held_out), *_at_most(limit, labelled, chance)]
    return chance.sample(examples, len(examples))


def _examples_in_process(data: Conversations, settings: Settings) -> list[Example]:
    return asyncio.run(examples_of(data, settings))


def _evened(examples: Sequence[Example], chance: random.Random) -> list[Example]:
    """Fewer of what is common: a plan that ends at once, which would else be learned as the answer to everything."""
    ends = [example for example in examples if example.step == "plan" and [*_answers(example)] == [NO_CALLS]]
    orders = [example for example in examples if example.step == "order"]
    others = [example for example in examples if example not in ends and example not in orders]
    plans = sum(example.step == "plan" for example in others) // 2
    return others + _at_most(plans, ends, chance) + _at_most(ORDERS, orders, chance)


def _at_most(count: int, examples: list[Example], chance: random.Random) -> list[Example]:
    return chance.sample(examples, min(count, len(examples)))


def _answers(example: Example) -> Iterator[str]:
    return (message.content for message in example.messages if message.learned)


def _is_held_out(source: str) -> bool:
    """Every tenth labelled message, by its number and not by chance: what was held out stays held out."""
    return int(source.split()[1].split(".")[0]) % 10 == 0


def write(examples: Iterable[Example], path: Path) -> int:
    """Write examples, one JSON object a line; how many."""
    lines = [json.dumps(example.model_dump(), ensure_ascii=False) for example in examples]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + "\n" for line in lines), "utf-8")
    return len(lines)
