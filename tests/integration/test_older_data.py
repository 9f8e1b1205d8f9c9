"""Data folders of earlier versions are opened, brought up to date and answered from, or the program says what to do.

tests/data/older/README.md says how they were made.
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.bad_input.conftest import CommandLine
from tools.records import Filters
from tools.store import Catalogue

OLDER = Path(__file__).resolve().parents[1] / "data" / "older"
COMMITS = sorted(path.name for path in OLDER.iterdir() if path.is_dir())


@pytest.fixture(params=COMMITS)
def older(request: pytest.FixtureRequest, tmp_path: Path) -> CommandLine:
    return folder_of(request.param, tmp_path)


def folder_of(commit: str, tmp_path: Path) -> CommandLine:
    """The data folder of an earlier version, and the commands over it."""
    data = tmp_path / "data"
    data.mkdir()
    for dump in (OLDER / commit).glob("*.sql"):
        with closing(sqlite3.connect(data / f"{dump.stem}.sqlite", isolation_level=None)) as db:
            db.executescript(dump.read_text("utf-8"))
    return CommandLine(data)


def session_of(cli: CommandLine) -> str:
    with closing(sqlite3.connect(cli.data / "sessions.sqlite")) as db:
        return str(db.execute("select session_id from sessions").fetchone()[0])


def test_every_store_is_read(older: CommandLine) -> None:
    assert older.json("catalogue", "stats", "--json")["items"] == 3
    with Catalogue.open(older.data, read_only=True) as catalogue:
        assert catalogue.eligible(Filters(attributes={"size": ["42"]})) == ["trail-shoe"]
        assert catalogue.eligible(Filters(max_price=90, attributes={"color": ["brown"]})) == ["oak-chair"]
        assert [hit[0] for hit in catalogue.keyword("steel", 3)] == ["cafe-chair"]
    assert older("keys", "list").stdout.split()[1:] == ["admin", "shop"]
    assert "delivery.md" in older("pages", "list").stdout
    assert "like 1, purchase 1" in older("interactions", "stats").stdout
    assert "cheaper, and not black" in older("replay", session_of(older)).stdout
    (session,) = older.json("users", "export", "local")["sessions"]
    assert [message["said"] for message in session["messages"]] == [
        "a chair under 90 dollars",
        "cheaper, and not black",
    ]


@pytest.mark.models
@pytest.mark.parametrize("commit", ["dfaf584", "2c7c271"])
def test_an_old_conversation_goes_on(tmp_path: Path, commit: str) -> None:
    cli = folder_of(commit, tmp_path)
    answer = cli.json("recommend", "--text", "why the first one?", "--session", session_of(cli), "--json")
    assert answer["intent"] == "why"
    assert answer["evidence"] or answer["recommendations"][0]["evidence"]
    answer = cli.json("recommend", "--text", "a running shoe in size 42", "--session", session_of(cli), "--json")
    assert [item["item_id"] for item in answer["recommendations"]] == ["trail-shoe"]
    assert len(answer["degraded"]) <= 1  # that there is no language model


@pytest.mark.models
def test_vectors_of_another_encoder_are_named_with_the_command_that_makes_them_anew(tmp_path: Path) -> None:
    cli = folder_of("8e22e07", tmp_path)
    done = cli("recommend", "--text", "a running shoe", "--json")
    assert "made by all-minilm-l6-v2" in done.stderr
    assert "assistant catalogue reindex" in done.stderr
    checks = json.loads(cli("doctor", "--json").stdout)["checks"]
    assert "assistant catalogue reindex" in [check["mend"] for check in checks]
    assert cli("catalogue", "reindex").code == 0
    answer = cli.json("recommend", "--text", "a running shoe", "--json")
    assert [item["item_id"] for item in answer["recommendations"]] == ["trail-shoe"]


def test_a_newer_catalogue_is_left_as_it_is(tmp_path: Path) -> None:
    cli = folder_of("2c7c271", tmp_path)
    with closing(sqlite3.connect(cli.data / "catalogue.sqlite", isolation_level=None)) as db:
        db.execute("update meta set value = 99 where name = 'schema'")
    assert "newer version of this program; update the program" in cli("catalogue", "stats").refused(3)
    assert cli("ingest", OLDER / "README.md").code in (2, 3)
    with closing(sqlite3.connect(cli.data / "catalogue.sqlite")) as db:
        assert db.execute("select count(*) from items").fetchone() == (3,)
