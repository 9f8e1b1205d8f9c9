"""A user's taste in another catalogue, brought here through the space of texts that both catalogues share.

All that is kept of it is one direction: from the other catalogue's usual item to what the user likes there. Neither
events nor items of the other catalogue are kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tools.records import EncoderIdentity, Record
from tools.store.entries import Vector
from tools.taste.profile import MOST_TELLING, decayed
from tools.taste.records import Interaction

if TYPE_CHECKING:
    from tools.store import Catalogue

FEWEST_ITEMS: Final = 3
"""With fewer liked items the direction would say which ones they are, and little of the taste."""

USUAL_ITEMS: Final = 2_000
"""So many items, spread over a catalogue, say what is usual in it."""

CLOSE: Final = 1.5
"""From so many deviations above the usual item on, an item is told to be close: about one in fifteen is."""

CatalogueName = Annotated[
    str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f\u2028\u2029\u202a-\u202e]+$")
]


class ImportedTaste(Record):
    """What one user likes in another catalogue.

    Attributes:
        vector: of length 1 (d,), by the encoder.
    """

    catalogue: CatalogueName = Field(description="the other catalogue's name")
    items: int = Field(description="how many items liked there it rests on")
    latest: float = Field(description="when the latest of them was chosen, seconds since 1970")
    at: float = Field(description="when it was brought here")
    encoder: EncoderIdentity
    vector: list[float]


def taste_in(
    catalogue: "Catalogue", usual: Vector, events: Sequence[Interaction], *, name: str, half_life_days: float, at: float
) -> ImportedTaste | None:
    """The taste that a user's events in a catalogue speak of; None where fewer than `FEWEST_ITEMS` are liked there.

    An event counts by its strength, halved every ``half_life_days`` before the user's latest one, so that a person who
    has not been there for long is known as well. What is disliked on balance is left out (docs/taste.md).

    Args:
        catalogue: where the events are, with vectors of texts.
        usual: of that catalogue, see `usual_item`.
        events: of one user.
        name: what the catalogue is called here.
        at: this moment, seconds since 1970.
    """
    encoder = catalogue.identity("text")
    now = max((event.at for event in events), default=0.0)
    history = decayed(events, now=now, half_life_days=half_life_days)
    liked = {item_id: weight for item_id, weight in list(history.items())[:MOST_TELLING] if weight > 0}
    vectors = catalogue.vectors_of("text", list(liked))
    if encoder is None or len(vectors) < FEWEST_ITEMS:
        return None
    rows = np.stack([np.mean(vectors[item_id], axis=0) for item_id in vectors])
    vector = direction(rows - usual, np.array([[liked[item_id] for item_id in vectors]], np.float32))[0]
    latest = max(event.at for event in events if event.item_id in vectors)
    if not vector.any():
        return None
    told = [round(float(value), 4) for value in vector]
    return ImportedTaste(catalogue=name, items=len(vectors), latest=latest, at=at, encoder=encoder, vector=told)


def usual_item(catalogue: "Catalogue") -> Vector:
    """The mean (d,) of the texts of a catalogue that has some."""
    mean: Vector = catalogue.sample("text", USUAL_ITEMS).mean(axis=0)
    return mean


def direction(differences: Vector, weights: NDArray[np.float32]) -> Vector:
    """From the usual item to what each user likes, of length 1 (users, d); zeros where nothing is liked.

    Args:
        differences: of the items from the usual one (items, d).
        weights: how much each user likes each, 0 where they don't (users, items).
    """
    sums = weights @ differences
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    rows: Vector = np.where(lengths > 1e-6, sums / np.maximum(lengths, 1e-6), 0.0).astype(np.float32)
    return rows


@dataclass(frozen=True)
class Closeness:
    """How close an item is to tastes of other catalogues: deviations above the usual item, to the closest of them."""

    score: float
    catalogue: str


def closeness_of(
    tastes: Sequence[ImportedTaste], catalogue: "Catalogue", ids: Sequence[str]
) -> Mapping[str, Closeness]:
    """How close items are to tastes by the encoder of this catalogue; items without a vector are left out."""
    vectors = catalogue.vectors_of("text", list(ids))
    if not (tastes and vectors):
        return {}
    directions = np.array([taste.vector for taste in tastes], np.float32).T
    usual = catalogue.sample("text", USUAL_ITEMS) @ directions
    rows = np.stack([np.mean(of_item, axis=0) for of_item in vectors.values()]) @ directions
    z = (rows - usual.mean(axis=0)) / np.maximum(usual.std(axis=0), 1e-6)
    best = z.argmax(axis=1)
    return {
        item_id: Closeness(float(row[column]), tastes[column].catalogue)
        for item_id, row, column in zip(vectors, z, best, strict=True)
    }
