"""The taste model: what people's choices and the items' contents say about what somebody will choose next.

The later somebody chose an item, the more it says: each part has a ``tau`` of its own, the number of places in the
person's order after which a choice counts a factor of e less.

Stored in ``<data folder>/taste/<version>/`` as ``card.json``, ``items.json`` and ``model.safetensors``; it holds
numbers of items only, none of any person. `TasteModel.load` gives the current version, read once.
"""

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import repeat
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError
from scipy.sparse import csr_matrix

from tools.errors import StoreError
from tools.records import Record
from tools.taste import versions
from tools.taste.blend import ALS, NEIGHBOURS, POPULARITY, Blend, standardised
from tools.taste.choices import Histories
from tools.taste.collaborative import AlsFactors, Arrays, Collaborative, ItemWeights, Matrix, row_of
from tools.taste.content import ContentMap
from tools.taste.neighbours import Neighbourhood
from tools.taste.records import Lead, Neighbour

FOLDER = "taste"
FORMAT = 2
SAMPLED = 16
"""One in so many scores is looked at to see which items cannot be among the best."""

logger = logging.getLogger(__name__)


class ModelCard(Record):
    """What a model is: from what, how, and how well it did on choices that were held out."""

    format: int = FORMAT
    version: str
    trained_at: float = Field(description="seconds since 1970")
    events: int = Field(description="choices and refusals that were learned from, one a person and item")
    people: int
    items: int
    untouched: int = Field(0, description="items that nobody chose")
    left_out: int = Field(0, description="events beyond the most that one person may bring")
    algorithm: str = Field(description="auto: parts and weights chosen by held-out choices; else the part in use")
    tau: dict[str, float | None] = Field({}, description="part -> places after which a choice counts 1/e; null: never")
    parameters: dict[str, float] = Field({}, description="of private counts")
    weights: dict[str, dict[str, float]] = Field({}, description="stage of knowledge -> part -> weight in the blend")
    compared: list[str] = Field([], description="parts that were tried and left out")
    imported: list[str] = Field([], description="parts of another engine, which may have seen the held-out choices")
    lead: Lead | None = Field(None, description="of the blend over the best single part")
    tested: int = Field(0, description="people whose last choice was held out to measure")
    figures: dict[str, dict[str, float]] = Field(
        {}, description="recommender -> measure -> mean over the people tested"
    )
    events_version: int | None = Field(None, description="of the store of events, when it was read")
    encoders: dict[str, str] = Field({}, description="modality -> encoder that made its vectors")
    seconds: float = 0.0


@dataclass(frozen=True)
class BlendPart:
    """One collaborative signal, and how quickly older choices fade for it (None: not at all)."""

    scorer: Collaborative
    tau: float | None = None


