"""What measurements stand on: a catalogue of their own, the language model's server, progress on standard error."""

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assistant.engines import open_engines
from assistant.ingest import Encoders, IngestOptions, IngestSummary, ingest
from assistant.llm import server
from assistant.settings import Settings
from eval.sample import sample_folder
from tools.store.catalogue import Catalogue
from tools.toolbox import Engines


@dataclass(frozen=True)
class Stage:
    """How the measurements run; ``settings`` are the user's, whose catalogue is never written to."""

    settings: Settings
    lines: int = 100_000
    cases: int | None = None
    seed: int = 0

    def say(self, text: str) -> None:
        """Progress, on standard error."""
        print(f"  {time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)

    @contextmanager
    def fresh_data(self) -> Iterator[Settings]:
        """The settings with an empty data folder, removed at the end."""
        folder = Path(tempfile.mkdtemp(prefix="assistant-bench-"))
        try:
            yield self.settings.over(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def sample_catalogue(self) -> Iterator[Settings]:
        """Settings whose data folder holds the sample catalogue."""
        with self.fresh_data() as settings:
            self.say("ingesting the sample catalogue")
            engines = open_engines(settings)
            ingest_files(engines.catalogue, engines, [sample_folder(settings) / "products.jsonl"])
            engines.catalogue.close()
            yield settings

    @contextmanager
    def language_model(self, settings: Settings) -> Iterator[None]:
        """The server of the settings' model; stopped at the end only if it was started here."""
        self.say(f"language model server on port {settings.llm.port}")
        state = server.up(settings)
        try:
            yield
        finally:
            if not state.already_running and settings.llm.profile != "remote":
                server.down(settings)


def own_server(settings: Settings, folder: Path, *, model: str | None = None) -> Settings:
    """Settings for a server beside the user's: another port, another run folder, perhaps another model."""
    llm = settings.llm.model_copy(update={"port": free_port(), "model": model or settings.llm.model})
    return settings.model_copy(update={"llm": llm, "run": folder / "run"}, deep=True)


def free_port() -> int:
    """A port that nothing listens on now."""
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def ingest_files(catalogue: Catalogue, engines: Engines, files: list[Path]) -> IngestSummary:
    """Ingest with the engines' encoders and default limits."""
    return ingest(catalogue, files, Encoders(engines.text, engines.pictures, engines.sounds), IngestOptions())
