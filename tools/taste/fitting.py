"""Held-out choices: what a model's settings are fitted on, and what its figures are measured on.

Each person's latest choice is held out, and a tenth of the items is taken out altogether, as if they had come in
yesterday: how much the contents of an untouched item are worth beside items that people chose is learned from them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tools.taste.blend import ALS, POPULARITY, STAGES, Blend
from tools.taste.choices import Choices, Histories
from tools.taste.collaborative import Matrix
from tools.taste.model import BlendPart, TasteModel
from tools.taste.records import Lead

UNTOUCHED_SHARE: Final = 0.1
MOST_PEOPLE: Final = 2_000
MOST_SCORES: Final = 20_000_000
"""Scores in memory at once: it bounds how many people are asked of a large catalogue."""
CANDIDATES: Final = 2_000
"""Items beside the chosen one that settings are tried on."""
TAUS: Final = (None, 20.0, 10.0, 5.0, 3.0, 2.0)
"""Events after which an older one counts a factor of e less; None: all alike."""
GRID: Final = (0.0, 0.25, 0.5, 1.0)
ROUNDS: Final = 2
MARGIN: Final = 0.06
"""Over the root of the number of people about one standard error of a difference; less is no reason for a choice."""
FEWEST: Final = 30
"""With fewer held-out choices nothing is fitted."""

ALL: Final = "all together"
BY_CONTENT: Final = "untouched items, by content"

Ranks = dict[str, NDArray[np.int64]]
"""Recommender -> where the chosen item stands for each person; 1 is best."""


@dataclass(frozen=True)
class HeldOutChoices:
    """People whose next choice is known.

    Attributes:
        histories: what is known of each, n people.
        targets: the item chosen next, (n,).
    """

    histories: Histories
    targets: NDArray[np.int64]

    def __len__(self) -> int:
        """How many people."""
        return len(self.targets)

    def among(self, items: NDArray[np.bool_]) -> "HeldOutChoices":
        """Those whose next choice is one of these items (a flag for each item)."""
        return self.only(np.flatnonzero(items[self.targets]))

    def only(self, rows: NDArray[np.int64]) -> "HeldOutChoices":
        """Some of them."""
        return HeldOutChoices(self.histories.rows(rows), self.targets[rows])


def hold_out(choices: Choices, seed: int) -> tuple[Choices, HeldOutChoices]:
    """What to learn from, and what to ask of what has learned it."""
    draw = np.random.default_rng(seed)
    row, items = choices.row, choices.matrix.indices
    last = _latest(choices, row)
    most = min(MOST_PEOPLE, max(FEWEST, MOST_SCORES // max(choices.matrix.shape[1], 1)))
    last = np.sort(draw.permutation(last)[:most])
    touched = np.flatnonzero(choices.chosen_by() > 0)
    withheld = draw.choice(touched, int(len(touched) * UNTOUCHED_SHARE), replace=False)
    mask = ~np.isin(items, withheld)
    mask[last] = False
    training_choices = choices.only(mask)
    asked = HeldOutChoices(training_choices.rows(row[last]), items[last].astype(np.int64))
    return training_choices, asked.only(np.flatnonzero(asked.histories.chosen_counts() > 0))


def _latest(choices: Choices, row: NDArray[np.int64]) -> NDArray[np.int64]:
    """The entry of each person's latest choice, of those with two or more."""
    chosen = np.flatnonzero(choices.matrix.data > 0)
    order = chosen[np.lexsort((choices.place[chosen], row[chosen]))]
    _, starts, counts = np.unique(row[order], return_index=True, return_counts=True)
    return np.asarray(order[starts[counts >= 2]], dtype=np.int64)


