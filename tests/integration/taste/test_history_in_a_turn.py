"""Turns over a real catalogue, real events and a model trained on them: what people did comes out as evidence, and
nothing of one user reaches the prompts of another."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant.agent.reading.reader import MessageReader
from assistant.engines import taste_of
from assistant.front import Assistant
from assistant.ingest import Encoders, IngestOptions, ingest
from assistant.records import Done, Memory, Reply
from assistant.settings import Settings, load_settings
from assistant.understanding import Understanding, Utterance
from eval.measures.claim_ground import CatalogueIndex
from eval.measures.claims import checked_texts
from tests.fakes import catalogues
from tests.fakes.openai_server import FakeOpenAIServer
from tests.integration.bad_input.conftest import obliging
from tests.integration.service.doors.conftest import CHAIRS, LAMP, Eyes, Text
from tools.engines.lazy import Lazy
from tools.media import MediaLimits
from tools.store import Catalogue
from tools.taste.choices import gather
from tools.taste.events import EventStore
from tools.taste.model import TasteModel
from tools.taste.records import Interaction
from tools.taste.training import TrainingPlan, train
from tools.toolbox import Engines

ANNA, BEN = "a" * 32, "b" * 32
SOFA = {**LAMP, "id": "sofa", "title": "Velvet Sofa", "description": "A sofa.", "category": "Furniture > Sofas"}


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[tuple[Settings, FakeOpenAIServer]]:
    with FakeOpenAIServer(obliging) as model:
        remote = {"profile": "remote", "base_url": model.base_url, "model": model.model}
        yield load_settings(data=tmp_path / "data", llm=remote, turn={"top_n": 4}), model


@pytest.fixture
def engines(tmp_path: Path, settings: tuple[Settings, FakeOpenAIServer]) -> Iterator[Engines]:
    """Four chairs, a lamp and a sofa; twenty people chose the red chair and the black one, Ben the sofa."""
    text, eyes = Text(), Eyes()
    chosen = [(f"person {n}", item) for n in range(20) for item in ("chair-0", "chair-2")]
    chosen += [(f"other {n}", item) for n in range(20) for item in ("lamp/1 é", "chair-1")]
    chosen += [(BEN, "sofa"), (ANNA, "chair-0")]
    with Catalogue.open(tmp_path / "data") as catalogue:
        lines = catalogues.write(tmp_path, [*CHAIRS, LAMP, SOFA])
        ingest(catalogue, [lines], Encoders(text, eyes), IngestOptions(), reject=lambda _: None)
        taste = taste_of(settings[0], Lazy(lambda: catalogue))
        assert taste
        now = time.time()
        taste.events.add(Interaction(user=user, item_id=item, event="like", at=now) for user, item in chosen)
        _trained(taste.events).save(tmp_path / "data")
        yield Engines(catalogue, text, eyes, None, MediaLimits(), taste=taste)  # type: ignore[arg-type]
        taste.close()


def _trained(store: EventStore) -> TasteModel:
    names = store.item_ids()
    return train(gather(store.matrix_rows(), [names.get(key, "") for key in range(max(names) + 1)]), {}, TrainingPlan())


@pytest.fixture(autouse=True)
def meanings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What messages mean beside the names in them; the encoder here has no classifiers."""
    read = MessageReader.understand

    def understand(
        reader: MessageReader,
        said: list[Utterance],
        memory: Memory,
        *rest: Any,  # noqa: ANN401
        **more: Any,  # noqa: ANN401
    ) -> Understanding:
        found, text = read(reader, said, memory, *rest, **more), said[0].text
        meant: dict[str, Any] = {}
        if text == "surprise me":
            meant = {"open_wish": True, "intent": "recommend", "topic": "", "head": ""}
        elif text.startswith("I like"):
            item = memory.shown[0 if "first" in text else 1]
            meant = {"liked": [item], "references": [item], "topic": "", "head": "", "refines": True}
        elif text.startswith("a chair"):
            meant = {"topic": "a chair", "head": "a chair"}
            meant |= {"recipient": "my father"} if text.endswith("for my father") else {}
        return found.model_copy(update=meant)

    monkeypatch.setattr(MessageReader, "understand", understand)


async def said(assistant: Assistant, text: str, owner: str, session_id: str | None = None) -> Reply:
    events = [event async for event in assistant.stream(text, session_id=session_id, owner=owner)]
    assert isinstance(events[-1], Done)
    return events[-1].reply


