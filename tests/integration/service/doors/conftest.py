"""A running service over a small catalogue, with encoders that draw vectors by hash and a language model that says what
a test wants."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from PIL import Image

from assistant.engines import taste_of
from assistant.front import Assistant
from assistant.ingest import Encoders, IngestOptions, ingest
from assistant.service.app import create_app
from assistant.service.keys import KeyStore
from assistant.settings import Settings, load_settings
from tests.fakes import catalogues
from tests.fakes.encoders import HashPictures, HashText
from tests.fakes.openai_server import EVERY_STEP, FakeOpenAIServer, Reply, Request
from tests.integration.bad_input.conftest import obliging
from tests.unit.tools.samples import record
from tools.media import Audio, MediaLimits
from tools.records import Label, Segment, Transcript
from tools.store import Catalogue
from tools.toolbox import Engines

CHAIRS = [
    {
        "id": f"chair-{n}", "title": f"{colour} chair", "description": f"A {colour} chair of wood.",
        "price": 40.0 + 10 * n, "currency": "USD", "color": colour, "category": "Furniture > Chairs",
        "brand": "Stool & Co", "in_stock": True, "images": [f"images/chair-{n}.png"],
        "url": f"https://shop.example/chairs/{colour}?a=1&b=(2)",
    }
    for n, colour in enumerate(("red", "blue", "black", "green"))
]  # fmt: skip
LAMP = {
    "id": "lamp/1 é", "title": "Desk [lamp](http://example.org)", "description": "A lamp.", "price": 20.0,
    "currency": "USD", "category": "Lighting > Lamps", "brand": "Glow", "in_stock": True,
}  # fmt: skip


class Ears:
    """A speech engine that hears a wish, or that sleeps."""

    name = "ears"

    def __init__(self) -> None:
        self.seconds = 0.0
        self.side_by_side = 0
        """The most recordings that were listened to at one time."""
        self._under_way = 0
        self._lock = threading.Lock()

    def load(self) -> None:
        pass

    def transcribe(self, audio: Audio, language: str | None = None) -> Transcript:
        with self._lock:
            self._under_way += 1
            self.side_by_side = max(self.side_by_side, self._under_way)
        time.sleep(self.seconds)
        with self._lock:
            self._under_way -= 1
        text = "a red chair"
        segment = Segment(start=0, end=audio.seconds, text=text)
        return Transcript(
            text=text, language=language or "en", confidence=0.9, segments=[segment], seconds=audio.seconds, spoken=True
        )


class Eyes(HashPictures):
    """Pictures are drawn by hash; each shows a chair."""

    def labels(self, picture: Image.Image, k: int = 5) -> list[Label]:
        return [Label(label="folding chair", score=0.9)]


class Text(HashText):
    """Texts are drawn by hash."""

    def load(self) -> None:
        pass


@pytest.fixture(scope="session")
def ears() -> Ears:
    return Ears()


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory, ears: Ears) -> Iterator[Engines]:
    """The engines over five items."""
    folder = tmp_path_factory.mktemp("doors")
    text, eyes = Text(), Eyes()
    with Catalogue.open(folder / "data") as catalogue:
        lines = catalogues.write(folder, [*CHAIRS, LAMP])
        ingest(catalogue, [lines], Encoders(text, eyes), IngestOptions(), reject=lambda _: None)
        yield Engines(catalogue, text, eyes, ears, MediaLimits())  # type: ignore[arg-type]


def slow(body: Request) -> Reply:
    """A model that never answers."""
    return Reply(hang=True)


@pytest.fixture
def model() -> Iterator[FakeOpenAIServer]:
    with FakeOpenAIServer(obliging) as server:
        yield server


@dataclass(frozen=True)
class Served:
    """A service that runs."""

    url: str
    settings: Settings
    assistant: Assistant
    app: Any

    def client(self, key: str | None = None, **further: Any) -> httpx.Client:  # noqa: ANN401 - httpx's own arguments
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, **further)


Serve = Callable[..., AbstractContextManager[Served]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def serve(engines: Engines, model: FakeOpenAIServer, tmp_path: Path) -> Serve:
    """Runs the service in a thread, over real HTTP; keywords are sections of the settings."""

    @contextmanager
    def running(*, needs_key: bool = False, **sections: dict[str, Any]) -> Iterator[Served]:
        llm = {"profile": "remote", "base_url": model.base_url, "model": model.model, **sections.pop("llm", {})}
        settings = load_settings(data=tmp_path / "own", **{"llm": llm, "turn": EVERY_STEP, **sections})
        host = "0.0.0.0" if needs_key else "127.0.0.1"  # what the settings say decides whether keys are needed
        settings = settings.model_copy(update={"service": settings.service.model_copy(update={"host": host})})
        knowing = engines.with_taste(taste_of(settings, lambda: engines.catalogue))
        assistant, port = Assistant(settings, engines=knowing), free_port()
        app = create_app(settings, assistant)
        config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", proxy_headers=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        try:
            yield Served(f"http://127.0.0.1:{port}", settings, assistant, app)
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()

    return running


@pytest.fixture
def served(serve: Serve) -> Iterator[Served]:
    with serve() as running:
        yield running


@pytest.fixture
def http(served: Served) -> Iterator[httpx.Client]:
    with served.client() as client:
        yield client


def new_key(served: Served, name: str) -> str:
    """A user's key."""
    return KeyStore(served.settings.keys_place).create(name)[1]


def png(colour: str = "red") -> bytes:
    """A small picture."""
    out = BytesIO()
    Image.new("RGB", (24, 24), colour).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def wav(tmp_path: Path) -> bytes:
    """A recording of a second."""
    return record(tmp_path / "voice.wav", 1.0).read_bytes()
