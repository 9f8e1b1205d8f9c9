"""What the user's taste says of the candidates: opinions that join the fusion beside the searches' signals.

Five sources, each a list of its own: this conversation (``session``), the contents of what the user liked before
(``profile``) and likes in other catalogues (``imported``), what people of similar taste chose (``collaborative``), and
what many people chose (``popular``). They are asked only about candidates that the searches found and the constraints
let through, so that they re-order what has to do with the wish and bring in nothing else. Only where the message names
no wish does taste find candidates itself (`candidates_for_user`).
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assistant.agent.feedback import item_feedback, only_looked_at
from assistant.agent.fusion import FusedHit, SearchOutcome
from assistant.agent.taste_weights import Situation, scales, situation
from assistant.records import Memory
from tools.calibration import ALIKE, usual_pairs
from tools.records import Because, Filters, Hit, Item, Signal, SignalSource
from tools.search import hit as hit_of
from tools.store import Catalogue, Space, Vector
from tools.taste.imported import CLOSE, ImportedTaste, closeness_of
from tools.taste.profile import TasteProfile, attribute_values
from tools.taste.taste import Taste

if TYPE_CHECKING:
    from tools.taste.model import TasteModel

MIN_SIMILARITY = 1.5
"""The z-score among pairs of items below which two of them have nothing to do with each other; docs/retrieval.md."""

PREFERENCE = 0.5
"""How much the strongest preference for an attribute's value adds to the closeness."""

LIKED_ASKED = 20
"""How many of the items that were liked last are asked for their neighbours and for their closeness."""

NEIGHBOURS = 200
MOST_TITLES = 2
TASTE_TOOL = "taste"
"""Names lists that no tool call brought."""

TASTE_TOOLS = ("similar_taste", "because_you_liked")
"""The tools that find candidates by other people's choices."""

BY_TASTE = frozenset({TASTE_TOOL, *TASTE_TOOLS})


@dataclass(frozen=True)
class UserContext:
    """What is known of the user in one turn; nothing, where they ask for somebody else or taste is switched off.

    Attributes:
        history: item to strength, the latest first; without the items that this conversation says something of.
        item_feedback: item to what this conversation says of it, the latest first.
        looked_at: the items among them that were only looked at.
        imported: what they like in other catalogues.
        anybody: whether there are events of anybody, or a model that learned from some.
        trained: whether there is such a model.
    """

    situation: Situation
    history: Mapping[str, float] = field(default_factory=dict)
    item_feedback: Mapping[str, float] = field(default_factory=dict)
    looked_at: frozenset[str] = frozenset()
    profile: TasteProfile = field(default_factory=TasteProfile)
    imported: Sequence[ImportedTaste] = ()
    taste: Taste | None = None
    anybody: bool = False
    trained: bool = False

    @property
    def choices(self) -> dict[str, float]:
        """What the model of other people's choices is asked with: this conversation first, then the history."""
        return {**self.item_feedback, **self.history}

    @property
    def knows_taste(self) -> bool:
        """Something is known of what the user likes, beside this conversation."""
        return bool(self.history or self.profile.attributes or self.imported)

    @property
    def may_ask_others(self) -> bool:
        """There is no wish, and a model that may know people of similar taste."""
        return self.situation.wish == "none" and bool(self.choices) and self.taste is not None and self.trained

    @property
    def is_cold(self) -> bool:
        """Nothing of this user and no wish, but something of other people: a set to choose from is shown."""
        unknown = not (self.history or self.item_feedback or self.imported)
        return self.situation.wish == "none" and unknown and self.anybody


@dataclass(frozen=True)
class Opinion:
    """What one source says of one item."""

    score: float
    because: tuple[Because, ...] = ()
    people: int | None = None
    catalogue: str | None = None


_NONE = Opinion(-1.0)


