"""A taste brought from one side to the other, measured: sides, texts, what is found, and the table."""

import numpy as np
import pytest

from assistant.errors import BadInput
from eval.research import cross_domain
from eval.research.cross_domain import CrossFigure, measure, sides_of, table, without_years
from eval.research.public.interactions import Dataset, collect

FILMS, LIKED_THERE, LIKED_HERE = 40, 12, 16


def test_a_film_is_of_a_side_where_all_its_genres_are() -> None:
    texts = ["Heat. 1995. Action Crime", "Big. 1988. Comedy", "Speed. 1994. Action Romance", "X. 1990. unknown", ""]
    assert sides_of(texts).tolist() == [0, 1, -1, -1, -1]


def test_years_are_left_out_of_texts_and_not_of_titles() -> None:
    texts = ["2001: A Space Odyssey. 1968. Drama", "Mr. 1984. No. 1984. Crime", "Big. Comedy"]
    assert without_years(texts)[::2] == ["2001: A Space Odyssey. Drama", "Big. Comedy"]


@pytest.fixture
def dataset() -> Dataset:
    """Sixty people, each of one of two tastes that both sides know; all choose at random within their taste."""
    draw, events = np.random.default_rng(3), []
    for user in range(60):
        for side, count in (("a", LIKED_THERE), ("c", LIKED_HERE)):
            own = draw.permutation(FILMS // 2)[:count] * 2 + user % 2
            events += [(f"u{user}", f"{side}{film}", 5.0, 1_000 + place) for place, film in enumerate(own)]
    items = [f"{side}{film}" for side in "ac" for film in range(FILMS)]
    texts = [f"{item}. 1990. {'Action' if item[0] == 'a' else 'Comedy'}" for item in items]
    return Dataset("made", collect(events, items=items), texts, "none")


def vectors(dataset: Dataset) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """What all films share, the side, and the taste."""
    rows = [[3.0, item[0] == "a", 1.0 - 2 * (int(item[1:]) % 2)] for item in dataset.interactions.items]
    matrix = np.array(rows, np.float32) + np.random.default_rng(5).normal(scale=0.05, size=(len(rows), 3))
    return (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float32)


def test_a_taste_that_both_sides_know_helps_and_somebody_elses_does_not(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cross_domain, "KNOWN", (0, 1))
    found = measure(dataset, vectors(dataset), lambda said: np.zeros((len(said), 3), np.float32))
    figures = {(one.into, one.wish, one.known, one.name): one for one in found.figures}

    def at(name: str, *, wish: bool = False, known: int = 0) -> CrossFigure:
        return figures["comedy", wish, known, name]

    assert found.items == {"action": FILMS, "comedy": FILMS}
    assert at("import alone").ndcg > 0.7 > at("popularity").ndcg
    best = at("with import")
    assert best.gain
    assert best.personal
    assert best.gain.low > 0 < best.personal.low
    assert best.people == 30, "the other half chose the weight"
    assert at("with import", wish=True).ndcg > at("somebody else's", wish=True).ndcg
    assert found.ablations["as it is"] > found.ablations["somebody else's"]
    assert found.curve["no wish, none"]["0"][1] == 0.0
    lines = list(table(found))
    assert len(lines) == 2 + len(found.curve) + 2 + len(found.figures) + 1 + len(found.ablations)
    assert sum(len(line) > 250 for line in lines[-len(found.figures) :]) == 0


def test_without_anybody_on_both_sides_it_says_so(dataset: Dataset) -> None:
    few = Dataset("few", collect([("u", "a0", 5.0, 1)], items=dataset.interactions.items), dataset.texts, "none")
    with pytest.raises(BadInput, match="few has nobody with enough events on both sides"):
        measure(few, vectors(dataset), lambda said: np.zeros((len(said), 3), np.float32))
