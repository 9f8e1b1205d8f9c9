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
    gone = np.flatnonzero(np.isin(matrix.indices, withheld))
    rest = choices.without(np.union1d(last, gone))
    people = rows[last]
    some = np.asarray((rest.matrix[people] > 0).sum(axis=1)).ravel() > 0
    return rest, HeldOutChoices(rest.matrix[people[some]], matrix.indices[last[some]].astype(np.int64))


def _latest(choices: Choices, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The entry of each person's latest choice, of those with two or more."""
    chosen = np.flatnonzero(choices.matrix.data > 0)
    order = chosen[np.lexsort((choices.at[chosen], rows[chosen]))]
    _, starts, counts = np.unique(rows[order], return_index=True, return_counts=True)
    return np.asarray(order[(starts + counts - 1)[counts >= 2]], dtype=np.int64)


def fit(model: TasteModel, asked: HeldOutChoices, seed: int) -> Blend:
    """The blend that ranks the held-out choices best, at each stage of knowledge."""
    draw = np.random.default_rng(seed)
    asked = asked.among(model.touched)
    weights = model.blend.weights.copy()
    for stage in range(len(STAGES)):
        examples = _at_stage(asked, stage, draw)
        if len(examples) >= FEWEST:
            weights[stage] = _fitted(model, examples, stage, draw)
    return replace(model.blend, weights=weights, untouched=_untouched(model, asked))


def _untouched(model: TasteModel, asked: HeldOutChoices) -> Matrix:
    """Constant and slope that give the contents of withheld items mean 0 and deviation 1."""
    if model.touched.all() or model.towers is None or not len(asked):
        return model.blend.untouched
    some = model.parts(next(_batches(asked, model)).histories)[CONTENT][:, ~model.touched]
    deviation = max(float(some.std()), 0.1)
    return np.array([-some.mean() / deviation, 1.0 / deviation], dtype=np.float32)


def _at_stage(asked: HeldOutChoices, stage: int, draw: np.random.Generator) -> HeldOutChoices:
    """The people who are known so well, and those known better with a part of their choices."""
    least, beyond = STAGES[stage], (*STAGES, 10**9)[stage + 1]
    kept, rows = [], []
    for row in range(len(asked)):
        items, strengths = row_of(asked.histories, row)
        chosen = np.flatnonzero(strengths > 0)
        if len(chosen) < least:
            continue
        if len(chosen) >= beyond:
            part = draw.choice(len(items), int(draw.integers(least, beyond)), replace=False)
            items, strengths = items[part], strengths[part]
        kept.append(csr_matrix((strengths, ([0] * len(items), items)), shape=(1, asked.histories.shape[1])))
        rows.append(row)
    from scipy.sparse import vstack

    histories = vstack(kept, format="csr") if kept else asked.histories[:0]
    return HeldOutChoices(histories, asked.targets[rows])


def _fitted(model: TasteModel, asked: HeldOutChoices, stage: int, draw: np.random.Generator) -> Matrix:
    """The parts' weights (parts,), by coordinate ascent from the prior; what does not gain `MARGIN` is left alone."""
    tables, masks = zip(*(_features(model, part, draw) for part in _batches(asked, model)), strict=True)
    table, mask = np.concatenate(tables), np.concatenate(masks)
    weights = Blend.prior(model.blend.names).weights[stage].copy()
    best = _gain(table @ weights, mask)
    for place in [place for _ in range(ROUNDS) for place in range(len(weights))]:
        for value in GRID:
            tried = weights.copy()
            tried[place] = value
            gain = _gain(table @ tried, mask)
            if gain > best + MARGIN:
                weights, best = tried, gain
    return np.asarray(weights, dtype=np.float32)


def _gain(scores: Matrix, mask: NDArray[np.bool_]) -> float:
    """NDCG without a cut, the chosen item being the first: it tells settings apart with fewer people than NDCG@10."""
    ranks = ((scores >= scores[:, :1]) & mask).sum(axis=1)
    return float((1.0 / np.log2(1.0 + ranks)).mean())


def _features(model: TasteModel, asked: HeldOutChoices, draw: np.random.Generator) -> tuple[Matrix, NDArray[np.bool_]]:
    """Of the chosen item and of others what each part says (n, 1 + candidates, parts), and which count.

    Items of the history do not count, and of the others those that somebody chose do.
    """
    parts = model.parts(asked.histories)
    others = np.flatnonzero(model.touched)
    if len(others) > CANDIDATES:
        others = draw.choice(others, CANDIDATES, replace=False)
    places = np.concatenate([asked.targets[:, np.newaxis], np.tile(others, (len(asked), 1))], axis=1)
    known = np.asarray(asked.histories.todense() > 0)
    mask = ~np.take_along_axis(known, places, axis=1) & (places != asked.targets[:, np.newaxis])
    mask[:, 0] = True
    columns = [np.take_along_axis(parts[name], places, axis=1) for name in model.blend.names]
    return np.stack(columns, axis=2), mask


def measure(model: TasteModel, asked: HeldOutChoices) -> Figures:
    """recall@10 and NDCG@10 of the model and of each part, over all items that are not in the history.

    "untouched items" are choices of items that were taken out, among themselves, by what was learned of contents.
    """
    ways: dict[str, Callable[[Mapping[str, Matrix], HeldOutChoices], Matrix]] = {
        "all together": lambda _, part: model.scores(part.histories)
    }
    for name in dict.fromkeys((POPULARITY, *model.blend.names)):
        ways[name] = lambda parts, _, name=name: parts[name]  # type: ignore[misc]
    new, asked = asked.among(~model.touched), asked.among(model.touched)
    ranks: dict[str, list[NDArray[np.int64]]] = {name: [] for name in ways}
    for part in _batches(asked, model):
        parts = model.parts(part.histories)
        for name, scores in ways.items():
            ranks[name].append(_ranks(scores(parts, part), part))
    if model.towers is not None and len(new):
        by_content = np.concatenate([model.parts(part.histories)[CONTENT] for part in _batches(new, model)])
        ranks["untouched items, by content"] = [_ranks(np.where(model.touched, -np.inf, by_content), new)]
    return {name: _figures(np.concatenate(found)) for name, found in ranks.items() if found}


def _ranks(scores: Matrix, asked: HeldOutChoices) -> NDArray[np.int64]:
    """Where the chosen item stands, 1 is best; equal scores count as better."""
    open_ones = np.where(np.asarray(asked.histories.todense()) > 0, -np.inf, scores)
    own = open_ones[np.arange(len(asked)), asked.targets][:, np.newaxis]
    return np.asarray((open_ones >= own).sum(axis=1), dtype=np.int64)


def _figures(ranks: NDArray[np.int64]) -> dict[str, float]:
    within = ranks <= 10
    gain = np.where(within, 1.0 / np.log2(1.0 + ranks), 0.0)
    return {"recall@10": round(float(within.mean()), 4), "ndcg@10": round(float(gain.mean()), 4)}


def _batches(asked: HeldOutChoices, model: TasteModel) -> Iterator[HeldOutChoices]:
    size = max(1, MOST_SCORES // (8 * max(len(model.ids), 1)))
    for start in range(0, len(asked), size):
        yield asked.only(np.arange(start, min(start + size, len(asked))))
