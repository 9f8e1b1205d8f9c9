"""For every test: a key of users' pseudonyms of its own run, never the one of this machine's assistant.

SIGINT is as in the foreground, so that children can be interrupted where the tests themselves run in the background.
"""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# No deadline: the first example of a run loads tables, and speed is measured elsewhere.
settings.register_profile("here", deadline=None, max_examples=int(os.environ.get("TEST_EXAMPLES", "100")))
settings.load_profile("here")

signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _users_key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    key = tmp_path_factory.mktemp("secrets") / "users.key"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASSISTANT_PRIVACY__KEY_FILE", str(key))
        yield key
