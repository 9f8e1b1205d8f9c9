"""Scores on one scale: what is unrelated lies about zero by any encoder, what was asked for far above."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.fakes.catalogues import entry
from tests.fakes.encoders import HashPictures, HashText
from tools.calibration import (
    ALIKE,
    Calibration,
    JointPairs,
    Pairs,
    calibration,
    null_queries,
    picture_text_pairs,
    prepare,
)
from tools.records import Item
from tools.store import Catalogue

DIMENSIONS = 256
LANGUAGES = len(null_queries())
GOODS = len(null_queries()["en"])


def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    unit_rows: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)
    return unit_rows


class Encoder:
    """An artificial encoder: a text is its topic, its language, and what all texts share."""

    def __init__(self, *, shared: float, language: float, seed: int = 1) -> None:
        draw = np.random.default_rng(seed)
        self.topics = unit(draw.normal(size=(200, DIMENSIONS)))
        self.languages = unit(draw.normal(size=(LANGUAGES, DIMENSIONS))) * language
        self.shared = unit(draw.normal(size=DIMENSIONS)) * shared
        self.draw = draw

    def texts(self, topics: list[int], language: int) -> NDArray[np.float32]:
        noise = self.draw.normal(size=(len(topics), DIMENSIONS)) * 0.6 / np.sqrt(DIMENSIONS)
        return unit(self.topics[topics] + noise + self.languages[language] + self.shared)

    def null_queries(self) -> NDArray[np.float32]:
        return np.concatenate([self.texts(list(range(GOODS)), language) for language in range(LANGUAGES)])


SHOP = list(range(100, 140))
"""Topics of a shop's items; the null queries have the first ones, absent goods those from 150 on."""

ENCODERS = {
    "spread": Encoder(shared=0.2, language=0.2),
    "crowded": Encoder(shared=3.0, language=0.3),
    "by language": Encoder(shared=0.5, language=1.0),
}


@pytest.mark.parametrize("encoder", ENCODERS.values(), ids=list(ENCODERS))
@pytest.mark.parametrize("language", [0, LANGUAGES - 1])
def test_what_was_asked_for_stands_out_and_what_there_is_not_does_not(encoder: Encoder, language: int) -> None:
    items = encoder.texts(SHOP, language)
    scale = Calibration(encoder.null_queries(), items)
    present = [scale.z(query, items) for query in encoder.texts(SHOP, language)]
    absent = [scale.z(query, items) for query in encoder.texts(list(range(150, 190)), language)]
    assert all(int(z.argmax()) == position for position, z in enumerate(present))
    assert min(z.max() for z in present) > max(z.max() for z in absent)
    assert abs(float(np.median(absent))) < 1


def test_encoders_of_other_ranges_give_like_scores() -> None:
    best = []
    for name in ("spread", "crowded"):
        encoder = ENCODERS[name]
        items = encoder.texts(SHOP, 0)
        scale = Calibration(encoder.null_queries(), items)
        best.append(np.median([scale.z(query, items).max() for query in encoder.texts(SHOP, 0)]))
    assert best[0] == pytest.approx(best[1], rel=0.4)


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_all_items_of_a_shop_for_one_kind_of_thing_are_what_was_asked_for(count: int) -> None:
    encoder = Encoder(shared=0.2, language=0.2, seed=3)
    shoes = encoder.texts([100] * count, 0)
    scale = Calibration(encoder.null_queries(), shoes)
    (query,), (other_query,) = encoder.texts([100], 0), encoder.texts([150], 0)
    assert scale.z(query, shoes).min() > 4
    assert scale.z(other_query, shoes).max() < 4


def test_equal_items_give_finite_scores() -> None:
    encoder = Encoder(shared=0.2, language=0.2)
    items = np.repeat(encoder.texts([100], 0), 3, axis=0)
    scale = Calibration(np.repeat(encoder.texts([1], 0), GOODS * LANGUAGES, axis=0), items)
    assert np.isfinite(scale.z(items[0], items)).all()


