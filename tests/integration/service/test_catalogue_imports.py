"""Whole catalogues over HTTP: streamed, followed, cancelled, interrupted."""

import errno
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from assistant.errors import ModelMissing
from assistant.service.keys import KeyStore
from assistant.service.runs import jobs as jobs_module
from eval.fuzzing.serving import service_bounds
from tests.fakes import catalogues
from tests.fakes.encoders import HashText
from tests.integration.service.catalogue_shop import CatalogueShop, Client, ndjson
from tools.engines.lazy import Lazy


@pytest.fixture
def shop(tmp_path: Path) -> CatalogueShop:
    return CatalogueShop(tmp_path)


@pytest.fixture
def client(shop: CatalogueShop) -> Iterator[Client]:
    with shop.serving(requests_per_minute=100_000) as client:
        yield client


def rows(count: int) -> bytes:
    return ndjson({**row, "images": []} for row in catalogues.lines(count))


def left(shop: CatalogueShop) -> list[str]:
    """Spooled lines that are still there."""
    return [path.name for path in (shop.data / "imports").glob("*.jsonl")]


def test_a_catalogue_is_taken_in_and_the_same_again_does_no_work(client: Client, shop: CatalogueShop) -> None:
    job = client.ended(client.send(rows(300))["job_id"])
    assert (job["state"], job["stage"], job["done"], job["total"], job["unit"]) == ("done", "ended", 300, 300, "lines")
    assert (job["summary"]["new"], job["size"], job["error"]) == (300, len(rows(300)), None)
    shop.text.encoded.clear()
    again = client.ended(client.send(rows(300))["job_id"])
    assert again["summary"]["unchanged"] == 300
    assert not [text for text in shop.text.encoded if " number " in text]  # the warm-up encodes texts of its own
    assert [job["job_id"] for job in client.get("/api/jobs")["jobs"]] == [again["job_id"], job["job_id"]]
    assert left(shop) == []
    assert str(shop.folder) not in json.dumps(client.get("/api/jobs"))


def test_lines_and_pieces_need_not_agree(client: Client) -> None:
    """A body comes in blocks that end anywhere, in the middle of a character too."""
    content = ndjson([{"id": "椅子", "title": "红色的椅子"}] * 3 + [{"id": "b", "title": "é" * 100}])

    def pieces() -> Iterator[bytes]:
        for at in range(0, len(content), 7):
            yield content[at : at + 7]

    response = client.http.post("/api/catalogue/import", content=pieces())
    assert response.status_code == 202
    assert response.headers["location"] == f"/api/jobs/{response.json()['job_id']}"
    assert client.ended(response.json()["job_id"])["summary"]["new"] == 2


def test_malformed_lines_are_told_with_their_numbers(client: Client) -> None:
    content = (
        b'{"id": "a", "title": "A"}\n{"id": "b"\n\n[1, 2]\n{"id": "c", "title": "\xe9"}\r\n{"title": "no id"}\n'
        b'{"id": "d", "price": NaN, "title": "D"}\n{"id": "e", "title": "E"}'
    )
    job = client.ended(client.send(content)["job_id"])
    assert (job["state"], job["summary"]["new"], job["summary"]["rejected"], job["rejected"]) == ("done", 3, 4, 5)
    assert [rejection["line"] for rejection in job["rejections"]] == [2, 4, 5, 6, 7]
    assert "UTF-8" in job["rejections"][2]["reason"]
    assert "file" not in job["rejections"][0]


def test_only_the_first_rejections_are_kept_and_all_are_counted(client: Client) -> None:
    lines = [{"id": str(n), "price": 1} for n in range(150)] + [{"id": "good", "title": "G"}]
    job = client.ended(client.send(ndjson(lines))["job_id"])
    assert (len(job["rejections"]), job["rejected"]) == (100, 150)
    assert job["rejections"][-1]["line"] == 100


def test_utf_16_with_its_mark_is_read(client: Client) -> None:
    content = '{"id": "a", "title": "红"}\n'.encode("utf-16")
    assert client.ended(client.send(content)["job_id"])["summary"]["new"] == 1
    assert client.get("/api/catalogue/items/a")["item"]["title"] == "红"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\n\n", "There is no catalogue line"),
        (b'[{"id": "a"}]', "None of the lines"),
        (b'[{"id": "a"}', "not one JSON document"),
        (b"\x1f\x8b\x08\x00binary", "gzip"),
        (b"\x00\x01\x02", "binary"),
        (b'{"id": "a"}\n', "None of the lines"),
        (b"id,title\n1,A\n", "None of the lines"),
        ("{}".encode("utf-32"), "UTF-32"),
    ],
)
def test_what_is_no_catalogue_fails_with_one_sentence(
    client: Client, shop: CatalogueShop, content: bytes, sentence: str
) -> None:
    job = client.ended(client.send(content)["job_id"])
    assert (job["state"], job["summary"]) == ("failed", None)
    assert sentence in job["error"]
    assert str(shop.folder) not in job["error"]
    assert job["job_id"] not in job["error"]
    assert left(shop) == []


