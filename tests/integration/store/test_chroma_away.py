"""A Chroma server that stops and starts again while a catalogue is searched."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chroma_server import ChromaServer
from tests.chroma_server import chroma_server as chroma_server
from tests.fakes.catalogues import fill
from tests.fakes.encoders import HashPictures, HashText, identity
from tests.integration.store.conftest import Shop, make_entries, queries
from tools.engines.parts import Engines
from tools.errors import BadInput, IndexAway
from tools.records import Filters
from tools.search_by_text import WORDS_ONLY, SearchByText, search_by_text
from tools.store import Catalogue, reading
from tools.store import chroma_server as server_module
from tools.tool import Context

COUNT = 60


@pytest.fixture
def shop(tmp_path: Path, chroma_server: ChromaServer) -> Iterator[Shop]:
    entries = make_entries(COUNT)
    with Catalogue.open(tmp_path / "data", chroma_url=chroma_server.url) as catalogue:
        fill(catalogue, entries)
        yield Shop(catalogue, entries, [])


def no_file(reference: str) -> Path:
    raise BadInput(reference)


def test_searches_go_on_and_say_so_until_the_server_is_back(
    shop: Shop, chroma_server: ChromaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    query, dear = queries()[0], Filters(min_price=COUNT - 5)
    pictures = HashPictures()
    pictures.joint_identity = identity("fake joint")
    engines = Engines(shop.catalogue, HashText("fake text"), pictures, None)  # type: ignore[arg-type]
    context = Context(engines, no_file, "local")
    assert shop.found("text", query, 5) == shop.exact("text", query, 5)
    assert search_by_text(context, SearchByText(query="thing 7")).missing == []

    chroma_server.stop()
    assert shop.found("text", query, 5) == shop.exact("text", query, 5)  # few items are scored exactly
    monkeypatch.setattr(reading, "FEW", 10)
    with pytest.raises(IndexAway, match="does not answer"):
        shop.found("text", query, 5)
    assert shop.found("text", query, 5, dear) == shop.exact("text", query, 5, dear)
    found = search_by_text(context, SearchByText(query="thing 7"))
    assert [reason.startswith(WORDS_ONLY) for reason in found.missing] == [True]
    signals = {hit.item_id: {signal.source for signal in hit.signals} for hit in found.items}
    assert {"dense", "keyword"} <= signals["i7"]
    meant = search_by_text(context, SearchByText(query="thing 7", sentences=True))
    assert meant.items
    assert meant.missing

    chroma_server.start()
    monkeypatch.setattr(server_module, "PAUSE_SECONDS", 0.0)
    end = time.monotonic() + 20
    while search_by_text(context, SearchByText(query="thing 7")).missing:  # until the pause has passed
        assert time.monotonic() < end
        time.sleep(0.1)
    assert shop.found("text", query, 5) == shop.exact("text", query, 5)


def test_a_server_that_hangs_is_waited_for_once(
    shop: Shop, chroma_server: ChromaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "FEW", 10)
    monkeypatch.setattr(server_module, "SEARCH_SECONDS", 0.5)
    shop.catalogue.nearest("text", queries()[0], 3)
    with shop.catalogue.writing():
        shop.catalogue._index.follow()  # takes up the shorter patience
    assert chroma_server.process
    chroma_server.process.send_signal(signal.SIGSTOP)
    try:
        for waits in (True, False):
            began = time.monotonic()
            with pytest.raises(IndexAway):
                shop.found("text", queries()[0], 5)
            assert (time.monotonic() - began >= 0.5) == waits
    finally:
        chroma_server.process.send_signal(signal.SIGCONT)