def test_every_language_asks_for_the_same_number_of_things() -> None:
    assert {len(queries) for queries in null_queries().values()} == {GOODS}
    assert all(len(set(queries)) == GOODS for queries in null_queries().values())


def test_null_queries_are_embedded_once_for_an_encoder_and_kept(tmp_path: Path) -> None:
    encoder = HashText("kept in the catalogue")
    with Catalogue.open(tmp_path) as catalogue, catalogue.writing() as writer:
        prepare(catalogue, writer, encoder, HashPictures())
        assert encoder.encoded_once == [], "an empty catalogue has nothing to compare with"
        writer.put([entry(Item(id=f"i{n}", title=f"chair {n}")) for n in range(3)], [])
        prepare(catalogue, writer, encoder, HashPictures())
        prepare(catalogue, writer, encoder, HashPictures())
    assert len(encoder.encoded_once) == GOODS * LANGUAGES
    again = HashText("kept in the catalogue")
    with Catalogue.open(tmp_path, read_only=True) as catalogue:
        assert calibration(catalogue, again).queries.shape == (GOODS * LANGUAGES, 24)
    assert again.encoded_once == []


def test_a_catalogue_of_before_is_calibrated_at_its_first_search(tmp_path: Path) -> None:
    encoder = HashText("new at a search")
    with Catalogue.open(tmp_path) as catalogue:
        assert len(calibration(catalogue, encoder).queries) == GOODS * LANGUAGES
        assert calibration(catalogue, encoder) is calibration(catalogue, encoder)
    assert len(encoder.encoded_once) == GOODS * LANGUAGES


@pytest.mark.parametrize("crowding", [0.0, 3.0])
def test_near_duplicates_are_alike_and_unrelated_pairs_are_not(crowding: float) -> None:
    encoder = Encoder(shared=crowding, language=0.2)
    items = encoder.texts(list(range(100, 160)), 0)
    pairs = Pairs.of(items)
    (again,) = encoder.texts([100], 0)
    assert pairs.z(float(items[0] @ again)) > ALIKE
    assert np.mean([pairs.z(float(items[a] @ items[b])) > ALIKE for a in range(30) for b in range(30, 60)]) < 0.02


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_with_few_pairs_only_what_is_much_alike_is(count: int) -> None:
    pairs = Pairs.of(np.eye(8, dtype=np.float32)[:count] if count else np.zeros((0, 0), np.float32))
    assert pairs.z(1.0) > ALIKE > pairs.z(0.3)


def test_what_fits_in_a_joint_space_stands_out_however_far_words_lie_from_pictures() -> None:
    draw = np.random.default_rng(3)
    things = draw.normal(size=(60, DIMENSIONS))
    for gap in (0.0, 2.0):  # what all words share and no picture has
        aside = unit(draw.normal(size=DIMENSIONS)) * gap * np.sqrt(DIMENSIONS)
        texts, pictures = unit(things + aside), unit(things + draw.normal(size=things.shape) - aside)
        pairs = JointPairs.between(texts[:30], pictures[30:])
        z = np.array([[pairs.z(cosine) for cosine in row] for row in texts[30:] @ pictures[30:].T])
        assert np.diag(z).min() > 4 > np.abs(z[~np.eye(30, dtype=bool)]).max()
        assert abs(float(np.median(z))) < 0.5
        assert np.isfinite([pairs.z(1.0), pairs.z(-1.0)]).all()


def test_a_catalogue_without_pictures_is_compared_with_those_of_the_question(tmp_path: Path) -> None:
    encoder = HashPictures(own_text_space=True)
    views = encoder.encode_text(["a view"])
    with Catalogue.open(tmp_path) as catalogue:
        assert picture_text_pairs(catalogue, encoder, views).count == GOODS * LANGUAGES