def fit(trial: TasteModel, held_out: HeldOutChoices, seed: int, fewest: int = FEWEST) -> TasteModel:
    """The model with the settings that rank the held-out choices best.

    For each part how quickly older choices fade; of the factorisations the better one, the others are dropped; and at
    each stage of knowledge the weights of the parts. With fewer than ``fewest`` choices the prior settings stay.
    """
    draw, asked = np.random.default_rng(seed), held_out.among(trial.touched)
    small, *larger = (name for name in trial.parts if name in ALS)
    if len(asked) < fewest:
        return _with_parts(trial, {name: part for name, part in trial.parts.items() if name not in larger})
    tuned = {name: _tuned(trial, name, asked, seed) for name in trial.parts}
    best = max([small, *larger], key=lambda name: tuned[name][1] - (0.0 if name == small else _margin(asked)))
    parts = {name: part for name, (part, _) in tuned.items() if name == best or name not in ALS}
    model = _with_parts(trial, parts)
    weights = model.blend.weights.copy()
    for stage in range(len(STAGES)):
        examples = _at_stage(asked, stage, draw)
        if len(examples) >= fewest:
            weights[stage] = _fitted(model, examples, stage, draw)
    return replace(model, blend=replace(model.blend, weights=weights, untouched=_untouched(model, asked)))


def _with_parts(model: TasteModel, parts: Mapping[str, BlendPart]) -> TasteModel:
    return replace(model, parts=parts, blend=Blend.prior([*parts, POPULARITY]))


def _tuned(model: TasteModel, name: str, held_out: HeldOutChoices, seed: int) -> tuple[BlendPart, float]:
    """A part with the tau by which it ranks the held-out choices best by itself, and how well."""
    tried = []
    for tau in dict.fromkeys([model.parts[name].tau, *TAUS]):  # where it makes no difference, the prior
        part = replace(model.parts[name], tau=tau)
        table, mask = _tables(_with_parts(model, {name: part}), held_out, np.random.default_rng(seed))
        tried.append((part, _gain(table[:, :, 0], mask)))
    return max(tried, key=lambda pair: pair[1])


def _margin(held_out: HeldOutChoices) -> float:
    return MARGIN / float(np.sqrt(len(held_out)))


def _untouched(model: TasteModel, held_out: HeldOutChoices) -> Matrix:
    """Constant and slope that give the scores of withheld items mean 0 and deviation 1."""
    name = next((name for name in model.parts if name in ALS), None)
    if model.touched.all() or name is None:
        return model.blend.untouched
    some = model.part_scores(next(_batches(held_out, model)).histories)[name][:, ~model.touched]
    deviation = max(float(some.std()), 0.1)
    return np.array([-some.mean() / deviation, 1.0 / deviation], dtype=np.float32)


def _at_stage(held_out: HeldOutChoices, stage: int, draw: np.random.Generator) -> HeldOutChoices:
    """The people who are known so well, and those known better by their latest choices alone."""
    least, beyond = STAGES[stage], (*STAGES, 10**9)[stage + 1]
    some = held_out.only(np.flatnonzero(held_out.histories.chosen_counts() >= least))
    histories = some.histories
    latest = np.where(histories.chosen_counts() >= beyond, draw.integers(least, beyond, len(some)), 10**9)
    some = HeldOutChoices(histories.only(histories.place < latest[histories.row]), some.targets)
    return some.only(np.flatnonzero(some.histories.chosen_counts() > 0))


def _fitted(model: TasteModel, held_out: HeldOutChoices, stage: int, draw: np.random.Generator) -> Matrix:
    """The parts' weights (parts,), by coordinate ascent from the prior, or from one part alone where that is better.

    What does not gain `MARGIN` is left alone.
    """
    (table, mask), margin = _tables(model, held_out, draw), _margin(held_out)
    weights = Blend.prior(model.blend.names).weights[stage].copy()
    best = _gain(table @ weights, mask)
    alone = list(np.eye(len(weights), dtype=np.float32))
    one_changed = [(column, value) for column in range(len(weights)) for value in GRID] * ROUNDS
    for column, value in [*((None, row) for row in alone), *one_changed]:
        tried = weights.copy()
        tried[slice(None) if column is None else column] = value
        gain = _gain(table @ tried, mask)
        if gain > best + margin:
            weights, best = tried, gain
    return np.asarray(weights, dtype=np.float32)


def _gain(scores: Matrix, mask: NDArray[np.bool_]) -> float:
    """NDCG without a cut, the chosen item being the first: it tells settings apart with fewer people than NDCG@10."""
    ranks = ((scores >= scores[:, :1]) & mask).sum(axis=1)
    return float((1.0 / np.log2(1.0 + ranks)).mean())


