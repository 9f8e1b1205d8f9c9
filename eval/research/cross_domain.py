"""Does a taste in one catalogue help in another? MovieLens-100K as two catalogues without a genre in common.

Films all of whose genres are of one side make that side's catalogue; films with genres of both are left out. Each
person's ratings on one side are brought to the other (`tools.taste.imported`), where their first k events are known and
all later films rated 4 or more are to be foretold. Lists are fused as in a turn (`assistant.agent.personalization`):
each source votes for what it favours more than the usual film. What people chose is learned from the other people.

As a control everybody is also given the taste of somebody else: what it gains is no matter of taste, only of what
most people like. Weights were chosen on one half of the people; those in force are reported on the other half.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assistant.agent.taste_weights import Situation, scales, situation
from assistant.errors import BadInput
from eval.compare.statistics import holm, mean_interval, permutation_p
from eval.research.public.interactions import Dataset, Interactions
from eval.research.public.recommenders import ContentBased, Hybrid, Popularity, Scores
from tools.rank_fusion import RRF_K
from tools.records import Record
from tools.taste.imported import FEWEST_ITEMS, direction
from tools.taste.taste import TasteRules

_ACTION: Final = "Action Adventure Sci-Fi Thriller Crime War Western Horror Mystery Film-Noir Fantasy"
_COMEDY: Final = "Comedy Drama Romance Musical Children's Animation Documentary"
SIDES: Final[Mapping[str, frozenset[str]]] = {
    "action": frozenset(_ACTION.split(" ")),
    "comedy": frozenset(_COMEDY.split(" ")),
}
"""The genres of the two catalogues; the first is where things happen, the second the rest."""

KNOWN: Final = (0, 1, 3, 10, 20)
"""How many events on the own side are known; from 20 on a history counts as long (`taste_weights`)."""

FEWEST_THERE: Final = 10
FEWEST_HERE: Final = 15
"""People with fewer events than so, in the other catalogue and in this one, are not asked."""

GRID: Final = (0.0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.5)
FEWEST_OF_GENRE: Final = 20
FOLDS: Final = 5
K: Final = 10
SEED: Final = 7

Say = Callable[[str], None]
Encode = Callable[[Sequence[str]], Scores]
"""Unit vectors (n, d) of queries."""
Values = NDArray[np.float64]
Mask = NDArray[np.bool_]

WITH: Final = "with import"
_OTHERS: Final = ("dense", "profile", "collaborative", "popular")


class Gain(Record):
    """A mean difference in NDCG@10 with its 95 % bootstrap interval, and p-value corrected by Holm over the study."""

    mean: float
    low: float
    high: float
    p: float


class CrossFigure(Record):
    """One way to rank, over the people it is reported on: means with the 95 % bootstrap interval of NDCG@10.

    Attributes:
        known: events in this catalogue; ``wish``: the message names a genre.
        gain: over the same without the imported taste.
        personal: over the same with the taste of somebody else.
    """

    into: str
    wish: bool
    known: int
    name: str
    people: int
    ndcg: float
    low: float
    high: float
    recall: float
    gain: Gain | None = None
    personal: Gain | None = None


class CrossDomain(Record):
    """What the study found.

    Attributes:
        in_force: by wish and length of history, the weight of the imported taste in the product.
        best: the weight with the greatest NDCG@10 on the first half.
        curve: on the first half NDCG@10, and its lead over somebody else's taste, by weight.
        ablations: NDCG@10 of the imported taste by itself on the second half, by how it is made.
    """

    items: dict[str, int]
    in_force: dict[str, float]
    best: dict[str, float]
    curve: dict[str, dict[str, tuple[float, float]]]
    figures: list[CrossFigure]
    ablations: dict[str, float]


@dataclass(frozen=True)
class CrossTask:
    """One direction, one number of known events: what is known of n people, and what they chose later.

    Attributes:
        seen: films of this side in the known events (n, films).
        liked: films that are to be foretold (n, films).
        there: strengths of the events on the other side (n, films there).
        sources: scores by source (n, films).
        first: whether a person is of the half that the weight is chosen on (n,).
    """

    into: str
    known: int
    seen: Mask
    liked: Mask
    there: Scores
    sources: Mapping[str, Scores]
    first: Mask


@dataclass(frozen=True)
class CrossCase:
    """A task with messages of one kind: without a wish, or, one for each genre, with one that names it.

    Attributes:
        lists: of each message the candidates (n, films), and each source's votes for them (n, films).
    """

    task: CrossTask
    wish: bool
    lists: Sequence[tuple[Mask, Mapping[str, Values]]]

    @property
    def situation(self) -> Situation:
        """As a turn takes it."""
        return situation(words=self.wish, photo=False, events=self.task.known)

    @property
    def stage(self) -> str:
        """The same in words."""
        return f"{'a genre is named' if self.wish else 'no wish'}, {self.situation.history}"


def sides_of(texts: Sequence[str]) -> NDArray[np.int64]:
    """0 or 1, the side that all genres of a film are of, by the last part of its text; -1: of both, or none."""
    genres = [set(text.rsplit(". ", 1)[-1].split()) for text in texts]
    sides = [[bool(own) and own <= side for side in SIDES.values()] for own in genres]
    return np.array([flags.index(True) if any(flags) else -1 for flags in sides])


def without_years(texts: Sequence[str]) -> list[str]:
    """Texts of "title. year. genres" without the year, which films of both sides have in common."""
    return [re.sub(r"\. \d{4}(?=\. )", "", text) for text in texts]


def measure(dataset: Dataset, vectors: Scores, encode: Encode, *, say: Say = lambda _: None) -> CrossDomain:
    """Both directions.

    Args:
        vectors: of the films' texts, unit rows (films, d).
        encode: of queries that name a genre.

    Raises:
        BadInput: nobody has enough events on both sides.
    """
    side, events = sides_of(dataset.texts), dataset.interactions.in_order()
    rows = [np.flatnonzero(side == number) for number in range(len(SIDES))]
    curves: dict[str, dict[float, list[tuple[Values, Values]]]] = {}
    in_force: dict[str, float] = {}
    figures: list[CrossFigure] = []
    ablations: dict[str, list[Values]] = {}
    for number, into in enumerate(SIDES):
        say(f"learning what people chose among {len(rows[number]):,} films ({into})")
        here, there = (_of_side(events, rows[one]) for one in (number, 1 - number))
        texts = [dataset.texts[row] for row in rows[number]]
        wishes = _wishes(texts, SIDES[into], vectors[rows[number]], encode)
        for task in _tasks(into, here, there, vectors[rows[number]], vectors[rows[1 - number]]):
            say(f"{task.known} events known ({into})")
            for case in _cases(task, wishes):
                weight = in_force[case.stage] = scales(case.situation)["imported"]
                _add(curves.setdefault(case.stage, {}), case)
                figures += _figures(case, weight)
            if not task.known:
                _ablate(ablations, task, vectors[rows[number]], vectors[rows[1 - number]])
    if not figures:
        raise BadInput(f"{dataset.name} has nobody with enough events on both sides.")
    curve = {
        stage: {weight: _means(values) for weight, values in by_weight.items()} for stage, by_weight in curves.items()
    }
    return CrossDomain(
        items={name: len(own) for name, own in zip(SIDES, rows, strict=True)},
        in_force=in_force,
        best={stage: max(by_weight, key=lambda weight: by_weight[weight][0]) for stage, by_weight in curve.items()},
        curve={stage: {f"{weight:g}": pair for weight, pair in one.items()} for stage, one in curve.items()},
        figures=_corrected(figures),
        ablations={name: _rounded(np.nanmean(np.concatenate(values))) for name, values in ablations.items()},
    )


def _add(by_weight: dict[float, list[tuple[Values, Values]]], case: CrossCase) -> None:
    """NDCG@10 of the first half by weight, and its lead over somebody else's taste."""
    for weight in GRID:
        own, others = (_ranked(case, weight, source)[0][case.task.first] for source in ("imported", "control"))
        by_weight.setdefault(weight, []).append((own, own - others))


