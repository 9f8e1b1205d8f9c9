"""Searching, browsing and writing a large catalogue: ``python -m eval.bench scale --lines N``, one item a line.

The items are made: brands, categories, attributes and words by Zipf's law, log-normal prices, vectors around centres.
They are written by the store's own writer, without encoders. The first search is of a process of its own.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from eval.bench.report import Result, Table, percent
from eval.bench.stage import Stage
from tools.records import EncoderIdentity, Filters, Item
from tools.store import Catalogue, CatalogueEntry, NewVector, Sort, Vector

DIMENSIONS: Final = 256
CENTRES: Final = 500
SPREAD: Final = 0.7
"""Standard deviation of a vector's numbers around its centre, whose own is 1."""
VOCABULARY: Final = 60_000
BRANDS: Final = 2_000
CATEGORIES: Final = 400
COLOURS: Final = ("black", "white", "grey", "blue", "red", "green", "brown", "pink", "yellow", "gold")
BATCH: Final = 1_000
QUERIES: Final = 40
K: Final = 50
"""As many as a signal brings into the fusion (`tools.search.POOL`)."""
TARGET_MS: Final = 50
ENCODER: Final = EncoderIdentity(encoder="made", weights="0", dimensions=DIMENSIONS, preprocessing="none")


@dataclass(frozen=True)
class Made:
    """Draws items and queries; the same seed gives the same ones."""

    chance: np.random.Generator
    centres: Vector

    @classmethod
    def of(cls, seed: int) -> "Made":
        """Everything by this seed."""
        chance = np.random.default_rng(seed)
        return cls(chance, chance.standard_normal((CENTRES, DIMENSIONS)).astype(np.float32))

    def zipf(self, most: int, count: int, exponent: float = 1.1) -> list[int]:
        """Ranks below ``most``, 0 the most frequent."""
        weights = np.arange(1, most + 1, dtype=float) ** -exponent
        draws = np.searchsorted(np.cumsum(weights), self.chance.random(count) * weights.sum())
        return [int(one) for one in np.minimum(draws, most - 1)]

    def around(self, categories: Sequence[int]) -> Vector:
        """Unit rows (n, d), each around one of the few centres of its category."""
        rows = self.centres[(5 * np.asarray(categories) + self.chance.integers(0, 5, len(categories))) % CENTRES]
        rows = rows + SPREAD * self.chance.standard_normal(rows.shape).astype(np.float32)
        unit: Vector = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        return unit

    def batch(self, start: int, count: int) -> tuple[list[CatalogueEntry], list[NewVector]]:
        """Items ``start`` and on, and their vectors."""
        words = iter(self.zipf(VOCABULARY, 24 * count))
        brands, categories = self.zipf(BRANDS, count), self.zipf(CATEGORIES, count)
        colours, materials = self.zipf(len(COLOURS), count), self.zipf(300, count)
        prices, stocks = np.exp(self.chance.normal(3.5, 1.2, count)).round(2), self.chance.random(count) < 0.9
        columns = zip(brands, categories, colours, materials, prices, stocks, strict=True)
        entries = []
        for number, (brand, category, colour, material, price, stock) in enumerate(columns, start):
            text = [word_of(next(words)) for _ in range(24)]
            item = Item(
                id=f"s{number}",
                title=" ".join(text[:5]),
                description=" ".join(text[5:]),
                price=float(price),
                currency="EUR",
                category=f"Group{category % 20} > Kind{category}",
                brand=f"Brand{brand}",
                in_stock=bool(stock),
                attributes={"color": COLOURS[colour], "material": f"material{material}"},
            )
            digest = number.to_bytes(16, "big")
            entries.append(CatalogueEntry(item, content_hash=digest, text_hash=digest))
        rows = self.around(categories)
        return entries, [NewVector("text", one.content_hash, row) for one, row in zip(entries, rows, strict=True)]


def word_of(rank: int) -> str:
    """A word by its rank, of letters alone."""
    letters = "bcdfghjklmnpqrtvwz"
    word = ""
    while True:
        rank, place = divmod(rank, len(letters))
        word = letters[place] + "aeiou"[place % 5] + word
        if not rank:
            return word + "x"