@dataclass(frozen=True)
class TasteModel:
    """One version, in memory; it never changes. Safe to use from several threads.

    Attributes:
        ids: items, the ones that were trained on first.
        people: how many people chose each, int32 (items,).
        near: which items were chosen by the same people, for reasons and for the part "neighbours".
        parts: by name.
        content: where items that nobody chose belong; None where no contents were learned from.
    """

    card: ModelCard
    ids: tuple[str, ...]
    people: NDArray[np.int32]
    near: Neighbourhood
    parts: Mapping[str, BlendPart]
    blend: Blend
    content: ContentMap | None = None

    @cached_property
    def rows(self) -> dict[str, int]:
        """Item id -> row."""
        return {item_id: row for row, item_id in enumerate(self.ids)}

    @cached_property
    def touched(self) -> NDArray[np.bool_]:
        """Whether anybody chose the item, (items,)."""
        return self.people > 0

    @cached_property
    def popular(self) -> Matrix:
        """What popularity says of every item, standardised, (1, items)."""
        return standardised(np.log1p(self.people.astype(np.float32))[np.newaxis], self.touched)

    # Asking ----------------------------------------------------------------------------------------------------------

    def score(
        self,
        history: Mapping[str, float],
        *,
        k: int,
        among: Sequence[str] | None = None,
        exclude: Collection[str] = (),
    ) -> list[tuple[str, float]]:
        """The k best items for a history, best first, with scores that compare within this answer only.

        The history is folded in: nobody needs to have been there in training. Items that nobody chose are scored from
        their contents; items that the model has never heard of are left out (see `with_items`).

        Args:
            history: item id -> strength, above zero what was chosen, below what was refused, the latest first. Unknown
                ids are ignored.
            among: ids to choose from; None: all.
            exclude: ids to leave out. What is in the history is not left out unless it stands here too.
        """
        scores = self.scores(self.histories(history))[0]
        allowed = ~self._mask(exclude) if among is None else self._mask(among) & ~self._mask(exclude)
        sample = np.where(allowed, scores, -np.inf)[::SAMPLED]  # k of it are as good as the cut, so the k best are
        cut = np.partition(sample, -k)[-k] if 0 < k <= len(sample) else -np.inf
        places = np.flatnonzero(allowed & (scores >= cut))
        if k < len(places):
            places = places[np.argpartition(-scores[places], k)[:k]]
        best = sorted(places, key=lambda row: (-scores[row], self.ids[row]))[:k]
        return [(self.ids[row], round(float(scores[row]), 4)) for row in best]

    def _mask(self, ids: Collection[str]) -> NDArray[np.bool_]:
        """Whether each of the model's items is one of these, (items,); unknown ids are ignored."""
        mask = np.zeros(len(self.ids) + 1, np.bool_)  # the last place is for the unknown
        mask[np.fromiter(map(self.rows.get, ids, repeat(-1)), np.int64, len(ids))] = True
        return mask[:-1]

    def knows(self, history: Mapping[str, float]) -> bool:
        """Whether any chosen item of the history is one that the model can say something about."""
        return any(strength > 0 and item_id in self.rows for item_id, strength in history.items())

    def neighbours(self, item_id: str, k: int) -> list[Neighbour]:
        """The k items most often chosen by the people who chose this one, strongest first; none for unknown ones."""
        row = self.rows.get(item_id, len(self.ids))
        if row >= self.near.strengths.shape[0]:
            return []
        columns, strengths = row_of(self.near.strengths, row)
        counts = row_of(self.near.counts, row)[1]
        return [
            Neighbour(item_id=self.ids[column], people=int(user_count), strength=round(min(float(strength), 1.0), 4))
            for column, user_count, strength in list(zip(columns, counts, strengths, strict=True))[:k]
        ]

    def popularity(self, item_ids: Sequence[str], *, debias: float = 0.0) -> dict[str, float]:
        """The share of people who chose each item.

        Args:
            debias: 0 to 1; the share is raised to the power of 1 - debias, so that at 1 all are alike.
        """
        fractions = {item_id: self._chosen_by(item_id) / max(self.card.people, 1) for item_id in item_ids}
        return {item_id: value ** (1.0 - debias) for item_id, value in fractions.items()}

    def _chosen_by(self, item_id: str) -> int:
        row = self.rows.get(item_id)
        return 0 if row is None else int(self.people[row])

    def histories(self, history: Mapping[str, float]) -> Histories:
        """One history, the latest first; unknown items are ignored."""
        known = [(self.rows[item_id], strength) for item_id, strength in history.items() if item_id in self.rows]
        columns = np.array([row for row, _ in known], dtype=np.int32)
        strengths, place = np.array([strength for _, strength in known], np.float32), np.argsort(columns)
        matrix = csr_matrix((strengths[place], columns[place], [0, len(known)]), shape=(1, len(self.ids)))
        return Histories(matrix, place.astype(np.int32))

    def scores(self, histories: Histories) -> Matrix:
        """Every item's score (n, items) for each of n histories."""
        return self.blend.scores(self.part_scores(histories), histories.chosen_counts(), self.touched)

    def part_scores(self, histories: Histories) -> dict[str, Matrix]:
        """What each part says, standardised (n, items)."""
        raw_scores = {
            name: self._padded(part.scorer, histories.weighted(part.tau)) for name, part in self.parts.items()
        }
        scores = {name: standardised(scores, self.touched) for name, scores in raw_scores.items()}
        return scores | {POPULARITY: np.broadcast_to(self.popular, (len(histories), len(self.ids)))}

    def _padded(self, scorer: Collaborative, histories: csr_matrix) -> Matrix:
        """A part's scores; zeros for the items that came after its training, where it knows nothing of contents."""
        if isinstance(scorer, AlsFactors) and len(scorer.factors) == histories.shape[1]:
            return scorer.scores(histories)
        trained = self.near.strengths.shape[0]
        return np.pad(scorer.scores(histories[:, :trained]), ((0, 0), (0, histories.shape[1] - trained)))

    # New items -------------------------------------------------------------------------------------------------------

    def with_items(self, ids: Sequence[str], vectors: Mapping[str, Matrix]) -> Self:
        """The same model, knowing further items by their contents alone; ids that it knows already are left out.

        Args:
            vectors: by modality, unit rows (len(ids), dimensions), zeros where an item has none; those modalities
                that the model was trained with are used.
        """
        fresh = [position for position, item_id in enumerate(ids) if item_id not in self.rows]
        if self.content is None or not fresh:
            return self
        factors = self.content.factors({name: matrix[fresh] for name, matrix in vectors.items()}, len(fresh))
        model = replace(
            self,
            ids=(*self.ids, *(ids[position] for position in fresh)),
            people=np.concatenate([self.people, np.zeros(len(fresh), np.int32)]),
        )
        return model.with_factors(np.arange(len(self.ids), len(model.ids)), factors)

    def with_factors(self, rows: NDArray[np.int64], factors: Matrix) -> Self:
        """The same model with these factors for some items, which their contents stand for."""
        return replace(
            self,
            parts={
                name: replace(part, scorer=part.scorer.with_rows(rows, factors))
                if isinstance(part.scorer, AlsFactors)
                else part
                for name, part in self.parts.items()
            },
        )

    # Files -----------------------------------------------------------------------------------------------------------

    @classmethod
    def load(cls, folder: Path) -> "TasteModel | None":
        """The current model of a data folder; None when there is none, or one that an earlier version of this program
        made (it is trained anew with the next training). Quick while it is the same one.

        Raises:
            StoreError: its files are damaged.
        """
        now = versions.pointer(folder / FOLDER)
        return None if now is None else _read(folder / FOLDER / now.version)

    def save(self, folder: Path) -> Path:
        """Store it as the current model of a data folder; the one before is kept for `versions.roll_back`.

        Raises:
            StoreError: the folder cannot be written.
        """
        return versions.publish(folder / FOLDER, self.card.version, self._write)

    def _write(self, folder: Path) -> None:
        from safetensors.numpy import save_file

        arrays: Arrays = {"people": self.people, "blend/weights": self.blend.weights}
        arrays["blend/untouched"] = self.blend.untouched
        by_part = {name: part.scorer.arrays() for name, part in self.parts.items() if name != NEIGHBOURS}
        by_part["near"] = self.near.arrays()
        if self.content is not None:
            by_part["content"] = self.content.arrays()
        for part, part_arrays in by_part.items():
            arrays |= {f"{part}/{name}": array for name, array in part_arrays.items()}
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / "model.safetensors")
        (folder / "items.json").write_text(json.dumps(self.ids, ensure_ascii=True), "utf-8")
        (folder / "blend.json").write_text(json.dumps(self.blend.names), "utf-8")
        (folder / "card.json").write_text(self.card.model_dump_json(indent=2), "utf-8")


