"""Two machines with data folders of their own that share PostgreSQL and an S3 server."""

import base64
import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from assistant.doctor import examine
from assistant.settings import Settings, load_settings
from assistant.user_data import forget, stored_of, tidy
from tests.fakes.openai_server import EVERY_STEP, FakeOpenAIServer
from tests.integration.service.conftest import Running, problem, serving
from tests.integration.service.test_messages import obliging, slow_plan, wait_until_idle
from tests.object_storage import Bucket, S3Server, s3, s3_server
from tests.postgres import Postgres
from tools.toolbox import Engines

__all__ = ["s3", "s3_server"]

pytestmark = pytest.mark.models

JSON = {"Accept": "application/json"}
Two = Callable[[], contextlib.AbstractContextManager[tuple[Running, Running]]]


@pytest.fixture
def held(s3: S3Server) -> Bucket:
    return s3.bucket()


@pytest.fixture
def two(shop_engines: Engines, model: FakeOpenAIServer, tmp_path: Path, postgres: Postgres, held: Bucket) -> Two:
    """Two machines; each believes that it has the only data folder."""
    state = {"url": postgres.place().url, "objects": held.url}

    def on(folder: str) -> Settings:
        remote = {"profile": "remote", "base_url": model.base_url, "model": model.model}
        return load_settings(data=tmp_path / folder, llm=remote, turn=EVERY_STEP, state=state)

    @contextlib.contextmanager
    def two_() -> Iterator[tuple[Running, Running]]:
        with serving(on("a"), shop_engines) as first, serving(on("b"), shop_engines) as second:
            yield first, second

    return two_


def send(service: Running, session: str, picture: bytes, text: str = "something like this") -> httpx.Response:
    files = {"images": ("ball.png", picture)}
    return service.client.post(f"/api/sessions/{session}/messages", files=files, data={"text": text}, headers=JSON)


def files_in(folder: Path) -> list[Path]:
    return [path for path in (folder / "uploads").rglob("*") if path.is_file()]


def test_a_photo_of_one_machine_is_used_shown_branched_and_deleted_on_another(
    two: Two, held: Bucket, picture: bytes
) -> None:
    with two() as (first, second):
        session = first.session()
        assert send(first, session, picture).status_code == 200
        assert list(held.held().values()) == [picture]
        later = second.say(session, "something like my photo, but red").json()
        looked = [step for step in later["steps"] if step["arguments"].get("image") == "img1"]
        assert looked
        assert all(step["ok"] for step in looked)
        shown = f"/api/sessions/{session}/attachments/img1"
        shutil.rmtree(second.settings.data_folder / "uploads")  # its cache is thrown away
        assert second.client.get(shown).content == picture
        assert first.client.get(shown).content == picture

        branched = second.client.post(f"/api/sessions/{session}/branches", json={"turns": 2})
        assert branched.status_code in (201, 404, 405)  # where the service has such a route
        assert second.client.delete(f"/api/sessions/{session}").status_code == 204
        assert held.held() == {}
        problem(first.client.get(shown), 404)
        [kept] = files_in(first.settings.data_folder)  # until the next hour
        os.utime(kept.parent, (time.time() - 7200,) * 2)
        tidy(first.settings)
        assert files_in(first.settings.data_folder) == []


def test_forgetting_a_user_on_one_machine_deletes_what_another_took(two: Two, held: Bucket, picture: bytes) -> None:
    with two() as (first, second):
        session = first.session()
        assert send(first, session, picture).status_code == 200
        assert first.client.post("/api/uploads", files={"file": ("a.png", picture)}).status_code == 201
        assert len(held.held()) == 2
        shutil.rmtree(first.settings.data_folder / "uploads")
        assert stored_of(second.settings, "local").places["files"] == 2
        assert forget(second.settings, "local").places["files"] == 2
        assert held.held() == {}
        assert not stored_of(first.settings, "local").anything


def test_uploads_of_tools_are_found_and_deleted_on_both(two: Two, held: Bucket, picture: bytes) -> None:
    with two() as (first, second):
        upload = first.client.post("/api/uploads", files={"file": ("a.png", picture)}).json()["id"]
        call = {"arguments": {"image": upload}}
        assert second.client.post("/api/tools/describe_image", json=call).status_code == 200
        assert second.client.delete(f"/api/uploads/{upload}").status_code == 204
        assert held.held() == {}
        assert first.client.post("/api/tools/describe_image", json=call).status_code == 422
        assert files_in(first.settings.data_folder) == []


def test_a_turn_that_is_stopped_leaves_no_object(
    two: Two, held: Bucket, picture: bytes, model: FakeOpenAIServer
) -> None:
    with two() as (first, second), ThreadPoolExecutor(1) as pool:
        session = first.session()
        assert send(first, session, picture).status_code == 200
        model.script(slow_plan)
        body = {"images": [{"name": "b.png", "data": base64.b64encode(picture).decode()}], "message_id": "m"}
        said = pool.submit(second.say, session, "a lamp like this", **body)
        while len(held.held()) < 2:
            time.sleep(0.02)
        assert second.client.delete(f"/api/sessions/{session}/messages/m").status_code == 204
        assert said.result().status_code == 499
        wait_until_idle(second, session)
        assert len(held.held()) == 1
        model.script(obliging)
        assert first.client.get(f"/api/sessions/{session}/attachments/img1").content == picture


def test_while_the_storage_is_away_what_needs_it_is_refused_and_turns_go_on(
    two: Two, held: Bucket, picture: bytes, s3: S3Server
) -> None:
    with two() as (first, second):
        session = first.session()
        assert send(first, session, picture).status_code == 200
        s3.stop()
        assert "object storage" in problem(send(second, session, picture), 503)
        refused = second.client.post("/api/uploads", files={"file": ("a.png", picture)})
        assert "object storage" in problem(refused, 503)
        assert "object storage" in problem(second.client.get(f"/api/sessions/{session}/attachments/img1"), 503)
        assert files_in(second.settings.data_folder) == []
        told = second.client.get("/readyz").json()
        assert "object storage" in told["parts"]["objects"]
        [diagnosis] = [check for check in examine(second.settings).checks if check.name == "objects"]
        assert diagnosis.state == "missing"
        assert second.say(session, "a desk lamp").status_code == 200
        later = second.say(session, "something like my photo, but red").json()
        assert later["recommendations"]
        assert later["degraded"]
        assert first.client.get(f"/api/sessions/{session}/attachments/img1").content == picture  # in its folder
        assert "object storage" in problem(second.client.delete(f"/api/sessions/{session}"), 503)
        s3.start()
        assert second.client.delete(f"/api/sessions/{session}").status_code == 204
        assert held.held() == {}
