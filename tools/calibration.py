"""Scores of texts on one scale for every encoder and catalogue.

A cosine says nothing by itself: unrelated texts have .05 by one encoder and .8 by another, more when they share a
language, and some items are near to everything. A score is therefore compared with those of queries that have nothing
to do with the item: wishes for goods of all kinds, the same ones in several languages (null_queries.yaml). They are
embedded once for an encoder and kept in the catalogue.

The z-score of a query q and an item i is ``(cos(q, i) - m(i) - m(q)) / s``, cohort score normalisation of both sides:

- ``m(i)`` is the median cosine of the item to the null queries;
- ``m(q)`` is the median cosine of the query to the catalogue's items, but never more than usual for a query with this
  median cosine to the null queries and of this language: all items of a shop for shoes lie near to "shoes";
- ``s`` is the median absolute deviation of what is left between null queries and items.

Some null queries do have to do with some items, so everything rests on medians. docs/retrieval.md has what this
separates, beside other ways.

Words and pictures of a joint space have a scale of their own, one for each direction (`text_picture_pairs`,
`picture_text_pairs`): their cosines are lower than those of two texts.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import yaml
from numpy.typing import NDArray

from tools.engines.text import Purpose

if TYPE_CHECKING:
    from tools.engines.pictures import PictureEncoder
    from tools.records import EncoderIdentity
    from tools.store import Catalogue, Space, Vector, Writer

ITEMS = 2_000
"""Over how many of the catalogue's items its part of the null distribution is taken."""

PRIOR_ITEMS = 5.0
"""How many items the usual median counts as, beside the catalogue's own: a catalogue of three items has no median."""

LEAST_SCALE = 1e-6
"""Keeps a catalogue of equal items from dividing by zero."""


PAIRS_OF = 500
"""Over the pairs of how many vectors the usual likeness of two items is taken."""

ALIKE = 3.0
"""The z-score from which two pictures, or two texts, count as alike: one unrelated pair in a thousand gets there."""

SOUNDS_ALIKE = 1.5
"""The same for two sounds: one unrelated pair of made sounds in a hundred gets there (docs/retrieval.md)."""

SOUNDS_NEAR = 0.75
"""The z-score from which a sound is somewhat like another: one unrelated pair in ten gets there."""

FITTING = 4.2
"""The z-score from which an item's text has to do with a query; one wish in eight for goods that there are none of gets
there."""

JOINT_FITTING = 3.0
"""The z-score from which words and a picture fit each other in a joint space; with a small CLIP one unrelated text in
fifty gets there (docs/retrieval.md)."""

JOINT_RELEVANT = 3.5
"""The z-score from which this alone makes an item relevant; one unrelated text in a hundred gets there."""

FEWEST_PAIRS = 100
"""With fewer pairs than this their deviation is taken to be at least a sixth of what lies above the typical one."""

_HIGHEST_COSINE = 0.999
"""Fisher's transformation of 1 is infinite."""


class CalibratedEncoder(Protocol):
    """The part of `tools.engines.text.TextEncoder` that calibration uses."""

    @property
    def identity(self) -> "EncoderIdentity":
        """Which encoder it is."""

    def encode_once(self, texts: Sequence[str], *, purpose: Purpose = ...) -> NDArray[np.float32]:
        """Texts that never change to unit rows (n, d)."""


@cache
def null_queries() -> dict[str, list[str]]:
    """By language, wishes for the same goods in the same order."""
    queries: dict[str, list[str]] = yaml.safe_load((Path(__file__).parent / "null_queries.yaml").read_text("utf-8"))
    return queries


def prepare(catalogue: "Catalogue", writer: "Writer", encoder: CalibratedEncoder, pictures: "PictureEncoder") -> None:
    """Keep the null queries' vectors of both encoders in a catalogue that has items and lacks them."""
    if not catalogue.count():
        return
    name = _name(encoder.identity)
    if catalogue.noted_vectors(name) is None:
        writer.note_vectors(name, _encoded(encoder))
    if pictures.joint_is_text_space:
        return
    name = _name(pictures.joint_identity)
    if catalogue.noted_vectors(name) is None:
        writer.note_vectors(name, pictures.encode_text(_null_texts()))


