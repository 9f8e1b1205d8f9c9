"""The web page's files go out compressed, and browsers keep what cannot change."""

from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from assistant.service.app import _serve_page

SCRIPT = "export const answer = 42;\n" * 500


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "page-abc123.js").write_text(SCRIPT)
    (tmp_path / "index.html").write_text("<!doctype html><title>Shop</title>")
    (tmp_path / "licences.md").write_text(SCRIPT)
    (tmp_path / ".complete").write_text("x")
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    _serve_page(app, tmp_path)
    return app


async def get(app: FastAPI, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
        return await client.get(path, headers={"Accept-Encoding": "gzip", **headers})


async def test_a_script_is_compressed_and_kept_for_ever(app: FastAPI) -> None:
    answer = await get(app, "/assets/page-abc123.js")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.num_bytes_downloaded < len(SCRIPT) / 3
    assert answer.text == SCRIPT
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "accept-encoding" in answer.headers["vary"].lower()


async def test_who_cannot_read_gzip_gets_it_plain(app: FastAPI) -> None:
    answer = await get(app, "/assets/page-abc123.js", **{"Accept-Encoding": "identity"})
    assert "content-encoding" not in answer.headers
    assert answer.text == SCRIPT


async def test_the_page_itself_is_asked_for_each_time(app: FastAPI) -> None:
    answer = await get(app, "/")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")
    assert answer.headers["etag"]
    assert (await get(app, "/licences.md")).headers["content-encoding"] == "gzip"


async def test_other_addresses_are_not_answered(app: FastAPI) -> None:
    for path in ("/.complete", "/assets/none.js", "/assets/../index.html%00", "/elsewhere"):
        assert (await get(app, path)).status_code == 404
