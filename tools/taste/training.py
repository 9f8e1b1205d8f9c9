"""From choices to a taste model: collaborative part, neighbours, multimodal model, and the blend of them."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import numpy as np

from tools.errors import BadInput
from tools.taste import collaborative, fitting
from tools.taste.blend import POPULARITY, STAGES, Blend
from tools.taste.choices import Choices
from tools.taste.collaborative import Algorithm, Matrix, Parameters
from tools.taste.model import ModelCard, TasteModel
from tools.taste.neighbours import Neighbourhood

if TYPE_CHECKING:
    from tools.taste.multimodal_training import MultimodalRecipe

Say = Callable[[str], None]

DEFAULT: Final[Algorithm] = "als"
"""The best on MovieLens-100K, and it needs no matrix of items by items; docs/collaborative.md compares them."""


@dataclass(frozen=True)
class TrainingPlan:
    """What is trained.

    Attributes:
        parameters: those that differ from `collaborative.PARAMETERS`.
        multimodal: whether the multimodal model is trained, where there are contents.
    """

    algorithm: Algorithm = DEFAULT
    parameters: Parameters | None = None
    multimodal: bool = True
    recipe: "MultimodalRecipe | None" = None
    seed: int = 7


FEWEST_PEOPLE: Final = 10
FEWEST_CHOICES: Final = 50
"""With fewer, other people's choices say nothing reliable, and no model is made."""


class TooFewError(BadInput):
    """There is not enough to learn from."""


def train(
    choices: Choices, vectors: Mapping[str, Matrix], plan: TrainingPlan | None = None, say: Say = lambda _text: None
) -> TasteModel:
    """Learn a model of all items of the choices, and measure it.

    It is made twice: without each person's latest choice, to fit the blend and to measure, and then with everything.

    Args:
        vectors: content by modality, unit rows float32 (items, dimensions), zeros where an item has none.
        say: told what is being done, a line each.

    Raises:
        TooFewError: there are fewer choices or people than anything could be learned from.
    """
    plan, began = plan or TrainingPlan(), time.monotonic()
    if choices.user_count < FEWEST_PEOPLE or choices.matrix.nnz < FEWEST_CHOICES:
        raise TooFewError(
            f"There are {choices.matrix.nnz:,} choices by {choices.user_count:,} people; learning from others takes "
            f"{FEWEST_CHOICES} by {FEWEST_PEOPLE}. Until then contents and popularity are used."
        )
    say("holding out each person's latest choice, to measure with")
    training_choices, held_out = fitting.hold_out(choices, plan.seed)
    trial = _parts(training_choices, vectors, plan, say)
    say(f"fitting the blend on {len(held_out):,} held-out choices")
    fitted, figures = _fitted(trial, held_out, plan)
    say("learning again from everything")
    model = replace(_parts(choices, vectors, plan, say), blend=fitted)
    card = model.card.model_copy(
        update={
            "weights": _weights(fitted), "tested": len(held_out), "figures": figures,
            "seconds": round(time.monotonic() - began, 2),
        }
    )  # fmt: skip
    return replace(model, card=card)


def _fitted(trial: TasteModel, held_out: fitting.HeldOutChoices, plan: TrainingPlan) -> tuple[Blend, fitting.Figures]:
    """Weights from all that was held out; figures from halves of it, each with the weights of the other half."""
    if len(held_out) < 2 * fitting.FEWEST:
        return trial.blend, fitting.measure(trial, held_out) if len(held_out) else {}
    halves = np.array_split(np.random.default_rng(plan.seed).permutation(len(held_out)), 2)
    measurements = []
    for half, other_half in (halves, halves[::-1]):
        blend = fitting.fit(trial, held_out.only(np.sort(half)), plan.seed)
        measurements.append(fitting.measure(replace(trial, blend=blend), held_out.only(np.sort(other_half))))
    first, second = measurements
    figures = {
        name: {key: round((value + second[name][key]) / 2, 4) for key, value in measures.items()}
        for name, measures in first.items()
        if name in second
    }
    return fitting.fit(trial, held_out, plan.seed), figures


def _parts(choices: Choices, vectors: Mapping[str, Matrix], plan: TrainingPlan, say: Say) -> TasteModel:
    algorithm = plan.algorithm
    say(f"learning {algorithm} from {choices.matrix.nnz:,} choices")
    model = collaborative.fit(algorithm, choices.matrix, plan.parameters, seed=plan.seed)
    neighbourhood = Neighbourhood.of(choices.matrix)
    names, towers = ["collaborative", "neighbours", POPULARITY], None
    gates: dict[str, dict[str, float]] = {}
    if plan.multimodal and vectors:
        from tools.taste.multimodal_training import train as train_towers  # brings torch; only where it is trained

        names.append("multimodal")
        towers, gates = train_towers(choices.matrix, vectors, plan.recipe, _counted(say))
    card = ModelCard(
        version=f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{uuid4().hex[:6]}", trained_at=time.time(),
        events=choices.matrix.nnz, people=choices.user_count, items=len(choices.item_ids),
        untouched=int((choices.chosen_by() == 0).sum()), left_out=choices.left_out, algorithm=algorithm,
        parameters=collaborative.PARAMETERS[algorithm] | (plan.parameters or {}), gates=gates,
    )  # fmt: skip
    return TasteModel(card, choices.item_ids, choices.chosen_by(), neighbourhood, model, Blend.prior(names), towers)


def _counted(say: Say) -> Callable[[int, int], None]:
    """Says every tenth of the steps."""

    def progress(done: int, of: int) -> None:
        if done % max(1, of // 10) == 0:
            say(f"training the multimodal model: {done:,} of {of:,} steps")

    return progress


def _weights(blend: Blend) -> dict[str, dict[str, float]]:
    return {
        f"from {least} chosen items": {
            name: round(float(value), 3) for name, value in zip(blend.names, blend.weights[stage], strict=True)
        }
        for stage, least in enumerate(STAGES)
    }
