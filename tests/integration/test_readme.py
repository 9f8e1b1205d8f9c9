"""The Python example of README.md runs."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.bad_input.conftest import CommandLine, shop_data, shop_file

__all__ = ["shop_data", "shop_file"]

pytestmark = pytest.mark.models

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "python_example.py"


def test_the_python_example_answers_without_a_language_model(shop_data: Path, shop_file: Path) -> None:
    photo = next((shop_file.parent / "images").glob("ball*"))
    command = [sys.executable, EXAMPLE, "something like this, at most 100 dollars", photo]
    done = subprocess.run(command, env=CommandLine(shop_data).env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    message, *items = done.stdout.splitlines()
    assert message
    assert [line.split()[0] for line in items] == ["1", "2", "3"]
