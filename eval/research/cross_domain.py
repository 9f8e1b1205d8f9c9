"""Does a taste in one catalogue help in another? MovieLens-100K as two catalogues without a genre in common.

Films all of whose genres are of one side make that side's catalogue; films with genres of both are left out. Each
person's ratings on one side are brought to the other (`tools.taste.imported`), where their first k events are known and
all later films rated 4 or more are to be foretold. Lists are fused as in a turn (`assistant.agent.personalization`):
each source votes for what it favours more than the usual film. What people chose is learned from the other people.

As a control everybody is also given the taste of somebody else: what it gains is no matter of taste, only of what
most people like. The weight is chosen on one half of the people, by the lead over that control, and the weights in
force are reported on the other half.
"""

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
"""How many events on the own side are known; the last is a long history (`taste_weights.MANY_EVENTS`)."""

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
Genres = list[tuple[Mask, Scores]] | None
WITH: Final = "with import"


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
        best: the weight with the greatest lead on the first half.
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
class Task:
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

    def of(self, *, wish: bool) -> Situation:
        """The turn's situation."""
        return situation(words=wish, photo=False, events=self.known)


def sides_of(texts: Sequence[str]) -> NDArray[np.int64]:
    """0 or 1, the side that all genres of a film are of, by the last part of its text; -1: of both, or none."""
    genres = [set(text.rsplit(". ", 1)[-1].split()) for text in texts]
    sides = [[bool(own) and own <= side for side in SIDES.values()] for own in genres]
    return np.array([flags.index(True) if any(flags) else -1 for flags in sides])


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
    tasks, wishes = [], []
    for number, into in enumerate(SIDES):
        say(f"learning what people chose among {len(rows[number]):,} films ({into})")
        here, there = (_of_side(events, rows[one]) for one in (number, 1 - number))
        learned = list(_tasks(into, here, there, vectors[rows[number]], vectors[rows[1 - number]]))
        tasks += learned
        of_genre = _genres([dataset.texts[row] for row in rows[number]], SIDES[into])
        queries = encode([f"a film of the genre {genre}" for genre in of_genre]) if of_genre else vectors[:0]
        dense = queries @ vectors[rows[number]].T
        wishes += [(task, list(zip(of_genre.values(), dense, strict=True))) for task in learned]
    if not tasks:
        raise BadInput(f"{dataset.name} has nobody with enough events on both sides.")
    return _measured(tasks, wishes, {name: len(own) for name, own in zip(SIDES, rows, strict=True)}, vectors, rows)


def _measured(
    tasks: Sequence[Task],
    wishes: Sequence[tuple[Task, Genres]],
    items: dict[str, int],
    vectors: Scores,
    rows: Sequence[NDArray[np.int64]],
) -> CrossDomain:
    lists = [(task, None) for task in tasks] + [(task, genres) for task, genres in wishes]
    curves: dict[str, dict[float, list[tuple[Values, Values]]]] = {}
    in_force: dict[str, float] = {}
    for task, genres in lists:
        stage, wish = _stage(task, wish=genres is not None), genres is not None
        in_force[stage] = scales(task.of(wish=wish))["imported"]
        for weight in GRID:
            own, others = (_ranked(task, genres, weight, source)[0][task.first] for source in ("imported", "control"))
            curves.setdefault(stage, {}).setdefault(weight, []).append((own, own - others))
    curve = {
        stage: {weight: _means(values) for weight, values in by_weight.items()} for stage, by_weight in curves.items()
    }
    figures = [figure for task, genres in lists for figure in _figures(task, genres)]
    told = {stage: {f"{weight:g}": pair for weight, pair in by_weight.items()} for stage, by_weight in curve.items()}
    best = {stage: max(by_weight, key=lambda weight: by_weight[weight][1]) for stage, by_weight in curve.items()}
    return CrossDomain(
        items=items, in_force=in_force, best=best, curve=told, figures=_corrected(figures),
        ablations=_ablations(tasks, vectors, rows),
    )  # fmt: skip


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
) -> Iterator[Task]:
    strengths = _matrix(there, (there.value - 3) / 2)
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
        yield Task(
            into, k,
            seen=_matrix(known[k], np.ones(len(known[k]), np.float32))[people] > 0,
            liked=_matrix(liked, np.ones(len(liked), np.float32))[people] > 0,
            there=strengths[people],
            sources={**sources, "imported": taste @ vectors.T, "control": np.roll(taste, 1, axis=0) @ vectors.T},
            first=first,
        )  # fmt: skip


def _genres(texts: Sequence[str], genres: frozenset[str]) -> dict[str, Mask]:
    """The films of each genre that has enough."""
    words = [set(text.rsplit(". ", 1)[-1].split()) for text in texts]
    flags = {genre: np.array([genre in own for own in words]) for genre in sorted(genres)}
    return {genre: mask for genre, mask in flags.items() if mask.sum() >= FEWEST_OF_GENRE}


# Ranking -------------------------------------------------------------------------------------------------------------


