"""The rows of turns and the events of items, counted: by day, by wish, by item."""

import csv
import datetime
import io
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from typing import Final

from pydantic import Field

from assistant.insights.log import TurnRow, day_of, open_insights
from assistant.settings import Settings
from tools.place import is_there
from tools.records import Record
from tools.taste.events import DATABASE as EVENTS
from tools.taste.events import EventStore
from tools.taste.records import EventKind

DAY_SECONDS: Final = 86_400.0
MOST: Final = 50
"""Wishes and items of one list."""
MOST_DAYS: Final = 400
KINDS: Final[Mapping[EventKind, str]] = {
    "view": "clicked", "like": "liked", "more_like_this": "liked", "cart": "carted", "purchase": "bought",
}  # fmt: skip
"""In which column an event counts; others count in none."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

Titles = Callable[[Sequence[str]], Mapping[str, str]]
"""The titles of items by id; those that the catalogue does not have are left out."""


class DayCounts(Record):
    """One day. Turns and conversations are those of the assistant, the rest is what was done with items anywhere."""

    day: str = Field(description="YYYY-MM-DD")
    turns: int = 0
    conversations: int = 0
    found_nothing: int = 0
    relaxed: int = 0
    refused: int = 0
    degraded: int = 0
    clicked: int = 0
    liked: int = 0
    carted: int = 0
    bought: int = 0


class WishCount(Record):
    """A wish, masked and in one spelling, and how often it was made."""

    wish: str
    conversations: int
    turns: int


class ItemCount(Record):
    """An item, and what people did with it."""

    item_id: str
    title: str | None = Field(description="null: it is not in the catalogue, or hidden")
    shown: int = Field(0, description="turns in which it was among the first five")
    clicked: int = 0
    liked: int = 0
    carted: int = 0
    bought: int = 0


class Insights(Record):
    """What was asked, found and done in some days."""

    since: str = Field(description="the first day")
    until: str = Field(description="the last day, which may not be over")
    days: list[DayCounts] = Field(description="every day, oldest first")
    doors: dict[str, int] = Field(description="turns by where the message came in")
    languages: dict[str, int] = Field(description="turns by language")
    wishes: list[WishCount] = Field(description="most frequent first, at most 50; likewise the lists below")
    wishes_without_result: list[WishCount]
    refused: list[WishCount]
    items: list[ItemCount]


def report(settings: Settings, titles: Titles, days: int = 30, now: float | None = None) -> Insights:
    """The last days, today included.

    Raises:
        StoreError: a file cannot be read.
    """
    now = time.time() if now is None else now
    every = _days(now, days)
    since = datetime.datetime.fromisoformat(every[0]).astimezone().timestamp()
    by_day = {day: DayCounts(day=day) for day in every}
    counts = _Counts()
    if log := open_insights(settings.place()):
        for row in log.rows(since):
            counts.add(row)
    for day, item_id, kind, count in _events(settings, since):
        if kind in KINDS:
            counts.of_day[day][KINDS[kind]] += count
            counts.of_item[item_id][KINDS[kind]] += count
    return Insights(
        since=every[0],
        until=every[-1],
        days=[by_day[day].model_copy(update=dict(counts.of_day[day])) for day in every],
        doors=dict(counts.doors.most_common()),
        languages=dict(counts.languages.most_common()),
        wishes=counts.wishes.top(),
        wishes_without_result=counts.nothing.top(),
        refused=counts.refused.top(),
        items=_items(counts.of_item, titles),
    )


def _days(now: float, days: int) -> list[str]:
    last = datetime.date.fromisoformat(day_of(now))
    return [(last - datetime.timedelta(days=n)).isoformat() for n in reversed(range(days))]


class _Wishes:
    """How often each wish was made."""

    def __init__(self) -> None:
        self._turns: Counter[str] = Counter()
        self._sessions: defaultdict[str, set[str]] = defaultdict(set)

    def add(self, wish: str, session: str) -> None:
        if wish:
            self._turns[wish] += 1
            self._sessions[wish].add(session)

    def top(self) -> list[WishCount]:
        order = sorted(self._turns, key=lambda wish: (-len(self._sessions[wish]), -self._turns[wish], wish))
        return [
            WishCount(wish=wish, conversations=len(self._sessions[wish]), turns=self._turns[wish])
            for wish in order[:MOST]
        ]


class _Counts:
    """Everything that is counted, row by row."""

    def __init__(self) -> None:
        self.of_day: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.of_item: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.doors: Counter[str] = Counter()
        self.languages: Counter[str] = Counter()
        self.wishes, self.nothing, self.refused = _Wishes(), _Wishes(), _Wishes()
        self._sessions: defaultdict[str, set[str]] = defaultdict(set)

    def add(self, row: TurnRow) -> None:
        counts = self.of_day[row.day]
        flags = {"relaxed": row.relaxed, "refused": row.refused, "degraded": row.degraded}
        counts.update(
            {"turns": 1, "found_nothing": int(row.found_nothing), **{name: int(on) for name, on in flags.items()}}
        )
        if row.session not in self._sessions[row.day]:
            self._sessions[row.day].add(row.session)
            counts["conversations"] += 1
        self.doors[row.door] += 1
        self.languages[row.language] += 1
        self.wishes.add(row.wish, row.session)
        if row.found_nothing:
            self.nothing.add(row.wish or row.said, row.session)
        if row.refused:
            self.refused.add(row.said, row.session)
        for item_id in row.items:
            self.of_item[item_id]["shown"] += 1


def _events(settings: Settings, since: float) -> list[tuple[str, str, EventKind, int]]:
    if not is_there(settings.place(EVENTS)):
        return []
    with closing(EventStore.open(settings.place())) as store:
        return store.by_day(since)


def _items(counts: Mapping[str, Counter[str]], titles: Titles) -> list[ItemCount]:
    """The items that were carted, liked, clicked or shown most: each list's first ones, without repetition."""
    best = {
        item_id
        for column in ("bought", "carted", "liked", "clicked", "shown")
        for item_id in sorted(counts, key=lambda one: -counts[one][column])[:MOST]
        if counts[item_id][column]
    }
    named = titles(sorted(best))
    items = [ItemCount(item_id=one, title=named.get(one), **counts[one]) for one in best]
    return sorted(items, key=lambda one: (-one.carted - one.bought, -one.liked, -one.clicked, -one.shown, one.item_id))


TABLES: Final = ("days", "wishes", "wishes_without_result", "refused", "items")
"""What can be had as CSV."""


def as_csv(insights: Insights, table: str) -> str:
    """One of `TABLES` as CSV. A cell that a spreadsheet would take for a formula begins with an apostrophe."""
    rows: Iterable[Record] = getattr(insights, table)
    kinds: dict[str, type[Record]] = {"days": DayCounts, "items": ItemCount}
    columns = kinds.get(table, WishCount).model_fields
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(columns)
    writer.writerows([_cell(getattr(row, column)) for column in columns] for row in rows)
    return written.getvalue()


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
