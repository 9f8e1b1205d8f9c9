"""The data folder is its owner's alone, also one that was open before."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from assistant.service.keys import KeyStore
from assistant.sessions import SessionLog
from tools.storage import private_folder
from tools.store import Catalogue
from tools.taste.events import EventStore


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("opened", [
    lambda folder: Catalogue.open(folder).close(),
    lambda folder: EventStore.open(folder).close(),
    lambda folder: SessionLog(folder / "sessions.sqlite"),
    lambda folder: KeyStore(folder / "keys.sqlite").create("ann"),
], ids=["catalogue", "events", "sessions", "keys"])  # fmt: skip
def test_whatever_opens_the_data_folder_closes_it_to_others(tmp_path: Path, opened) -> None:  # noqa: ANN001
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    old = folder / "old.sqlite"
    old.touch(0o644)
    opened(folder)
    assert mode(folder) == 0o700
    assert mode(old) == 0o600


def test_a_new_folder_is_closed_from_the_beginning(tmp_path: Path) -> None:
    assert mode(private_folder(tmp_path / "a" / "data")) == 0o700


def test_a_folder_that_everybody_writes_to_by_intent_stays_open(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o1777)
    private_folder(folder)
    assert mode(folder) == 0o1777


def test_what_commands_write_is_for_their_user_alone(tmp_path: Path) -> None:
    catalogue = tmp_path / "shop.csv"
    catalogue.write_text("id,title\n1,Chair\n")
    environment = os.environ | {"ASSISTANT_HOME": str(tmp_path / "home"), "ASSISTANT_DATA": str(tmp_path / "data")}
    script = "import os; os.umask(0o022); from assistant.cli import main; main()"
    for arguments in (["keys", "create", "ann"], ["users", "show", "local"], ["interactions", "import", "none.csv"]):
        subprocess.run([sys.executable, "-c", script, *arguments], env=environment, check=False, capture_output=True)
    written = [tmp_path / "data", *(tmp_path / "data").rglob("*")]
    assert len(written) > 1
    assert [path for path in written if mode(path) & 0o077] == []
