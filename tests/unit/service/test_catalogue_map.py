"""Embeddings in two dimensions."""

import numpy as np
import pytest

from assistant.service.routes.catalogue_map import Method, project

METHODS: list[Method] = ["pca", "tsne"]


def groups(count: int, size: int, dimensions: int = 24) -> np.ndarray:
    """``count`` groups of rows, each about a direction of its own."""
    draw = np.random.default_rng(1)
    centres = draw.normal(size=(count, dimensions)) * 3
    return (np.repeat(centres, size, axis=0) + draw.normal(size=(count * size, dimensions)) * 0.1).astype(np.float32)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 6, 60])
def test_any_number_of_rows_has_places_within_bounds(method: Method, count: int) -> None:
    places = project(groups(1, count), method)
    assert places.shape == (count, 2)
    assert np.isfinite(places).all()
    assert np.abs(places).max(initial=0) <= 1 + 1e-9
    if count > 1:
        assert np.abs(places).max() == pytest.approx(1)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_rows_have_the_same_places(method: Method) -> None:
    rows = groups(4, 25)
    assert np.array_equal(project(rows, method), project(rows.copy(), method))


@pytest.mark.parametrize("method", METHODS)
def test_equal_rows_do_not_fail(method: Method) -> None:
    assert not project(np.ones((20, 8), np.float32), method).any()
    rows = np.repeat(groups(2, 5), 20, axis=0)
    places = project(rows, method)
    assert np.isfinite(places).all()
    assert np.allclose(places[::20], places[19::20], atol=1e-6), "equal rows share a place"


@pytest.mark.parametrize("dimensions", [1, 2, 3])
@pytest.mark.parametrize("method", METHODS)
def test_few_dimensions_are_enough(method: Method, dimensions: int) -> None:
    rows = np.random.default_rng(0).normal(size=(12, dimensions)).astype(np.float32)
    assert project(rows, method).shape == (12, 2)


@pytest.mark.parametrize("method", METHODS)
def test_groups_stay_together(method: Method) -> None:
    places = project(groups(3, 30), method).reshape(3, 30, 2)
    centres = places.mean(axis=1)
    widest = max(
        float(np.linalg.norm(group - centre, axis=1).max()) for group, centre in zip(places, centres, strict=True)
    )
    nearest = min(float(np.linalg.norm(centres[i] - centres[j])) for i in range(3) for j in range(i))
    assert nearest > widest
