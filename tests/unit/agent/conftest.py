"""A turn over doubles: a shelf of items instead of stores, canned tools, and a model that says what a test scripted."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.messages import BaseMessage
from langgraph.checkpoint.memory import InMemorySaver
from numpy.typing import NDArray

from assistant.agent.feedback import Click
from assistant.agent.graph import build_graph
from assistant.agent.reading import reader
from assistant.agent.reading.reader import MessageReader
from assistant.agent.state import Request, TurnContext, TurnRules
from assistant.errors import LLMUnavailable
from assistant.llm.client import CallUsage, ChatClient, Usage
from assistant.records import Attachment, Done, PlannedCall, Reply, Step, TurnEvent
from assistant.sessions import serializer
from assistant.settings import Settings, ShopSettings, TasteSettings, TurnSettings
from tests.fakes.openai_server import FakeOpenAIServer
from tests.fakes.reading import PhraseEncoder, Told
from tools.records import EncoderIdentity, Filters, Item, ItemsResult, Signal, Vocabulary
from tools.search import hit
from tools.store.offers import offered, own_values, variant_values
from tools.taste.taste import Taste

FURNITURE = {"currency": "USD", "category": "Furniture", "in_stock": True}
ITEMS = [
    Item(id="oak", title="Oak Chair", description="A solid oak chair.", price=80, **FURNITURE),
    Item(id="cafe", title="Cafe Chair", description="A black chair for a cafe.", price=100, **FURNITURE),
    Item(id="shoe", title="Running Shoe", description="Light and blue.", price=60, currency="USD", brand="Nike"),
]

VOCABULARY = Vocabulary(categories=["Furniture", "Footwear"], brands=["Nike"], currencies=["USD"])


class Shelf:
    """The part of the catalogue that a turn uses, over a list."""

    def __init__(self, items: list[Item]) -> None:
        self.items = items

    def passing(self, filters: Filters) -> list[Item]:
        def passes(item: Item) -> bool:
            text = f"{item.title} {item.description}".casefold()
            return (
                offered(item, filters) is not None
                and (not filters.categories or item.category in filters.categories)
                and all(word in text for word in filters.include_terms)
                and not any(word in text for word in filters.exclude_terms)
                and item.brand not in filters.exclude_brands
                and item.id not in filters.exclude_ids
            )

        return [item for item in self.items if passes(item)]

    def count_having(self, attribute: str, ids: set[str] | None, at_most: int | None = None) -> int:
        among = [item for item in self.items if ids is None or item.id in ids]
        return sum(any(name == attribute for name, _ in [*own_values(i), *variant_values(i)]) for i in among)

    def count(self) -> int:
        return len(self.items)

    def count_in(self, space: str) -> int:
        return sum(bool(item.audio) for item in self.items) if space == "sound" else len(self.items)

    def count_eligible(self, filters: Filters, at_most: int | None = None) -> int:
        return len(self.passing(filters))

    def eligible_among(self, ids: Collection[str], filters: Filters) -> set[str]:
        return {item.id for item in self.passing(filters) if item.id in ids}

    def browse(self, filters: Filters, sort: str, k: int, offset: int = 0) -> list[Item]:
        items = sorted(self.passing(filters), key=lambda item: item.price or 0, reverse=sort == "-price")
        return items[offset : offset + k]

    def get(self, item_id: str) -> Item | None:
        return next((item for item in self.items if item.id == item_id), None)

    def get_many(self, ids: list[str]) -> dict[str, Item]:
        return {item.id: item for item in self.items if item.id in ids}

    def image_path(self, item: Item, index: int) -> Path | None:
        return Path(item.images[index]) if index < len(item.images) else None

    def version(self) -> int:
        return len(self.items)

    def vectors_of(self, space: str, ids: list[str]) -> dict[str, list[NDArray[np.float32]]]:
        """Texts as unit vectors of word counts; no pictures."""
        if space != "text":
            return {}
        words = sorted({word for item in self.items for word in _words(item)})
        counts = {i.id: np.array([_words(i).count(word) for word in words], np.float32) for i in self.items}
        return {item_id: [counts[item_id] / np.linalg.norm(counts[item_id])] for item_id in ids if item_id in counts}

    def identity(self, space: str) -> EncoderIdentity:
        return EncoderIdentity(encoder="words", weights="none", preprocessing="none", dimensions=1)

    def sample(self, space: str, n: int) -> NDArray[np.float32]:
        rows = [row for many in self.vectors_of(space, [item.id for item in self.items]).values() for row in many]
        return np.stack(rows[:n]) if rows else np.zeros((0, 0), np.float32)

    def cached(self, name: str, build: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever is built
        return build()

    def nearest(self, space: str, vector: NDArray[np.float32], k: int, filters: Filters) -> list[tuple[str, float]]:
        vectors = self.vectors_of(space, [item.id for item in self.passing(filters)])
        scored = [(item_id, float(rows[0] @ vector)) for item_id, rows in vectors.items()]
        return sorted(scored, key=lambda pair: -pair[1])[:k]


def _words(item: Item) -> list[str]:
    return re.findall(r"\w+", f"{item.title} {item.description}".casefold())


DEVIATIONS = 10
"""A double's z-scores are its cosines times this."""