def load_user_context(
    taste: Taste | None, user: str, memory: Memory, *, words: bool, photo: bool, pressed: Iterable[str] = ()
) -> UserContext:
    """What is known of a user at this moment.

    Args:
        taste: where events and models are; None: nothing is known.
        user: the pseudonym.
        memory: the conversation; where it asks for somebody else, the user's own history is not used.
        words: the message names what is wanted.
        photo: it brings a picture of what is wanted.
        pressed: items on which the user pressed buttons in this conversation; these say what they say in it alone.

    Raises:
        StoreError: the events or the model cannot be read.
    """
    feedback, looked_at = item_feedback(memory), only_looked_at(memory)
    if taste is None:
        return UserContext(situation(words=words, photo=photo, events=0), item_feedback=feedback, looked_at=looked_at)
    uses_history = not memory.for_other
    history = taste.history(user) if uses_history else {}
    history = {item_id: strength for item_id, strength in history.items() if item_id not in {*feedback, *pressed}}
    profile = taste.profile(user, time.time()) if uses_history else TasteProfile()
    trained = taste.model is not None
    events = max(profile.events or len(profile.attributes), len(feedback))
    return UserContext(
        situation=situation(words=words, photo=photo, events=events),
        history=history,
        item_feedback=feedback,
        looked_at=looked_at,
        profile=profile,
        imported=taste.imported(user) if uses_history else (),
        taste=taste,
        anybody=taste.known and (trained or taste.events.version() > 0),
        trained=trained,
    )


def weights_of(user_context: UserContext, weights: Mapping[str, float]) -> dict[str, float]:
    """The fusion's weights with those of taste scaled by what is known.

    The more popularity is debiased, the less it counts, and a conversation counts as its strongest leaning; where it
    says something, a taste of other catalogues counts no more than the user's own history here. Without a wish nothing
    is said by a list's order of prices, and the profile stands in for a model that is not there.
    """
    debias = user_context.taste.rules.popularity_debias if user_context.taste else 0.0
    scaled = {source: weights.get(source, 0.0) * scale for source, scale in scales(user_context.situation).items()}
    if user_context.item_feedback:
        scaled["imported"] = min(scaled["imported"], scaled["profile"])
    if user_context.situation.wish == "none" and not user_context.trained:
        scaled["profile"] = max(scaled["profile"], scaled["session"])
    scaled["popular"] *= 1.0 - debias
    scaled["session"] *= max(map(abs, user_context.item_feedback.values()), default=0.0)
    listed = {"browse": 0.0} if user_context.situation.wish == "none" else {}
    return {**weights, **scaled, **listed}


def user_signals(
    user_context: UserContext, candidates: Sequence[FusedHit], catalogue: Catalogue
) -> list[SearchOutcome]:
    """What each source says of these candidates, one list a source; a source with nothing to say gives none.

    Args:
        user_context: see `load_user_context`.
        candidates: the candidates, best first: where a source makes no difference they keep their order.
        catalogue: where their vectors and attributes stand.
    """
    ids = [entry.hit.item_id for entry in candidates]
    source_scales = scales(user_context.situation)
    by_source: dict[SignalSource, dict[str, Opinion]] = {}
    if user_context.item_feedback and source_scales["session"]:
        by_source["session"] = _session(user_context, ids, catalogue)
    if not user_context.profile.is_empty and source_scales["profile"]:
        by_source["profile"] = _profile(user_context, ids, catalogue)
    if user_context.imported and source_scales["imported"]:
        by_source["imported"] = _imported(user_context, ids, catalogue)
    if user_context.choices and source_scales["collaborative"]:
        by_source["collaborative"] = _collaborative(user_context, ids, catalogue)
    if user_context.anybody and source_scales["popular"]:
        by_source["popular"] = _popular(user_context, ids)
    return [
        _outcome(source, opinions, candidates) for source, opinions in by_source.items() if _says_something(opinions)
    ]


