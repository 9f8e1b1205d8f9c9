"""A shop of red and blue things in real stores, and people of two tastes."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from assistant.settings import Settings
from tests.fakes.catalogues import entry
from tests.fakes.encoders import identity
from tools.records import Item
from tools.store import Catalogue, CatalogueEntry, NewVector
from tools.taste.events import EventStore
from tools.taste.records import Interaction

COLOURS = ("red", "blue")
DAY = 86_400.0


def thing(colour: str, number: int | str, **fields: object) -> Item:
    """An item of the shop."""
    price = float(number) if isinstance(number, int) else 5.0
    return Item.model_validate(
        {"id": f"{colour}-{number}", "title": f"{colour} thing {number}".capitalize(), "price": price, **fields}
    )


def put(catalogue: Catalogue, items: list[Item]) -> None:
    """Into the catalogue with text vectors in which the colours lie apart."""
    entries = [entry(item) for item in items]
    with catalogue.writing() as writer:
        writer.use_encoder("text", identity("colours"))
        writer.put(entries, [_vector(each) for each in entries])
        writer.tidy()


def _vector(each: CatalogueEntry) -> NewVector:
    row = np.random.default_rng(int.from_bytes(each.text_hash[:4], "big")).normal(scale=0.05, size=24)
    row[COLOURS.index(each.item.id.split("-")[0])] += 1
    return NewVector("text", each.text_hash, (row / np.linalg.norm(row)).astype(np.float32))


def likes(user: str, *ids: str, at: float = 0.0) -> list[Interaction]:
    """One like a day."""
    return [Interaction(user=user, item_id=item_id, event="like", at=at + day * DAY) for day, item_id in enumerate(ids)]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, data=tmp_path / "data")


@pytest.fixture
def catalogue(settings: Settings) -> Iterator[Catalogue]:
    """Twelve red and twelve blue things."""
    with Catalogue.open(settings.data_folder) as shop:
        put(shop, [thing(colour, number) for colour in COLOURS for number in range(12)])
        yield shop


@pytest.fixture
def store(settings: Settings) -> Iterator[EventStore]:
    """Forty people who like six things of one colour each."""
    events = EventStore.open(settings.data_folder)
    draw = np.random.default_rng(1)
    for person in range(40):
        chosen = [f"{COLOURS[person % 2]}-{number}" for number in draw.choice(12, 6, replace=False)]
        events.add(likes(f"{person:032x}", *chosen))
    yield events
    events.close()
