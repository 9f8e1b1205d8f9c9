"""Fitting the classifier of `assistant.claims.entailment` to labelled sentences: repeatable, in minutes."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from assistant.claims import Explanation, OtherItem, PriceLimit
from assistant.claims.entailment import (
    HEADS,
    KINDS,
    MATCH,
    Array,
    TokenEncoder,
    ground_lines,
    kinds_of,
    matches,
    normalised,
    words_of,
)
from assistant.records import Evidence

COMPONENTS, WIDTH, WORD_WIDTH = 384, 128, 64
EPOCHS, RATE, DECAY, DROPOUT = 9, 1.5e-3, 0.05, 0.2
UNHELD_WORD = 3.0
"""How much a word without support counts in the loss, beside one with."""


class LabelledSentence(NamedTuple):
    """A sentence with its label; ``wrong`` are the parts of it that nothing holds."""

    explanation: Explanation
    is_true: bool
    wrong: list[str]
    item: int


@dataclass(frozen=True)
class SentenceExample:
    """A labelled sentence as the classifier sees it."""

    item: int
    sentence: Tensor
    ground: Tensor
    kinds: Tensor
    match: Tensor
    wrong: Tensor
    """(n,): 1 for the tokens that nothing holds; all 0 where that is not known."""

    is_false: float


def labelled() -> Iterator[LabelledSentence]:
    """The sentences in the package's ``data``; see the README there."""
    folder = files("assistant.claims") / "data"
    lines = [
        line
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".jsonl")
        for line in file.read_text("utf-8").splitlines()
    ]
    for item, line in enumerate(lines):
        yield from _of_item(item, json.loads(line))


def _of_item(item: int, line: dict[str, Any]) -> Iterator[LabelledSentence]:
    evidence = [
        Evidence(id=f"e{number}", item_id="x", detail="", **entry) for number, entry in enumerate(line["evidence"], 1)
    ]
    limits = line["limits"]
    limit = PriceLimit(limits["max_price"], limits.get("currency")) if "max_price" in limits else None
    others = tuple(OtherItem(other["title"], other.get("price"), other.get("currency")) for other in line["others"])
    for sentence in line["sentences"]:
        explanation = Explanation(
            text=sentence["text"],
            title=line["title"],
            evidence=evidence,
            language=sentence.get("language", line["language"]),
            evidence_language=line["catalogue_language"],
            wish=line["wish"],
            limit=limit,
            others=others,
        )
        yield LabelledSentence(explanation, sentence["true"], sentence.get("wrong", []), item)


def examples(
    sentences: Sequence[LabelledSentence], encoder: TokenEncoder, progress: Callable[[int], None]
) -> list[SentenceExample]:
    """The sentences encoded; ``progress`` is given the number done."""
    encoded: list[SentenceExample] = []
    ground, states, ground_tensor = "", None, torch.empty(0)
    for sentence in sentences:
        lines = "\n".join(ground_lines(sentence.explanation))
        if states is None or lines != ground:
            ground, states = lines, encoder.token_states(lines, purpose="document")
            ground_tensor = _half(states.vectors)
        text = sentence.explanation.text
        sentence_states = encoder.token_states(text, purpose="document")
        match = matches(words_of(text, sentence_states.offsets), words_of(ground, states.offsets))
        encoded.append(
            SentenceExample(
                item=sentence.item,
                sentence=_half(sentence_states.vectors),
                ground=ground_tensor,
                kinds=torch.from_numpy(kinds_of(ground, states.offsets)),
                match=torch.from_numpy(match),
                wrong=torch.from_numpy(_wrong_tokens(text, sentence_states.offsets, sentence.wrong)),
                is_false=float(not sentence.is_true),
            )
        )
        progress(len(encoded))
    return encoded


def _half(states: Array) -> Tensor:
    return torch.from_numpy(normalised(states).astype(np.float16))


def _wrong_tokens(text: str, offsets: Sequence[tuple[int, int]], wrong: Sequence[str]) -> Array:
    labels = np.zeros(len(offsets), np.float32)
    for phrase in wrong:
        start = text.find(phrase)
        while phrase and start >= 0:
            end = start + len(phrase)
            labels[[first < end and last > start for first, last in offsets]] = 1
            start = text.find(phrase, start + 1)
    return labels


