"""Searching by words, by picture and by sound: each signal apart, fused by rank, every score kept as evidence.

Words are searched in the item texts (dense and BM25) and, through the joint space, in the pictures. A picture is
compared with the catalogue's pictures by looks and, through the joint space, with the item texts.

The two signals of a picture don't vote on the same items: whatever looks like it is ordered by looks alone, and the
item texts order the rest. Adding the weaker signal to the stronger one moved right items down, and items without a
picture were never found. docs/retrieval.md has the measurements.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import repeat
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from tools.calibration import (
    ALIKE,
    FITTING,
    LEAST_SCALE,
    CalibratedEncoder,
    JointPairs,
    calibration,
    picture_text_pairs,
    text_picture_pairs,
    usual_pairs,
)
from tools.engines.pictures import PictureEncoder, PictureVectors, unit_rows
from tools.engines.sounds import SoundEncoder
from tools.engines.text import Purpose
from tools.media import Audio
from tools.rank_fusion import WEIGHTS, reciprocal_rank
from tools.records import EncoderIdentity, Filters, Hit, Item, ItemsResult, Moment, Signal, SignalSource
from tools.store import Catalogue, Space, Vector, matches
from tools.store.offers import variant_for

if TYPE_CHECKING:
    from PIL.Image import Image

POOL: Final = 50
"""How many hits each signal brings into the fusion."""

MEAN_OF = 10_000
"""How many item texts the catalogue's text mean is taken over."""

REFERENCES = 2_000
"""How many vectors of the other side CSLS looks for neighbours in."""

FEWEST_PAIRS = 100
"""With fewer pairs of pictures than this nothing is typical, and every picture counts."""

FEWEST_SOUND_PAIRS = 10
"""The same for sounds: all sounds are somewhat alike, and with few pairs their deviation is not taken to be small."""

SAME_SOUND = 2.5
"""The z-score that the very same sound has at least, also in a catalogue of few and different ones."""

AMONG_WORDS = 500
"""How many items that hold words of the query are compared by meaning where the vector index is away."""

NEIGHBOURS = 10
"""CSLS's K (Conneau et al. 2018)."""

FITTING_SHARE = 0.6
"""How much of the best z-score an item must have to be shown first as the shop's choice for every wish."""
FITTING_WORDS = 0.5
"""Or: from which share of the query's words."""

Scored = list[tuple[str, float]]


class QueryEncoder(CalibratedEncoder, Protocol):
    """The part of `tools.engines.text.TextEncoder` that searching uses."""

    def encode(self, texts: Sequence[str], *, purpose: Purpose = ...) -> NDArray[np.float32]:
        """Texts to unit rows (n, d)."""

    def __hash__(self) -> int:
        """Vectors may be kept by the encoder that made them."""


@dataclass(frozen=True)
class SignalList:
    """One signal's list, best first, and by item id what else it says."""

    source: SignalSource
    scored: Scored
    z: Mapping[str, float] = field(default_factory=dict)
    matched: Mapping[str, list[str]] = field(default_factory=dict)
    share: Mapping[str, float] = field(default_factory=dict)
    shown: Mapping[str, Moment | None] = field(default_factory=dict)
    moments: Mapping[str, Moment] = field(default_factory=dict)


def search_by_text(
    catalogue: Catalogue,
    text_encoder: QueryEncoder,
    picture_encoder: PictureEncoder | None,
    query: str,
    *,
    k: int = 10,
    filters: Filters | None = None,
    pool: int = POOL,
    weights: Mapping[str, float] = WEIGHTS,
    without_index: bool = False,
) -> ItemsResult:
    """Items for words: dense, keyword and text-to-picture signals, fused.

    Args:
        catalogue: what to search.
        text_encoder: made the catalogue's text vectors.
        picture_encoder: made its picture vectors; None leaves pictures out.
        query: words in any language that the encoders know; blank gives no items.
        k: how many items.
        filters: what every item must be, decided before ranking.
        pool: how many items each signal brings into the fusion.
        weights: each signal's share; one with 0 or without an entry is not run.
        without_index: the vector index is away, so the meaning is compared only of items that hold words of the query.

    Raises:
        EncoderMismatch: the catalogue was made with other encoders.
        IndexAway: the server with the vector index does not answer.
        StoreError: the catalogue can't be read.
    """
    if not query.strip():
        total = catalogue.total(filters)
        return ItemsResult(items=[], total=total.items, has_more=total.has_more)
    ask, said = Ask(catalogue, filters, pool), query
    query = catalogue.rules().replaced(query)
    signal_lists: list[SignalList] = []
    if weights.get("keyword"):
        signal_lists.append(ask.by_words(query))
    vector: Vector | None = None
    if weights.get("dense") and ask.holds("text", text_encoder.identity):
        vector = text_encoder.encode([query], purpose="query")[0]
        nearest = ask.nearest_among_words if without_index else ask.nearest_texts
        scored = nearest(vector, query)
        signal_lists.append(SignalList("dense", scored, z=ask.text_z(vector, text_encoder, scored)))
    if weights.get("text_picture") and picture_encoder and ask.holds("joint", picture_encoder.joint_identity):
        if vector is None or not picture_encoder.joint_is_text_space:
            vector = picture_encoder.encode_text([query])[0]
        pairs = None if picture_encoder.joint_is_text_space else text_picture_pairs(catalogue, picture_encoder)
        signal_lists.append(ask.pictures_of(vector, pairs))
    return ask.fused(signal_lists, weights, k, said)


