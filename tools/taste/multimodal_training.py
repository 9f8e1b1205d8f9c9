"""Training of the multimodal model; `tools.taste.multimodal` says what it is and scores with it, without torch.

A step takes some people, hides part of what each chose, and asks for the hidden ones given the rest: the softmax over
all items, or over a uniform sample of them in a large catalogue (with the sample's share corrected for).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from torch import Tensor, nn

from tools.taste.collaborative import Matrix, row_of
from tools.taste.multimodal import PEOPLE_CHANNEL, Tower, Towers

Progress = Callable[[int, int], None]
"""Told how many steps are done, of how many."""

Gates = dict[str, dict[str, float]]
"""How much each channel counts on average: of items that somebody chose, and of any as if nobody had."""


@dataclass(frozen=True)
class MultimodalRecipe:
    """How it is trained; docs/collaborative.md says how these were found.

    Attributes:
        unknown: share of items whose people channel is left out in a step.
        all_items: up to so many items every one is asked about, beyond them a sample of as many.
        longest: so many items of a person are in a step at most.
        passes: over all people; `most_steps` bounds what that comes to.
    """

    dimensions: int = 32
    rate: float = 0.01
    decay: float = 1e-5
    unknown: float = 0.3
    batch: int = 256
    all_items: int = 4_096
    longest: int = 200
    passes: int = 80
    most_steps: int = 600
    seed: int = 7


class _Model(nn.Module):
    def __init__(self, vectors: Mapping[str, Tensor], items: int, dimensions: int) -> None:
        super().__init__()
        width = dimensions + 1
        self.towers = nn.ModuleDict({name: nn.Linear(rows.shape[1], width) for name, rows in vectors.items()})
        self.gates = nn.ModuleDict({name: nn.Linear(rows.shape[1], 1) for name, rows in vectors.items()})
        self.people = nn.Embedding(items, width)
        self.people_gate = nn.Parameter(torch.ones(1))
        self.turn = nn.Parameter(torch.eye(dimensions))
        for gate in self.gates.values():
            for parameter in gate.parameters():
                nn.init.zeros_(parameter)

    def forward(
        self, rows: Tensor, vectors: Mapping[str, Tensor], present: Mapping[str, Tensor], use_people: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Items (n, d + 1) and their gates (c, n); ``use_people`` (n,): whether the people channel counts."""
        channels, logits = [self.people(rows)], [torch.where(use_people, self.people_gate, -torch.inf)]
        for name, tower in self.towers.items():
            some = vectors[name][rows]
            channels.append(tower(some))
            logits.append(torch.where(present[name][rows], self.gates[name](some).squeeze(1), -torch.inf))
        stacked = torch.stack(logits)
        bottom = torch.where(stacked.isinf().all(dim=0), 0.0, stacked)  # an item without any channel: zeros, no NaN
        weights = torch.softmax(bottom, dim=0) * ~stacked.isinf()
        return torch.einsum("cn,cnd->nd", weights, torch.stack(channels)), weights


