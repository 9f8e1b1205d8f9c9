"""For every test: a key of users' pseudonyms of its own run, never the one of this machine's assistant.

SIGINT is as in the foreground, so that children can be interrupted where the tests themselves run in the background.

``make test`` runs two processes side by side (pytest-xdist, ``--dist loadgroup``). The tests of a file stay in one, so
that what they share is made once; all on real vLLM stay together at the end: one server, which takes every core.
"""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.postgres import Postgres, binaries
from tools.place import Place, StateServer

# No deadline: the first example of a run loads tables, and speed is measured elsewhere. Every run tries the same
# examples, but for constants that Hypothesis takes from the modules which are loaded; with TEST_EXAMPLES it tries so
# many, and others each time.
_examples = os.environ.get("TEST_EXAMPLES")
settings.register_profile(
    "here", deadline=None, max_examples=int(_examples or 100), derandomize=_examples is None, database=None
)
settings.load_profile("here")

signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.setdefault("NUMBA_DISABLE_JIT", "1")  # ranx compiles for half a minute what takes milliseconds here


@pytest.hookimpl(tryfirst=True)  # before that of pytest-xdist, which reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test its group; slow files come first, so that no process is left waiting for one at the end."""
    items.sort(key=_turn)
    for item in items:
        if not item.nodeid.endswith(item.name):  # schemathesis gives all its tests one id, and xdist knows tests by it
            item._nodeid = f"{item.nodeid.rpartition('::')[0]}::{item.name}"
        group = "vllm" if item.get_closest_marker("vllm") else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))


def _turn(item: pytest.Item) -> int:
    """Tests on real models, then those without, then those on vLLM; within these the order stays."""
    if item.get_closest_marker("vllm"):
        return 2
    return 0 if item.get_closest_marker("models") else 1


@pytest.fixture(scope="session", autouse=True)
def _users_key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    key = tmp_path_factory.mktemp("secrets") / "users.key"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASSISTANT_PRIVACY__KEY_FILE", str(key))
        patch.setenv("ASSISTANT_LLM__PROBE", "false")  # scripted models are asked what their tests are about
        yield key


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server, started when a test first asks for it."""
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed; to run these tests: apt install postgresql")
    server = Postgres(programs)
    yield server
    server.remove()


@pytest.fixture(params=["files", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Place]:
    """Gives where a store lies, by its name in the data folder: a file there, or one PostgreSQL database for all."""
    if request.param == "files":
        return lambda name: tmp_path / name
    server = request.getfixturevalue("postgres").place()
    return lambda name: server


@pytest.fixture
def state(place: Callable[[str], Place]) -> StateServer | None:
    """The server that has the catalogue, and the state of people; None where files have both."""
    found = place("")
    return found if isinstance(found, StateServer) else None