async def test_what_people_of_the_same_taste_chose_comes_first_and_is_told_with_its_count(
    settings: tuple[Settings, FakeOpenAIServer], engines: Engines
) -> None:
    async with Assistant(settings[0], engines=engines) as assistant:
        reply = await said(assistant, "a chair", ANNA)
        shown = {item.item_id: item for item in reply.recommendations}
        told = [entry for entry in shown["chair-2"].evidence if entry.source == "collaborative"]
        assert [entry.detail for entry in told] == [
            "you liked “red chair”; 20 people who liked “red chair” also chose this"
        ]
        assert assistant.engines.taste
        assert assistant.engines.taste.model
        both = {near.item_id: near.people for near in assistant.engines.taste.model.neighbours("chair-0", 10)}
        assert both["chair-2"] == 20
        ranks = [item.item_id for item in reply.recommendations]
        assert ranks.index("chair-2") < min(ranks.index("chair-1"), ranks.index("chair-3"))
        shelf = CatalogueIndex({item.id: item for item in engines.catalogue.items()})
        assert [claim for text in checked_texts(reply, shelf) for claim in text.unsupported] == []


async def test_the_wish_left_open_is_answered_from_the_history(
    settings: tuple[Settings, FakeOpenAIServer], engines: Engines
) -> None:
    async with Assistant(settings[0], engines=engines) as assistant:
        reply = await said(assistant, "surprise me", ANNA)
        assert reply.recommendations[0].item_id == "chair-2"
        assert [step.tool for step in reply.steps] == ["similar_taste", "because_you_liked"]
        assert "people who liked “red chair” also chose this" in reply.recommendations[0].evidence[0].detail
        assert "chair-0" not in [item.item_id for item in reply.recommendations], "it is known already"


async def test_a_like_of_this_conversation_brings_what_people_chose_with_it_in_the_next_turn(
    settings: tuple[Settings, FakeOpenAIServer], engines: Engines
) -> None:
    async with Assistant(settings[0], engines=engines) as assistant:
        first = await said(assistant, "a chair", "f" * 32)
        assert "collaborative" not in {entry.source for item in first.recommendations for entry in item.evidence}
        await assistant.note(first.session_id, "chair-0", "like")
        reply = await said(assistant, "a chair", "f" * 32, first.session_id)
        (told,) = [
            entry.detail
            for item in reply.recommendations
            if item.item_id == "chair-2"
            for entry in item.evidence
            if entry.source == "collaborative"
        ]
        assert told == "you liked “red chair”; 20 people who liked “red chair” also chose this"


async def test_words_about_an_item_become_events_but_not_in_a_conversation_for_somebody_else(
    settings: tuple[Settings, FakeOpenAIServer], engines: Engines
) -> None:
    async with Assistant(settings[0], engines=engines) as assistant:
        assert assistant.engines.taste
        events = assistant.engines.taste.events
        first = await said(assistant, "a chair", "c" * 32)
        await said(assistant, "I like the second one", "c" * 32, first.session_id)
        liked = [(event.item_id, event.event) for event in events.of_user("c" * 32)]
        assert liked == [(first.recommendations[1].item_id, "like")]
        gift = await said(assistant, "a chair for my father", "d" * 32)
        await said(assistant, "I like the second one", "d" * 32, gift.session_id)
        await assistant.note(gift.session_id, "chair-1", "like")
        assert events.of_user("d" * 32) == []
        assert [item for item, *_ in assistant.log.feedback(gift.session_id)] == ["chair-1"]


async def test_no_prompt_holds_anything_of_another_user(
    settings: tuple[Settings, FakeOpenAIServer], engines: Engines
) -> None:
    model = settings[1]
    async with Assistant(settings[0], engines=engines) as assistant:
        first = await said(assistant, "a chair, my number is secret-4711", BEN)
        await said(assistant, "I like the first one", BEN, first.session_id)
        before = len(model.requests)
        for text in ("a chair", "surprise me", "a chair for my father"):
            await said(assistant, text, ANNA)
        sent = json.dumps(model.requests[before:], ensure_ascii=False)
    assert "“red chair”" in sent, "her own history may be told to the model"
    for secret in ("4711", BEN, "“Velvet Sofa”", ANNA, "person 1"):
        assert secret not in sent


async def test_where_neither_history_nor_others_find_anything_the_catalogue_is_listed(
    settings: tuple[Settings, FakeOpenAIServer], engines: Engines
) -> None:
    async with Assistant(settings[0], engines=engines) as assistant:
        assert assistant.engines.taste
        seldom = Interaction(user="e" * 32, item_id="gone", event="like", at=time.time())
        assistant.engines.taste.events.add([seldom])
        reply = await said(assistant, "surprise me", "e" * 32)
        assert [step.tool for step in reply.steps] == ["similar_taste", "because_you_liked", "browse"]
        assert reply.recommendations
