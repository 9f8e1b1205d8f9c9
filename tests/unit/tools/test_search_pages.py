"""search_pages: what the pages say, whether it answers, and what is missing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from assistant.ingest.pages import read_page
from tests.fakes.encoders import WordText
from tools.engines.lazy import Lazy
from tools.engines.parts import Engines
from tools.errors import ServiceMissing
from tools.records import EncoderIdentity
from tools.store.pages import PageStore
from tools.toolbox import bind_tools, call_tool

PAGES = Path(__file__).parents[2] / "data" / "pages"
ITEMS = [
    "A red chair of oak for the kitchen",
    "Running shoes, light and blue",
    "A camera with two lenses",
    "A desk lamp",
]


class Shelf:
    """Item texts by an encoder; none of them answers a question to the shop."""

    def __init__(self, encoder: WordText) -> None:
        self._encoder = encoder

    def identity(self, space: str) -> EncoderIdentity:
        return self._encoder.identity

    def sample(self, space: str, n: int) -> NDArray[np.float32]:
        return self._encoder.encode(ITEMS)


def engines(folder: Path, encoder: Any = None, pages: PageStore | None = None) -> Engines:  # noqa: ANN401
    encoder = encoder or WordText()
    return Engines(Shelf(WordText()), encoder, None, None, pages=pages)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> PageStore:
    store = PageStore(tmp_path)
    store.put([read_page(path) for path in sorted(PAGES.iterdir())], WordText())
    return store


def search(engines: Engines, query: str, **further: object) -> dict[str, Any]:
    outcome = call_tool(bind_tools(engines, Path), "search_pages", {"query": query, **further})
    assert outcome.ok, outcome.error
    assert outcome.result is not None
    return outcome.result


@pytest.mark.parametrize(
    ("query", "page", "heading"),
    [
        ("what are the opening hours of the store", "shop.txt", "Opening hours"),
        ("how long does delivery take, how many working days", "delivery.md", "How long it takes"),
        ("the price to Austria, what it costs", "delivery.md", "What it costs"),
        ("warranty", "returns.html", "Warranty"),
    ],
)
def test_a_question_finds_the_passage_that_answers_it(
    tmp_path: Path, store: PageStore, query: str, page: str, heading: str
) -> None:
    first = search(engines(tmp_path, pages=store), query)["passages"][0]
    assert (first["page"], first["heading"], first["relevant"]) == (page, heading, True)


@pytest.mark.parametrize("query", ["do you have a red chair of oak", "loyalty programme", "喂", "student discount?"])
def test_nothing_is_relevant_where_the_pages_say_nothing_about_it(tmp_path: Path, store: PageStore, query: str) -> None:
    assert not any(hit["relevant"] for hit in search(engines(tmp_path, pages=store), query)["passages"])


def test_as_many_passages_as_asked_for_and_relevant_ones_first(tmp_path: Path, store: PageStore) -> None:
    result = search(engines(tmp_path, pages=store), "delivery parcels working days", k=5)
    relevant = [hit["relevant"] for hit in result["passages"]]
    assert len(relevant) == 5
    assert relevant == sorted(relevant, reverse=True)


def test_without_pages_the_result_says_so(tmp_path: Path) -> None:
    for pages in (None, PageStore(tmp_path / "none")):
        result = search(engines(tmp_path, pages=pages), "delivery")
        assert result["passages"] == []
        assert "assistant pages ingest" in result["missing"][0]


def test_with_another_encoder_words_are_searched_and_nothing_is_called_relevant(
    tmp_path: Path, store: PageStore
) -> None:
    result = search(engines(tmp_path, WordText("other"), store), "warranty")
    assert result["passages"][0]["heading"] == "Warranty"
    assert not result["passages"][0]["relevant"]
    assert "assistant pages reindex" in result["missing"][0]


def test_without_an_encoder_words_are_searched(tmp_path: Path, store: PageStore) -> None:
    def missing() -> Any:  # noqa: ANN401
        raise ServiceMissing("The model is not here.")

    result = search(engines(tmp_path, Lazy(missing), store), "warranty")
    assert result["passages"][0]["heading"] == "Warranty"
    assert "The model is not here." in result["missing"][0]
