"""Recordings and videos at web addresses: fetched only when allowed, as pictures are; each costs only itself."""

import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from assistant.ingest import Encoders, Rejection, reindex, remote
from assistant.ingest.remote import PublicOnly
from assistant.ingest.speech import Listener
from eval.suite.made_sounds import MadeSound, encoded, play
from tests.fakes.catalogues import write
from tests.fakes.encoders import HashPictures, HashText
from tests.integration.ingest.conftest import Bench
from tests.integration.ingest.test_speech_in_items import VOICE, ScriptedWhisper
from tests.made_videos import make_video
from tests.object_storage import Bucket, S3Server, bucket, s3, s3_server
from tools.errors import StoreError
from tools.media import MediaLimits
from tools.objects import SharedFiles
from tools.records import Moment
from tools.search import search_by_image
from tools.store import Catalogue, frame_of, picture_file
from tools.store.catalogue import drop
from tools.video import load_video

__all__ = ["bucket", "s3", "s3_server"]

HTML = b"<!doctype html><title>Not here</title><p>Please log in." + b" " * 500


@dataclass
class Site:
    """A web site: what it answers by path, and how often it was asked."""

    url: str
    content: dict[str, bytes] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)


class Handler(BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        name = self.path.split("?")[0].rpartition("/")[2]
        self.site.asked[self.path] += 1
        if name.startswith(("private", "moved-")):
            self.send_response(302)
            is_private = name.startswith("private")
            self.send_header("Location", "https://10.0.0.1/a.mp4" if is_private else "/" + name.removeprefix("moved-"))
            self.end_headers()
        elif content := self.site.content.get(name.removeprefix("cut-").removeprefix("slow-")):
            self.send_response(200)
            if not name.startswith("unsized"):
                self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Type", "text/plain")  # by content, not by what the server says
            self.end_headers()
            with suppress(ConnectionError):  # the client has seen enough
                self._write(name, content)
        else:
            self.send_error(404)

    def _write(self, name: str, content: bytes) -> None:
        if name.startswith("slow-"):
            for n in range(0, len(content), 10):
                self.wfile.write(content[n : n + 10])
                time.sleep(0.05)
        self.wfile.write(content[: len(content) // 2] if name.startswith("cut-") else content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[Site]:
    handler = type("OfSite", (Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    handler.site = site = Site(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield site
    server.shutdown()


@pytest.fixture
def shop(bench: Bench, site: Site, tmp_path: Path) -> Bench:
    bench.folder.mkdir()
    site.content["clip.mp4"] = make_video(tmp_path / "c.mp4", [("red", 3.0), ("green", 3.0)], sound=True).read_bytes()
    site.content["tune.ogg"] = encoded(
        play(MadeSound("organ", 90, 220), np.random.default_rng(1)), "ogg", "libopus", 48_000
    )
    site.content["talk.flac"] = VOICE.read_bytes()
    site.content["page.mp4"] = HTML
    site.content["page.png"] = HTML
    return bench


def fetching(shop: Bench, path: Path, **options: Any) -> Any:  # noqa: ANN401
    return shop(path, fetch_pictures=True, public_only=False, **options)


def told(rejections: list[Rejection]) -> dict[str, str]:
    """The reason by the name of the file."""
    return {one.reason.partition(": ")[0].rpartition("/")[2]: one.reason.partition(": ")[2] for one in rejections}


def test_a_video_and_a_recording_are_searched_like_local_ones(shop: Bench, site: Site) -> None:
    line = {"id": "tent", "title": "Tent", "video": f"{site.url}/clip.mp4?v=2", "audio": f"{site.url}/tune.ogg"}
    path = write(shop.folder, [line])
    assert (shop(path).pictures_remote, site.asked.total()) == (2, 0)
    summary = fetching(shop, path)
    assert (summary.changed, summary.pictures_remote, summary.sounds_embedded, shop.rejections) == (1, 0, 2, [])
    item = shop.catalogue.get("tent")
    assert item is not None
    assert (item.video, item.audio, item.images) == ([line["video"]], [line["audio"]], [])
    media = shop.catalogue.folder / "media"
    frames = [one for one in shop.catalogue.pictures("tent") if frame_of(one)]
    assert len(frames) > 4
    assert all(picture_file(one, media).is_file() for one in frames)
    file = shop.catalogue.video_path(item, 0)
    assert file is not None
    assert file.read_bytes() == site.content["clip.mp4"]
    sound = shop.catalogue.audio_path(item, 0)
    assert sound is not None
    assert sound.read_bytes() == site.content["tune.ogg"]
    frame = load_video(file, MediaLimits()).frames[-1]
    [hit, *_] = search_by_image(shop.catalogue, shop.pictures, frame.picture()).items
    assert hit.signals[0].moment == Moment(video="0", second=round(frame.second, 2))
    assert shop.catalogue.image_path(item, 0) == picture_file(frames[0], media)


def test_what_is_here_is_neither_fetched_nor_decoded_again(shop: Bench, site: Site) -> None:
    address = {"video": f"{site.url}/clip.mp4", "audio": f"{site.url}/tune.ogg"}
    lines = [{"id": str(n), "title": f"Title {n}", **address} for n in range(80)]  # several batches
    path = write(shop.folder, lines)
    fetching(shop, path)
    assert site.asked == {"/clip.mp4": 1, "/tune.ogg": 1}
    assert fetching(shop, path).unchanged == shop(path).unchanged == 80
    write(shop.folder, [line | {"title": "Other"} for line in lines])
    summary = fetching(shop, path)
    assert (summary.changed, summary.sounds_embedded, shop.pictures.encoded) == (80, 0, 0)
    assert site.asked.total() == 2
    other = HashPictures("other")
    assert reindex(shop.catalogue, Encoders(HashText(), other, shop.sounds), MediaLimits()).pictures_lost == 0
    assert len(shop.catalogue.vectors_of("visual", ["7"])["7"]) > 4


def test_each_failure_is_one_sentence_and_costs_only_itself(
    shop: Bench, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "WHOLE_SECONDS", dict.fromkeys(("picture", "recording", "video"), 1.0))
    monkeypatch.setattr(remote, "SECONDS", 2.0)
    site.content |= {
        "large.mp4": b"\0" * 200_000,
        "unsized.mp4": b"\0" * 200_000,
        "noise.mp4": b"\x93\xf1\x02" * 500,
        "nil": b"",
    }
    names = ["none.mp4", "page.mp4", "large.mp4", "unsized.mp4", "cut-clip.mp4", "slow-clip.mp4", "noise.mp4"]
    rows = [{"id": name, "title": name, "video": [f"{site.url}/{name}", f"{site.url}/clip.mp4"]} for name in names]
    rows += [
        {
            "id": "audio",
            "title": "A",
            "audio": [f"{site.url}/page.mp4?as=sound", "http://127.0.0.1:9/a.mp3", "https://xn--\0/y.mp3"],
        },
        {
            "id": "picture",
            "title": "P",
            "images": [f"{site.url}/page.png", f"{site.url}/none.png", "https://[bad/x.png"],
        },
        {"id": "moved", "title": "M", "video": f"{site.url}/moved-clip.mp4"},
    ]
    path = write(shop.folder, [row | {"images": []} if "images" not in row else row for row in rows[:8]] + rows[8:])
    media = MediaLimits(video_bytes=150_000)
    summary = fetching(shop, path, media=media)
    assert summary.new == 10
    reasons = told(shop.rejections)
    assert reasons == {
        "none.mp4": "it could not be fetched: the server answered 404 Not Found",
        "page.mp4": "it could not be fetched: it is a text file, not a video",
        "large.mp4": "it could not be fetched: larger than 150,000 bytes",
        "unsized.mp4": "it could not be fetched: larger than 150,000 bytes",
        "cut-clip.mp4": reasons["cut-clip.mp4"],
        "slow-clip.mp4": "it could not be fetched: given up before its end",
        "noise.mp4": reasons["noise.mp4"],
        "page.mp4?as=sound": "it could not be fetched: it is a text file, not a recording",
        "a.mp3": reasons["a.mp3"],
        "page.png": "it could not be fetched: it is a text file, not a picture",
        "none.png": "it could not be fetched: the server answered 404 Not Found",
        "x.png": reasons["x.png"],
        "y.mp3": "it could not be fetched: Invalid A-label",
    }
    assert "peer closed connection" in reasons["cut-clip.mp4"]
    assert reasons["noise.mp4"].startswith("noise.mp4 is not a video that can be read")
    assert "refused" in reasons["a.mp3"]
    assert all("\n" not in one.reason for one in shop.rejections)
    for item_id in [*names, "moved"]:
        item = shop.catalogue.get(item_id)
        assert item is not None
        assert item.video[-1].endswith("clip.mp4")
        assert any(frame_of(one) for one in shop.catalogue.pictures(item_id))
    assert {path.suffix for path in (shop.catalogue.folder / "media").iterdir() if path.is_file()} == {""}
    before = site.asked.copy()
    summary = fetching(shop, path, media=media)
    assert (summary.unchanged, shop.pictures.encoded) == (10, 0)
    assert site.asked["/none.mp4"] == before["/none.mp4"] + 1  # failures are tried again, what is here is not
    assert site.asked["/clip.mp4"] == before["/clip.mp4"]
    assert site.asked["/noise.mp4"] == before["/noise.mp4"]
    site.content["none.mp4"] = site.content["clip.mp4"]
    assert fetching(shop, path, media=media).changed == 1
    assert "none.mp4" not in told(shop.rejections)


def test_a_redirection_into_a_private_network_is_refused(
    shop: Bench, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, check, asked = httpx.HTTPTransport.handle_request, remote.public_address, list[str]()

    def answer(self: PublicOnly, request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return real(self, httpx.Request("GET", f"{site.url}{request.url.path}", extensions=request.extensions))

    monkeypatch.setattr(
        remote, "public_address", lambda host, port: "8.8.8.8" if host == "shop.example" else check(host, port)
    )
    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", answer)
    address = "https://shop.example"
    videos = [f"{address}/private.mp4", "https://10.0.0.1/a.mp4", "http://shop.example/b.mp4", f"{address}/clip.mp4"]
    summary = shop(write(shop.folder, [{"id": "a", "title": "A", "video": videos}]), fetch_pictures=True)
    assert (summary.new, summary.pictures_lost) == (1, 3)
    private = "it could not be fetched: 10.0.0.1 is not an address of the public internet"
    assert told(shop.rejections) == {
        "private.mp4": private,
        "a.mp4": private,
        "b.mp4": "it could not be fetched: only https addresses are fetched",
    }
    assert sorted(asked) == ["https://8.8.8.8/clip.mp4", "https://8.8.8.8/private.mp4"]
    assert any(frame_of(one) for one in shop.catalogue.pictures("a"))


def test_what_is_said_in_a_fetched_recording_is_searched(shop: Bench, site: Site) -> None:
    path = write(shop.folder, [{"id": "a", "title": "A", "audio": f"{site.url}/talk.flac"}])
    summary = fetching(shop, path, speech=Listener("scripted", ScriptedWhisper("a lantern of brass")))
    assert summary.sounds_heard == 1
    assert [item_id for item_id, _, _ in shop.catalogue.keyword("lantern", 9)] == ["a"]


def test_a_picture_whose_address_ends_like_a_frame_is_still_a_picture(shop: Bench, site: Site, tmp_path: Path) -> None:
    write(tmp_path, [{"id": "x", "title": "X", "images": ["p.png"]}])
    site.content["p.png"] = (tmp_path / "p.png").read_bytes()
    fetching(shop, path := write(shop.folder, [{"id": "a", "title": "A"}]))
    path.write_text(f'{{"id": "a", "title": "A", "image": "{site.url}/p.png#t=3"}}\n')
    assert fetching(shop, path).pictures_embedded == 1
    item = shop.catalogue.get("a")
    assert item is not None
    assert item.images == [f"{site.url}/p.png#t=3"]
    assert shop.catalogue.image_path(item) is not None


def pictures_of(catalogue: Catalogue, item_id: str) -> list[bytes]:
    """The content of a video's frames, as the service shows them."""
    item = catalogue.get(item_id)
    assert item is not None
    count = len([one for one in catalogue.pictures(item_id) if frame_of(one)])
    return [path.read_bytes() for n in range(count) if (path := catalogue.image_path(item, n))]


def test_what_one_machine_fetched_is_shown_by_another_and_outlasts_its_folder(
    shop: Bench, site: Site, bucket: Bucket, tmp_path: Path
) -> None:
    shop.catalogue.files = SharedFiles(shop.catalogue.folder, bucket.url)
    address = {"video": f"{site.url}/clip.mp4", "audio": f"{site.url}/tune.ogg"}
    path = write(shop.folder, [{"id": "tent", "title": "Tent", **address}, {"id": "tune", "title": "Tune"}])
    assert fetching(shop, path).new == 2
    frames = pictures_of(shop.catalogue, "tent")
    assert len(frames) > 4
    assert sorted(bucket.held().values()) == sorted([site.content["clip.mp4"], site.content["tune.ogg"], *frames])

    other = tmp_path / "other"
    shutil.copytree(shop.catalogue.folder, other, ignore=shutil.ignore_patterns("media"))
    with Catalogue.open(other, read_only=True, files=SharedFiles(other, bucket.url)) as catalogue:
        item = catalogue.get("tent")
        assert item is not None
        assert pictures_of(catalogue, "tent") == frames
        sound, video = catalogue.audio_path(item, 0), catalogue.video_path(item, 0)
        assert sound is not None
        assert video is not None
        assert (sound.read_bytes(), video.read_bytes()) == (site.content["tune.ogg"], site.content["clip.mp4"])

    media = shop.catalogue.folder / "media"
    shutil.rmtree(media)
    summaries = [shop(path), fetching(shop, path)]
    assert [(one.unchanged, one.pictures_remote, one.pictures_lost) for one in summaries] == [(2, 0, 0)] * 2
    assert site.asked == {"/clip.mp4": 1, "/tune.ogg": 1}
    assert pictures_of(shop.catalogue, "tent") == frames

    write(shop.folder, [{"id": "tune", "title": "Tune"}])
    assert shop(path, prune=True).removed == 1
    assert sorted(bucket.held().values()) == sorted([site.content["clip.mp4"], site.content["tune.ogg"]])
    drop(shop.catalogue.folder, files=shop.catalogue.files)
    assert bucket.held() == {}


def test_ingestion_stops_while_the_object_storage_is_away_and_goes_on(shop: Bench, site: Site, s3: S3Server) -> None:
    bucket = s3.bucket()
    shop.catalogue.files = SharedFiles(shop.catalogue.folder, bucket.url)
    path = write(shop.folder, [{"id": "tent", "title": "Tent", "audio": f"{site.url}/tune.ogg"}])
    s3.stop()
    with pytest.raises(StoreError, match="object storage does not answer"):
        fetching(shop, path)
    s3.start()
    shop.catalogue.files.check()
    assert fetching(shop, path).new == 1
    assert list(bucket.held().values()) == [site.content["tune.ogg"]]
