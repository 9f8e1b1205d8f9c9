"""Held-out choices: what the blend's weights are fitted on, and what a model's figures are measured on.

Each person's latest choice is held out, and a tenth of the items is taken out altogether, as if they had come in
yesterday: how much an untouched item's content is worth beside items that people chose is learned from them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from tools.taste.blend import CONTENT, POPULARITY, STAGES, Blend
from tools.taste.choices import Choices
from tools.taste.collaborative import Matrix, row_of
from tools.taste.model import TasteModel

UNTOUCHED_SHARE: Final = 0.1
MOST_PEOPLE: Final = 2_000
MOST_SCORES: Final = 20_000_000
"""Scores in memory at once: it bounds how many people are asked of a large catalogue."""
CANDIDATES: Final = 2_000
"""Items beside the chosen one that weights are tried on."""
GRID: Final = (0.0, 0.25, 0.5, 1.0)
ROUNDS: Final = 2
MARGIN: Final = 0.002
"""About one standard error of the difference over a thousand people: less is no reason to leave the prior weights."""
FEWEST: Final = 30
"""With fewer held-out choices nothing is fitted."""

Figures = dict[str, dict[str, float]]


@dataclass(frozen=True)
class HeldOutChoices:
    """People whose next choice is known.

    Attributes:
        histories: what is known of each, (n, items).
        targets: the item chosen next, (n,).
    """

    histories: csr_matrix
    targets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.targets)

    def among(self, items: NDArray[np.bool_]) -> "HeldOutChoices":
        """Those whose next choice is one of these items (a flag for each item)."""
        return self.only(np.flatnonzero(items[self.targets]))

    def only(self, rows: NDArray[np.int64]) -> "HeldOutChoices":
        """Some of them."""
        return HeldOutChoices(self.histories[rows], self.targets[rows])


def hold_out(choices: Choices, seed: int) -> tuple[Choices, HeldOutChoices]:
    """What to learn from, and what to ask of what has learned it."""
    draw = np.random.default_rng(seed)
    matrix = choices.matrix
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    last = _latest(choices, rows)
    most = min(MOST_PEOPLE, max(FEWEST, MOST_SCORES // max(matrix.shape[1], 1)))
    last = np.sort(draw.permutation(last)[:most])
    touched = np.flatnonzero(choices.chosen_by() > 0)
    withheld = draw.choice(touched, int(len(touched) * UNTOUCHED_SHARE), replace=False)
    withheld_entries = np.flatnonzero(np.isin(matrix.indices, withheld))
    training_choices = choices.without(np.union1d(last, withheld_entries))
    user_rows = rows[last]
    some = np.asarray((training_choices.matrix[user_rows] > 0).sum(axis=1)).ravel() > 0
    return training_choices, HeldOutChoices(
        training_choices.matrix[user_rows[some]], matrix.indices[last[some]].astype(np.int64)
    )


def _latest(choices: Choices, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The entry of each person's latest choice, of those with two or more."""
    chosen = np.flatnonzero(choices.matrix.data > 0)
    order = chosen[np.lexsort((choices.at[chosen], rows[chosen]))]
    _, starts, counts = np.unique(rows[order], return_index=True, return_counts=True)
    return np.asarray(order[(starts + counts - 1)[counts >= 2]], dtype=np.int64)


def fit(model: TasteModel, held_out: HeldOutChoices, seed: int) -> Blend:
    """The blend that ranks the held-out choices best, at each stage of knowledge."""
    draw = np.random.default_rng(seed)
    held_out = held_out.among(model.touched)
    weights = model.blend.weights.copy()
    for stage in range(len(STAGES)):
        examples = _at_stage(held_out, stage, draw)
        if len(examples) >= FEWEST:
            weights[stage] = _fitted(model, examples, stage, draw)
    return replace(model.blend, weights=weights, untouched=_untouched(model, held_out))


def _untouched(model: TasteModel, held_out: HeldOutChoices) -> Matrix:
    """Constant and slope that give the contents of withheld items mean 0 and deviation 1."""
    if model.touched.all() or model.towers is None or not len(held_out):
        return model.blend.untouched
    some = model.parts(next(_batches(held_out, model)).histories)[CONTENT][:, ~model.touched]
    deviation = max(float(some.std()), 0.1)
    return np.array([-some.mean() / deviation, 1.0 / deviation], dtype=np.float32)


def _at_stage(held_out: HeldOutChoices, stage: int, draw: np.random.Generator) -> HeldOutChoices:
    """The people who are known so well, and those known better with a part of their choices."""
    least, beyond = STAGES[stage], (*STAGES, 10**9)[stage + 1]
    sparse_rows, rows = [], []
    for row in range(len(held_out)):
        items, strengths = row_of(held_out.histories, row)
        chosen = np.flatnonzero(strengths > 0)
        if len(chosen) < least:
            continue
        if len(chosen) >= beyond:
            part = draw.choice(len(items), int(draw.integers(least, beyond)), replace=False)
            items, strengths = items[part], strengths[part]
        sparse_rows.append(csr_matrix((strengths, ([0] * len(items), items)), shape=(1, held_out.histories.shape[1])))
        rows.append(row)
    from scipy.sparse import vstack

    histories = vstack(sparse_rows, format="csr") if sparse_rows else held_out.histories[:0]
    return HeldOutChoices(histories, held_out.targets[rows])


