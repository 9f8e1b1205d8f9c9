"""``python -m eval.bench plan [--items N] [--turns N] [--set NAME=VALUE ...] [--json]``: what a deployment takes.

Arithmetic from measured figures, each with the place it comes from; nothing runs. `Figures` are one machine's today:
put your own in with ``--set``, prices too.
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Final

from rich.console import Console

from eval.bench.report import Result, Table, show

HOURS: Final = 730.0
"""In a month."""
GB: Final = 1e9


def _from(value: float, source: str) -> Any:  # noqa: ANN401 - a dataclass's field
    return field(default=value, metadata={"source": source})


@dataclass(frozen=True)
class Figures:
    """What one item, one turn and one machine take; the sources say whether a figure was measured or is assumed."""

    dimensions: float = _from(256, "chosen: 256 to 768 by the encoder; `scale` measures 256")
    vectors_per_item: float = _from(3, "chosen: a text, and the looks and the joint space of one picture")
    row_bytes: float = _from(1_480, "measured: `scale`, 100,000 items in SQLite, 2.85 KB less the vector, 2026-11-28")
    vector_bytes: float = _from(1.34, "measured: the same; bytes in SQLite for each byte of a vector, pages included")
    index_extra_bytes: float = _from(600, "measured: Chroma's memory per vector beyond the vector, 100,000 of 256")
    index_seconds: float = _from(1.2e-3, "measured: CPU to index a vector, `scale`, a million in 20 minutes")
    write_seconds: float = _from(2.0e-4, "measured: CPU to write an item without encoders, `scale`, a million in 201 s")
    embed_seconds: float = _from(0.05, "measured: CPU of a text, EmbeddingGemma, 25 ms on two cores (architecture.md)")
    turn_seconds: float = _from(0.20, "measured: `service`, 9.8 turns/s on 2 cores with encoders, clients included")
    dense_seconds: float = _from(3.5e-3, "measured: a dense search, 100,000 items; 3 ms at a million (`scale`)")
    searches: float = _from(4, "assumed: dense searches in a turn of words with a limit (with it, without, sentences)")
    keyword_seconds: float = _from(0.025, "measured: keyword search of rare and common words, bounded, `scale`")
    count_seconds: float = _from(0.03, "measured: counting what passes takes at most that, `scale`; bounded")
    listing_seconds: float = _from(0.84, "measured: a list of what 0.3 % of a million pass, all looked at; linear")
    listing: float = _from(0.005, "assumed: share of turns with a search or list of which nearly nothing near passes")
    turn_bytes: float = _from(15_300, "measured: PostgreSQL, a turn of a week ago, 50 turns (scaling.md)")
    state_seconds: float = _from(3.4e-3, "measured: PostgreSQL's CPU for a turn, 100 turns in 10 sessions")
    redis_commands: float = _from(150, "assumed: 83 measured for a session and a turn's beginning; its events")
    redis_rate: float = _from(100_000, "assumed: commands a second of one Redis")
    prompt_tokens: float = _from(784, "measured: `overhead`, three explanations of a turn, small model")
    answer_tokens: float = _from(87, "measured: the same, 3 times 29")
    planning_tokens: float = _from(4_000, "assumed: prompts of a planning model, 1.5 rounds")
    cached: float = _from(0.73, "measured: prompt tokens from the prefix cache, `overhead`")
    card_tokens: float = _from(11_700, "published: tokens/s, Qwen3.5-9B on an H100, ShareGPT (GPUStack's lab, 2026)")
    worker_gib: float = _from(1.6, "measured: a worker with its encoders, `memory`")
    utilisation: float = _from(0.6, "chosen: how much of cores, cards and memory may be in use")
    cores_a_machine: float = _from(32, "chosen")
    machine_gib: float = _from(128, "chosen: 4 GiB for each core")
    retention_days: float = _from(90, "chosen: privacy.retention_days")
    load: float = _from(0.4, "assumed: the mean load as a share of the highest, for the turns of a month")
    core_price: float = _from(0.0408, "published: $/h for a core with 4 GiB, m7g, us-east-1 (factualminds.com, 2026-6)")
    memory_price: float = _from(0.0067, "assumed: $/h for a GiB of a machine made for memory; replace it")
    card_price: float = _from(3.00, "published: $/h for an H100, 2.50 to 3.50 (mercatus-ai.com, 2026-05)")
    disk_price: float = _from(0.08, "assumed: $ a month for a GB of SSD; replace it")


@dataclass(frozen=True)
class Need:
    """One part of a deployment.

    Attributes:
        amount: what it needs, with its unit.
        units: how many machines or cards; 0 where it is a part of others.
        dollars: a month.
        of_one: how many times what one process or machine of it can do, as it is built.
        why: how the amount comes about.
    """

    part: str
    amount: str
    units: int
    dollars: float
    of_one: float
    why: str


def needs(items: float, turns: float, figures: Figures) -> list[Need]:
    """What so many items and so many turns a minute at the highest need."""
    return [
        *_serving(items, turns / 60, figures), _model(turns / 60, figures), *_state(turns / 60, figures),
        *_catalogue(items, figures),
    ]  # fmt: skip


def _serving(items: float, rate: float, f: Figures) -> list[Need]:
    cores = rate * (f.turn_seconds + f.keyword_seconds + f.count_seconds) / f.utilisation
    machines = math.ceil(cores / f.cores_a_machine)
    price = machines * f.cores_a_machine * f.core_price * HOURS
    copy = items * (f.row_bytes + f.vectors_per_item * f.vector_bytes * 4 * f.dimensions) / GB
    workers = machines * f.cores_a_machine
    listing = rate * f.listing * f.listing_seconds * items / 1e6 / f.utilisation
    return [
        Need("workers, encoders on cores", f"{cores:,.0f} cores", machines, price, 0, "turns a second x CPU of a turn"),
        Need("their memory", f"{workers * f.worker_gib:,.0f} GiB", 0, 0,
             f.cores_a_machine * f.worker_gib / (f.machine_gib * f.utilisation), "a worker a core"),
        Need("a copy of the catalogue on each", f"{copy:,.0f} GB", 0, machines * copy * f.disk_price,
             copy / 2_000, "rows and vectors in SQLite; 2 TB a machine"),
        Need("listing what nearly nothing passes", f"{listing:,.0f} cores", 0, 0, listing / max(cores, 1),
             "linear in the items; of one: the workers' cores"),
    ]  # fmt: skip


def _model(rate: float, f: Figures) -> Need:
    tokens = (f.prompt_tokens + f.planning_tokens) * (1 - f.cached) + f.answer_tokens
    cards = math.ceil(rate * tokens / f.card_tokens / f.utilisation)
    why = f"{tokens:,.0f} tokens a turn that no cache has"
    return Need("language model", f"{rate * tokens:,.0f} tokens/s", cards, cards * f.card_price * HOURS, 0, why)


def _state(rate: float, f: Figures) -> list[Need]:
    month = rate * f.load * 3_600 * HOURS
    disk = month * f.turn_bytes * f.retention_days / (HOURS / 24) / GB
    cores = rate * f.state_seconds / f.utilisation
    machines = math.ceil(cores / f.cores_a_machine) + 1
    price = machines * (f.cores_a_machine * f.core_price * HOURS + disk * f.disk_price)
    commands = rate * f.redis_commands
    return [
        Need("PostgreSQL, with a standby", f"{cores:,.1f} cores, {disk:,.0f} GB", machines, price,
             max(cores / f.cores_a_machine, disk / 16_000),
             f"{month / 1e6:,.0f} million turns a month; 16 TB a volume"),
        Need("Redis", f"{commands:,.0f} commands/s", 1, 2 * f.core_price * HOURS,
             commands / f.redis_rate / f.utilisation, "one process"),
    ]  # fmt: skip


def _catalogue(items: float, f: Figures) -> list[Need]:
    vectors = items * f.vectors_per_item
    gib = vectors * (4 * f.dimensions + f.index_extra_bytes) / 2**30 / f.utilisation
    hours = (vectors * f.index_seconds + items * (f.write_seconds + f.embed_seconds)) / 3_600
    largest = 768.0
    return [
        Need("Chroma", f"{gib:,.0f} GiB of memory", math.ceil(gib / largest), gib * f.memory_price * HOURS,
             gib / largest, "one process holds every collection; 768 GiB a machine"),
        Need("ingesting everything once", f"{hours:,.0f} core hours", 0, hours * f.core_price, 0,
             f"the index alone {vectors * f.index_seconds / 3_600:,.0f} hours, by one writer"),
    ]  # fmt: skip


def searching(items: float, turns: float, figures: Figures) -> float:
    """Cores that Chroma's searches take, if one grows with the logarithm of the items."""
    one = figures.dense_seconds * max(1.0, math.log(max(items, 2)) / math.log(1e5))
    return turns / 60 * figures.searches * one