def make(folder: Path, count: int, seed: int, say: Callable[[str], None]) -> dict[str, float]:
    """Write the catalogue; gives the seconds of writing the items and of the vector index."""
    made, began = Made.of(seed), time.monotonic()
    with Catalogue.open(folder) as catalogue, catalogue.writing() as writer:
        writer.use_encoder("text", ENCODER)
        writer.use_language("en")
        for start in range(0, count, BATCH):
            writer.put(*made.batch(start, min(BATCH, count - start)))
            if start % (100 * BATCH) == 0:
                say(f"{start:,} items written, {time.monotonic() - began:.0f} s")
        written = time.monotonic()
        writer.tidy()
    return {"writing": written - began, "indexing": time.monotonic() - written}


FILTERS: Final = {
    "price, 2 % pass": Filters(max_price=2.82),
    "price, 20 % pass": Filters(max_price=12.06),
    "price, 90 % pass": Filters(max_price=154.1),
    "without a brand": Filters(exclude_brands=["Brand0"]),
    "a category and in stock": Filters(categories=["Kind9"], in_stock=True),
    "a rare brand": Filters(brands=["Brand700"]),
    "three conditions": Filters(attributes={"color": ["white"]}, max_price=40, exclude_terms=["bax"]),
}
KEYWORDS: Final = {"rare": (2_000, 5_000), "common": (0, 10), "rare and common": (1, 20, 3_000)}
"""Ranks of words."""


def measure(stage: Stage) -> Result:
    """A catalogue of ``stage.lines`` items; in the folder that ASSISTANT_BENCH_SCALE names it is kept for next time."""
    if kept := os.environ.get("ASSISTANT_BENCH_SCALE"):
        return _measure(stage, Path(kept))
    with stage.fresh_data() as settings:
        return _measure(stage, settings.data_folder)


def _measure(stage: Stage, folder: Path) -> Result:
    result = Result("scale")
    if not (folder / "catalogue.sqlite").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        result.numbers["made"] = make(folder, stage.lines, stage.seed, stage.say)
    stage.say("the first search of a process")
    result.numbers["first_search"] = first_search(folder)
    with Catalogue.open(folder, read_only=True) as catalogue:
        items = catalogue.count()
        table = Table(f"{items:,} items", ["question", "passing", "p50 (ms)", "p95 (ms)", "processor (ms)", "recall"])
        queries = _queries(stage.seed)
        best, passing = exact(catalogue, queries)
        for name, ask in _questions(catalogue, queries):
            stage.say(name)
            wall, cpu, answers = _timed(ask)
            wanted = best.get(name, [])
            recalls = [
                len(set(right) & {one for one, _ in answer[: len(right)]}) / len(right)  # type: ignore[index]
                for right, answer in zip(wanted, answers, strict=False)
                if right
            ]
            numbers = {
                "p50": float(np.median(wall)), "p95": float(np.quantile(wall, 0.95)), "cpu": float(np.mean(cpu)),
                "passing": passing.get(name), "recall": float(np.mean(recalls)) if recalls else None,
            }  # fmt: skip
            result.numbers[name] = numbers
            table.add(
                name, percent(numbers["passing"]), numbers["p50"], numbers["p95"], numbers["cpu"],
                percent(numbers["recall"]),
            )  # fmt: skip
    table.add("first search of a process", percent(None), 1000 * result.numbers["first_search"], None, None, None)
    result.tables, result.numbers["items"] = [table], items
    result.notes = [
        f"{QUERIES} questions each, {K} items asked for; recall: of the first 10 by exact search. Target: 95 % "
        f"within {TARGET_MS} ms, the first search within 2 s. Load at the end: {os.getloadavg()[0]:.1f}."
    ]
    if made := result.numbers.get("made"):
        rates = [f"{items / max(made[part], 1e-3):,.0f} items a second" for part in ("writing", "indexing")]
        result.notes.append(f"Writing: {rates[0]}; the vector index: {rates[1]}.")
    return result


