"""A language model that answers as the labels say, and keeps what it was asked."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from assistant.errors import LLMBadReply
from assistant.llm.client import ChatClient, ToolAnswer
from assistant.settings import Settings
from assistant.tuning.conversations import LabelledTurn
from tools.records import Item

SHOWN_ITEMS = 3
"""How many items an answer shows."""

_CANDIDATE = re.compile(r"^([A-Z]{1,2}): (.+)$", re.MULTILINE)


@dataclass
class LabelledPrompt:
    """One prompt and the right answer."""

    step: Literal["plan", "order", "chat"]
    messages: list[BaseMessage]
    answer: str


class LabelledChat(ChatClient):
    """Stands where the client of a language model stands in a turn; whoever runs the turn says which label it has."""

    def __init__(self, settings: Settings, items: Sequence[Item]) -> None:
        super().__init__(settings)
        self._by_title = {item.title: item.id for item in items}
        self.turn: LabelledTurn | None = None
        self.condition = ""
        """Of a condition that is to be taken back: its words among the filters in force."""
        self.prompts: list[LabelledPrompt] = []

    def for_turn(self, session: str = "") -> "LabelledChat":
        """Itself: one conversation is run at a time."""
        return self

    async def complete_json(
        self,
        messages: Sequence[BaseMessage],
        schema: dict[str, Any],
        *,
        purpose: str,
        max_tokens: int,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """The right calls, or the right order.

        Raises:
            LLMBadReply: the labels do not say.
        """
        turn = self._labelled()
        if purpose == "plan":
            answer: dict[str, Any] = {"calls": self._calls(turn, messages, schema)}
        else:
            answer = {"ranking": self._order(turn, messages, schema)}
        text = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
        self.prompts.append(LabelledPrompt("plan" if purpose == "plan" else "order", [*messages], text))
        return answer

    async def complete_text(self, messages: Sequence[BaseMessage], *, purpose: str, **_: object) -> str:
        """The right answer to small talk.

        Raises:
            LLMBadReply: the labels have none; sentences about items stand in a file of their own.
        """
        if purpose != "chat" or not self._labelled().answer:
            raise LLMBadReply("The labels have no such sentence.")
        self.prompts.append(LabelledPrompt("chat", [*messages], self._labelled().answer))
        return self._labelled().answer

    async def call_tools(self, *_: object, **__: object) -> ToolAnswer:
        """Not asked: a taught model answers in JSON of our own schema."""
        raise LLMBadReply("The labels have no tool calls.")

    async def choose(self, *_: object, **__: object) -> dict[str, float]:
        """Not asked: the examples of roles are made of labelled messages."""
        raise LLMBadReply("The labels have no such answer.")

    def _labelled(self) -> LabelledTurn:
        if self.turn is None:
            raise LLMBadReply("No message is labelled.")
        return self.turn

    def _calls(
        self, turn: LabelledTurn, messages: Sequence[BaseMessage], schema: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """The next calls; none where what was found fits, or a call was made already."""
        earlier_calls = [json.loads(str(message.content))["calls"] for message in messages if is_round(message)]
        if len(earlier_calls) > 1:
            return []
        match turn.next:
            case "small_talk":
                return [_call("small_talk", answer=turn.answer)]
            case "ask":
                return [_call("ask_customer", question=turn.question, choices=turn.choices)]
            case "look":
                return [_call("get_item", item_id=turn.items[0])]
            case "compare":
                return [_call("compare_items", item_ids=turn.items)]
            case "pages":
                return [_call("search_pages", query=turn.query)]
            case "history":
                return [_call("user_history")]
        in_force = earlier_calls[0][0]["arguments"].get("filters", {}) if earlier_calls and earlier_calls[0] else {}
        filters = missing_filters(turn.filters, in_force)
        search = _call("search_by_text", query=turn.query, **({"filters": filters} if filters else {}))
        if turn.next == "take_back":
            if not self.condition:
                raise LLMBadReply("The condition is not in force.")
            return [_call("take_back", condition=self.condition, words=turn.words), search]
        visible_ids = _known_ids(schema)[:SHOWN_ITEMS]
        return [] if turn.best and turn.best[0] in visible_ids and not filters else [search]

    def _order(
        self, turn: LabelledTurn, messages: Sequence[BaseMessage], schema: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """What fits, best first, and then the others as they stand; with the first line that speaks for each."""
        text = "\n".join(str(message.content) for message in messages if isinstance(message, HumanMessage))
        by_item = {self._by_title.get(title.strip()): alias for alias, title in _CANDIDATE.findall(text)}
        fitting = [by_item[item] for item in turn.best or () if item in by_item]
        if not fitting:
            raise LLMBadReply("Nothing that fits is among the candidates.")
        ranking = schema["properties"]["ranking"]
        entries = {entry["properties"]["item"]["const"]: entry["properties"] for entry in ranking["items"]["anyOf"]}
        order = list(dict.fromkeys([*fitting, *entries]))[: ranking["maxItems"]]
        return [{"item": alias, "evidence": entries[alias]["evidence"]["items"]["enum"][:1]} for alias in order]


def is_round(message: BaseMessage) -> bool:
    """Whether a message is a round of calls, and not what was said to the customer."""
    return isinstance(message, AIMessage) and str(message.content).startswith('{"calls":')


def _call(tool: str, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - of any tool
    return {"tool": tool, "arguments": arguments}


def missing_filters(filters: dict[str, Any], in_force: dict[str, Any]) -> dict[str, Any]:
    """Of the filters, what is not in force yet; of lists and attributes, the values that are not."""
    new = {}
    for name, value in filters.items():
        current = in_force.get(name)
        if isinstance(value, list):
            value = [entry for entry in value if entry not in (current or [])]
        elif isinstance(value, dict):
            value = {key: own for key, own in value.items() if key not in (current or {})}
        elif current is not None and abs(float(current) - float(value)) < 0.02:
            continue
        if value not in ([], {}):
            new[name] = value
    return new


def _known_ids(schema: dict[str, Any]) -> list[str]:
    """Ids of the items of the conversation, the candidates first, as the schema of a round enumerates them."""
    for call in schema["properties"]["calls"]["items"]["anyOf"]:
        ids = call["properties"]["arguments"]["properties"].get("item_id", {}).get("enum")
        if ids:
            return list(ids)
    return []