def candidates_for_user(user_context: UserContext, catalogue: Catalogue, filters: Filters, pool: int) -> list[Hit]:
    """Candidates for a message without a wish: what lies close to the user's taste and what people chose.

    Beside these are what the tools find that ask for other people's choices. What the user knows already is left out,
    and so is everything that the filters rule out. For a user of whom nothing is known, what people chose and what is
    new take turns; where only a taste of other catalogues is known, what is close to it stands beside them.
    """
    known_ids = {*user_context.history, *user_context.item_feedback}
    ids: dict[str, None] = {}
    if user_context.profile.text is not None:
        ids |= dict.fromkeys(
            item_id for item_id, _ in catalogue.nearest("text", user_context.profile.text, pool, filters)
        )
    for imported in user_context.imported:
        direction = np.array(imported.vector, np.float32)
        ids |= dict.fromkeys(item_id for item_id, _ in catalogue.nearest("text", direction, pool, filters))
    if not user_context.choices:
        ids = {**ids, **dict.fromkeys(_chosen_by_many(user_context, catalogue, filters, pool))}
    items = catalogue.get_many([item_id for item_id in ids if item_id not in known_ids])
    return [hit_of(items[item_id], filters=filters) for item_id in ids if item_id in items]


def _chosen_by_many(user_context: UserContext, catalogue: Catalogue, filters: Filters, pool: int) -> list[str]:
    """What people chose most and what is new, in turns."""
    model, ids = _model(user_context, catalogue), list[str]()
    if model is not None:
        from tools.taste.recommending import best_passing  # a turn without taste does without

        ids = [item_id for item_id, _ in best_passing(model, catalogue, {}, pool, filters)]
    if user_context.anybody:
        newest = [item.id for item in catalogue.browse(filters, "newest", pool, 0)]
        user_counts = user_context.taste.events.people([*ids, *newest]) if user_context.taste else {}
        popular_ids = sorted(
            (i for i in dict.fromkeys([*ids, *newest]) if user_counts.get(i)), key=lambda i: -user_counts[i]
        )
        ids = [item_id for pair in zip_longest(popular_ids, newest) for item_id in pair if item_id]
    return ids


# The sources -------------------------------------------------------------------------------------------------------


def _session(user_context: UserContext, ids: Sequence[str], catalogue: Catalogue) -> dict[str, Opinion]:
    """Close to what was liked in this conversation, away from what was rejected; what was looked at is seen already."""
    feedback_ids = list(user_context.item_feedback)
    closeness = _closeness(catalogue, ids, feedback_ids)
    for row, column in (
        (ids.index(i), feedback_ids.index(i)) for i in user_context.looked_at if i in ids and i in feedback_ids
    ):
        closeness.cosines[row, column] = 0.0
    strengths = np.array([user_context.item_feedback[item_id] for item_id in feedback_ids])
    like_strengths = np.where(
        [item_id in user_context.looked_at for item_id in feedback_ids], 0.0, strengths
    )  # an item only looked at is no liked one
    titles = _titles(catalogue, feedback_ids)
    opinions = {}
    for item_id, row, z in zip(ids, closeness.cosines, closeness.z, strict=True):
        for_it = float(np.max(row * np.clip(strengths, 0, None), initial=0.0))
        against = float(np.max(row * np.clip(-strengths, 0, None), initial=0.0))
        opinions[item_id] = Opinion(for_it - against, _nearest(item_id, z, feedback_ids, like_strengths, titles))
    return opinions


def _profile(user_context: UserContext, ids: Sequence[str], catalogue: Catalogue) -> dict[str, Opinion]:
    """Close to the user's taste in text and picture space, and of the brands, categories and colours they choose."""
    liked_ids = _liked(user_context.history)
    closeness, items = _closeness(catalogue, ids, liked_ids), catalogue.get_many(list(ids))
    strengths, titles = np.ones(len(liked_ids)), _titles(catalogue, liked_ids)
    around = _around(catalogue, ids, user_context.profile)
    opinions = {}
    for item_id, z in zip(ids, closeness.z, strict=True):
        preference = _preference(items[item_id], user_context.profile) if item_id in items else 0.0
        score = around.get(item_id, 0.0) + PREFERENCE * preference
        opinions[item_id] = Opinion(score, _nearest(item_id, z, liked_ids, strengths, titles))
    return opinions


