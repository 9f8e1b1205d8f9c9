"""Training on a million events, questions to models of 100,000 and 1,000,000 items, and what a like costs a turn."""

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from assistant.agent.fusion import FusedHit
from assistant.agent.personalization import load_user_context, user_signals
from assistant.engines import open_engines
from assistant.records import ItemFeedback, Memory
from assistant.taste_training import train as train_stored
from eval.bench.report import Result, Table
from eval.bench.stage import Stage
from tools.search import hit
from tools.taste.choices import Choices, gather
from tools.taste.collaborative import Matrix
from tools.taste.events import EventBatch, EventStore
from tools.taste.model import TasteModel
from tools.taste.records import Interaction
from tools.taste.training import train

EVENTS, USERS, ITEMS, TOUCHED, DIMENSIONS = 1_000_000, 50_000, 100_000, 30_000, 384
TASTES = 50
MANY = 1_000_000
HISTORIES = ((ITEMS, 10), (ITEMS, 2_000), (ITEMS, 100_000), (MANY, 10), (MANY, 2_000))
"""How many items the model has, and how many the history."""
QUESTIONS = 20
TARGET_MS = 50
PEOPLE, EACH, CANDIDATES, TURNS = 300, 6, 50, 100
"""Other people and their choices, the candidates of a turn, and how many turns are timed."""
LIKES = (0, 1, 10)
BEGINNING = 1.7e9
T = TypeVar("T")


def measure(stage: Stage) -> Result:
    """Made events with structure: 50 tastes, items of a taste alike in content, popularity by Zipf's law."""
    result, draw = Result("taste"), np.random.default_rng(7)
    ids = [f"item-{n}" for n in range(ITEMS)]
    vectors = _contents(draw)
    stage.say(f"gathering {EVENTS:,} events")
    seconds, choices = _timed(lambda: _choices(ids[:TOUCHED], draw))
    table = Table("Taste: one training", ["step", "seconds", "peak memory, GiB"])
    table.add("events to choices", seconds, _peak_gib())
    seconds, model = _timed(lambda: train(choices, {"text": vectors[:TOUCHED]}, say=stage.say))
    table.add(f"training on {choices.matrix.nnz:,} choices", seconds, _peak_gib())
    result.numbers |= {"train_seconds": seconds, "train_peak_gib": _peak_gib(), "figures": model.card.figures}
    with stage.fresh_data() as settings:
        seconds, loaded = _timed(lambda: _reloaded(model, vectors, ids, settings.data_folder))
        table.add(f"{ITEMS - TOUCHED:,} untouched items placed, stored, read", seconds, _peak_gib())
    larger = loaded.with_items([f"item-{n}" for n in range(ITEMS, MANY)], {})
    questions = Table("Taste: one question (milliseconds of processor time)", ["model", "history", "median", "slowest"])
    for count, size in HISTORIES:
        times = list(_question_times(loaded if count == ITEMS else larger, ids, size, draw))
        questions.add(f"{count:,} items", f"{size:,} items", float(np.median(times)), max(times))
        result.numbers[f"ms_{count}_{size}"] = {"median": float(np.median(times)), "slowest": max(times)}
    result.tables = [table, questions, _likes(stage, result, draw)]
    result.notes = [
        f"Target: score and neighbours together under {TARGET_MS} ms. A turn looks at a user's latest 2,000 events.",
        f"{USERS:,} people, {TOUCHED:,} items with events; a question is score(k=50) and neighbours(k=50).",
        f"Parts: {', '.join(model.parts)}.",
    ]
    return result


def _contents(draw: np.random.Generator) -> Matrix:
    centres = draw.normal(size=(TASTES, DIMENSIONS)).astype(np.float32)
    rows = centres[np.arange(ITEMS) % TASTES] + draw.normal(size=(ITEMS, DIMENSIONS)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def _choices(ids: list[str], draw: np.random.Generator) -> Choices:
    """Three of four events are of the person's own taste."""
    users = draw.integers(0, USERS, EVENTS)
    rank = np.minimum((draw.pareto(0.8, EVENTS) * 5).astype(np.int64), TOUCHED // TASTES - 1)
    taste = np.where(draw.random(EVENTS) < 0.75, users % TASTES, draw.integers(0, TASTES, EVENTS))
    strengths = np.where(draw.random(EVENTS) < 0.1, -1.0, 1.0).astype(np.float32)
    return gather([EventBatch(users, rank * TASTES + taste, strengths, draw.random(EVENTS) * 1e8)], ids)


def _reloaded(model: TasteModel, vectors: Matrix, ids: list[str], folder: Path) -> TasteModel:
    model.with_items(ids, {"text": vectors}).save(folder)
    loaded = TasteModel.load(folder)
    if loaded is None:
        raise AssertionError("stored a moment ago")
    return loaded


def _question_times(model: TasteModel, ids: list[str], size: int, draw: np.random.Generator) -> Iterator[float]:
    """Milliseconds of processor time of each question: other programs on the machine do not count.

    With one BLAS thread: a second one that waits on a busy machine counts as work.
    """
    model.score({ids[0]: 1.0}, k=1)  # what is computed once
    for _ in range(QUESTIONS):
        history = {ids[row]: 1.0 for row in draw.choice(ITEMS, size, replace=False)}
        liked = ids[int(draw.integers(0, TOUCHED))]
        with threadpool_limits(1, "blas"):
            began = time.process_time()
            model.score(history, k=50)
            model.neighbours(liked, 50)
            spent = time.process_time() - began
        yield 1_000 * spent


def _likes(stage: Stage, result: Result, draw: np.random.Generator) -> Table:
    """What taste adds to a turn that names a wish, without and with likes in the conversation."""
    table = Table(
        f"Taste: one turn, {CANDIDATES} candidates of the sample (milliseconds)", ["likes", "median", "slowest"]
    )
    with stage.sample_catalogue() as settings:
        with closing(EventStore.open(settings.data_folder)) as events:
            engines = open_engines(settings)
            ids = engines.catalogue.ids()
            for person in range(PEOPLE):
                chosen, user = draw.choice(ids, EACH, replace=False).tolist(), f"{person:032x}"
                events.add(Interaction(user=user, item_id=item, event="like", at=BEGINNING) for item in chosen)
        train_stored(settings)
        candidates = [FusedHit(hit(item), 1.0, []) for item in engines.catalogue.get_many(ids[:CANDIDATES]).values()]

        def one_turn(memory: Memory) -> object:
            user_context = load_user_context(engines.taste, "f" * 32, memory, words=True, photo=False)
            return user_signals(user_context, candidates, engines.catalogue)

        for likes in LIKES:
            liked = [
                ItemFeedback(item_id=item, title=item, turn=0, source="button") for item in ids[len(ids) - likes :]
            ]
            memory = Memory(turns=1, liked=liked)
            times = [1_000 * _timed(partial(one_turn, memory))[0] for _ in range(TURNS)]
            table.add(likes, float(np.median(times)), max(times))
            result.numbers[f"ms_{likes}_likes"] = {"median": float(np.median(times)), "slowest": max(times)}
        engines.catalogue.close()
    return table


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def _peak_gib() -> float:
    """The most that this process ever took."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
