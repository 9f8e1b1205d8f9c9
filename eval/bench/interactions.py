"""How fast events are kept, and how fast a user's latest and the people behind items are found among many."""

import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from assistant.interactions import InteractionOptions, ingest
from assistant.privacy.pseudonyms import Pseudonyms
from eval.bench.report import Result, Table
from eval.bench.stage import Stage
from tools.taste.events import EventStore

EVENTS_PER_LINE = 2
"""Events for each of `Stage.lines`, half of them of one user: with the usual 100,000 that user has as many."""
ITEMS = 100_000
USERS = 20_000
BUSY = "the busiest"
REMEMBERED = 2_000
CANDIDATES = 50
REPEATS = 50
TARGET = 20_000
KINDS = ("view", "view", "view", "like", "cart", "purchase", "dislike")


def measure(stage: Stage) -> Result:
    """Generated events into an empty store, twice; then reads; then the busiest user is forgotten."""
    with stage.fresh_data() as settings, tempfile.TemporaryDirectory() as folder:
        events = stage.lines * EVENTS_PER_LINE
        file = write_events(Path(folder) / "events.jsonl", events)
        key = settings.privacy.model_copy(update={"key_file": Path(folder) / "users.key"})
        pseudonyms = Pseudonyms.open(settings.model_copy(update={"privacy": key}))
        options, busy = InteractionOptions(pseudonyms.of), pseudonyms.of(BUSY)
        with closing(EventStore.open(settings.data_folder)) as store:
            stage.say(f"ingesting {events:,} events, twice")
            first, second = ingest(store, [file], options), ingest(store, [file], options)
            stage.say("reading")
            candidates = [f"item-{n}" for n in range(CANDIDATES)]
            reads = {
                f"the latest {REMEMBERED:,} of a user with {store.count_of(busy):,} events": _median_ms(
                    lambda: store.of_user(busy, limit=REMEMBERED)
                ),
                f"people behind {CANDIDATES} popular items, first": _median_ms(lambda: store.people(candidates), 1),
                f"people behind {CANDIDATES} popular items, again": _median_ms(lambda: store.people(candidates)),
            }
            began = time.perf_counter()
            store.forget(busy)
            forgetting = time.perf_counter() - began
    table = Table(f"Events, {events:,} lines of JSON", ["step", "seconds", "events a second"])
    for name, outcome in (("first", first), ("the same file again", second)):
        table.add(name, outcome.seconds, round(outcome.lines / max(outcome.seconds, 1e-3)))
    table.add("the busiest user forgotten, file written anew", forgetting, None)
    looking = Table(f"Reading, median of {REPEATS} where nothing else is said", ["question", "milliseconds"])
    for name, ms in reads.items():
        looking.add(name, ms)
    result = Result("interactions", [table, looking], [f"Target: at least {TARGET:,} events a second."])
    result.numbers = {
        "events": events, "first": first.seconds, "again": second.seconds, "forgetting": forgetting, "reads_ms": reads,
    }  # fmt: skip
    return result


def write_events(path: Path, events: int) -> Path:
    """A file of events, half of them of one user; few items have most of them."""
    chance = random.Random(7)
    with path.open("w") as file:
        for n in range(events):
            user = BUSY if n % 2 else f"user-{chance.randrange(USERS)}"
            item = f"item-{int(ITEMS ** chance.random()) - 1}"
            at = 1_700_000_000 + n * 60 + chance.randrange(60)
            event = {"user_id": user, "item_id": item, "event": chance.choice(KINDS), "timestamp": at}
            file.write(json.dumps(event) + "\n")
    return path


def _median_ms(call: Callable[[], object], repeats: int = REPEATS) -> float:
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000