def test_nothing_at_all_and_forms_and_packed_lines_are_refused(client: Client, shop: CatalogueShop) -> None:
    assert client.send(b"", 400)["detail"] == "The import is empty."
    assert "form" in client.send(rows(1), 415, **{"content-type": "multipart/form-data; boundary=x"})["detail"]
    client.send(rows(1), 415, **{"content-encoding": "gzip"})
    assert client.get("/api/jobs")["jobs"] == []
    assert left(shop) == []


def test_the_limit_holds_while_reading(shop: CatalogueShop) -> None:
    with service_bounds(import_bytes=5_000), shop.serving() as client:
        content = rows(100)
        client.send(content, 413)
        response = client.http.post("/api/catalogue/import", content=iter([content[:3000], content[3000:]]))
        assert response.status_code == 413, "without a length in the header, too"
        assert left(shop) == []
        good = content[:5000]
        assert client.ended(client.send(good)["job_id"])["state"] == "done", "the limit itself, its last line cut"


def test_a_line_over_the_limit_is_rejected_and_the_rest_is_taken(client: Client) -> None:
    content = ndjson([{"id": "big", "title": "x" * (2 * 2**20)}, {"id": "a", "title": "A"}])
    job = client.ended(client.send(content)["job_id"])
    assert (job["summary"]["new"], job["rejections"][0]["line"]) == (1, 1)


def test_a_sender_that_falls_silent_is_given_up(
    client: Client, shop: CatalogueShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_module, "SILENCE_SECONDS", 0.2)

    async def run() -> None:
        import asyncio

        from assistant.service.http.problems import Refused
        from assistant.service.runs.jobs import Imports

        async def slow():  # noqa: ANN202
            yield b'{"id": "a", "title": "A"}\n'
            await asyncio.sleep(30)
            yield b""

        imports: Imports = client.http.app.state.catalogue_desk.imports  # type: ignore[attr-defined]
        with pytest.raises(Refused, match="Nothing came"):
            await imports.start(slow())

    client.http.portal.call(run)  # type: ignore[union-attr]
    assert left(shop) == []
    assert client.ended(client.send(rows(1))["job_id"])["state"] == "done", "the next one may come"


# One at a time, cancelled, interrupted -------------------------------------------------------------------------------


@pytest.fixture
def slow_shop(tmp_path: Path) -> CatalogueShop:
    """Each batch of 256 lines takes four text batches and 0.2 seconds."""
    return CatalogueShop(tmp_path, text=HashText(seconds=0.2))


def is_ingesting(job: dict[str, object]) -> bool:
    """A batch is written for sure: writing is one batch behind what is counted."""
    return job["stage"] == "ingesting" and 512 <= int(str(job["done"])) < int(str(job["total"]))


def test_a_second_import_and_other_writes_are_refused_meanwhile(slow_shop: CatalogueShop) -> None:
    with slow_shop.serving() as client:
        job_id = client.send(rows(5_000))["job_id"]
        running = client.when(job_id, is_ingesting)
        assert (running["total"], running["unit"], running["state"]) == (5_000, "lines", "running")
        assert job_id in client.send(rows(1), 409)["detail"]
        assert job_id in client.put("/api/catalogue/items/a", {"title": "A"}, 409)["detail"]
        client.delete("/api/catalogue/items/item-0", 409)
        client.when(job_id, lambda _: client.get("/api/catalogue/items", limit=1)["total"] > 0)  # reading goes on
        client.delete(f"/api/jobs/{job_id}")


def test_a_cancelled_import_stops_soon_keeps_its_work_and_goes_on_later(slow_shop: CatalogueShop) -> None:
    with slow_shop.serving() as client:
        job_id = client.send(rows(5_000))["job_id"]
        client.when(job_id, is_ingesting)
        began = time.monotonic()
        client.delete(f"/api/jobs/{job_id}")
        assert time.monotonic() - began < 5
        job = client.get(f"/api/jobs/{job_id}")
        assert (job["state"], job["summary"], left(slow_shop)) == ("cancelled", None, [])
        kept = client.get("/api/catalogue/items", limit=1)["total"]
        assert 0 < kept < 5_000
        slow_shop.text._seconds = 0
        again = client.ended(client.send(rows(5_000))["job_id"])
        assert (again["summary"]["unchanged"], again["summary"]["new"]) == (kept, 5_000 - kept)
        client.delete(f"/api/jobs/{job_id}")
        client.get(f"/api/jobs/{job_id}", 404)
        client.delete(f"/api/jobs/{job_id}", 404)


