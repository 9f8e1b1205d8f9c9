"""From choices to a taste model: collaborative part, neighbours, multimodal model, and the blend of them."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from tools.taste import collaborative
from tools.taste.blend import POPULARITY, Blend
from tools.taste.choices import Choices
from tools.taste.collaborative import Algorithm, Matrix, Parameters
from tools.taste.model import ModelCard, TasteModel
from tools.taste.neighbours import Neighbourhood

Say = Callable[[str], None]

EASE_UP_TO: Final = 4_000
"""Up to so many items ``auto`` takes EASE, whose matrix is dense; beyond them ALS."""


@dataclass(frozen=True)
class Plan:
    """What is trained.

    Attributes:
        algorithm: None: by the number of items.
        parameters: those that differ from `collaborative.PARAMETERS`.
        multimodal: whether the multimodal model is trained, where there are contents.
    """

    algorithm: Algorithm | None = None
    parameters: Parameters | None = None
    multimodal: bool = True
    seed: int = 7

    def algorithm_for(self, items: int) -> Algorithm:
        """The one to use for so many items."""
        return self.algorithm or ("ease" if items <= EASE_UP_TO else "als")


def train(
    choices: Choices, vectors: Mapping[str, Matrix], plan: Plan | None = None, say: Say = lambda _text: None
) -> TasteModel:
    """Learn a model of all items of the choices.

    Args:
        vectors: content by modality, unit rows float32 (items, dimensions), zeros where an item has none.
        say: told what is being done, a line each.
    """
    plan, began = plan or Plan(), time.monotonic()
    model = _parts(choices, vectors, plan, say)
    seconds = round(time.monotonic() - began, 2)
    return TasteModel(**{**vars(model), "card": model.card.model_copy(update={"seconds": seconds})})


def _parts(choices: Choices, vectors: Mapping[str, Matrix], plan: Plan, say: Say) -> TasteModel:
    algorithm = plan.algorithm_for(len(choices.item_ids))
    say(f"learning {algorithm} from {choices.matrix.nnz:,} choices")
    learned = collaborative.fit(algorithm, choices.matrix, plan.parameters, seed=plan.seed)
    near = Neighbourhood.of(choices.matrix)
    names = ["collaborative", "neighbours", POPULARITY]
    towers = None
    if plan.multimodal and vectors:
        from tools.taste.multimodal_training import train as train_towers

        say("training the multimodal model")
        towers = train_towers(choices.matrix, vectors)
        names.append("multimodal")
    card = ModelCard(
        version=time.strftime("%Y%m%dT%H%M%S", time.gmtime()), trained_at=time.time(), events=choices.matrix.nnz,
        people=choices.people, items=len(choices.item_ids), left_out=choices.left_out, algorithm=algorithm,
        parameters=collaborative.PARAMETERS[algorithm] | (plan.parameters or {}),
    )  # fmt: skip
    return TasteModel(card, choices.item_ids, choices.chosen_by(), near, learned, Blend.even(names), towers)