def _means(values: Sequence[tuple[Values, Values]]) -> tuple[float, float]:
    own, lead = (np.nanmean(np.concatenate(column)) for column in zip(*values, strict=True))
    return _rounded(own), _rounded(lead)


def _corrected(figures: Sequence[CrossFigure]) -> list[CrossFigure]:
    """The figures with p-values corrected for how many there are."""
    gains = [gain for figure in figures for gain in (figure.gain, figure.personal) if gain]
    p = iter(holm([gain.p for gain in gains]))

    def with_p(gain: Gain | None) -> Gain | None:
        return gain and gain.model_copy(update={"p": round(next(p), 4)})

    return [f.model_copy(update={"gain": with_p(f.gain), "personal": with_p(f.personal)}) for f in figures]


# What is known, and what is asked ----------------------------------------------------------------------------------


def _of_side(events: Interactions, rows: NDArray[np.int64]) -> Interactions:
    """The events of some films, which are numbered anew."""
    place = np.full(len(events.items), -1, np.int32)
    place[rows] = np.arange(len(rows), dtype=np.int32)
    own = events.only(place[events.item] >= 0)
    return Interactions(own.users, [own.items[row] for row in rows], own.user, place[own.item], own.value, own.time)


def _matrix(events: Interactions, values: NDArray[np.float32]) -> Scores:
    matrix = np.zeros((len(events.users), len(events.items)), np.float32)
    matrix[events.user, events.item] = values
    return matrix


