"""The rankers: each one signal, or none, over the whole catalogue. All bring `POOL` items at most.

What they read of a conversation: the words of all its turns, typed and spoken, newest turn first, simply one after the
other; and the photos of the newest turn that brought any. Newest first, because a text encoder reads only so much.
"""

import logging
import random
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

from assistant.settings import Settings
from eval.runs.answering import ReadyTurn
from eval.runs.baselines.ranking import MakeRanker, Ranker
from tools.media import load_audio, load_picture
from tools.records import Item
from tools.search import POOL
from tools.toolbox import Engines

POPULARITY = ("interactions", "purchases", "sold", "views", "popularity")
"""Attributes that tell how popular an item is, the first that any item has; larger is more popular."""

logger = logging.getLogger(__name__)


def random_items(engines: Engines, settings: Settings) -> Ranker:
    """Items in an order drawn by the settings' seed (``llm.seed``) and what was said: the same in every run."""
    ids = [item.id for item in engines.catalogue.items()]

    def rank(turns: Sequence[ReadyTurn]) -> list[str]:
        messages = [f"{ready.text} {len(ready.images)} {len(ready.audio)}" for ready in turns]
        generator = random.Random("\n".join([str(settings.llm.seed), *messages]))
        return generator.sample(ids, min(POOL, len(ids)))

    return rank


def popular_items(engines: Engines, settings: Settings) -> Ranker:
    """The most popular items, whatever is asked.

    Where no item tells its popularity, the catalogue's own order stands in for it, and a warning says so: a shop's
    catalogue is often sorted by what it wants to show first, but nothing is claimed for it.
    """
    items = list(engines.catalogue.items())
    name = popularity_attribute(items)
    if name is None:
        logger.warning("No item tells how popular it is: the baseline 'popular' takes the catalogue's own order.")
    else:
        items.sort(key=lambda item: -_number(item, name))
    ids = [item.id for item in items[:POOL]]
    return lambda _: list(ids)


def popularity_attribute(items: Sequence[Item]) -> str | None:
    """Which attribute tells the items' popularity; None when no item has one."""
    return next((name for name in POPULARITY if any(_number(item, name) for item in items)), None)


def _number(item: Item, name: str) -> float:
    value = item.attributes.get(name)
    return float(value) if isinstance(value, int | float) else 0.0


def keyword_items(engines: Engines, settings: Settings) -> Ranker:
    """Items by BM25 over the keyword index (SQLite FTS5) that the product searches too."""
    words = _reader(engines)
    return lambda turns: [hit[0] for hit in engines.catalogue.keyword(words(turns), POOL)]


def dense_items(engines: Engines, settings: Settings) -> Ranker:
    """Items by the cosine of their texts to the words, by the product's text encoder."""
    words = _reader(engines)
    engines.catalogue.check_identity("text", engines.text.identity)

    def rank(turns: Sequence[ReadyTurn]) -> list[str]:
        query = words(turns)
        if not query:
            return []
        nearest = engines.catalogue.nearest("text", engines.text.encode([query], purpose="query")[0], POOL)
        return [item_id for item_id, _ in nearest]

    return rank


def picture_items(engines: Engines, settings: Settings) -> Ranker:
    """Items by the cosine of their photos to the user's; an item counts by the nearest pair of photos."""
    engines.catalogue.check_identity("visual", engines.pictures.visual_identity)

    def rank(turns: Sequence[ReadyTurn]) -> list[str]:
        photos = next((ready.images for ready in reversed(turns) if ready.images), None)
        if photos is None:
            return []
        best: dict[str, float] = {}
        for vector in engines.pictures.encode([load_picture(path, engines.limits) for path in photos]).visual:
            for item_id, cosine in engines.catalogue.nearest("visual", vector, POOL):
                best[item_id] = max(cosine, best.get(item_id, -1.0))
        return sorted(best, key=lambda item_id: (-best[item_id], item_id))[:POOL]

    return rank


def _reader(engines: Engines) -> Callable[[Sequence[ReadyTurn]], str]:
    """Gives all words of a conversation, newest turn first; every recording is transcribed once."""

    @lru_cache(maxsize=1_000)
    def transcript_of(path: Path) -> str:
        return engines.speech.transcribe(load_audio(path, engines.limits)).text

    def words(turns: Sequence[ReadyTurn]) -> str:
        parts = [part for ready in reversed(turns) for part in (ready.text, *map(transcript_of, ready.audio))]
        return "\n".join(part.strip() for part in parts if part.strip())

    return words


RANKERS: dict[str, MakeRanker] = {
    "random": random_items,
    "popular": popular_items,
    "bm25": keyword_items,
    "dense": dense_items,
    "picture": picture_items,
}
