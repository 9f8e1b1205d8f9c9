"""Examples of a shop's own conversations: those where the customer agreed by what they did next.

A turn counts where one of the items that it showed was then liked, put into the cart or bought, in the same session and
before the next message. Its records say what the model read and what was done; what was masked stays so.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from langchain_core.messages import AIMessage

from assistant.agent.transcript import plain_messages
from assistant.errors import ConfigError
from assistant.llm.adapters import TAUGHT
from assistant.records import ONLY_KEPT, TurnEvent
from assistant.sessions import SessionLog, StoredTurn
from assistant.storage import SESSIONS
from assistant.tuning.examples import Example, ExampleMessage
from prompts import load_prompt

AGREED: Final = frozenset({"like", "cart", "purchase"})
LEAST: Final = 50
"""With fewer examples of its own a shop would teach the model chance."""

_END: Final = '{"calls":[]}'


class OwnExamples(NamedTuple):
    """Examples of a shop's conversations, and whose they were."""

    examples: list[Example]
    users: list[str]


def own_examples(data: Path) -> OwnExamples:
    """The examples of a data folder.

    Raises:
        ConfigError: there are no conversations, or too few that customers agreed with.
        StoreError: they cannot be read now.
    """
    file = data.expanduser() / SESSIONS
    if not file.is_file():
        raise ConfigError(f"There are no conversations in {data}.")
    log, all_examples, users = SessionLog(file), list[Example](), set[str]()
    for session_id in log.sessions():
        examples = list(_of_session(log, session_id))
        all_examples += examples
        users |= {log.session(session_id).owner} if examples else set()
    if len(all_examples) < LEAST:
        raise ConfigError(
            f"Only {len(all_examples)} answers in {data} were followed by a like, the cart or an order; "
            f"{LEAST} are needed to learn from."
        )
    return OwnExamples(all_examples, sorted(users))


def _of_session(log: SessionLog, session_id: str) -> Iterator[Example]:
    turns, pressed = log.read(session_id), log.feedback(session_id)
    ends = [turn.at for turn in turns[1:]] + [float("inf")]
    for turn, end in zip(turns, ends, strict=True):
        shown_ids = {item.item_id for item in turn.reply.recommendations}
        if any(item in shown_ids and event in AGREED and turn.at <= at < end for item, event, at in pressed):
            yield from _of_turn(log.events(session_id, turn.turn), turn, session_id)


def _of_turn(events: list[TurnEvent], turn: StoredTurn, session_id: str) -> Iterator[Example]:
    """The plan of a turn of one wish: its rounds, and the end, which the customer agreed with."""
    records = [event for event in events if isinstance(event, ONLY_KEPT)]
    if len({record.wish for record in records}) != 1 or turn.reply.question:
        return
    rules = load_prompt("plan", TAUGHT).render(categories="", brands="")
    messages = [ExampleMessage(role=rule.role, content=rule.content) for rule in rules]
    rounds = 0
    for message in plain_messages(records):
        by_model = isinstance(message, AIMessage)
        rounds += by_model
        messages.append(
            ExampleMessage(
                role="assistant" if by_model else "user",
                content=str(message.content),
                learned=by_model and rounds > 1,
            )
        )
    messages.append(ExampleMessage(role="assistant", content=_END, learned=True))
    yield Example(
        step="plan", language=turn.reply.language, messages=messages, source=f"session {session_id}.{turn.turn}"
    )