def hits(items: list[Item], words: str, scores: dict[str, float], filters: Filters) -> list[dict[str, Any]]:
    """Search results in the shelf's order; words of the query that stand in the item count as matched."""
    matches = []
    for rank, item in enumerate(items, start=1):
        query_words, score = words.casefold().split(), scores.get(item.id, 0.6)
        matched = [word for word in query_words if word in f"{item.title} {item.description}".casefold()]
        share = len(matched) / (len(query_words) or 1)
        signals = [
            Signal(source="dense", score=score, z=DEVIATIONS * score, rank=rank),
            Signal(source="keyword", score=5, share=share, rank=rank, matched=matched),
        ]
        matches.append(hit(item, signals=signals, filters=filters).model_dump())
    return matches


@dataclass
class ScriptedChat:
    """Answers in order of the script: a dict or text, or an error to raise; keeps what it was asked."""

    script: list[Any]
    asked: list[tuple[str, list[BaseMessage]]] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)

    async def complete_json(
        self, messages: list[BaseMessage], schema: dict[str, Any], *, purpose: str, max_tokens: int
    ) -> Any:  # noqa: ANN401
        return self._next(purpose, messages)

    async def call_tools(self, messages: list[BaseMessage], tools: object, *, purpose: str, max_tokens: int) -> Any:  # noqa: ANN401
        return self._next(purpose, messages)

    async def complete_text(self, messages: list[BaseMessage], *, purpose: str, **_: Any) -> Any:  # noqa: ANN401
        return self._next(purpose, messages)

    def _next(self, purpose: str, messages: list[BaseMessage]) -> Any:  # noqa: ANN401
        self.asked.append((purpose, messages))
        self.usage.records.append(CallUsage(purpose=purpose, seconds=0.0))
        answer = self.script.pop(0) if self.script else LLMUnavailable("The script has ended.")
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class Stage:
    """Runs turns of one session over the doubles."""

    folder: Path
    shelf: Shelf
    broken_tools: set[str] = field(default_factory=set)
    calls: list[PlannedCall] = field(default_factory=list)
    transcript: str = ""
    scores: dict[str, float] = field(default_factory=dict)
    by_title: bool = False
    """Only items with a word of the query in their title are near to it."""
    manner: TurnSettings = field(default_factory=TurnSettings)
    rules: TurnRules = field(default_factory=TurnRules)
    pressed: list[Click] = field(default_factory=list)
    taste: Taste | None = None
    tasting: TasteSettings = field(default_factory=TasteSettings)
    vocabulary: Vocabulary = field(default_factory=lambda: VOCABULARY)
    shop: ShopSettings = field(default_factory=ShopSettings)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What tools answer, by name, in place of what they usually do here."""
    server: FakeOpenAIServer | None = None
    """Who answers in place of the script, over the real wire."""
    llm: dict[str, Any] = field(default_factory=dict)
    told: Told = field(default_factory=Told)
    encoder: PhraseEncoder = field(default_factory=PhraseEncoder)

    def __post_init__(self) -> None:
        self.graph = build_graph(InMemorySaver(serde=serializer()))

    async def turn(
        self,
        text: str,
        *script: Any,  # noqa: ANN401
        act: str = "find",
        asks: Sequence[str] = (),
        **files: Any,  # noqa: ANN401
    ) -> tuple[Reply, list[TurnEvent], ScriptedChat]:
        """One turn; the model says what the script says and is unreachable after it.

        What the words of message and transcript are is written in them: ``a [thing:chair], not [not:oak]``.

        Args:
            act: what the message wants done, of `assistant.agent.reading.labels.ACTS`.
            asks: what it asks for beside, of ``OPERATIONS``.
        """
        text, self.transcript = (self.told.tell(part, act, asks) for part in (text, self.transcript))
        chat = ScriptedChat(list(script))
        llm_settings = {} if self.server is None else {"llm": self.server.settings(**self.llm).llm}
        settings = Settings(home=self.folder, turn=self.manner, taste=self.tasting, shop=self.shop, **llm_settings)
        context = TurnContext(
            settings=settings,
            catalogue=self.shelf,  # type: ignore[arg-type]
            vocabulary=self.vocabulary,
            chat=ChatClient(settings) if self.server else chat,  # type: ignore[arg-type]
            reader=MessageReader(self.encoder, self.told, self.shelf),  # type: ignore[arg-type]
            run_tool=self.run_tool,
            uploads=self.folder / "uploads",
            models={},
            rules=self.rules,
            pressed=self.pressed,
            taste=self.taste,
        )
        config: Any = {"configurable": {"thread_id": "s"}}
        request = Request(session_id="s", text=text, **{"top_n": 3, **files})
        stream = self.graph.astream({"request": request}, config, context=context, stream_mode="custom")
        events = [event async for event in stream]
        assert isinstance(events[-1], Done)
        return events[-1].reply, events, chat

    async def run_tool(
        self, call: PlannedCall, attachments: dict[str, Attachment]
    ) -> tuple[Step, dict[str, Any] | None]:
        self.calls.append(call)
        if call.tool in self.broken_tools:
            return Step(**call.model_dump(), ok=False, error="it broke", seconds=0), None
        return Step(**call.model_dump(), ok=True, seconds=0), self._result(call)

    def found(
        self, shelf: Shelf, encoder: object, pictures: object, words: str, *, filters: Filters | None, **_: object
    ) -> ItemsResult:
        """What the reader's own searches find: near are the items with one of the words in their title."""
        filters = filters or Filters()
        passing, query_words = shelf.passing(filters), set(words.casefold().split())
        scores = {item.id: 0.6 if query_words & set(item.title.casefold().split()) else 0.1 for item in passing}
        return ItemsResult.model_validate({"items": hits(passing, words, scores, filters)})

    def _result(self, call: PlannedCall) -> dict[str, Any]:
        if call.tool in self.answers:
            return self.answers[call.tool]
        if call.tool == "item_facts":
            return {"facts": [], "overview": True, "missing": []}
        if call.tool == "transcribe_audio":
            spoken = bool(self.transcript)
            return {
                "text": self.transcript, "language": "en" if spoken else None, "confidence": 0.9 if spoken else 0.0,
                "segments": [], "seconds": 2.0, "spoken": spoken,
            }  # fmt: skip
        if call.tool == "describe_image":
            return {"labels": [{"label": "folding chair", "score": 0.8}], "width": 10, "height": 10}
        filters = Filters.model_validate(call.arguments.get("filters", {}))
        words, passing = str(call.arguments.get("query", "")), self.shelf.passing(filters)
        near = {item.id for item in passing if set(words.casefold().split()) & set(item.title.casefold().split())}
        scores = {item.id: 0.6 if item.id in near else 0.1 for item in passing} if self.by_title else self.scores
        return {"items": hits(passing, words, scores, filters)}


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    stage = Stage(tmp_path, Shelf(list(ITEMS)))
    monkeypatch.setattr(reader, "search_by_text", stage.found)
    return stage


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "attachment"
    path.write_bytes(b"content")
    return path


def ranking(*entries: tuple[str, list[str]]) -> dict[str, Any]:
    """A ranking as the model writes it."""
    return {"ranking": [{"item": item, "evidence": evidence} for item, evidence in entries]}