def _fitted(model: TasteModel, held_out: HeldOutChoices, stage: int, draw: np.random.Generator) -> Matrix:
    """The parts' weights (parts,), by coordinate ascent from the prior; what does not gain `MARGIN` is left alone."""
    tables, masks = zip(*(_features(model, part, draw) for part in _batches(held_out, model)), strict=True)
    table, mask = np.concatenate(tables), np.concatenate(masks)
    weights = Blend.prior(model.blend.names).weights[stage].copy()
    best = _gain(table @ weights, mask)
    for column in [column for _ in range(ROUNDS) for column in range(len(weights))]:
        for value in GRID:
            tried = weights.copy()
            tried[column] = value
            gain = _gain(table @ tried, mask)
            if gain > best + MARGIN:
                weights, best = tried, gain
    return np.asarray(weights, dtype=np.float32)


def _gain(scores: Matrix, mask: NDArray[np.bool_]) -> float:
    """NDCG without a cut, the chosen item being the first: it tells settings apart with fewer people than NDCG@10."""
    ranks = ((scores >= scores[:, :1]) & mask).sum(axis=1)
    return float((1.0 / np.log2(1.0 + ranks)).mean())


def _features(
    model: TasteModel, held_out: HeldOutChoices, draw: np.random.Generator
) -> tuple[Matrix, NDArray[np.bool_]]:
    """Of the chosen item and of others what each part says (n, 1 + candidates, parts), and which count.

    Items of the history do not count, and of the others those that somebody chose do.
    """
    parts = model.parts(held_out.histories)
    others = np.flatnonzero(model.touched)
    if len(others) > CANDIDATES:
        others = draw.choice(others, CANDIDATES, replace=False)
    candidates = np.concatenate([held_out.targets[:, np.newaxis], np.tile(others, (len(held_out), 1))], axis=1)
    in_history = np.asarray(held_out.histories.todense() > 0)
    mask = ~np.take_along_axis(in_history, candidates, axis=1) & (candidates != held_out.targets[:, np.newaxis])
    mask[:, 0] = True
    columns = [np.take_along_axis(parts[name], candidates, axis=1) for name in model.blend.names]
    return np.stack(columns, axis=2), mask


def measure(model: TasteModel, held_out: HeldOutChoices) -> Figures:
    """recall@10 and NDCG@10 of the model and of each part, over all items that are not in the history.

    "untouched items" are choices of items that were taken out, among themselves, by what was learned of contents.
    """
    scorers: dict[str, Callable[[Mapping[str, Matrix], HeldOutChoices], Matrix]] = {
        "all together": lambda _, part: model.scores(part.histories)
    }
    for name in dict.fromkeys((POPULARITY, *model.blend.names)):
        scorers[name] = lambda parts, _, name=name: parts[name]  # type: ignore[misc]
    new, held_out = held_out.among(~model.touched), held_out.among(model.touched)
    ranks: dict[str, list[NDArray[np.int64]]] = {name: [] for name in scorers}
    for part in _batches(held_out, model):
        parts = model.parts(part.histories)
        for name, scores in scorers.items():
            ranks[name].append(_ranks(scores(parts, part), part))
    if model.towers is not None and len(new):
        by_content = np.concatenate([model.parts(part.histories)[CONTENT] for part in _batches(new, model)])
        ranks["untouched items, by content"] = [_ranks(np.where(model.touched, -np.inf, by_content), new)]
    return {name: _figures(np.concatenate(batch_ranks)) for name, batch_ranks in ranks.items() if batch_ranks}


def _ranks(scores: Matrix, held_out: HeldOutChoices) -> NDArray[np.int64]:
    """Where the chosen item stands, 1 is best; equal scores count as better."""
    open_ones = np.where(np.asarray(held_out.histories.todense()) > 0, -np.inf, scores)
    own = open_ones[np.arange(len(held_out)), held_out.targets][:, np.newaxis]
    return np.asarray((open_ones >= own).sum(axis=1), dtype=np.int64)


def _figures(ranks: NDArray[np.int64]) -> dict[str, float]:
    within = ranks <= 10
    gain = np.where(within, 1.0 / np.log2(1.0 + ranks), 0.0)
    return {"recall@10": round(float(within.mean()), 4), "ndcg@10": round(float(gain.mean()), 4)}


def _batches(held_out: HeldOutChoices, model: TasteModel) -> Iterator[HeldOutChoices]:
    size = max(1, MOST_SCORES // (8 * max(len(model.ids), 1)))
    for start in range(0, len(held_out), size):
        yield held_out.only(np.arange(start, min(start + size, len(held_out))))
