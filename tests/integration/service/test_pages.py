"""The shop's pages over HTTP: written, listed, searched and removed while the service runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes import catalogues
from tests.fakes.encoders import WordText
from tests.integration.service.catalogue_shop import CatalogueShop, Client

PAGES = "/api/pages"
MARKDOWN = "# Returns\n\n## Refunds\n\nRefunds arrive within five days.\n"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    shop = CatalogueShop(tmp_path, text=WordText())  # type: ignore[arg-type] # as every encoder
    shop.fill(catalogues.lines(8))
    with shop.serving(requests_per_minute=100_000) as client:
        yield client


def test_a_page_is_written_listed_searched_and_removed(client: Client) -> None:
    written = client.put_text(f"{PAGES}/returns.md", MARKDOWN, "text/markdown; charset=utf-8", 201)
    assert written == {"name": "returns.md", "title": "Returns", "passages": 1, "change": "new"}
    assert client.put_text(f"{PAGES}/returns.md", MARKDOWN, "text/markdown")["change"] == "unchanged"
    listed = client.get(PAGES)["pages"]
    assert [(page["name"], page["title"], page["passages"]) for page in listed] == [("returns.md", "Returns", 1)]
    found = client.post("/api/tools/search_pages", {"arguments": {"query": "when do refunds arrive"}})
    assert found["result"]["passages"][0]["text"] == "Refunds arrive within five days."
    assert found["result"]["passages"][0]["relevant"]
    client.delete(f"{PAGES}/returns.md")
    assert client.get(PAGES) == {"pages": []}
    client.delete(f"{PAGES}/returns.md", 404)


def test_names_of_the_shop_s_own(client: Client) -> None:
    client.put_text(f"{PAGES}/help%2Ffaq%20%E9%80%80", "Ask us anything.", "text/plain", 201)
    assert client.get(PAGES)["pages"][0]["name"] == "help/faq 退"
    client.delete(f"{PAGES}/help%2Ffaq%20%E9%80%80")


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        ("{}", "application/json", 415), ("", "text/html", 422), (b"%PDF-1.7", "text/plain", 422),
        ("x" * (2**20 + 1), "text/plain", 422), ("x" * (3 * 2**20), "text/plain", 413),
    ],
)  # fmt: skip
def test_what_is_no_page_is_refused(client: Client, content: str | bytes, kind: str, status: int) -> None:
    refusal = client.put_text(f"{PAGES}/a", content, kind, status)["detail"]
    assert "/tmp" not in refusal
    assert client.get(PAGES) == {"pages": []}
