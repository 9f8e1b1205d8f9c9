"""Training again while serving."""

import asyncio

import pytest

from assistant.service.runs.retraining import has_news, keep_training, train_apart
from assistant.settings import Settings
from assistant.taste_training import train
from tests.integration.taste.conftest import likes
from tools.store import Catalogue
from tools.taste.events import EventStore
from tools.taste.model import TasteModel


def test_there_is_news_until_it_was_learned(settings: Settings, store: EventStore) -> None:
    assert has_news(settings)
    train(settings)
    assert not has_news(settings)
    store.add(likes("e" * 32, "red-3"))
    assert has_news(settings)


def test_without_events_there_is_none(settings: Settings) -> None:
    assert not has_news(settings)


async def test_a_process_of_its_own_trains(settings: Settings, catalogue: Catalogue, store: EventStore) -> None:
    assert await train_apart(settings) == 0
    assert TasteModel.load(settings.data_folder) is not None


async def test_unset_it_ends_at_once_and_set_it_trains_when_there_is_news(
    settings: Settings, store: EventStore
) -> None:
    await keep_training(settings)
    often = settings.model_copy(update={"taste": settings.taste.model_copy(update={"train_every_minutes": 0.0005})})
    task = asyncio.create_task(keep_training(often))
    try:
        while TasteModel.load(settings.data_folder) is None:
            assert not task.done()
            await asyncio.sleep(0.05)
    finally:
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
