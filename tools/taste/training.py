"""From choices to a taste model: the parts, how they are blended, and how well it does on choices held out."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, get_args
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from tools.errors import BadInput
from tools.taste import fitting
from tools.taste.blend import ALS, IMPORTED, NEIGHBOURS, NEXT, POPULARITY, PRIOR_TAU, STAGES, Blend
from tools.taste.choices import Choices
from tools.taste.collaborative import ALS_SIZES, AlsFactors, ItemWeights, Matrix
from tools.taste.content import ContentMap
from tools.taste.exchange import ALS_IMPORTED, Imported
from tools.taste.model import BlendPart, ModelCard, TasteModel
from tools.taste.neighbours import Neighbourhood, next_choices
from tools.taste.records import Algorithm

Say = Callable[[str], None]

AUTO: Final = "auto"
ALGORITHMS: Final[tuple[Algorithm, ...]] = get_args(Algorithm)


@dataclass(frozen=True)
class TrainingPlan:
    """What is trained.

    Attributes:
        content: whether items that nobody chose are placed by their contents.
        fewest_to_fit: with fewer held-out choices the prior settings stay.
    """

    algorithm: Algorithm = AUTO
    content: bool = True
    seed: int = 7
    fewest_to_fit: int = fitting.FEWEST


FEWEST_PEOPLE: Final = 10
FEWEST_CHOICES: Final = 50
"""With fewer, other people's choices say nothing reliable, and no model is made."""

MOST_COMPARED: Final = 300_000
"""So many choices, of people drawn at random, are enough to compare settings with; the model learns from all."""


class TooFewError(BadInput):
    """There is not enough to learn from."""


Learn = Callable[[Choices, Mapping[str, Matrix], tuple[str, ...], TrainingPlan, Say], TasteModel]
"""All parts, with the factorisations of these names, from choices and contents; not yet fitted."""


def train(
    choices: Choices,
    vectors: Mapping[str, Matrix],
    plan: TrainingPlan | None = None,
    say: Say = lambda _text: None,
    *,
    imported: Imported | None = None,
    learn: Learn | None = None,
) -> TasteModel:
    """Learn a model of all items of the choices, and measure it.

    It is made twice: without each person's latest choice, to find the settings and to measure, and then with
    everything.

    Args:
        vectors: content by modality, unit rows float32 (items, dimensions), zeros where an item has none.
        say: told what is being done, a line each.
        imported: parts of another engine: its factors stand in the place of the factorisations here, its neighbours
            beside the others.
        learn: what learns, where there is more to learn from than these choices; they may then be few.

    Raises:
        TooFewError: there are fewer choices or people than anything could be learned from.
    """
    plan, imported, began = plan or TrainingPlan(), imported or Imported(), time.monotonic()
    factorisations = tuple(ALS_SIZES) if imported.als is None else (ALS_IMPORTED,)
    if learn is None and (choices.user_count < FEWEST_PEOPLE or choices.matrix.nnz < FEWEST_CHOICES):
        raise TooFewError(
            f"There are {choices.matrix.nnz:,} choices by {choices.user_count:,} people; learning from others takes "
            f"{FEWEST_CHOICES} by {FEWEST_PEOPLE}. Until then contents and popularity are used."
        )
    learn = learn or partial(_learned, imported=imported)
    say("holding out each person's latest choice, to measure with")
    training_choices, held_out = fitting.hold_out(_compared(choices, plan.seed), plan.seed)
    trial = learn(training_choices, vectors, factorisations, plan, say)
    say(f"fitting settings on {len(held_out):,} held-out choices")
    fitted = _fitted(trial, held_out, plan)
    ranks = _cross_fitted(trial, held_out, plan)
    say("learning again from everything")
    names = tuple(fitted.parts)
    model = learn(choices, vectors, tuple(name for name in names if name in ALS), plan, say)
    parts = {name: replace(model.parts[name], tau=fitted.parts[name].tau) for name in names}
    card = model.card.model_copy(
        update={
            "tau": {name: part.tau for name, part in parts.items()}, "weights": _weights(fitted.blend),
            "imported": imported.parts,
            "compared": [name for name in trial.parts if name not in names], "tested": len(held_out),
            "figures": fitting.figures(ranks),
            "lead": fitting.lead(ranks, plan.seed) if plan.algorithm == AUTO else None,
            "seconds": round(time.monotonic() - began, 2),
        }
    )  # fmt: skip
    return replace(model, card=card, parts=parts, blend=fitted.blend)


def _compared(choices: Choices, seed: int) -> Choices:
    """All choices, or those of some people where there are more than `MOST_COMPARED`."""
    if choices.matrix.nnz <= MOST_COMPARED:
        return choices
    people = np.random.default_rng(seed).permutation(len(choices))
    sizes = np.cumsum(np.diff(choices.matrix.indptr)[people])
    some = choices.rows(np.sort(people[: max(1, int(np.searchsorted(sizes, MOST_COMPARED)))]))
    return replace(choices, matrix=some.matrix, place=some.place)