def search_by_image(
    catalogue: Catalogue,
    picture_encoder: PictureEncoder,
    picture: "Image",
    *,
    part: "Image | None" = None,
    k: int = 10,
    filters: Filters | None = None,
    pool: int = POOL,
    weights: Mapping[str, float] = WEIGHTS,
) -> ItemsResult:
    """Items for a picture: those that look like it first, then those whose texts fit what it shows.

    An item has a "picture" signal when it looks more alike than pictures of the catalogue usually do, and else a
    "picture_text" signal. With ``part``, the main thing cut out of the picture, an item looks like whichever of the two
    it is more alike to. Other arguments and errors are those of `search_by_text`.
    """
    rows = picture_encoder.encode([picture] if part is None else [picture, part])
    return _by_pictures(Ask(catalogue, filters, pool), picture_encoder, rows, None, k=k, weights=weights)


def search_by_frames(
    catalogue: Catalogue,
    picture_encoder: PictureEncoder,
    rows: PictureVectors,
    seconds: Sequence[float],
    *,
    name: str,
    k: int = 10,
    filters: Filters | None = None,
    pool: int = POOL,
    weights: Mapping[str, float] = WEIGHTS,
) -> ItemsResult:
    """Items for a video, as `search_by_image` finds them for a picture; signals say which second shows the item.

    Args:
        rows: the vectors of the video's frames.
        seconds: of each frame.
        name: what the video is called in the signals.
    """
    shown = [Moment(video=name, second=second) for second in seconds]
    return _by_pictures(Ask(catalogue, filters, pool), picture_encoder, rows, shown, k=k, weights=weights)


def search_by_sound(
    catalogue: Catalogue,
    sound_encoder: SoundEncoder,
    sound: Audio,
    *,
    k: int = 10,
    filters: Filters | None = None,
    pool: int = POOL,
    weights: Mapping[str, float] = WEIGHTS,
) -> ItemsResult:
    """Items that sound like a recording at the encoder's rate, most alike first; each by the best of its sounds.

    Other arguments and errors are those of `search_by_text`.
    """
    ask = Ask(catalogue, filters, pool)
    signal_lists: list[SignalList] = []
    if weights.get("sound") and ask.holds("sound", sound_encoder.identity):
        vector = sound_encoder.encode([sound])[0]
        scored, pairs = catalogue.nearest("sound", vector, pool, filters), usual_pairs(catalogue, "sound")
        pairs = replace(pairs, deviation=min(pairs.deviation, max(LEAST_SCALE, (1 - pairs.typical) / SAME_SOUND)))
        z = {item_id: pairs.z(cosine) for item_id, cosine in scored} if pairs.count >= FEWEST_SOUND_PAIRS else {}
        signal_lists.append(SignalList("sound", scored, z=z))
    return ask.fused(signal_lists, weights, k)


def _by_pictures(
    ask: "Ask",
    picture_encoder: PictureEncoder,
    rows: PictureVectors,
    shown: Sequence[Moment] | None,
    *,
    k: int,
    weights: Mapping[str, float],
) -> ItemsResult:
    """Items for a picture, whose first view is the whole of it, or, where ``shown`` has their places, for frames."""
    signal_lists: list[SignalList] = []
    alike: Scored = []
    if weights.get("picture") and ask.holds("visual", picture_encoder.visual_identity):
        looks = ask.alike(rows.visual, shown)
        alike = looks.scored
        signal_lists.append(looks)
    space: Space = "text" if picture_encoder.joint_is_text_space else "joint_text"
    if weights.get("picture_text") and _joint_holds(ask, space, picture_encoder):
        leave_out = {item_id for item_id, _ in alike}
        views = rows.joint[:1] if shown is None else rows.joint
        pairs = None if space == "text" else picture_text_pairs(ask.catalogue, picture_encoder, views)
        signal_lists.append(ask.texts_for(space, views, shown, leave_out, pairs))
    return ask.fused(signal_lists, weights, k)