def _imported(user_context: UserContext, ids: Sequence[str], catalogue: Catalogue) -> dict[str, Opinion]:
    """Close to what the user likes in other catalogues, by their texts, more than this catalogue's usual item is."""
    return {
        item_id: Opinion(one.score, catalogue=one.catalogue if one.score >= CLOSE else None)
        for item_id, one in closeness_of(user_context.imported, catalogue, ids).items()
    }


def _collaborative(user_context: UserContext, ids: Sequence[str], catalogue: Catalogue) -> dict[str, Opinion]:
    """What people of similar taste chose, by the trained model; how many people, where they are enough to be told."""
    model, choices = _model(user_context, catalogue), user_context.choices
    if user_context.taste is None or model is None or not model.knows(choices):
        return {}
    scores = dict(model.score(choices, k=len(ids), among=list(ids)))
    candidate_ids, reasons = set(scores), dict[str, list[Because]]()
    titles = _titles(catalogue, _liked(choices))
    for liked_id in titles:
        for neighbour in model.neighbours(liked_id, NEIGHBOURS):
            enough = neighbour.people >= user_context.taste.rules.least_people
            if enough and neighbour.item_id in candidate_ids:
                reason = Because(item_id=liked_id, title=titles[liked_id], people=neighbour.people)
                reasons.setdefault(neighbour.item_id, []).append(reason)
    best = {
        item_id: sorted(item_reasons, key=lambda b: -(b.people or 0))[:MOST_TITLES]
        for item_id, item_reasons in reasons.items()
    }
    return {
        item_id: Opinion(score, tuple(best.get(item_id, ())), best[item_id][0].people if item_id in best else None)
        for item_id, score in scores.items()
    }


def _popular(user_context: UserContext, ids: Sequence[str]) -> dict[str, Opinion]:
    """How many people chose each."""
    if user_context.taste is None:
        return {}
    counts, least = user_context.taste.events.people(ids), user_context.taste.rules.least_people
    return {
        item_id: Opinion(float(count), people=count if count >= least else None) for item_id, count in counts.items()
    }


# What they share ---------------------------------------------------------------------------------------------------


def _outcome(source: SignalSource, opinions: Mapping[str, Opinion], candidates: Sequence[FusedHit]) -> SearchOutcome:
    """One source's list, best first: what it speaks for more than for the usual candidate, and against none."""
    usual = float(np.mean([opinion.score for opinion in opinions.values()]))
    agreed = [entry for entry in candidates if opinions.get(entry.hit.item_id, _NONE).score >= max(usual, 0.0)]
    ordered = sorted(agreed, key=lambda entry: -opinions[entry.hit.item_id].score)
    hits = []
    for rank, entry in enumerate(ordered, start=1):
        opinion = opinions[entry.hit.item_id]
        signal = Signal(
            source=source,
            score=round(opinion.score, 4),
            rank=rank,
            because=list(opinion.because),
            people=opinion.people,
            catalogue=opinion.catalogue,
        )
        hits.append(entry.hit.model_copy(update={"signals": [signal]}))
    return SearchOutcome(TASTE_TOOL, "", hits)


def _says_something(opinions: Mapping[str, Opinion]) -> bool:
    """A source that gives all candidates the same has no opinion."""
    return len({round(opinion.score, 4) for opinion in opinions.values()}) > 1


@dataclass(frozen=True)
class _Closeness:
    """How close items are to others (items, others): mean cosine, 0 where that is faint, and mean z-score."""

    cosines: NDArray[np.float64]
    z: NDArray[np.float64]