def _votes(scores: Scores, among: Mask) -> Values:
    """A source's list: 1 / (k + rank) for the films that it favours more than the usual candidate, else 0."""
    usual = np.nanmean(np.where(among, scores, np.nan), axis=1, keepdims=True)
    ranks = np.argsort(np.argsort(-np.where(among, scores, -np.inf), axis=1, kind="stable"), axis=1) + 1
    votes: Values = np.where(among & (scores >= usual), 1.0 / (RRF_K + ranks), 0.0)
    return votes


def _weights(task: Task, imported: float, *, wish: bool) -> dict[str, float]:
    """By source, as in a turn of somebody of whom so much is known."""
    of = scales(task.of(wish=wish))
    return {**of, "popular": of["popular"] * (1.0 - TasteRules().popularity_debias), "imported": imported}


def _fused(task: Task, genres: Genres, imported: float, source: str) -> Iterator[tuple[Values, Mask]]:
    """Fused scores and candidates of a message without a wish, or of one for each genre; see `_ranked`."""
    weights = _weights(task, imported, wish=genres is not None)
    weights[source] = weights.pop("imported")
    for of_genre, dense in [(None, None)] if genres is None else genres:
        among = ~task.seen if of_genre is None else of_genre & ~task.seen
        lists = [weights[name] * _votes(scores, among) for name, scores in task.sources.items() if weights.get(name)]
        if dense is not None:
            lists.append(np.tile(1.0 / (RRF_K + 1 + np.argsort(np.argsort(-dense, kind="stable"))), (len(among), 1)))
        yield np.sum(lists, axis=0) if lists else np.zeros(among.shape), among


def _ranked(task: Task, genres: Genres, imported: float, source: str = "imported") -> tuple[Values, Values]:
    """NDCG@10 and recall@10 of each person, the mean of their genres; NaN where nothing was liked later.

    Args:
        genres: the films of each genre that a message names, and how near they are to its words; None: no wish.
        imported: weight of the taste.
        source: whose taste, ``imported`` or ``control``.
    """
    measured = [_quality(scores, task, among) for scores, among in _fused(task, genres, imported, source)]
    return _mean([ndcg for ndcg, _ in measured]), _mean([recall for _, recall in measured])


def _quality(scores: NDArray[np.floating], task: Task, among: Mask) -> tuple[Values, Values]:
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
    return np.where(counts, np.nansum(table, axis=0), np.nan) / np.maximum(counts, 1)


# Figures -------------------------------------------------------------------------------------------------------------


def _stage(task: Task, *, wish: bool) -> str:
    of = task.of(wish=wish)
    return f"{'a genre is named' if wish else 'no wish'}, {of.history}"


def _figures(task: Task, genres: Genres) -> Iterator[CrossFigure]:
    weight = scales(task.of(wish=genres is not None))["imported"]
    values: dict[str, tuple[Values, Values]] = {}
    if genres is None:
        alone = {"popularity": "popular", "own history alone": "profile", "import alone": "imported"}
        values = {
            name: _quality(task.sources[one], task, ~task.seen) for name, one in alone.items() if one in task.sources
        }
    without, control = _ranked(task, genres, 0.0), _ranked(task, genres, weight, "control")
    values |= {"without import": without, WITH: _ranked(task, genres, weight), "somebody else's": control}
    for name, (ndcg, recall) in values.items():
        counted = ~task.first & ~np.isnan(ndcg)
        mean, interval = ndcg[counted].mean(), mean_interval(ndcg[counted].tolist(), seed=SEED)
        yield CrossFigure(
            into=task.into, wish=genres is not None, known=task.known, name=name, people=int(counted.sum()),
            ndcg=_rounded(mean), low=_rounded(interval.low if interval else mean),
            high=_rounded(interval.high if interval else mean), recall=_rounded(recall[counted].mean()),
            gain=_gain((ndcg - without[0])[counted]) if name == WITH else None,
            personal=_gain((ndcg - control[0])[counted]) if name == WITH else None,
        )  # fmt: skip


def _gain(differences: Values) -> Gain:
    interval, mean = mean_interval(differences.tolist(), seed=SEED), _rounded(differences.mean())
    ends = (_rounded(interval.low), _rounded(interval.high)) if interval else (mean, mean)
    return Gain(mean=mean, low=ends[0], high=ends[1], p=permutation_p(differences.tolist(), seed=SEED))


def _ablations(tasks: Sequence[Task], vectors: Scores, rows: Sequence[NDArray[np.int64]]) -> dict[str, float]:
    """The imported taste by itself, made otherwise: for people of whom nothing is known here."""
    found: dict[str, list[Values]] = {}
    for task in (one for one in tasks if not one.known):
        number = list(SIDES).index(task.into)
        here, there = vectors[rows[number]], vectors[rows[1 - number]]
        centred, liked = there - there.mean(axis=0), np.clip(task.there, 0, None)
        made = {
            "as it is": direction(centred, liked),
            "not from the usual item on": direction(there, liked),
            "dislikes too": direction(centred, task.there),
            "somebody else's": np.roll(direction(centred, liked), 1, axis=0),
        }
        for name, taste in made.items():
            found.setdefault(name, []).append(_quality(taste @ here.T, task, ~task.seen)[0][~task.first])
    return {name: _rounded(np.nanmean(np.concatenate(values))) for name, values in found.items()}


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