def _joint_holds(ask: "Ask", space: Space, encoder: PictureEncoder) -> bool:
    """Whether item texts stand in the picture's words' space. The text space itself is checked by whoever made it."""
    identity = ask.catalogue.identity("joint")
    if identity is not None:
        ask.catalogue.check_identity("joint", encoder.joint_identity)
    return ask.catalogue.identity(space) is not None


@dataclass(frozen=True)
class Ask:
    """One question to one catalogue."""

    catalogue: Catalogue
    filters: Filters | None
    pool: int

    def holds(self, space: Space, identity: EncoderIdentity) -> bool:
        """Whether there are vectors to compare with.

        Raises:
            EncoderMismatch: there are, made by another encoder.
        """
        self.catalogue.check_identity(space, identity)
        return self.catalogue.identity(space) is not None

    def pictures_of(self, words: Vector, pairs: JointPairs | None) -> SignalList:
        """Items by how well their pictures fit the words.

        Args:
            words: their vector (d,), not centred.
            pairs: the scale of a joint space of its own; None: the joint space is the text encoder's.
        """
        query = unit_rows((words - self._text_mean())[np.newaxis])[0] if pairs is None else words
        scored = self.catalogue.nearest("joint", query, self.pool, self.filters)
        vectors = self.catalogue.vectors_of("joint", [item_id for item_id, _ in scored])
        if pairs is None:
            scored = self._rescored(query, vectors, own=self._joint_references(), other=self._text_references())
        moments = {}
        for item_id, places in self.catalogue.moments(list(vectors)).items():
            position = int(np.argmax(np.stack(vectors[item_id]) @ query))
            if position in places:
                moments[item_id] = places[position]
        return SignalList("text_picture", scored, z=_joint_z(scored, pairs), moments=moments)

    def by_words(self, query: str) -> SignalList:
        """Items that hold words of the query, and how much of it."""
        hits = self.catalogue.keyword(query, self.pool, self.filters)
        rarity = self.catalogue.rarity(query) if hits else {}
        total = sum(rarity.values()) or 1.0
        return SignalList(
            "keyword",
            [(item_id, score) for item_id, score, _ in hits],
            matched={item_id: words for item_id, _, words in hits},
            share={item_id: sum(rarity.get(word, 0.0) for word in words) / total for item_id, _, words in hits},
        )

    def nearest_texts(self, vector: Vector, _query: str) -> Scored:
        """Items whose texts are nearest to a query's vector."""
        return self.catalogue.nearest("text", vector, self.pool, self.filters)

    def nearest_among_words(self, vector: Vector, query: str) -> Scored:
        """Those that hold words of the query, scored exactly."""
        hits = self.catalogue.keyword(query, AMONG_WORDS, self.filters)
        vectors = self.catalogue.vectors_of("text", [item_id for item_id, _, _ in hits])
        scored = [(item_id, float(np.max(np.stack(rows) @ vector))) for item_id, rows in vectors.items()]
        return sorted(scored, key=lambda pair: (-pair[1], pair[0]))[: self.pool]

    def text_z(self, query: Vector, encoder: QueryEncoder, scored: Scored) -> dict[str, float]:
        """The z-scores of items that were found by a query's vector."""
        vectors = self.catalogue.vectors_of("text", [item_id for item_id, _ in scored])
        if not vectors:
            return {}
        z = calibration(self.catalogue, encoder).z(query, np.stack([rows[0] for rows in vectors.values()]))
        return dict(zip(vectors, map(float, z), strict=True))

    def alike(self, views: Vector, shown: Sequence[Moment] | None) -> SignalList:
        """Items that look like one of the views (n, d) of a picture, or of a video's frames, most alike first.

        An item's likeness is the cosine of the best pair of its pictures and these; for a video, the mean of that and
        of the cosine with all frames together (docs/retrieval.md has the measurements).

        Args:
            shown: where each frame is in the video; None: they are views of one picture.
        """
        pairs = usual_pairs(self.catalogue, "visual")
        together = unit_rows(views.mean(axis=0, keepdims=True))[0]
        queries = list(views) if shown is None else [*views, together]
        found = [self.catalogue.nearest("visual", query, self.pool, self.filters) for query in queries]
        vectors = self.catalogue.vectors_of("visual", list(dict.fromkeys(one for scored in found for one, _ in scored)))
        moments = self.catalogue.moments(list(vectors))
        scores: dict[str, float] = {}
        places: dict[str, Moment] = {}
        own: dict[str, Moment] = {}
        for item_id, item_rows in vectors.items():
            stacked = np.stack(item_rows)
            cosines = views @ stacked.T
            frame, position = divmod(int(np.argmax(cosines)), cosines.shape[1])
            best = float(cosines[frame, position])
            scores[item_id] = best if shown is None else (best + float(np.max(stacked @ together))) / 2
            if shown is not None:
                places[item_id] = shown[frame]
            if position in moments.get(item_id, {}):
                own[item_id] = moments[item_id][position]
        nearest = sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))[: self.pool]
        if pairs.count < FEWEST_PAIRS:
            return SignalList("picture", nearest, shown=places, moments=own)
        z = {item_id: pairs.z(cosine) for item_id, cosine in nearest}
        alike = [pair for pair in nearest if z[pair[0]] >= ALIKE]
        return SignalList("picture", alike, z=z, shown=places, moments=own)

    def texts_for(
        self,
        space: Space,
        views: Vector,
        shown: Sequence[Moment] | None,
        leave_out: set[str],
        pairs: JointPairs | None,
    ) -> SignalList:
        """Items by how well their texts fit the view (n, d) that they fit best; without those in ``leave_out``.

        ``pairs`` is as for `pictures_of`.
        """
        best: dict[str, tuple[float, Moment | None]] = {}
        for view, place in zip(views, shown or repeat(None), strict=shown is not None):
            for item_id, score in self.texts_of(space, view, leave_out, centred=pairs is None):
                if item_id not in best or score > best[item_id][0]:
                    best[item_id] = score, place
        scored = sorted(((one, score) for one, (score, _) in best.items()), key=lambda pair: (-pair[1], pair[0]))
        places = {one: place for one, (_, place) in best.items()}
        return SignalList("picture_text", scored[: self.pool], z=_joint_z(scored, pairs), shown=places)

    def texts_of(self, space: Space, picture: Vector, leave_out: set[str], *, centred: bool) -> Scored:
        """Items by how well their texts fit the picture; without those in ``leave_out``."""
        nearest = self.catalogue.nearest(space, picture, self.pool + len(leave_out), self.filters)
        candidates = [(item_id, cosine) for item_id, cosine in nearest if item_id not in leave_out][: self.pool]
        if not centred:
            return candidates
        vectors = self.catalogue.vectors_of(space, [item_id for item_id, _ in candidates])
        mean = self._text_mean()
        centred_vectors = {item_id: list(unit_rows(np.stack(rows) - mean)) for item_id, rows in vectors.items()}
        return self._rescored(picture, centred_vectors, own=self._text_references(), other=self._joint_references())

    def _rescored(self, query: Vector, vectors: Mapping[str, list[Vector]], *, own: Vector, other: Vector) -> Scored:
        """Candidates by CSLS: twice the cosine, less how near each side is to its neighbours on the opposite side.

        Args:
            query: the question's vector (d,).
            vectors: each candidate's vectors (d,); the best counts.
            own: references (n, d) of the candidates' side, for the query's neighbourhood.
            other: references (n, d) of the query's side, for the candidates' neighbourhoods.
        """
        near_query = neighbourhood(query[np.newaxis], own)[0]
        scores: dict[str, float] = {}
        for item_id, rows in vectors.items():
            stacked = np.stack(rows)
            scores[item_id] = float(np.max(2 * (stacked @ query) - near_query - neighbourhood(stacked, other)))
        return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))

    def _text_mean(self) -> Vector:
        return self.catalogue.cached("text mean", lambda: _mean(self.catalogue.sample("text", MEAN_OF)))

    def _text_references(self) -> Vector:
        """Some of the catalogue's item texts, centred."""
        sample = self.catalogue.sample("text", REFERENCES)
        return self.catalogue.cached("centred texts", lambda: unit_rows(sample - self._text_mean()))

    def _joint_references(self) -> Vector:
        """Some of the catalogue's pictures in the joint space; the encoder has centred them."""
        return self.catalogue.sample("joint", REFERENCES)

    def fused(
        self, signal_lists: Sequence[SignalList], weights: Mapping[str, float], k: int, said: str = ""
    ) -> ItemsResult:
        """The signals' lists as one result, the items that the shop has pinned for what was said first."""
        scores, signals = fuse(signal_lists, weights)
        pinned = self._pinned(said, signals)
        for rank, item_id in enumerate(pinned, start=1):
            signals.setdefault(item_id, []).append(Signal(source="pinned", score=1.0, rank=rank))
        best = [*pinned, *sorted(scores.keys() - set(pinned), key=lambda item_id: (-scores[item_id], item_id))][:k]
        items = self.catalogue.get_many(best)
        hits = [
            hit(items[item_id], scores.get(item_id, 0.0), signals[item_id], filters=self.filters)
            for item_id in best
            if item_id in items
        ]
        total = self.catalogue.total(self.filters, shown=len(hits))
        return ItemsResult(items=hits, total=total.items, has_more=total.has_more)

    def _pinned(self, said: str, signals: Mapping[str, Sequence[Signal]]) -> list[str]:
        """The shop's choice: items pinned for these words that meet the filters, then what fits of the others."""
        rules = self.catalogue.rules()
        if not rules.rules.pinned:
            return []
        items = self.catalogue.get_many(rules.pinned_for(said))
        wanted = [item_id for item_id, item in items.items() if self._passes(item)]
        wanted = [item_id for item_id in rules.pinned_for(said) if item_id in wanted]
        return list(dict.fromkeys([*wanted, *(one for one in rules.pinned_anywhere if _fits(one, signals))]))

    def _passes(self, item: Item) -> bool:
        if self.filters is None:
            return True
        rules = self.catalogue.rules()
        return matches(item, rules.filters(self.filters), rules.language)