def _closeness(catalogue: Catalogue, ids: Sequence[str], other_ids: Sequence[str]) -> _Closeness:
    """How close items are to others, over texts and pictures."""
    spaces: tuple[Space, ...] = ("text", "visual")
    sums, z, counts = np.zeros((3, len(ids), len(other_ids)))
    for space in spaces:
        vectors = catalogue.vectors_of(space, list(dict.fromkeys([*ids, *other_ids])))
        rows = [index for index, item_id in enumerate(ids) if item_id in vectors]
        columns = [index for index, item_id in enumerate(other_ids) if item_id in vectors]
        if rows and columns:
            best = _best_cosines(
                [vectors[ids[row]] for row in rows], [vectors[other_ids[column]] for column in columns]
            )
            pairs, places = usual_pairs(catalogue, space), np.ix_(rows, columns)
            sums[places] += best
            z[places] += (best - pairs.typical) / pairs.deviation
            counts[places] += 1
    space_counts = np.maximum(counts, 1)
    return _Closeness(np.where(z / space_counts >= MIN_SIMILARITY, sums / space_counts, 0.0), z / space_counts)


def _around(catalogue: Catalogue, ids: Sequence[str], profile: TasteProfile) -> dict[str, float]:
    """How close items are to the profile: mean cosine in the spaces that it has, without those that are faint."""
    scores: dict[str, list[tuple[float, float]]] = {}
    places: tuple[tuple[Space, Vector | None], ...] = (("text", profile.text), ("visual", profile.visual))
    for space, centre in places:
        vectors = catalogue.vectors_of(space, list(ids)) if centre is not None else {}
        if vectors and centre is not None:
            pairs = usual_pairs(catalogue, space)
            best = _best_cosines(list(vectors.values()), [[centre]])[:, 0]
            for item_id, cosine in zip(vectors, map(float, best), strict=True):
                scores.setdefault(item_id, []).append((cosine, pairs.z(cosine)))
    means = {item_id: np.mean(pairs, axis=0) for item_id, pairs in scores.items()}
    return {item_id: float(cosine) for item_id, (cosine, z) in means.items() if z >= MIN_SIMILARITY}


def _best_cosines(rows: Sequence[list[Vector]], columns: Sequence[list[Vector]]) -> NDArray[np.float32]:
    """The best cosine (rows, columns) of the unit vectors of two lists of items, which may have several each."""
    cosines = (
        np.stack([vector for vectors in rows for vector in vectors])
        @ np.stack([vector for vectors in columns for vector in vectors]).T
    )
    for axis, items in enumerate((rows, columns)):
        starts = np.cumsum([0, *(len(vectors) for vectors in items)])[:-1]
        cosines = np.maximum.reduceat(cosines, starts, axis=axis)
    best: NDArray[np.float32] = cosines
    return best


def _nearest(
    item_id: str,
    z: NDArray[np.float64],
    other_ids: Sequence[str],
    strengths: NDArray[np.float64],
    titles: Mapping[str, str],
) -> tuple[Because, ...]:
    """The item that was liked and is closest to this one by z-score, if one is alike; not itself."""
    matches = [
        (z[index], other_id)
        for index, other_id in enumerate(other_ids)
        if strengths[index] > 0 and z[index] >= ALIKE and other_id != item_id and other_id in titles
    ]
    if not matches:
        return ()
    _, best = max(matches)
    return (Because(item_id=best, title=titles[best]),)


def _preference(item: Item, profile: TasteProfile) -> float:
    """How much the user's preferences speak for the item's attributes, -1 to 1."""
    weights = [
        weight
        for name, values in attribute_values(item).items()
        for value in values
        if (weight := profile.attributes.get(name, {}).get(value))
    ]
    return float(np.clip(sum(weights), -1.0, 1.0))


def _model(user_context: UserContext, catalogue: Catalogue) -> "TasteModel | None":
    """The trained model, knowing also what was ingested since."""
    model = user_context.taste.model if user_context.taste else None
    if model is None:
        return None
    from tools.taste.recommending import following  # a turn without taste does without

    return following(model, catalogue)


def _liked(history: Mapping[str, float]) -> list[str]:
    """The items that a history spoke for last."""
    return [item_id for item_id, strength in history.items() if strength > 0][:LIKED_ASKED]


def _titles(catalogue: Catalogue, ids: Sequence[str]) -> dict[str, str]:
    return {item_id: item.title for item_id, item in catalogue.get_many(list(ids)).items()}
