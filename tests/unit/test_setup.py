"""What `.scripts/setup.sh` installs, told by a Python that only notes how pip is called."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.test_locks import locked

ROOT = Path(__file__).resolve().parents[2]
NOTING = """#!/usr/bin/env bash
case "$*" in
    "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    *"+cpu"*) [[ -z ${NO_INDEX:-} ]] || exit 1 ;;
esac
echo "$*" >>"$CALLS"
while [[ $# -gt 0 ]]; do if [[ $1 == -r ]]; then sed 's/^/file: /' "$2" >>"$CALLS"; fi; shift; done
"""


def calls(folder: Path, *names: str, index: bool = True) -> str:
    """Run the script in a copy of what it reads; all calls of Python, and the lines of the files that pip was given."""
    if not (folder / ".scripts").exists():
        for name in (".scripts/setup.sh", ".locks/app.txt", ".locks/vllm.txt", "pyproject.toml"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
        (folder / "python").write_text(NOTING)
        (folder / "python").chmod(0o755)
    (folder / "calls").write_text("")
    environment = {**os.environ, "PYTHON": str(folder / "python"), "CALLS": str(folder / "calls")}
    environment |= {} if index else {"NO_INDEX": "1"}
    done = subprocess.run(
        ["bash", folder / ".scripts" / "setup.sh", *names], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return (folder / "calls").read_text()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return tmp_path


def test_the_light_way_has_no_cuda_where_pytorch_s_index_is_reached(checkout: Path) -> None:
    pins, text = locked("app"), calls(checkout, "light")
    assert f"torch=={pins['torch']}+cpu torchvision=={pins['torchvision']}+cpu" in text
    listed = {line.removeprefix("file: ").partition("==")[0] for line in text.splitlines() if "file: " in line}
    assert {"torch", "torchvision", "triton"}.isdisjoint(listed)
    assert not [name for name in listed if name.startswith(("nvidia-", "cuda-"))]
    assert {"onnxruntime", "open_clip_torch", "timm", "fastapi"} <= listed
    assert "-e ." in text
    assert not (checkout / ".venv-vllm").exists()


def test_without_that_index_it_takes_the_lock_as_it_is(checkout: Path) -> None:
    text = calls(checkout, "light", index=False)
    assert "file: torch==" in text
    assert "file: triton==" in text
    assert not (checkout / ".venv-vllm").exists()


def test_an_environment_is_made_once_and_both_forms_count_as_one(checkout: Path) -> None:
    assert calls(checkout, "light")
    assert calls(checkout, "light") == ""
    assert calls(checkout, "app") == ""