def _fits(item_id: str, signals: Mapping[str, Sequence[Signal]]) -> bool:
    """Whether an item was found and has to do with what was asked, by the best of its signals."""
    best = max((one.z for found in signals.values() for one in found if one.source == "dense" and one.z), default=0.0)
    return any(
        (one.source == "dense" and one.z is not None and one.z >= max(FITTING, FITTING_SHARE * best))
        or (one.share or 0.0) > FITTING_WORDS
        or (one.source == "picture" and (one.z is None or one.z >= ALIKE))
        for one in signals.get(item_id, ())
    )


def fuse(
    signal_lists: Sequence[SignalList], weights: Mapping[str, float]
) -> tuple[dict[str, float], dict[str, list[Signal]]]:
    """Weighted reciprocal rank fusion: the score of each item, and every signal that speaks for it."""
    scores: dict[str, float] = {}
    signals: dict[str, list[Signal]] = {}
    for signal_list in signal_lists:
        for rank, (item_id, score) in enumerate(signal_list.scored, start=1):
            signal = Signal(
                source=signal_list.source,
                score=round(score, 4),
                rank=rank,
                z=_rounded(signal_list.z.get(item_id)),
                share=_rounded(signal_list.share.get(item_id)),
                matched=signal_list.matched.get(item_id, []),
                shown=signal_list.shown.get(item_id),
                moment=signal_list.moments.get(item_id),
            )
            signals.setdefault(item_id, []).append(signal)
            scores[item_id] = scores.get(item_id, 0.0) + reciprocal_rank(
                rank, weight=weights.get(signal_list.source, 0.0)
            )
    return scores, signals


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 4)