class _Block(nn.Module):
    """As `assistant.claims.entailment._block`, for several sentences about one ground."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.bias = nn.Parameter(torch.ones(HEADS))
        self.n1, self.n2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.f = nn.Sequential(
            nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(approximate="tanh"), nn.Dropout(DROPOUT), nn.Linear(2 * WIDTH, WIDTH)
        )
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, rows: Tensor, context: Tensor, mask: Tensor | None, match: Tensor | None = None) -> Tensor:
        """``rows`` (b, n, d); ``others`` (1, m, d) shared by all, or (b, m, d) with a mask (b, m)."""
        queries = self.q(self.n1(rows)).unflatten(-1, (HEADS, -1))
        keys, values = (
            layer(context).unflatten(-1, (HEADS, -1)).expand(len(rows), -1, -1, -1) for layer in (self.k, self.v)
        )
        logits = torch.einsum("bnhe,bmhe->bhnm", queries, keys) / queries.shape[-1] ** 0.5
        if match is not None:
            logits = logits + self.bias.view(1, -1, 1, 1) * match[:, None] * MATCH
        if mask is not None:
            logits = logits.masked_fill(~mask[:, None, None, :], -1e4)
        attended = torch.einsum("bhnm,bmhe->bnhe", logits.softmax(-1), values).flatten(2)
        rows = rows + self.dropout(self.o(attended))
        output: Tensor = rows + self.dropout(self.f(self.n2(rows)))
        return output


class _Network(nn.Module):
    """`Entailment.score` with torch; its parameters have the names of the weights."""

    def __init__(self) -> None:
        super().__init__()
        self.inp = nn.Linear(COMPONENTS, WIDTH)
        self.kind = nn.Embedding(len(KINDS), WIDTH)
        self.nc = nn.LayerNorm(WIDTH)
        self.c1, self.s1, self.c2, self.s2 = (_Block() for _ in range(4))
        self.w = nn.Linear(2 * WIDTH + 1, WORD_WIDTH)
        self.out = nn.Sequential(nn.GELU(approximate="tanh"), nn.Dropout(DROPOUT), nn.Linear(WORD_WIDTH, 1))
        self.pool = nn.Linear(2 * WIDTH + 1, 2)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(
        self, sentences: Tensor, ground: Tensor, kinds: Tensor, mask: Tensor, match: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Scores of words (b, n) and of sentences (b,)."""
        inputs = rows = self.dropout(self.inp(sentences))
        ground_rows = self.nc(self.dropout(self.inp(ground)) + self.kind(kinds))
        for cross, inner in ((self.c1, self.s1), (self.c2, self.s2)):
            rows = inner(rows := cross(rows, ground_rows, None, match), rows, mask)
        features = torch.cat([rows, inputs, match.amax(-1, keepdim=True)], -1)
        words = self.out(self.w(features)).squeeze(-1)
        pooled = self.pool(features)
        pool_weights = pooled[..., 0].masked_fill(~mask, -1e4).softmax(-1)
        return words.masked_fill(~mask, -1e4), (pool_weights * (pooled[..., 1] + words)).sum(-1)


class _SentenceBatch(NamedTuple):
    """All sentences about one item."""

    sentences: Tensor
    ground: Tensor
    kinds: Tensor
    mask: Tensor
    match: Tensor
    wrong: Tensor
    is_false: Tensor


@dataclass(frozen=True)
class _Reduction:
    """Principal components of token states, each with variance 1 but for the weak ones."""

    mean: Array
    components: Array

    @classmethod
    def of(cls, samples: Sequence[SentenceExample]) -> "_Reduction":
        states = [sample.sentence for sample in samples[::2]] + [sample.ground for sample in samples[::24]]
        stacked = torch.cat(states)[::3].float()
        mean = stacked.mean(dim=0)
        values, vectors = torch.linalg.eigh(torch.cov((stacked - mean).T))
        values, vectors = values.flip(0)[:COMPONENTS], vectors.flip(1)[:, :COMPONENTS]
        deviations = values.sqrt()
        deviations = torch.maximum(deviations, 0.3 * deviations.mean())
        return cls(mean.numpy(), (vectors / deviations).numpy())

    def __call__(self, states: Tensor) -> Tensor:
        return (states.float() - torch.from_numpy(self.mean)) @ torch.from_numpy(self.components)


def _batches(samples: Sequence[SentenceExample], reduce: _Reduction) -> list[_SentenceBatch]:
    by_ground: dict[int, list[SentenceExample]] = {}
    for sample in samples:
        by_ground.setdefault(sample.item, []).append(sample)
    return [_batch(group, reduce) for group in by_ground.values()]


def _batch(samples: list[SentenceExample], reduce: _Reduction) -> _SentenceBatch:
    pad = nn.utils.rnn.pad_sequence
    return _SentenceBatch(
        sentences=pad([reduce(sample.sentence) for sample in samples], batch_first=True),
        ground=reduce(samples[0].ground)[None],
        kinds=samples[0].kinds[None],
        mask=pad([torch.ones(len(sample.sentence), dtype=torch.bool) for sample in samples], batch_first=True),
        match=pad([sample.match for sample in samples], batch_first=True),
        wrong=pad([sample.wrong for sample in samples], batch_first=True),
        is_false=torch.tensor([sample.is_false for sample in samples]),
    )


def _fit_network(samples: Sequence[SentenceExample], reduce: _Reduction, seed: int) -> _Network:
    torch.manual_seed(seed)
    network, batches, random = _Network(), _batches(samples, reduce), np.random.default_rng(seed)
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=EPOCHS * len(batches), pct_start=0.1)
    for _ in range(EPOCHS):
        for index in random.permutation(len(batches)):
            optimiser.zero_grad()
            _loss(network, batches[index]).backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
    return network.eval()


def _loss(network: _Network, batch: _SentenceBatch) -> Tensor:
    """Of sentences and of words; the words of a false sentence count where it is known which of them are wrong."""
    words, sentences = network(*batch[:5])
    binary = nn.functional.binary_cross_entropy_with_logits
    by_word = binary(words, batch.wrong, reduction="none", pos_weight=torch.tensor(UNHELD_WORD))
    label_mask = batch.mask & ((batch.is_false == 0) | (batch.wrong.sum(1) > 0))[:, None]
    loss: Tensor = (by_word * label_mask).sum() / batch.mask.sum() + binary(sentences, batch.is_false)
    return loss


def fit(samples: Sequence[SentenceExample], *, seed: int = 0) -> dict[str, Array]:
    """The weights as `Entailment` takes them."""
    reduce = _Reduction.of(samples)
    network = _fit_network(samples, reduce, seed)
    weights = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    return weights | {"mean": reduce.mean, "components": reduce.components}


def write(weights: dict[str, Array], path: Path) -> None:
    """Keep the weights in half precision."""
    from safetensors.numpy import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: np.ascontiguousarray(values, dtype=np.float16) for name, values in weights.items()}, path)
