"""From a model, a catalogue and a history to items with reasons; what the taste tools and turns stand on."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np

from tools.records import Because, Filters, Hit, ItemsResult, Signal
from tools.search import hit
from tools.store import Catalogue, ChangeMark, Space
from tools.taste.collaborative import Matrix
from tools.taste.model import TasteModel

SPACES: Final[tuple[Space, ...]] = ("text", "visual")
"""The catalogue's vectors that the model learns from, and their names as modalities."""

READ_AT_ONCE: Final = 2_000
REASONS: Final = 2
TELLING: Final = 0.5
"""What is less strongly chosen together than so, as a share of the strongest, is no reason to be told."""

LIKED: Final = 10
"""Of so many of the items liked most the neighbours are looked at."""

OVER_FETCH: Final = 4
"""How many times as many items are first asked for when some of them may not pass."""


@dataclass(frozen=True)
class _Followed:
    """A model, and the state of the catalogue that it knows the items of."""

    trained: str
    version: int
    mark: ChangeMark
    model: TasteModel


_following: "WeakKeyDictionary[Catalogue, _Followed]" = WeakKeyDictionary()


def following(model: TasteModel, catalogue: Catalogue) -> TasteModel:
    """The model knowing every item that the catalogue holds now: what came in since by its contents.

    Kept while the model is the same; of a changed catalogue only the items that came in or changed are read.
    """
    version, followed = catalogue.version(), _following.get(catalogue)
    if followed and followed.trained != model.card.version:
        followed = None
    if followed is None or followed.version != version:
        known = followed.model if followed else model
        changed_ids, mark = catalogue.changed(followed.mark if followed else None)
        followed = _Followed(model.card.version, version, mark, _with_contents(known, catalogue, changed_ids))
        _following[catalogue] = followed
    return followed.model


def _with_contents(model: TasteModel, catalogue: Catalogue, ids: Sequence[str]) -> TasteModel:
    """The model with the present contents of these items, without those that it was trained on."""
    trained = model.near.strengths.shape[0]
    outside = [item_id for item_id in ids if model.rows.get(item_id, trained) >= trained]
    if model.content is None or not outside:
        return model
    vectors = contents(catalogue, outside, model.card.encoders)
    rows = np.array([model.rows.get(item_id, -1) for item_id in outside], np.int64)
    known = rows >= 0
    if known.any():
        factors = model.content.factors({name: matrix[known] for name, matrix in vectors.items()}, int(known.sum()))
        model = model.with_factors(rows[known], factors)
    return model.with_items(outside, vectors)


def contents(catalogue: Catalogue, ids: Sequence[str], encoders: Mapping[str, str]) -> dict[str, Matrix]:
    """By modality one unit row for each item, zeros where it has none; an item's pictures are averaged.

    Args:
        encoders: modality -> which encoder's vectors are wanted; a space that another one made is left out.
    """
    spaces = [space for space in SPACES if space in encoders and encoder_name(catalogue, space) == encoders[space]]
    return {space: _rows(catalogue, space, ids) for space in spaces}


def encoder_name(catalogue: Catalogue, space: Space) -> str | None:
    """Encoder, weights and preprocessing of a space's vectors in one line; None for an empty space."""
    identity = catalogue.identity(space)
    return f"{identity.encoder} {identity.weights} {identity.preprocessing}" if identity else None


def _rows(catalogue: Catalogue, space: Space, ids: Sequence[str]) -> Matrix:
    identity = catalogue.identity(space)
    rows = np.zeros((len(ids), identity.dimensions if identity else 1), dtype=np.float32)
    for start in range(0, len(ids), READ_AT_ONCE):
        some = ids[start : start + READ_AT_ONCE]
        vectors = catalogue.vectors_of(space, some)
        for row, item_id in enumerate(some, start):
            if vectors.get(item_id):
                mean = np.mean(vectors[item_id], axis=0)
                rows[row] = mean / max(float(np.linalg.norm(mean)), 1e-9)
    return rows


