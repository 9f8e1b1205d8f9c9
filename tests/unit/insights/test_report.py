"""Counting rows and events: by day, wish and item; as text and as CSV."""

import csv
import datetime
import io
import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assistant.cli import app
from assistant.cli.insights import insights_text
from assistant.insights.log import InsightLog, TurnRow, day_of
from assistant.insights.report import TABLES, Insights, as_csv, report
from assistant.settings import Settings, load_settings
from tools.taste.events import EventStore
from tools.taste.records import EventKind, Interaction

NOW = datetime.datetime(2026, 11, 27, 15, 0).astimezone().timestamp()
DAY = 86_400.0


def turn(wish: str, *, session: str = "s", days_ago: float = 0, user: str = "u", **fields: object) -> TurnRow:
    at = NOW - days_ago * DAY
    row = {
        "at": at, "day": day_of(at), "session": session, "user": user, "door": "page", "language": "en",
        "intent": "recommend", "said": wish, "wish": wish, "constraints": {}, "results": 1, "found_nothing": False,
        "relaxed": False, "refused": False, "degraded": False, "items": [],
    }  # fmt: skip
    return TurnRow.model_validate(row | fields)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data=tmp_path)


def titles(ids: Sequence[str]) -> Mapping[str, str]:
    return {item_id: item_id.title() for item_id in ids if item_id != "gone"}


def counted(settings: Settings, rows: Sequence[TurnRow], days: int = 3) -> Insights:
    log = InsightLog(settings.data_folder)
    for row in rows:
        log.add(row)
    return report(settings, titles, days, NOW)


def test_days_without_anything_are_there_too(settings: Settings) -> None:
    found = report(settings, titles, 3, NOW)
    assert [day.day for day in found.days] == ["2026-11-25", "2026-11-26", "2026-11-27"]
    assert sum(day.turns for day in found.days) == 0
    assert found.items == found.wishes == []


def test_turns_and_conversations_are_counted_by_day(settings: Settings) -> None:
    rows = [
        turn("shoe"), turn("shoe", relaxed=True, degraded=True), turn("bomb", session="t", refused=True),
        turn("violin", days_ago=1, found_nothing=True), turn("old", days_ago=5),
    ]  # fmt: skip
    days = counted(settings, rows).days
    assert [(day.turns, day.conversations, day.found_nothing, day.refused) for day in days] == [
        (0, 0, 0, 0),
        (1, 1, 1, 0),
        (3, 2, 0, 1),
    ]
    assert (days[2].relaxed, days[2].degraded) == (1, 1)


def test_wishes_are_in_the_order_of_conversations_and_not_of_turns(settings: Settings) -> None:
    rows = [turn("lamp")] * 5 + [turn("shoe", session=f"s{n}") for n in range(2)] + [turn("", said="hello")]
    rows += [turn("violin", found_nothing=True), turn("", said="how to return?", found_nothing=True, intent="shop")]
    rows += [turn("", said="a bomb", refused=True)]
    found = counted(settings, rows)
    assert [(one.wish, one.conversations, one.turns) for one in found.wishes] == [
        ("shoe", 2, 2),
        ("lamp", 1, 5),
        ("violin", 1, 1),
    ]
    assert [one.wish for one in found.wishes_without_result] == ["how to return?", "violin"]
    assert [one.wish for one in found.refused] == ["a bomb"]
    assert (found.doors, found.languages) == ({"page": 11}, {"en": 11})


def test_events_are_joined_by_item_and_day(settings: Settings) -> None:
    def event(item_id: str, kind: EventKind, days_ago: float = 0, user: str = "u") -> Interaction:
        return Interaction(user=user, item_id=item_id, event=kind, at=NOW - days_ago * DAY)

    with closing(EventStore.open(settings.data_folder)) as store:
        store.add(
            [
                event("oak", "view"), event("oak", "view", user="v"), event("oak", "like", 1), event("oak", "cart", 1),
                event("gone", "purchase"), event("oak", "dislike"), event("oak", "view", 9),
            ]
        )  # fmt: skip
    found = counted(settings, [turn("chair", items=["oak", "elm"])])
    assert [(day.clicked, day.liked, day.carted, day.bought) for day in found.days] == [
        (0, 0, 0, 0),
        (0, 1, 1, 0),
        (2, 0, 0, 1),
    ]
    assert [(item.item_id, item.title, item.shown, item.clicked) for item in found.items] == [
        ("oak", "Oak", 1, 2), ("gone", None, 0, 0), ("elm", "Elm", 1, 0),
    ]  # fmt: skip


def test_csv_opens_in_a_spreadsheet_without_running_anything(settings: Settings) -> None:
    wishes = ["=cmd|' /C calc'!A0", "+1", "@x", 'a "quoted", wish\nof lines', "鞋"]
    found = counted(settings, [turn(wish) for wish in wishes])
    rows = [*csv.reader(io.StringIO(as_csv(found, "wishes")))]
    assert rows[0] == ["wish", "conversations", "turns"]
    assert sorted(row[0] for row in rows[1:]) == sorted(["'=cmd|' /C calc'!A0", "'+1", "'@x", wishes[3], "鞋"])
    assert all(as_csv(found, table).splitlines()[0] for table in TABLES)


def test_nobody_is_named(settings: Settings) -> None:
    found = counted(settings, [turn("chair", user="f00dface", session="5e5510")])
    assert "f00dface" not in found.model_dump_json()
    assert "5e5510" not in found.model_dump_json()


def test_the_command_prints_text_json_and_files(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSISTANT_DATA", str(settings.data_folder))
    run = CliRunner().invoke
    assert run(app, ["insights"]).stdout.startswith("Nothing was asked from ")
    assert "turns" not in run(app, ["insights"]).stdout
    text = insights_text(counted(settings, [turn("chair", items=["oak"]), turn("violin", found_nothing=True)]))
    assert "2026-11-27" in text
    assert "Without a result (conversations):\n     1  violin" in text
    printed = json.loads(run(app, ["insights", "--json", "--days", "400"]).stdout)
    assert len(printed["days"]) == 400
    written = run(app, ["insights", "--csv", str(tmp_path / "out")])
    assert written.exit_code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "days.csv", "items.csv", "refused.csv", "wishes-without-result.csv", "wishes.csv",
    ]  # fmt: skip
    assert run(app, ["insights", "--days", "0"]).exit_code == 2
    assert run(app, ["insights", "--csv", "x", "--json"]).exit_code != 0
