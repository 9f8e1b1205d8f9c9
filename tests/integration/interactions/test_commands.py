"""assistant interactions and assistant users, as a person types them."""

import json
import subprocess
import time
from pathlib import Path

import pytest

from tests.integration.bad_input.conftest import CommandLine, ended
from tests.integration.privacy.traces import traces_of
from tools.taste.events import BATCH_EVENTS, EventStore

ANN = "ann o'hara 🙂"


def lines(count: int, user: str = ANN) -> str:
    return "".join(
        json.dumps({"user_id": user, "item_id": f"item {n}", "event": "like", "timestamp": 1_700_000_000 + n}) + "\n"
        for n in range(count)
    )


def test_events_are_taken_in_counted_shown_given_out_and_forgotten(cli: CommandLine, tmp_path: Path) -> None:
    (file := tmp_path / "events.jsonl").write_text(lines(3) + lines(1, "bob") + '{"user_id": "ann o\'hara 🙂"}\n')
    rejects = tmp_path / "rejects.jsonl"

    done = cli("interactions", "ingest", file, "--rejects", rejects)
    assert done.code == 0
    assert done.stdout.startswith("5 lines: 4 new, 0 known already, 1 rejected (see ")
    assert json.loads(rejects.read_text())["line"] == 5
    assert "hara" not in rejects.read_text() + done.stderr
    stats = cli.json("interactions", "stats", "--json")
    assert (stats["events"], stats["people"], stats["items"], stats["items_unknown"]) == (4, 2, 3, None)
    assert "hara" not in json.dumps(stats)
    shown = cli.json("users", "show", ANN, "--json")
    assert shown["places"]["events"] == 3
    assert traces_of(cli.data, [ANN, "hara"]) == []
    assert [event["item_id"] for event in cli.json("users", "export", ANN)["events"]] == ["item 2", "item 1", "item 0"]

    assert "give --yes" in cli("users", "forget", ANN).refused()
    done = cli("users", "forget", ANN, "--yes")
    assert (done.code, done.stdout) == (0, "Forgotten: 3 events.\n")
    assert traces_of(cli.data, [shown["user"], "item 2"]) == []
    assert cli("users", "forget", ANN, "--yes").stdout == "Nothing was stored of this user.\n"
    assert cli.json("interactions", "stats", "--json")["events"] == 1


def test_a_killed_ingestion_is_finished_by_the_same_command(cli: CommandLine, tmp_path: Path) -> None:
    (file := tmp_path / "events.jsonl").write_text(lines(BATCH_EVENTS + 5))
    process = cli.start("interactions", "ingest", "-", stdin=subprocess.PIPE)
    assert process.stdin
    process.stdin.write(file.read_text())  # and no end: the rest waits for more
    process.stdin.flush()
    end, store = time.monotonic() + 60, EventStore.open(cli.data)
    while not store.stats().events and time.monotonic() < end:
        time.sleep(0.05)
    process.kill()
    ended(process)
    assert store.stats().events == BATCH_EVENTS

    again = cli.json("interactions", "ingest", file, "--json")

    assert (again["new"], again["known"]) == (5, BATCH_EVENTS)
    store.close()


def test_a_lost_key_is_said_and_not_replaced(cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_PRIVACY__KEY_FILE", str(tmp_path / "users.key"))
    (file := tmp_path / "events.jsonl").write_text(lines(1))
    cli("interactions", "ingest", file)
    (tmp_path / "users.key").unlink()

    for command in (
        ("interactions", "ingest", file),
        ("users", "show", ANN),
        ("recommend", "--user", ANN, "--text", "x"),
    ):
        assert "is gone. Put it back from your backup" in cli(*command).refused()


def test_wrong_usage_is_one_sentence(cli: CommandLine, tmp_path: Path) -> None:
    (file := tmp_path / "undated.csv").write_text("user_id,item_id,event\nann,chair,like\n")

    assert "privacy.retention_days is not set" in cli("users", "expire").refused()
    assert "not 'soon'" in cli("interactions", "ingest", file, "--undated", "soon").refused()
    assert "--undated TIME gives such lines one" in cli("interactions", "ingest", file).stderr
    assert cli.json("interactions", "ingest", file, "--undated", "2024-05-31", "--json")["new"] == 1