def best_passing(
    model: TasteModel,
    catalogue: Catalogue,
    history: Mapping[str, float],
    k: int,
    filters: Filters | None,
    exclude: Collection[str] = (),
) -> list[tuple[str, float]]:
    """The model's k best items for a history among those that there are and that pass.

    Where these are many, the best of all are looked up, and more of them until enough pass.
    """
    few = catalogue.few_eligible(filters)
    if few is not None:
        return model.score(history, k=k, among=few, exclude=exclude)
    asked = OVER_FETCH * k
    while True:
        scored = model.score(history, k=asked, exclude=exclude)
        passing = catalogue.eligible_among([item_id for item_id, _ in scored], filters)
        found = [one for one in scored if one[0] in passing][:k]
        if len(found) == k or len(scored) < asked:
            return found
        asked *= OVER_FETCH


@dataclass(frozen=True)
class Reader:
    """Asks one model about one catalogue.

    Attributes:
        least_people: fewer people than this are never counted.
    """

    model: TasteModel
    catalogue: Catalogue
    least_people: int

    def similar_taste(self, history: Mapping[str, float], k: int, filters: Filters | None) -> ItemsResult:
        """The best items for a history among those that pass, none of which is in it."""
        scored = best_passing(self.model, self.catalogue, history, k, filters, exclude=tuple(history))
        return self._result(scored, {item_id: self.reasons(item_id, history) for item_id, _ in scored}, filters)

    def reasons(self, item_id: str, history: Mapping[str, float]) -> list[Because]:
        """Items of the history that people chose who chose this one, strongest first, with how many people."""
        neighbours = self.model.neighbours(item_id, self.model.near.strengths.shape[0])
        linked = [
            neighbour
            for neighbour in neighbours
            if history.get(neighbour.item_id, 0.0) > 0 and neighbour.people >= self.least_people
        ]
        linked = [neighbour for neighbour in linked if neighbour.strength >= TELLING * linked[0].strength]
        items = self.catalogue.get_many([neighbour.item_id for neighbour in linked[:REASONS]])
        return [
            Because(item_id=neighbour.item_id, title=items[neighbour.item_id].title, people=neighbour.people)
            for neighbour in linked[:REASONS]
            if neighbour.item_id in items
        ]

    def chosen_with(
        self, liked: Sequence[str], k: int, filters: Filters | None, exclude: Collection[str] = ()
    ) -> ItemsResult:
        """Items that were chosen by the people who chose any of these; strengths over several add up."""
        titles = {item_id: item.title for item_id, item in self.catalogue.get_many(liked).items()}
        scores: dict[str, float] = {}
        reasons: dict[str, list[Because]] = {}
        for liked_id in liked[:LIKED]:
            for neighbour in self.model.neighbours(liked_id, self.model.near.strengths.shape[0]):
                if neighbour.people < self.least_people or neighbour.item_id in exclude or neighbour.item_id in liked:
                    continue
                scores[neighbour.item_id] = scores.get(neighbour.item_id, 0.0) + neighbour.strength
                reason = Because(item_id=liked_id, title=titles.get(liked_id, liked_id), people=neighbour.people)
                reasons.setdefault(neighbour.item_id, []).append(reason)
        present = self.catalogue.eligible_among(scores, filters)
        best = sorted((item_id for item_id in scores if item_id in present), key=lambda i: (-scores[i], i))[:k]
        return self._result([(item_id, scores[item_id]) for item_id in best], reasons, filters)

    def _result(
        self, scored: Sequence[tuple[str, float]], reasons: Mapping[str, list[Because]], filters: Filters | None
    ) -> ItemsResult:
        items = self.catalogue.get_many([item_id for item_id, _ in scored])
        hits: list[Hit] = []
        for item_id, score in scored:
            if item_id in items:
                signal = _signal(score, len(hits) + 1, reasons[item_id])
                hits.append(hit(items[item_id], round(score, 4), [signal], filters=filters))
        total = self.catalogue.total(filters, shown=len(hits))
        return ItemsResult(items=hits, total=total.items, has_more=total.has_more)


def _signal(score: float, rank: int, reasons: list[Because]) -> Signal:
    """The signal with its strongest reasons. ``people`` is their largest count, as one person may stand in several."""
    top_reasons = sorted(reasons, key=lambda reason: -(reason.people or 0))[:REASONS]
    user_count = top_reasons[0].people if top_reasons else None
    return Signal(source="collaborative", score=round(score, 4), rank=rank, because=top_reasons, people=user_count)
