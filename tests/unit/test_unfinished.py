"""Turns whose process has ended are known to the next one; those that run are left alone."""

import subprocess
import sys
from pathlib import Path

from assistant import unfinished
from assistant.storage import UNFINISHED_TURNS

SCRIPT = """
import os, sys
from pathlib import Path
from assistant import unfinished
from assistant.storage import UNFINISHED_TURNS
with unfinished.noted(Path(sys.argv[1]), "killed"):
    os._exit(9)
"""


def test_a_turn_whose_process_was_killed_is_told_once(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)], check=False)
    assert killed.returncode == 9
    with unfinished.noted(tmp_path, "running"), unfinished.noted(tmp_path, "killed"):
        assert unfinished.take_ended(tmp_path) == set()  # a turn runs in the session now, and drops those files itself
    with unfinished.noted(tmp_path, "running"):
        assert unfinished.take_ended(tmp_path) == {"killed"}
        assert unfinished.take_ended(tmp_path) == set()


def test_a_turn_that_ends_leaves_no_note(tmp_path: Path) -> None:
    with unfinished.noted(tmp_path, "a"), unfinished.noted(tmp_path, "a"):
        pass
    assert unfinished.take_ended(tmp_path) == set()
    assert list((tmp_path / UNFINISHED_TURNS).iterdir()) == []


def test_there_need_not_have_been_any(tmp_path: Path) -> None:
    assert unfinished.take_ended(tmp_path) == set()
