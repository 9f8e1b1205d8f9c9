"""The tests of sessions again, on state in PostgreSQL."""

from collections.abc import Iterator

import pytest

from tests.integration.service.conftest import Running, Serve
from tests.integration.service.test_sessions import *  # noqa: F403
from tests.postgres import Postgres


@pytest.fixture
def service(serve: Serve, postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setenv("ASSISTANT_STATE__URL", postgres.place().url)
    with serve() as running:
        yield running
        assert not (running.settings.data_folder / "sessions.sqlite").exists()
