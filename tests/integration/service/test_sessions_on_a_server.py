"""The tests of sessions again, on state in PostgreSQL and with attachments in object storage."""

from collections.abc import Iterator

import pytest

from tests.integration.service.conftest import Running, Serve
from tests.integration.service.test_sessions import *  # noqa: F403
from tests.object_storage import S3Server, s3, s3_server
from tests.postgres import Postgres

__all__ = ["s3", "s3_server"]


@pytest.fixture
def service(serve: Serve, postgres: Postgres, s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setenv("ASSISTANT_STATE__URL", postgres.place().url)
    monkeypatch.setenv("ASSISTANT_STATE__OBJECTS", s3.bucket().url)
    with serve() as running:
        yield running
        assert not (running.settings.data_folder / "sessions.sqlite").exists()
