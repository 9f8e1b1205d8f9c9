"""A catalogue with real SQLite and real Chroma; vectors are drawn by hash."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.fakes.catalogues import entry, fill
from tests.fakes.encoders import hash_vector
from tools.records import Filters, Item
from tools.store import Catalogue, CatalogueEntry, Space

COUNT = 600


@dataclass
class Shop:
    """A filled catalogue and what stands in it."""

    catalogue: Catalogue
    entries: list[CatalogueEntry]
    told: list[str]

    def exact(self, space: Space, query: np.ndarray, k: int, filters: Filters | None = None) -> list[str]:
        """The right answer of `nearest`, by comparing with everything."""
        eligible = self.catalogue.eligible(filters)
        scores: dict[str, float] = {}
        for each in self.entries:
            if eligible is None or each.item.id in eligible:
                rows = [hash_vector(digest) for (s, _), digest in each.places().items() if s == space]
                if rows:
                    scores[each.item.id] = max(float(row @ query) for row in rows)
        return sorted(scores, key=lambda item_id: -scores[item_id])[:k]

    def found(self, space: Space, query: np.ndarray, k: int, filters: Filters | None = None) -> list[str]:
        return [item_id for item_id, _ in self.catalogue.nearest(space, query, k, filters)]


def make_entries(count: int = COUNT) -> list[CatalogueEntry]:
    return [
        entry(Item(id=f"i{n}", title=f"Thing {n}", price=float(n), category=f"C{n % 7}"), pictures=n % 4)
        for n in range(count)
    ]


def queries(count: int = 6) -> list[np.ndarray]:
    return [hash_vector(f"query {n}".encode()) for n in range(count)]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    told: list[str] = []
    entries = make_entries()
    with Catalogue.open(tmp_path / "data", notify=told.append) as catalogue:
        fill(catalogue, entries)
        yield Shop(catalogue, entries, told)


@pytest.fixture(scope="package")
def chroma(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Chroma server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = Path(sys.executable).with_name("chroma")
    command = [str(program), "run", "--path", str(tmp_path_factory.mktemp("server")), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ})
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(10)
