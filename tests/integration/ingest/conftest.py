"""A folder with a catalogue file and pictures, and a store to ingest it into; vectors are drawn by hash."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assistant.ingest import Encoders, IngestOptions, IngestSummary, Rejection, ingest
from tests.fakes.encoders import HashPictures, HashText
from tools.engines.sounds import LogMel
from tools.store import Catalogue


@dataclass
class Bench:
    """Where a test ingests."""

    folder: Path
    catalogue: Catalogue
    text: HashText = field(default_factory=HashText)
    pictures: HashPictures = field(default_factory=HashPictures)
    sounds: LogMel = field(default_factory=LogMel)
    rejections: list[Rejection] = field(default_factory=list)

    def __call__(self, *files: Path, **options: Any) -> IngestSummary:  # noqa: ANN401 - the options' own types
        self.rejections.clear()
        self.text.encoded.clear()
        self.pictures.encoded = 0
        encoders = Encoders(self.text, self.pictures, self.sounds)
        return ingest(self.catalogue, files, encoders, IngestOptions(**options), reject=self.rejections.append)

    def reasons(self, kind: str) -> dict[int, str]:
        return {rejection.line: rejection.reason for rejection in self.rejections if rejection.kind == kind}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Catalogue.open(tmp_path / "data") as catalogue:
        yield Bench(tmp_path / "feed", catalogue)


Contents = dict[str, Any]


def contents(catalogue: Catalogue) -> Contents:
    """All that a catalogue holds, comparable between catalogues that were filled in different ways."""
    items = {item.id: item.model_dump() for item in catalogue.items()}
    vectors = {
        space: {
            item_id: [row.tobytes() for row in rows]
            for item_id, rows in catalogue.vectors_of(space, list(items)).items()  # type: ignore[arg-type]
        }
        for space in catalogue.stats().spaces
    }
    return {"items": items, "vectors": vectors}


def assert_searchable(catalogue: Catalogue, count: int) -> None:
    """Chroma and SQLite agree: every item is its own nearest neighbour."""
    ids = [item.id for item in catalogue.browse(k=count)]
    for item_id, rows in catalogue.vectors_of("visual", ids[:: max(1, len(ids) // 20)]).items():
        for row in rows:
            found = catalogue.nearest("visual", row, 3)
            assert found[0][1] == pytest.approx(1, abs=1e-4)
            assert item_id in [other for other, _ in found]
    assert len(catalogue.nearest("text", np.ones(24, np.float32), count + 10)) == count
    stats = catalogue.stats()
    assert all(space.missing == 0 for space in stats.spaces.values())


Change = Callable[[Path], None]


@pytest.fixture
def httpserver_folder(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web server's address and the folder that it serves."""
    (folder := tmp_path / "web").mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:  # noqa: ANN401
        pass
