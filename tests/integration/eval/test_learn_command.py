"""`assistant eval research learn` on logs of a simulated population, as a user would call it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from assistant.cli import app
from assistant.errors import BadInput
from assistant.impression_log import ImpressionLog
from assistant.learned_weights import weights_in_force
from assistant.sessions import SessionLog
from assistant.settings import Settings, load_settings
from assistant.storage import SESSIONS
from eval.research.learning.presses import ClickedRanking
from tests.unit.eval.research.learning.population import population


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("ASSISTANT_HOME", str(tmp_path))
    monkeypatch.delenv("ASSISTANT_DATA", raising=False)
    return load_settings()


def logged(settings: Settings, rankings: list[ClickedRanking]) -> None:
    """What a service would have written."""
    sessions, log = SessionLog(settings.data_folder / SESSIONS), ImpressionLog(settings.data_folder / SESSIONS)
    for one in rankings:
        log.add(one.impression)
        for item_id in one.rewards:
            sessions.note_feedback(one.impression.session_id, item_id, "like")


def learn(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["eval", "research", "learn", *arguments])


def test_weights_are_learned_shown_and_rolled_back(settings: Settings) -> None:
    logged(settings, population(700))
    before, version = weights_in_force(settings)
    assert version == ""
    done = learn()
    assert done.exit_code == 0, done.output
    assert "In force: version 1." in done.output
    after, version = weights_in_force(settings)
    assert version == "1"
    assert after["dense"] / after["keyword"] > before["dense"] / before["keyword"]
    assert after["picture"] == before["picture"]
    assert "version 1, before it 0" in learn("--show").output
    assert json.loads(learn("--show", "--json").stdout)["weights"] == after
    assert "the settings' own weights" in learn("--rollback").output
    assert weights_in_force(settings) == (before, "")


def test_a_dry_run_changes_nothing_and_json_is_all_that_is_printed(settings: Settings) -> None:
    logged(settings, population(700))
    done = learn("--dry-run", "--json")
    told = json.loads(done.stdout)
    assert told["refused"] is None
    assert told["held_out"]["difference"]["low"] > 0
    assert not (settings.data_folder / "learning").exists()


def test_twenty_presses_are_refused_in_one_sentence(settings: Settings) -> None:
    logged(settings, population(34))
    done = learn("--json")
    assert isinstance(done.exception, BadInput)
    presses = json.loads(done.stdout)["presses"]
    assert 10 <= presses <= 30
    assert str(done.exception) == (
        f"Nothing was changed. There are {presses} presses on shown items; at least 100 are needed."
    )
    assert weights_in_force(settings)[1] == ""


def test_nothing_was_ever_asked(settings: Settings) -> None:
    assert isinstance(learn().exception, BadInput)
    assert "Nothing learned is in force" in learn("--show").output
    assert isinstance(learn("--rollback").exception, BadInput)


def test_the_old_name_does_the_same_and_says_that_it_goes(settings: Settings) -> None:
    logged(settings, population(34))
    old, new = CliRunner().invoke(app, ["learn", "--json"]), learn("--json")
    assert (old.stdout, str(old.exception)) == (new.stdout, str(new.exception))
    assert "deprecated" in old.stderr
    assert "Nothing learned is in force" in CliRunner().invoke(app, ["learn", "--show"]).output