def neighbourhood(rows: Vector, references: Vector) -> Vector:
    """Each row's mean cosine (n,) to its nearest references; zeros where there are none."""
    if not references.size:
        return np.zeros(len(rows), np.float32)
    cosines = rows @ references.T
    count = min(NEIGHBOURS, cosines.shape[1])
    nearest: Vector = np.partition(cosines, -count, axis=1)[:, -count:].mean(axis=1)
    return nearest


def _joint_z(scored: Scored, pairs: JointPairs | None) -> dict[str, float]:
    return {item_id: pairs.z(cosine) for item_id, cosine in scored} if pairs else {}


def _mean(rows: Vector) -> Vector:
    mean: Vector = rows.mean(axis=0) if rows.size else np.zeros(1, np.float32)
    return mean


def hit(item: Item, score: float = 0.0, signals: Sequence[Signal] = (), *, filters: Filters | None = None) -> Hit:
    """The item as a result carries it: at the price and stock of the variant that meets the filters, if one does."""
    variant = variant_for(item, filters)
    offer = variant or item
    return Hit(
        item_id=item.id,
        title=item.title,
        price=offer.price,
        currency=item.currency,
        category=item.category,
        brand=item.brand,
        in_stock=offer.in_stock,
        variant=variant,
        score=score,
        signals=list(signals),
    )