@lru_cache(maxsize=2)
def _read(folder: Path) -> TasteModel | None:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        card_json = json.loads((folder / "card.json").read_text("utf-8"))
        if card_json["format"] != FORMAT:
            logger.warning("The taste model is of another version of this program; train again with: assistant train.")
            return None
        card = ModelCard.model_validate(card_json)
        arrays: dict[str, NDArray[Any]] = load_file(folder / "model.safetensors")
        ids = tuple(json.loads((folder / "items.json").read_text("utf-8")))
        names = tuple(json.loads((folder / "blend.json").read_text("utf-8")))
        return _assembled(card, ids, names, arrays)
    except (OSError, ValidationError, ValueError, KeyError, TypeError, SafetensorError) as exc:
        raise StoreError(f"The taste model in {folder} is damaged; train again with: assistant train.") from exc


def _assembled(
    card: ModelCard, ids: tuple[str, ...], names: tuple[str, ...], arrays: Mapping[str, NDArray[Any]]
) -> TasteModel:
    def part(prefix: str) -> dict[str, NDArray[Any]]:
        return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}

    def scorer(name: str) -> Collaborative:
        if name == NEIGHBOURS:
            return ItemWeights(near.strengths)
        return AlsFactors.load(part(f"{name}/")) if name in ALS else ItemWeights.load(part(f"{name}/"))

    near, content = Neighbourhood.load(part("near/")), part("content/")
    return TasteModel(
        card=card,
        ids=ids,
        people=arrays["people"],
        near=near,
        parts={name: BlendPart(scorer(name), card.tau.get(name)) for name in names if name != POPULARITY},
        blend=Blend(names, arrays["blend/weights"], arrays["blend/untouched"]),
        content=ContentMap.load(content) if content else None,
    )