def test_an_import_that_the_service_stops_in_is_interrupted(slow_shop: CatalogueShop) -> None:
    with slow_shop.serving() as client:
        job_id = client.send(rows(5_000))["job_id"]
        client.when(job_id, is_ingesting)
    slow_shop.text._seconds = 0
    with slow_shop.serving() as client:
        job = client.get(f"/api/jobs/{job_id}")
        assert (job["state"], left(slow_shop)) == ("interrupted", [])
        assert 0 < job["done"] < 5_000
        assert client.ended(client.send(rows(5_000))["job_id"])["summary"]["unchanged"] > 0


def test_a_job_of_a_process_that_died_is_shown_as_interrupted(shop: CatalogueShop) -> None:
    folder = shop.data / "imports"
    folder.mkdir(parents=True)
    job = {"job_id": "dead", "size": 10, "created_at": 1.0, "stage": "ingesting", "done": 4, "total": 9}
    (folder / "dead.json").write_text(json.dumps({**job, "kind": "import", "state": "running", "unit": "lines"}))
    (folder / "dead.jsonl").write_text('{"id": "a", "title": "A"}\n')
    (folder / "spoilt.json").write_text("{")
    for _ in range(2):
        with shop.serving() as client:
            (found,) = client.get("/api/jobs")["jobs"]
            assert (found["job_id"], found["state"], found["done"], found["total"]) == ("dead", "interrupted", 4, 9)
            assert left(shop) == []


def test_a_job_that_runs_in_another_process_is_left_alone(shop: CatalogueShop) -> None:
    from filelock import FileLock

    folder = shop.data / "imports"
    folder.mkdir(parents=True)
    job = {"job_id": "other", "size": 10, "created_at": 1.0, "state": "running"}
    (folder / "other.json").write_text(json.dumps(job))
    (folder / "other.jsonl").write_text("{}")
    with FileLock(folder / "other.lock"), shop.serving() as client:
        assert client.get("/api/jobs")["jobs"] == []
        assert left(shop) == ["other.jsonl"]
    assert json.loads((folder / "other.json").read_text()) == job


def test_jobs_are_kept_within_bounds(client: Client, shop: CatalogueShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "KEPT_JOBS", 3)
    ids = [client.ended(client.send(rows(1))["job_id"])["job_id"] for _ in range(5)]
    client.send(b"\n")
    assert {job["job_id"] for job in client.get("/api/jobs")["jobs"]} >= set(ids[-2:])
    assert len(client.get("/api/jobs")["jobs"]) <= 4
    assert len(list((shop.data / "imports").glob("*.json"))) <= 4


@pytest.mark.parametrize("job_id", ["nothing", "..%2F..%2Fkeys", "%00"])
def test_a_job_that_is_not_there_is_not_found(client: Client, job_id: str) -> None:
    for response in (client.http.get(f"/api/jobs/{job_id}"), client.http.delete(f"/api/jobs/{job_id}")):
        assert response.status_code == 404


def test_a_full_disk_is_said(client: Client, shop: CatalogueShop, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, *_: object, **__: object) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", full)
        assert "No space left" in client.send(rows(1), 503)["detail"]
        assert "No space left" in client.post("/api/catalogue/items", [{"id": "a", "title": "A"}], 503)["detail"]
    assert client.ended(client.send(rows(1))["job_id"])["state"] == "done"


def test_a_missing_model_fails_the_job_and_says_what_fetches_it(shop: CatalogueShop) -> None:
    with shop.serving() as client:
        engines = client.http.app.state.catalogue_desk.engines  # type: ignore[attr-defined]
        engines.__dict__["text"] = Lazy(no_text)
        job = client.ended(client.send(rows(1))["job_id"])
        assert job["state"] == "failed"
        assert "assistant models pull embeddinggemma-300m" in job["error"]
        assert "models pull" in client.put("/api/catalogue/items/a", {"title": "A"}, 503)["detail"]
        assert client.get("/api/catalogue/items") == {"items": [], "total": 0, "has_more": False}


def no_text() -> NoReturn:
    raise ModelMissing("embeddinggemma-300m")


def test_every_key_may_write_and_sees_every_import(shop: CatalogueShop) -> None:
    keys = KeyStore(shop.settings().keys_place)
    one, two = ({"Authorization": f"Bearer {keys.create(name)[1]}"} for name in ("one", "two"))
    with shop.serving(host="0.0.0.0") as client:
        sent = client.http.post("/api/catalogue/import", content=rows(3), headers=one)
        job_id = sent.json()["job_id"]
        while (job := client.http.get(f"/api/jobs/{job_id}", headers=two).json())["state"] == "running":
            time.sleep(0.02)
        assert job["summary"]["new"] == 3
        assert client.http.delete("/api/catalogue/items/item-0", headers=two).status_code == 204
        assert client.http.get("/api/catalogue/items/item-0", headers=one).status_code == 404
        assert client.http.delete(f"/api/jobs/{job_id}").status_code == 401