def train(
    matrix: csr_matrix,
    vectors: Mapping[str, Matrix],
    recipe: MultimodalRecipe | None = None,
    progress: Progress | None = None,
) -> tuple[Towers, Gates]:
    """Learn from strengths (people, items) and content.

    Args:
        vectors: by modality float32 (items, dimensions), unit rows; zeros where an item has none.
    """
    recipe = recipe or MultimodalRecipe()
    with torch.random.fork_rng(devices=[]), one_thread():
        torch.manual_seed(recipe.seed)
        return _Training(matrix, vectors, recipe).run(progress or (lambda _done, _of: None))


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread: the products are small, and a busy machine slows several threads down tenfold."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Training:
    def __init__(self, matrix: csr_matrix, vectors: Mapping[str, Matrix], recipe: MultimodalRecipe) -> None:
        self.matrix, self.recipe, self.count = matrix, recipe, matrix.shape[1]
        self.touched = np.asarray((matrix > 0).sum(axis=0)).ravel() > 0
        self.means = {name: _mean(rows) for name, rows in vectors.items()}
        self.present = {name: torch.from_numpy(rows.any(axis=1)) for name, rows in vectors.items()}
        self.vectors = {
            name: torch.from_numpy((rows - self.means[name]).astype(np.float32)) for name, rows in vectors.items()
        }
        self.model = _Model(self.vectors, self.count, recipe.dimensions)
        self.draw = np.random.default_rng(recipe.seed)
        self._start_people()

    def _start_people(self) -> None:
        """The free vectors begin as singular vectors of the choices, which saves most of the steps."""
        from sklearn.utils.extmath import randomized_svd

        count = min(self.recipe.dimensions, min(self.matrix.shape) - 1)
        weight = np.zeros((self.count, self.recipe.dimensions + 1), dtype=np.float32)
        if count > 0:
            _, values, items = randomized_svd(self.matrix, count, random_state=self.recipe.seed)
            weight[:, :count] = (items * np.sqrt(values)[:, np.newaxis]).T
        weight[:, -1] = np.log1p(np.asarray((self.matrix > 0).sum(axis=0)).ravel())
        with torch.no_grad():
            self.model.people.weight.copy_(torch.from_numpy(weight))

    def run(self, progress: Progress) -> tuple[Towers, Gates]:
        user_rows = np.flatnonzero(np.asarray((self.matrix > 0).sum(axis=1)).ravel() > 0)
        recipe = self.recipe
        steps = min(recipe.most_steps, max(1, recipe.passes * len(user_rows) // recipe.batch))
        optimiser = torch.optim.AdamW(self.model.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=recipe.rate, total_steps=steps + 1)
        for step in range(steps):
            chosen = self.draw.choice(user_rows, min(recipe.batch, len(user_rows)), replace=False)
            loss = self._loss(chosen)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            progress(step + 1, steps)
        return self._towers()

    def _loss(self, user_rows: NDArray[np.int64]) -> Tensor:
        (history_users, history_items, weight), (target_users, target) = self._split_histories(user_rows)
        sampled = self.count > self.recipe.all_items
        others = self.draw.integers(0, self.count, self.recipe.all_items) if sampled else np.arange(self.count)
        rows, places = np.unique(np.concatenate([history_items, target, others]), return_inverse=True)
        use_people = self.touched[rows] & (self.draw.random(len(rows)) >= self.recipe.unknown)
        items, _ = self.model(torch.from_numpy(rows), self.vectors, self.present, torch.from_numpy(use_people))
        at_history, at_target, at_others = np.split(places, [len(history_items), len(history_items) + len(target)])
        history = torch.sparse_coo_tensor(
            torch.from_numpy(np.stack([history_users, at_history])), torch.from_numpy(weight),
            (len(user_rows), len(rows)), check_invariants=False,
        )  # fmt: skip
        sizes = torch.from_numpy(np.bincount(history_users, np.abs(weight), len(user_rows)).astype(np.float32)).clamp(
            min=1e-6
        )
        person = torch.sparse.mm(history, items[:, :-1]) / sizes.sqrt()[:, None] @ self.model.turn
        other_scores = person @ items[at_others, :-1].T + items[at_others, -1]
        below = torch.logsumexp(other_scores, dim=1)[target_users]
        right = (person[target_users] * items[at_target, :-1]).sum(dim=1) + items[at_target, -1]
        if sampled:
            below = torch.logaddexp(right, below + float(np.log(self.count / self.recipe.all_items)))
        target_weight = torch.from_numpy((1.0 / np.bincount(target_users)[target_users]).astype(np.float32))
        loss: Tensor = ((below - right) * target_weight).sum() / len(user_rows)
        return loss

    def _split_histories(
        self, user_rows: NDArray[np.int64]
    ) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64], Matrix], tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """For each person what is given (person, item, strength) and what is hidden (person, item)."""
        history, hidden = [], []
        for index, person in enumerate(user_rows):
            items, strengths = row_of(self.matrix, int(person))
            order = self.draw.permutation(len(items))[: self.recipe.longest]
            items, strengths = items[order].astype(np.int64), strengths[order]
            cut = max(1, round(len(items) * self.draw.uniform(0.2, 0.9)))
            targets = np.flatnonzero(strengths[:cut] > 0)
            if not len(targets):  # a person of few choices and many refusals
                targets = np.flatnonzero(strengths > 0)[:1]
            remaining = np.setdiff1d(np.arange(cut, len(items)), targets)
            hidden.append((np.full(len(targets), index), items[targets]))
            history.append((np.full(len(remaining), index), items[remaining], strengths[remaining]))
        history_users, item, weight = (np.concatenate(column) for column in zip(*history, strict=True))
        target_users, target = (np.concatenate(column) for column in zip(*hidden, strict=True))
        keep = np.isin(np.arange(len(user_rows)), target_users)[target_users]
        return (history_users, item, weight.astype(np.float32)), (target_users[keep], target[keep])

    def _towers(self) -> tuple[Towers, Gates]:
        model = self.model.eval()
        linear, gates_of = _linear(model.towers), _linear(model.gates)
        towers = {
            name: Tower(
                weight=_numbers(linear[name].weight.T), bias=_numbers(linear[name].bias), mean=self.means[name],
                gate=np.append(_numbers(gates_of[name].weight)[0], _numbers(gates_of[name].bias)),
            )
            for name in linear
        }  # fmt: skip
        with torch.no_grad():
            nobody = torch.zeros(self.count, dtype=torch.bool)
            everything = torch.arange(self.count)
            contents, alone = model(everything, self.vectors, self.present, nobody)
            items, beside = model(everything, self.vectors, self.present, torch.from_numpy(self.touched))
        names = (PEOPLE_CHANNEL, *towers)
        gates = {
            "chosen items": _by_channel(names, beside[:, torch.from_numpy(self.touched)]),
            "by content alone": _by_channel(names, alone),
        }
        return Towers(_numbers(items), _numbers(contents), _numbers(model.turn), towers), gates


def _by_channel(names: Sequence[str], gates: Tensor) -> dict[str, float]:
    return {name: round(float(value), 3) for name, value in zip(names, gates.mean(dim=1), strict=True)}


def _linear(layers: nn.ModuleDict) -> dict[str, nn.Linear]:
    return {name: layer for name, layer in layers.items() if isinstance(layer, nn.Linear)}


def _mean(rows: Matrix) -> Matrix:
    some = rows[rows.any(axis=1)]
    return np.asarray(some.mean(axis=0) if len(some) else np.zeros(rows.shape[1]), dtype=np.float32)


def _numbers(tensor: Tensor) -> Matrix:
    return np.ascontiguousarray(tensor.detach().numpy(), dtype=np.float32)