def planned(items: float, turns: float, figures: Figures) -> Result:
    """The tables."""
    found = needs(items, turns, figures)
    table = Table(
        f"{items:,.0f} items, {turns:,.0f} turns a minute at the highest",
        ["part", "needs", "machines or cards", "$ a month", "of one", "how"],
    )
    for need in found:
        table.add(need.part, need.amount, need.units or None, f"{need.dollars:,.0f}",
                  f"{need.of_one:,.1f}" if need.of_one else None, need.why)  # fmt: skip
    total = sum(need.dollars for need in found)
    table.add("all", "", sum(need.units for need in found), f"{total:,.0f}", None, "without traffic, staff and spares")
    sources = Table("Figures", ["name", "value", "from"])
    for each in fields(figures):
        sources.add(each.name, f"{getattr(figures, each.name):,g}", each.metadata["source"])
    beyond = sorted((need for need in found if need.of_one > 1), key=lambda need: -need.of_one)
    notes = [
        f"Breaks first: {', '.join(f'{need.part} ({need.of_one:,.1f} times one)' for need in beyond)}."
        if beyond else "Nothing needs more than one of what can only be one.",
        f"Chroma's searches take {searching(items, turns, figures):,.1f} cores.",
        "Of one: times what one process or machine does, of parts that this product cannot spread over several.",
    ]  # fmt: skip
    return Result("plan", [table, sources], notes, {"needs": [asdict(need) for need in found], "dollars": total})


def changed(figures: Figures, settings: Sequence[str]) -> Figures:
    """The figures with others in their place, each as ``name=value``.

    Raises:
        ValueError: there is no such figure, or it is no number above zero.
    """
    values = {}
    for setting in settings:
        name, _, text = setting.partition("=")
        value = float(text)
        if name not in {each.name for each in fields(Figures)} or not 0 < value < math.inf:
            raise ValueError(setting)
        values[name] = value
    return replace(figures, **values)


def main(arguments: Sequence[str]) -> int:
    """Print the plan, and say 0; 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m eval.bench plan", description="What a deployment takes.")
    parser.add_argument("--items", type=float, default=1e8)
    parser.add_argument("--turns", type=float, default=1e4, help="a minute, at the highest")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a figure of your own")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    try:
        result = planned(options.items, options.turns, changed(Figures(), options.set))
    except ValueError as exc:
        parser.error(f"--set takes a figure's name and a number: {exc}")
    if options.json:
        print(json.dumps(result.as_json(), indent=1))
    else:
        show(result, Console(width=None if sys.stdout.isatty() else 150))
    return 0