def _queries(seed: int) -> Vector:
    made = Made.of(seed)
    chance = np.random.default_rng(seed + 1)
    made = Made(chance, made.centres)
    return made.around(made.zipf(CATEGORIES, QUERIES))


def first_search(folder: Path) -> float:
    """Seconds of the first search of a process, without its start."""
    command = [sys.executable, "-m", "eval.bench.scale", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - this very module
    return float(done.stdout)


def exact(catalogue: Catalogue, queries: Vector) -> tuple[dict[str, list[list[str]]], dict[str, float]]:
    """By question: the ids of the ten nearest for each query, and the share of items that pass."""
    ids = catalogue.ids()
    passing = {f"dense, {name}": set(catalogue.eligible(filters) or ()) for name, filters in FILTERS.items()}
    best: dict[str, list[list[tuple[float, str]]]] = {name: [[] for _ in queries] for name in ("dense", *passing)}
    for start in range(0, len(ids), 10_000):
        vectors = catalogue.vectors_of("text", ids[start : start + 10_000])
        some = list(vectors)
        scores = np.stack([rows[0] for rows in vectors.values()]) @ queries.T
        for name, lists in best.items():
            chosen = [n for n, one in enumerate(some) if name == "dense" or one in passing[name]]
            for query, heap in enumerate(lists):
                column = scores[chosen, query]
                for n in np.argsort(-column)[:10]:
                    heap.append((float(column[n]), some[chosen[n]]))
                heap.sort(reverse=True)
                del heap[10:]
    shares = {name: len(some) / len(ids) for name, some in passing.items()}
    return {name: [[one for _, one in heap] for heap in lists] for name, lists in best.items()}, shares


Ask = Callable[[int], object]
"""One question by the number of its query."""


def _timed(ask: Ask) -> tuple[list[float], list[float], list[object]]:
    """Milliseconds, those of the processor, and the answers."""
    wall, cpu, answers = [], [], []
    ask(0)
    for n in range(QUERIES):
        began, busy = time.perf_counter(), time.process_time()
        answers.append(ask(n))
        wall.append(1000 * (time.perf_counter() - began))
        cpu.append(1000 * (time.process_time() - busy))
    return wall, cpu, answers


def _questions(catalogue: Catalogue, queries: Vector) -> Iterator[tuple[str, Ask]]:
    yield "dense", lambda n: catalogue.nearest("text", queries[n], K)
    for name, filters in FILTERS.items():
        yield f"dense, {name}", lambda n, f=filters: catalogue.nearest("text", queries[n], K, f)  # type: ignore[misc]
    for name, ranks in KEYWORDS.items():
        yield f"keyword, {name}", lambda n, r=ranks: _by_words(catalogue, r, n, None)  # type: ignore[misc]
    twenty, all_ranks = FILTERS["price, 20 % pass"], KEYWORDS["rare and common"]
    yield "keyword, rare and common, 20 % pass", lambda n: _by_words(catalogue, all_ranks, n, twenty)
    sorts: tuple[Sort, ...] = ("title", "price", "-price", "newest")
    for sort in sorts:
        for place, offset in (("first", 0), ("last", max(0, catalogue.count() - 20))):
            yield f"browse by {sort}, {place} page", lambda _, s=sort, o=offset: catalogue.browse(None, s, 20, o)  # type: ignore[misc]
    for name, filters in FILTERS.items():
        yield f"browse by price, {name}", lambda _, f=filters: catalogue.browse(f, "price", 20)  # type: ignore[misc]
        yield f"total, {name}", lambda _, f=filters: catalogue.total(f)  # type: ignore[misc]
    yield "total of all", lambda _: catalogue.total(None)
    yield "vocabulary", lambda _: catalogue.vocabulary()


def _by_words(catalogue: Catalogue, ranks: Sequence[int], n: int, filters: Filters | None) -> object:
    query = " ".join(word_of(rank + n % 7) for rank in ranks)
    return catalogue.keyword(query, K, filters), catalogue.rarity(query)


if __name__ == "__main__":
    with Catalogue.open(Path(sys.argv[1]), read_only=True) as opened:
        start = time.perf_counter()
        opened.nearest("text", _queries(0)[0], K)
        print(time.perf_counter() - start)