def _fitted(trial: TasteModel, held_out: fitting.HeldOutChoices, plan: TrainingPlan) -> TasteModel:
    """The trial with the settings that held-out choices favour; with an algorithm of the plan's, that part alone."""
    if plan.algorithm != AUTO:
        dropped = ALS - {plan.algorithm if plan.algorithm in ALS else next(iter(ALS_SIZES))}
        trial = replace(trial, parts={name: part for name, part in trial.parts.items() if name not in dropped})
    model = fitting.fit(trial, held_out, plan.seed, plan.fewest_to_fit)
    if plan.algorithm == AUTO:
        return model
    alone = np.array([[name == plan.algorithm for name in model.blend.names]] * len(STAGES), np.float32)
    return replace(model, blend=replace(model.blend, weights=alone))


def _cross_fitted(trial: TasteModel, held_out: fitting.HeldOutChoices, plan: TrainingPlan) -> fitting.Ranks:
    """Ranks of both halves of the people, each with the settings of the other half."""
    if len(held_out) < 2 * fitting.FEWEST:
        return fitting.measure(_fitted(trial, held_out, plan), held_out) if len(held_out) else {}
    halves = np.array_split(np.random.default_rng(plan.seed).permutation(len(held_out)), 2)
    first, second = (
        fitting.measure(_fitted(trial, held_out.only(np.sort(half)), plan), held_out.only(np.sort(other_half)))
        for half, other_half in (halves, halves[::-1])
    )
    return {name: np.concatenate([first[name], second[name]]) for name in first if name in second}


def _learned(
    choices: Choices,
    vectors: Mapping[str, Matrix],
    factorisations: tuple[str, ...],
    plan: TrainingPlan,
    say: Say,
    imported: Imported,
) -> TasteModel:
    """All parts with some of the factorisations, not yet fitted."""
    factors = {}
    for name in factorisations:
        if imported.als is None:
            say(f"learning {name} from {choices.matrix.nnz:,} choices")
            factors[name] = AlsFactors.fit(choices.matrix, *ALS_SIZES[name], plan.seed)
        else:
            factors[name] = imported.als
    say(f"counting neighbours of {len(choices.item_ids):,} items")
    near = Neighbourhood.of(choices.matrix)
    weights = {NEIGHBOURS: ItemWeights(near.strengths), NEXT: ItemWeights(next_choices(choices))}
    if imported.neighbours is not None:
        weights[IMPORTED] = imported.neighbours
    return assembled(choices, choices.chosen_by(), near, weights, factors, vectors, plan)


def assembled(
    choices: Choices,
    people: NDArray[np.int32],
    near: Neighbourhood,
    weights: Mapping[str, ItemWeights],
    factors: Mapping[str, AlsFactors],
    vectors: Mapping[str, Matrix],
    plan: TrainingPlan,
) -> TasteModel:
    """A model of parts that were learned, not yet fitted.

    Args:
        choices: what was learned from, for its card; the items are these.
        people: how many people chose each item, (items,).
        near: for the evidence "12 people who liked A also liked B".
        weights: neighbours by the name of their part.
        factors: the factorisations by name; items that nobody chose get theirs here, by their contents.
        vectors: as in `train`.
    """
    parts = dict[str, BlendPart]()
    content: ContentMap | None = None
    for name, als in factors.items():
        placed = np.where(als.factors.any(axis=1), people, 0)
        content = ContentMap.fit(vectors, als.factors, placed) if plan.content else None
        if content is not None:
            others = np.flatnonzero(placed == 0)
            rows = {modality: matrix[others] for modality, matrix in vectors.items()}
            als = als.with_rows(others, content.factors(rows, len(others)))
        parts[name] = BlendPart(als, PRIOR_TAU[name])
    parts |= {name: BlendPart(scorer, PRIOR_TAU[name]) for name, scorer in weights.items()}
    card = ModelCard(
        version=f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{uuid4().hex[:6]}", trained_at=time.time(),
        events=choices.matrix.nnz, people=choices.user_count, items=len(choices.item_ids),
        untouched=int((people == 0).sum()), left_out=choices.left_out, algorithm=plan.algorithm,
    )  # fmt: skip
    return TasteModel(card, choices.item_ids, people, near, parts, Blend.prior([*parts, POPULARITY]), content)


def _weights(blend: Blend) -> dict[str, dict[str, float]]:
    return {
        f"from {least} chosen items": {
            name: round(float(value), 3) for name, value in zip(blend.names, blend.weights[stage], strict=True)
        }
        for stage, least in enumerate(STAGES)
    }
