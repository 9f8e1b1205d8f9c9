"""How well the classifiers that read messages do: cross-validated, and on a language that they have not seen."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import numpy as np

from assistant.agent.reading.heads import Heads
from assistant.agent.reading.labels import ACTS, HELD_OUT, NUMBER_ROLES, OPERATIONS, ROLES
from assistant.agent.reading.training import MessageExample, fit

T = TypeVar("T")
FOLDS: Final = 5
HARM: Final = (0.5, 0.7, 0.9)
"""Probabilities at which precision and recall of refusals are told."""

WISH_ROLES: Final = ("thing", "prop")
NAMED_ROLES: Final = (*WISH_ROLES, "not", "for", "said")
"""Roles of spans of which it is told whether they are wanted."""


@dataclass
class HeadFigures:
    """Counts over messages that the classifiers were not trained on."""

    acts: Counter[tuple[str, str]] = field(default_factory=Counter)
    roles: Counter[tuple[str, str]] = field(default_factory=Counter)
    wanted: Counter[bool] = field(default_factory=Counter)
    harm: list[tuple[float, bool]] = field(default_factory=list)
    operations: Counter[tuple[str, bool, bool]] = field(default_factory=Counter)

    @property
    def act(self) -> float:
        """Share of messages whose act is right."""
        return _fraction(self.acts, lambda pair: pair[0] == pair[1])

    @property
    def number(self) -> float:
        """Share of numbers whose role is right."""
        return _fraction(
            Counter({pair: count for pair, count in self.roles.items() if pair[0] in NUMBER_ROLES}),
            lambda pair: pair[0] == pair[1],
        )

    @property
    def is_wanted(self) -> float:
        """Share of names and words of which it is rightly told whether they are wanted."""
        return _fraction(self.wanted, bool)

    def refusals(self, threshold: float) -> tuple[float, float]:
        """Precision and recall of refusing from this probability on."""
        refused = [harmful for probability, harmful in self.harm if probability >= threshold]
        harmful = sum(harmful for _, harmful in self.harm)
        return sum(refused) / max(len(refused), 1), sum(refused) / max(harmful, 1)

    def operation(self, name: str) -> tuple[float, float]:
        """Precision and recall of an operation."""
        right = self.operations[name, True, True]
        predicted = right + self.operations[name, True, False]
        actual = right + self.operations[name, False, True]
        return right / max(predicted, 1), right / max(actual, 1)


def _fraction(counts: Counter[T], is_right: Callable[[T], bool]) -> float:
    return sum(count for key, count in counts.items() if is_right(key)) / max(counts.total(), 1)


def cross_validated(examples: Sequence[MessageExample], *, seed: int = 0) -> HeadFigures:
    """Each message is read by classifiers that were trained on the other folds; the unseen language is left out."""
    figures = HeadFigures()
    for heads, left_out in folds(examples, seed=seed):
        count(figures, heads, left_out)
    return figures


def folds(examples: Sequence[MessageExample], *, seed: int = 0) -> Iterator[tuple[Heads, list[MessageExample]]]:
    """Classifiers and the messages that they were not trained on; those of the unseen language are in none."""
    usable = [example for example in examples if example.message.language != HELD_OUT]
    order = np.random.default_rng(seed).permutation(len(usable))
    for fold in range(FOLDS):
        left_out = set(order[fold::FOLDS].tolist())
        heads = Heads(fit([example for index, example in enumerate(usable) if index not in left_out], seed=seed))
        yield heads, [usable[index] for index in sorted(left_out)]


def on_unseen_language(examples: Sequence[MessageExample], *, seed: int = 0) -> HeadFigures:
    """The messages of the language that no classifier is trained on."""
    heads = Heads(fit([example for example in examples if example.message.language != HELD_OUT], seed=seed))
    figures = HeadFigures()
    count(figures, heads, (example for example in examples if example.message.language == HELD_OUT))
    return figures


def count(figures: HeadFigures, heads: Heads, examples: Iterable[MessageExample]) -> None:
    """Add what these classifiers make of the examples to the figures."""
    for message, states in examples:
        reading = heads.read(message.text, states, shown=message.shown)
        if message.act is None:
            for name in OPERATIONS:
                figures.operations[name, reading.operations[name] >= 0.5, name in message.operations] += 1
            continue
        figures.acts[message.act, reading.act] += 1
        figures.harm.append((reading.acts["harm"], message.act == "harm"))
        for span in message.spans:
            number = span.role in NUMBER_ROLES
            figures.roles[span.role, reading.tagged.role_of(span.start, span.end, number=number)[0]] += 1
            if span.role in NAMED_ROLES:
                distribution = reading.tagged.distribution(span.start, span.end)
                probability = sum(float(distribution[ROLES.index(role)]) for role in WISH_ROLES)
                figures.wanted[(probability >= 0.5) == (span.role in WISH_ROLES)] += 1


def in_words(figures: HeadFigures) -> str:
    """The figures as text: shares, then the confusions of acts and roles."""
    lines = [
        f"act right {figures.act:.1%}, role of a number right {figures.number:.1%}, "
        f"wanted or not right {figures.is_wanted:.1%}",
        *(
            "refused from {:.1f} on: precision {:.1%}, recall {:.1%}".format(threshold, *figures.refusals(threshold))
            for threshold in HARM
        ),
        *("{:12} precision {:.0%}, recall {:.0%}".format(name, *figures.operation(name)) for name in OPERATIONS),
        "",
        *_confusion(figures.acts, ACTS),
        "",
        *_confusion(figures.roles, ROLES[1:]),
    ]
    return "\n".join(lines)


def _confusion(counts: Counter[tuple[str, str]], names: Sequence[str]) -> list[str]:
    """One line for each true name, with how often it was read as each."""
    columns = [*names, *(["other"] if "other" not in names and any(column == "other" for _, column in counts) else [])]
    lines = [" " * 12 + "".join(f"{name[:7]:>8}" for name in columns)]
    return lines + [f"{name:12}" + "".join(f"{counts[name, column]:>8}" for column in columns) for name in names]