def calibration(catalogue: "Catalogue", encoder: CalibratedEncoder) -> "Calibration":
    """The scale of this catalogue by this encoder; made anew when the catalogue changes."""

    def build() -> Calibration:
        vectors = catalogue.noted_vectors(_name(encoder.identity))
        return Calibration(_encoded(encoder) if vectors is None else vectors, catalogue.sample("text", ITEMS))

    return catalogue.cached(f"calibration {_name(encoder.identity)}", build)


def _encoded(encoder: CalibratedEncoder) -> "Vector":
    return encoder.encode_once(_null_texts(), purpose="query")


def _null_texts() -> list[str]:
    return [query for queries in null_queries().values() for query in queries]


def _name(identity: "EncoderIdentity") -> str:
    """Tells vectors of another encoder or of other queries apart."""
    made_from = f"{identity.model_dump_json()} {null_queries()}"
    return "null queries " + hashlib.blake2b(made_from.encode(), digest_size=8).hexdigest()


@dataclass(frozen=True)
class Calibration:
    """The null distribution of one catalogue by one encoder.

    Attributes:
        queries: the null queries' vectors (n, d), language by language.
        items: vectors of the catalogue's items (m, d), m at least 1.
    """

    queries: "Vector"
    items: "Vector"

    def z(self, query: "Vector", rows: "Vector") -> "Vector":
        """The z-scores (k,) of a query (d,) and items (k, d), all of unit length."""
        to_queries = self.queries @ query
        usual = np.median(to_queries) + self._offsets[self._language(to_queries)]
        centre = self._centre(np.median(self.items @ query), usual)
        z: Vector = (rows @ query - np.median(rows @ self.queries.T, axis=1) - centre - self._shift) / self._scale
        return z

    def _centre(self, own: "np.floating | Vector", usual: "np.floating | Vector") -> "np.floating | Vector":
        """What a query scores with unrelated items, from its median over the catalogue and what is usual for it."""
        weight = len(self.items) / (len(self.items) + PRIOR_ITEMS)
        return weight * np.minimum(own, usual + self._deviation) + (1 - weight) * usual

    def _language(self, to_queries: "Vector") -> int:
        """The language of a text by its cosines to the null queries: they ask for the same in each."""
        return int(to_queries.reshape(len(null_queries()), -1).mean(axis=1).argmax())

    @cached_property
    def _null(self) -> "Vector":
        """Cosines of null queries and items (n, m)."""
        return self.queries @ self.items.T

    @cached_property
    def _excess(self) -> "Vector":
        """By how much each null query's median over the items is above that over the other null queries (n,)."""
        others = self.queries @ self.queries.T
        np.fill_diagonal(others, np.nan)
        excess: Vector = np.median(self._null, axis=1) - np.nanmedian(others, axis=1)
        return excess

    @cached_property
    def _offsets(self) -> "Vector":
        """The usual excess of each language (languages,)."""
        offsets: Vector = np.median(self._excess.reshape(len(null_queries()), -1), axis=1)
        return offsets

    @cached_property
    def _deviation(self) -> float:
        return deviation(self._excess - self._by_query(self._offsets))

    @cached_property
    def _residual(self) -> "Vector":
        """What is left of the cosines of null queries and items (n, m)."""
        own = np.median(self._null, axis=1)
        centres = self._centre(own, own - self._excess + self._by_query(self._offsets))
        medians = np.median(self._null, axis=0).astype(np.float32)
        residual: Vector = self._null - medians - np.asarray(centres, np.float32)[:, np.newaxis]
        return residual

    @cached_property
    def _shift(self) -> float:
        return float(np.median(self._residual))

    @cached_property
    def _scale(self) -> float:
        return max(deviation(self._residual), LEAST_SCALE)

    def _by_query(self, by_language: "Vector") -> "Vector":
        return np.repeat(by_language, len(self.queries) // len(by_language))


@dataclass(frozen=True)
class Pairs:
    """How alike two items of a catalogue usually are in one space.

    Median and median absolute deviation, because a catalogue's many near-duplicates must not raise the bar.
    """

    typical: float = 0.0
    deviation: float = 1 / 6
    count: int = 0

    @classmethod
    def of(cls, vectors: "Vector") -> "Pairs":
        """The pairs of these unit vectors (n, d)."""
        first, second = np.triu_indices(len(vectors), 1)
        if not len(first):
            return cls()
        cosines = (vectors @ vectors.T)[first, second]
        typical, least = float(np.median(cosines)), LEAST_SCALE
        if len(first) < FEWEST_PAIRS:
            least = max(least, (1 - typical) / 6)
        return cls(typical, max(deviation(cosines), least), len(first))

    def z(self, cosine: float) -> float:
        """How many deviations a cosine lies above the typical one."""
        return (cosine - self.typical) / self.deviation


def usual_pairs(catalogue: "Catalogue", space: "Space") -> Pairs:
    """How alike two items of this catalogue usually are in a space."""
    return catalogue.cached(f"pairs {space}", lambda: Pairs.of(catalogue.sample(space, PAIRS_OF)))


class JointPairs(Pairs):
    """How well unrelated words and pictures fit each other in a joint space, in one direction.

    Cosines are taken by Fisher's transformation (artanh), which spreads those near 1: there is no upper bound to a z.
    """

    @classmethod
    def between(cls, texts: "Vector", pictures: "Vector") -> "JointPairs":
        """All pairs of these unit vectors (n, d) and (m, d)."""
        if not (len(texts) and len(pictures)):
            return cls()
        values = _fisher(texts @ pictures.T)
        return cls(float(np.median(values)), max(deviation(values), LEAST_SCALE), values.size)

    def z(self, cosine: float) -> float:
        """How many deviations a cosine lies above the typical one."""
        return super().z(float(_fisher(np.float32(cosine))))


def text_picture_pairs(catalogue: "Catalogue", encoder: "PictureEncoder") -> JointPairs:
    """Null queries with the catalogue's pictures."""
    return catalogue.cached(
        f"text to picture {_name(encoder.joint_identity)}",
        lambda: JointPairs.between(_joint_nulls(catalogue, encoder), catalogue.sample("joint", ITEMS)),
    )


def picture_text_pairs(catalogue: "Catalogue", encoder: "PictureEncoder", views: "Vector") -> JointPairs:
    """The catalogue's pictures with its item texts and the null queries.

    Args:
        views: the question's pictures (n, d), which stand in for those of a catalogue that has none.
    """

    def build(pictures: "Vector") -> JointPairs:
        nulls = _joint_nulls(catalogue, encoder)
        texts = catalogue.sample("joint_text", PAIRS_OF).reshape(-1, nulls.shape[1])
        return JointPairs.between(np.concatenate([nulls, texts]), pictures)

    pictures = catalogue.sample("joint", PAIRS_OF)
    if not len(pictures):
        return build(views)
    return catalogue.cached(f"picture to text {_name(encoder.joint_identity)}", lambda: build(pictures))


def _joint_nulls(catalogue: "Catalogue", encoder: "PictureEncoder") -> "Vector":
    name = _name(encoder.joint_identity)

    def build() -> "Vector":
        vectors = catalogue.noted_vectors(name)
        return encoder.encode_text(_null_texts()) if vectors is None else vectors

    return catalogue.cached(f"joint {name}", build)


def _fisher(cosines: "Vector | np.float32") -> "Vector":
    transformed: Vector = np.arctanh(np.clip(cosines, -_HIGHEST_COSINE, _HIGHEST_COSINE))
    return transformed


def deviation(values: "Vector") -> float:
    """The standard deviation as the median absolute deviation gives it: outliers don't count."""
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))
