"""The catalogue's embeddings in two dimensions, computed aside and kept until the catalogue changes."""

import asyncio
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tools.engines.lazy import importing
from tools.engines.parts import Engines
from tools.records import Record
from tools.store import Space, Vector

MOST_POINTS = 5_000
MOST_BY_NEIGHBOURS = 3_000
"""t-SNE's time grows faster than the number of points; this many take about half a minute on two cores."""
AUTO_NEIGHBOURS = 1_000
DIMENSIONS = 50
"""t-SNE works on so many principal components, as its authors advise."""
PERPLEXITY = 30.0
FEWEST_NEIGHBOURS = 4
"""So few points have no neighbourhoods to keep."""
SEED = 7
MOST_MAPS = 6

Method = Literal["pca", "tsne"]
MapSpace = Literal["text", "picture"]


class Point(Record):
    """An item's place; coordinates lie within -1 and 1."""

    item_id: str
    title: str
    category: str | None
    x: float
    y: float


class Map(Record):
    """Items near each other read or look alike; directions mean nothing."""

    space: MapSpace
    method: Method
    points: list[Point]
    total: int = Field(description="items that have a vector here; more than points: those are a fixed sample")
    sampled: bool
    version: int = Field(description="the catalogue's version that this shows")
    seconds: float = Field(description="what computing it took")


class Maps:
    """Computes each map once, however many ask."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="map")
        self._maps: OrderedDict[tuple[int, MapSpace, Method | None], asyncio.Future[Map]] = OrderedDict()

    async def get(self, space: MapSpace, method: Method | None) -> Map:
        """The map of the catalogue as it is now; without a method t-SNE for at most 1,000 items, else PCA."""
        version = await asyncio.to_thread(lambda: self._engines.catalogue.version())
        key = (version, space, method)
        drawing = self._maps.get(key)
        if drawing is None or (drawing.done() and (drawing.cancelled() or drawing.exception())):
            loop = asyncio.get_running_loop()
            drawing = self._maps[key] = asyncio.ensure_future(
                loop.run_in_executor(self._thread, self._draw, version, space, method)
            )
        self._maps.move_to_end(key)
        while len(self._maps) > MOST_MAPS:
            self._maps.popitem(last=False)
        return await asyncio.shield(drawing)

    def close(self) -> None:
        """Begin no further map."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _draw(self, version: int, space: MapSpace, method: Method | None) -> Map:
        began = time.perf_counter()
        catalogue = self._engines.catalogue
        stored: Space = "text" if space == "text" else "visual"
        most = MOST_BY_NEIGHBOURS if method == "tsne" else MOST_POINTS
        ids, rows = catalogue.spread(stored, most)
        used: Method = method or ("tsne" if len(ids) <= AUTO_NEIGHBOURS else "pca")
        places = project(rows, used)
        items = catalogue.get_many(ids)
        points = [
            Point(
                item_id=i, title=items[i].title, category=items[i].category, x=round(float(x), 4), y=round(float(y), 4)
            )
            for i, (x, y) in zip(ids, places, strict=True)
            if i in items
        ]
        total = len(points) if len(ids) < most else catalogue.count_in(stored)
        seconds = round(time.perf_counter() - began, 3)
        return Map(
            space=space, method=used, points=points, total=total, sampled=total > len(points), version=version,
            seconds=seconds,
        )  # fmt: skip


def project(rows: Vector, method: Method) -> NDArray[np.float64]:
    """Vectors (n, d) to places (n, 2) within -1 and 1, the same ones each time; equal vectors share a place."""
    if not len(rows):
        return np.zeros((0, 2))
    different, which = np.unique(rows, axis=0, return_inverse=True)
    # Without the duplicates: scikit-learn 1.9's t-SNE divides by zero on equal rows, and then ends the process.
    if method == "tsne" and len(different) > FEWEST_NEIGHBOURS:
        places = _by_neighbours(_principal(different, DIMENSIONS))[which.ravel()]
    elif len(different) > 1:
        places = _principal(rows, 2)
    else:
        places = np.zeros((len(rows), 2))
    places = np.hstack([places, np.zeros((len(places), 2 - places.shape[1]))])
    places = places - (places.max(axis=0) + places.min(axis=0)) / 2
    scaled: NDArray[np.float64] = places / max(float(np.abs(places).max()), 1e-12)
    return scaled


def _principal(rows: Vector, most: int) -> NDArray[np.float64]:
    with importing():
        from sklearn.decomposition import PCA

    components = min(most, *rows.shape)
    coordinates: NDArray[np.float64] = PCA(components, random_state=SEED).fit_transform(rows.astype(np.float64))
    return coordinates


def _by_neighbours(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    with importing():
        from sklearn.manifold import TSNE

    perplexity = min(PERPLEXITY, (len(rows) - 1) / 3)
    start = "pca" if rows.shape[1] >= 2 else "random"
    coordinates: NDArray[np.float64] = TSNE(2, perplexity=perplexity, init=start, random_state=SEED).fit_transform(rows)
    return coordinates.astype(np.float64)