def _tables(model: TasteModel, held_out: HeldOutChoices, draw: np.random.Generator) -> tuple[Matrix, NDArray[np.bool_]]:
    """Of the chosen item and of others what each part says (n, 1 + candidates, parts), and which count.

    Items of the history do not count, and of the others those that somebody chose do.
    """
    others = np.flatnonzero(model.touched)
    if len(others) > CANDIDATES:
        others = draw.choice(others, CANDIDATES, replace=False)
    tables, masks = zip(*(_table(model, some, others) for some in _batches(held_out, model)), strict=True)
    return np.concatenate(tables), np.concatenate(masks)


def _table(model: TasteModel, held_out: HeldOutChoices, others: NDArray[np.int64]) -> tuple[Matrix, NDArray[np.bool_]]:
    parts = model.part_scores(held_out.histories)
    candidates = np.concatenate([held_out.targets[:, np.newaxis], np.tile(others, (len(held_out), 1))], axis=1)
    in_history = np.asarray(held_out.histories.matrix.todense() > 0)
    mask = ~np.take_along_axis(in_history, candidates, axis=1) & (candidates != held_out.targets[:, np.newaxis])
    mask[:, 0] = True
    columns = [np.take_along_axis(parts[name], candidates, axis=1) for name in model.blend.names]
    return np.stack(columns, axis=2), mask


def measure(model: TasteModel, held_out: HeldOutChoices) -> Ranks:
    """The rank of each held-out choice by the model and by each part, over all items that are not in the history.

    `BY_CONTENT` are choices of items that were taken out, among themselves, by what was learned of contents.
    """
    new, held_out = held_out.among(~model.touched), held_out.among(model.touched)
    ranks: dict[str, list[NDArray[np.int64]]] = {}
    for some in _batches(held_out, model):
        by_name = {ALL: model.scores(some.histories), **model.part_scores(some.histories)}
        for name, scores in by_name.items():
            ranks.setdefault(name, []).append(_ranks(scores, some))
    if model.content is not None and len(new):
        scores = np.concatenate([model.scores(some.histories) for some in _batches(new, model)])
        ranks[BY_CONTENT] = [_ranks(np.where(model.touched, -np.inf, scores), new)]
    return {name: np.concatenate(batch_ranks) for name, batch_ranks in ranks.items()}


def _ranks(scores: Matrix, held_out: HeldOutChoices) -> NDArray[np.int64]:
    """Where the chosen item stands, 1 is best; equal scores count as better."""
    open_ones = np.where(np.asarray(held_out.histories.matrix.todense()) > 0, -np.inf, scores)
    own = open_ones[np.arange(len(held_out)), held_out.targets][:, np.newaxis]
    return np.asarray((open_ones >= own).sum(axis=1), dtype=np.int64)


def figures(ranks: Ranks) -> dict[str, dict[str, float]]:
    """recall@10 and NDCG@10 of each recommender."""
    return {
        name: {"recall@10": round(float((places <= 10).mean()), 4), "ndcg@10": round(float(_ndcg(places).mean()), 4)}
        for name, places in ranks.items()
    }


def lead(ranks: Ranks, seed: int) -> Lead | None:
    """The blend beside the best part, with a 95 % bootstrap interval over people; None where nobody was tested."""
    from scipy.stats import bootstrap

    parts = [name for name in ranks if name not in (ALL, BY_CONTENT)]
    if ALL not in ranks or len(ranks[ALL]) < 2:
        return None
    best = max(parts, key=lambda name: float(_ndcg(ranks[name]).mean()))
    differences = _ndcg(ranks[ALL]) - _ndcg(ranks[best])
    draws = bootstrap((differences,), np.mean, n_resamples=1000, method="percentile", rng=np.random.default_rng(seed))
    low, high = draws.confidence_interval
    return Lead(
        over=best,
        **{
            name: round(float(value), 4)
            for name, value in (("difference", differences.mean()), ("low", low), ("high", high))
        },
    )


def _ndcg(ranks: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.where(ranks <= 10, 1.0 / np.log2(1.0 + ranks), 0.0)


def _batches(held_out: HeldOutChoices, model: TasteModel) -> Iterator[HeldOutChoices]:
    size = max(1, MOST_SCORES // (8 * max(len(model.ids), 1)))
    for start in range(0, len(held_out), size):
        yield held_out.only(np.arange(start, min(start + size, len(held_out))))