def _tasks(
    into: str, here: Interactions, there: Interactions, vectors: Scores, vectors_there: Scores
) -> Iterator[CrossTask]:
    strengths = _matrix(there, ((there.value - 3) / 2).astype(np.float32))
    asked = np.flatnonzero(
        (there.counts() >= FEWEST_THERE)
        & (here.counts() >= FEWEST_HERE)
        & ((strengths > 0).sum(axis=1) >= FEWEST_ITEMS)
    )
    if len(asked) < 2 * FOLDS:
        return
    draw, place = np.random.default_rng(SEED), here.places()
    people = draw.permutation(asked)
    first = np.isin(people, draw.permutation(people)[: len(people) // 2])
    known = {k: here.only(place < k) for k in KNOWN}
    scored: dict[int, list[dict[str, Scores]]] = {k: [] for k in KNOWN}
    for fold in np.array_split(people, FOLDS):
        others = here.only(~np.isin(here.user, fold)).choices()
        popular, hybrid, content = Popularity(), Hybrid({"text": vectors}), ContentBased(vectors)
        for model in (popular, hybrid, content):
            model.fit(others)
        for k, events in known.items():
            histories = events.choices().rows(fold.astype(np.int64))
            scores = {"popular": popular.score(histories)}
            if k:
                scores |= {"collaborative": hybrid.score(histories), "profile": content.score(histories)}
            scored[k].append(scores)
    taste = direction(vectors_there - vectors_there.mean(axis=0), np.clip(strengths[people], 0, None))
    for k, parts in scored.items():
        sources = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        liked = here.only((place >= k) & (here.value >= 4))
        yield CrossTask(
            into, k,
            seen=_matrix(known[k], np.ones(len(known[k]), np.float32))[people] > 0,
            liked=_matrix(liked, np.ones(len(liked), np.float32))[people] > 0,
            there=strengths[people],
            sources={**sources, "imported": taste @ vectors.T, "control": np.roll(taste, 1, axis=0) @ vectors.T},
            first=first,
        )  # fmt: skip


def _wishes(texts: Sequence[str], genres: frozenset[str], vectors: Scores, encode: Encode) -> list[tuple[Mask, Scores]]:
    """The films of each genre that has enough of them, and how near all films are to its name."""
    words = [set(text.rsplit(". ", 1)[-1].split()) for text in texts]
    flags = {genre: np.array([genre in own for own in words]) for genre in sorted(genres)}
    named = {genre: mask for genre, mask in flags.items() if mask.sum() >= FEWEST_OF_GENRE}
    if not named:
        return []
    dense = encode([f"a film of the genre {genre}" for genre in named]) @ vectors.T
    return list(zip(named.values(), dense, strict=True))


def _cases(task: CrossTask, wishes: Sequence[tuple[Mask, Scores]]) -> Iterator[CrossCase]:
    candidates = ~task.seen
    yield CrossCase(task, False, [(candidates, {name: _votes(row, candidates) for name, row in task.sources.items()})])
    lists = []
    for of_genre, dense in wishes:
        among = of_genre & candidates
        votes = {name: _votes(row, among) for name, row in task.sources.items()}
        votes["dense"] = np.where(among, 1.0 / (RRF_K + _places(np.where(of_genre, dense, -np.inf))), 0.0)
        lists.append((among, votes))
    if lists:
        yield CrossCase(task, True, lists)


# Ranking -------------------------------------------------------------------------------------------------------------


def _votes(scores: Scores, among: Mask) -> Values:
    """A source's list: 1 / (k + rank) for the films that it favours more than the usual candidate, else 0."""
    usual = np.nanmean(np.where(among, scores, np.nan), axis=1, keepdims=True)
    places = _places(np.where(among, scores, -np.inf))
    votes: Values = np.where(among & (scores >= usual), 1.0 / (RRF_K + places), 0.0)
    return votes


def _places(scores: Scores) -> NDArray[np.int64]:
    """1 for the best of each row, and so on."""
    places: NDArray[np.int64] = 1 + np.argsort(np.argsort(-scores, axis=-1, kind="stable"), axis=-1)
    return places


def _ranked(case: CrossCase, imported: float, source: str = "imported") -> tuple[Values, Values]:
    """NDCG@10 and recall@10 of each person, the mean of their messages; NaN where nothing was liked later.

    Args:
        imported: weight of the taste.
        source: whose taste, ``imported`` or ``control``.
    """
    weights: dict[str, float] = {"dense": 1.0, **scales(case.situation), source: imported}
    weights["popular"] *= 1.0 - TasteRules().popularity_debias
    measured = []
    for among, votes in case.lists:
        told = [weights[name] * one for name, one in votes.items() if weights.get(name) and name in (source, *_OTHERS)]
        measured.append(_quality(np.sum(told, axis=0) if told else np.zeros(among.shape), case.task, among))
    return _mean([ndcg for ndcg, _ in measured]), _mean([recall for _, recall in measured])


def _quality(scores: NDArray[np.floating], task: CrossTask, among: Mask) -> tuple[Values, Values]:
    """The same for one list of the candidates."""
    liked = task.liked & among
    top = np.argsort(-np.where(among, scores, -np.inf), axis=1, kind="stable")[:, :K]
    hits, counts = np.take_along_axis(liked, top, axis=1), liked.sum(axis=1)
    gains = 1.0 / np.log2(np.arange(K) + 2)
    ideal = np.concatenate([[np.nan], np.cumsum(gains)])[np.minimum(counts, K)]
    return hits @ gains / ideal, hits.sum(axis=1) / np.where(counts, counts, np.nan)


def _mean(columns: Sequence[Values]) -> Values:
    """The mean of each person's numbers; NaN where there are none."""
    table = np.array(columns)
    counts = (~np.isnan(table)).sum(axis=0)
    means: Values = np.where(counts, np.nansum(table, axis=0), np.nan) / np.maximum(counts, 1)
    return means


# Figures -------------------------------------------------------------------------------------------------------------


def _figures(case: CrossCase, weight: float) -> Iterator[CrossFigure]:
    task, values = case.task, dict[str, tuple[Values, Values]]()
    if not case.wish:
        alone = {"popularity": "popular", "own history alone": "profile", "import alone": "imported"}
        values = {
            name: _quality(task.sources[one], task, ~task.seen) for name, one in alone.items() if one in task.sources
        }
    without, control = _ranked(case, 0.0), _ranked(case, weight, "control")
    values |= {"without import": without, WITH: _ranked(case, weight), "somebody else's": control}
    for name, (ndcg, recall) in values.items():
        counted = ~task.first & ~np.isnan(ndcg)
        mean, interval = ndcg[counted].mean(), mean_interval(ndcg[counted].tolist(), seed=SEED)
        yield CrossFigure(
            into=task.into, wish=case.wish, known=task.known, name=name, people=int(counted.sum()),
            ndcg=_rounded(mean), low=_rounded(interval.low if interval else mean),
            high=_rounded(interval.high if interval else mean), recall=_rounded(recall[counted].mean()),
            gain=_gain((ndcg - without[0])[counted]) if name == WITH else None,
            personal=_gain((ndcg - control[0])[counted]) if name == WITH else None,
        )  # fmt: skip


def _gain(differences: Values) -> Gain:
    interval, mean = mean_interval(differences.tolist(), seed=SEED), _rounded(differences.mean())
    ends = (_rounded(interval.low), _rounded(interval.high)) if interval else (mean, mean)
    return Gain(mean=mean, low=ends[0], high=ends[1], p=permutation_p(differences.tolist(), seed=SEED))


def _ablate(found: dict[str, list[Values]], task: CrossTask, here: Scores, there: Scores) -> None:
    """The imported taste by itself, made otherwise, for people of whom nothing is known here."""
    centred, liked = there - there.mean(axis=0), np.clip(task.there, 0, None)
    made = {
        "as it is": direction(centred, liked),
        "not from the usual item on": direction(there, liked),
        "dislikes too": direction(centred, task.there),
        "somebody else's": np.roll(direction(centred, liked), 1, axis=0),
    }
    for name, taste in made.items():
        found.setdefault(name, []).append(_quality(taste @ here.T, task, ~task.seen)[0][~task.first])


def _rounded(value: float | np.floating) -> float:
    return round(float(value), 4)


def table(found: CrossDomain) -> Iterator[str]:
    """The figures for people."""
    yield f"Films: {', '.join(f'{name} {count:,}' for name, count in found.items.items())}."
    yield "On half of the people, NDCG@10 (and its lead over somebody else's taste) by weight of the imported taste:"
    for stage, by_weight in found.curve.items():
        curve = "  ".join(f"{weight}: {own:.3f} ({lead:+.3f})" for weight, (own, lead) in by_weight.items())
        yield f"  {stage:<23} best {found.best[stage]:g}, in force {found.in_force[stage]:g}   {curve}"
    yield "The other half, with the weights in force:"
    interval = "95 % interval"
    yield (
        f"{'into':<8}{'wish':<7}{'known':>6}  {'':<18}{'people':>7}{'NDCG@10':>9}{interval:>19}{'recall@10':>11}"
        f"{'gain over without':>35}{'over somebody else’s':>35}"
    )
    for one in found.figures:
        yield (
            f"{one.into:<8}{'genre' if one.wish else 'none':<7}{one.known:>6}  {one.name:<18}{one.people:>7}"
            f"{one.ndcg:>9.4f}{f'{one.low:.4f} to {one.high:.4f}':>19}{one.recall:>11.4f}"
            f"{_told(one.gain):>35}{_told(one.personal):>35}"
        ).rstrip()
    yield "The imported taste alone, nothing known here, NDCG@10:"
    yield from (f"  {name:<28}{value:.4f}" for name, value in found.ablations.items())


def _told(gain: Gain | None) -> str:
    return f"{gain.mean:+.4f} ({gain.low:+.4f} to {gain.high:+.4f}) p {gain.p:.3g}" if gain else ""
