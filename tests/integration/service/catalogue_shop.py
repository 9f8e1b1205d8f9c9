"""A small catalogue behind the HTTP service, with encoders that need no model: vectors are drawn by hash."""

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from httpx import Response

from assistant.errors import ModelMissing
from assistant.front import Assistant
from assistant.ingest import Encoders, ingest
from assistant.service.app import create_app
from assistant.settings import Settings, load_settings
from tests.fakes import catalogues
from tests.fakes.encoders import HashPictures, HashText
from tools.engines.lazy import Lazy
from tools.engines.parts import Engines
from tools.engines.sounds import LogMel
from tools.store import Catalogue
from tools.store.pages import PageStore

Line = dict[str, Any]


def no_speech() -> Any:  # noqa: ANN401
    raise ModelMissing("whisper-base")


@dataclass
class CatalogueShop:
    """A data folder and what serves it."""

    folder: Path
    text: HashText = field(default_factory=HashText)
    pictures: HashPictures = field(default_factory=HashPictures)
    sounds: LogMel = field(default_factory=LogMel)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def settings(self, **service: object) -> Settings:
        nowhere = {"profile": "remote", "base_url": "http://127.0.0.1:9/v1", "model": "none"}
        return load_settings(data=self.data, llm=nowhere, service=service)

    def fill(self, lines: Iterable[Line]) -> None:
        """Ingest lines as the command does, with their pictures outside the data folder."""
        file = catalogues.write(self.folder / "feed", lines)
        with Catalogue.open(self.data) as catalogue:
            ingest(catalogue, [file], Encoders(self.text, self.pictures, self.sounds))

    @contextmanager
    def serving(self, **service: object) -> Iterator["Client"]:
        """The service over it, as long as the test needs it."""
        with Catalogue.open(self.data, chroma_url=self.settings().chroma_url) as catalogue:
            store = PageStore(self.data)
            speech, sounds = Lazy(no_speech), self.sounds
            engines = Engines(catalogue, self.text, self.pictures, speech, pages=store, sounds=sounds)  # type: ignore[arg-type]
            settings = self.settings(**service)
            app = create_app(settings, Assistant(settings, engines=engines))
            with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
                yield Client(client)


@dataclass(frozen=True)
class Client:
    """A client of the service that says what a test expects."""

    http: TestClient

    def get(self, path: str, status: int = 200, **params: object) -> Any:  # noqa: ANN401
        return self._json(self.http.get(path, params=params or None), status)

    def put(self, path: str, line: object, status: int = 200) -> Any:  # noqa: ANN401
        return self._json(self.http.put(path, json=line), status)

    def put_text(self, path: str, text: str | bytes, kind: str, status: int = 200) -> Any:  # noqa: ANN401
        return self._json(self.http.put(path, content=text, headers={"Content-Type": kind}), status)

    def post(self, path: str, content: object, status: int = 200) -> Any:  # noqa: ANN401
        return self._json(self.http.post(path, json=content), status)

    def delete(self, path: str, status: int = 204) -> Any:  # noqa: ANN401
        return self._json(self.http.delete(path), status)

    def send(self, content: bytes, status: int = 202, **headers: str) -> Any:  # noqa: ANN401
        """An import."""
        return self._json(self.http.post("/api/catalogue/import", content=content, headers=headers), status)

    def refused(self, response: Response, status: int) -> str:
        """The one sentence of a refusal."""
        return str(self._json(response, status)["detail"])

    def ended(self, job_id: str, seconds: float = 30.0) -> Any:  # noqa: ANN401
        """The job, once it has ended."""
        return self.when(job_id, lambda job: job["state"] != "running", seconds)

    def when(self, job_id: str, true: Any, seconds: float = 30.0) -> Any:  # noqa: ANN401
        """The job, as soon as something is true of it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            job = self.get(f"/api/jobs/{job_id}")
            if true(job):
                return job
            time.sleep(0.02)
        raise AssertionError(job)

    def _json(self, response: Response, status: int) -> Any:  # noqa: ANN401
        assert response.status_code == status, response.content[:2000]
        if response.is_error:
            assert response.headers["content-type"] == "application/problem+json"
            problem = response.json()
            assert "Traceback" not in problem["detail"]
            return problem
        return response.json() if response.content else None


def ndjson(lines: Iterable[Line]) -> bytes:
    """Lines as an import sends them."""
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()
