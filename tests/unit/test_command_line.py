"""What every command has in common: version, completion, and that it can be interrupted."""

import os
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

PROGRAM = [sys.executable, "-c", "from assistant.cli import main; main()"]


def test_the_version_is_printed() -> None:
    done = subprocess.run([*PROGRAM, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"recommendation-assistant {version('recommendation-assistant')}\n"
    assert done.stderr == ""


def test_a_shell_completes_commands() -> None:
    asked = {"_ASSISTANT_COMPLETE": "complete_bash", "COMP_WORDS": "assistant mode", "COMP_CWORD": "1"}
    command = [sys.executable, "-c", "import sys; sys.argv[0] = 'assistant'; from assistant.cli import main; main()"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **asked}, check=True)
    assert done.stdout.split() == ["models"]


def test_a_command_started_in_the_background_can_be_interrupted() -> None:
    waiting = (
        "import time\nfrom assistant import cli\n"
        "def wait(**_): print('waiting', flush=True); time.sleep(60)\n"
        "cli.app = wait\ncli.main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", waiting],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # as nohup and a shell's "&" do
    )
    assert process.stdout
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, "Interrupted; what was finished is kept.\n")


def test_a_service_whose_settings_contradict_each_other_does_not_start(tmp_path: Path) -> None:
    given = {
        "ASSISTANT_HOME": str(tmp_path),
        "ASSISTANT_LLM__PROFILE": "remote",
        "ASSISTANT_LLM__BASE_URL": "http://x/v1",
    }
    done = subprocess.run([*PROGRAM, "serve", "--no-llm"], capture_output=True, text=True, env={**os.environ, **given})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: The remote profile needs a model name: set ASSISTANT_LLM__MODEL (or llm.model).\n"


MODEL_LIBRARIES = {"torch", "transformers", "sentence_transformers", "open_clip", "timm", "faster_whisper", "lingua"}
STATE_LIBRARIES = {"langgraph", "langsmith", "sqlalchemy", "chromadb"}


@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        (["recommend", "--text", "a warm jacket"], MODEL_LIBRARIES),
        (["catalogue", "stats"], MODEL_LIBRARIES),
        (["restore", "nothing.zip"], MODEL_LIBRARIES | STATE_LIBRARIES),
        (["--help"], MODEL_LIBRARIES | STATE_LIBRARIES | {"numpy", "babel", "httpx"}),
    ],
)
def test_a_command_imports_no_library_that_it_does_not_use(tmp_path: Path, words: list[str], heavy: set[str]) -> None:
    program = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print('heavy:', {heavy} & sys.modules.keys()))\n"
        f"sys.argv = ['assistant', *{words}]\n"
        "from assistant.cli import main; main()"
    )
    environment = {**os.environ, "ASSISTANT_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.splitlines()[-1] == "heavy: set()"
