"""Items with videos: their frames stand for them, with their seconds; a video that cannot be read costs itself."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL.Image import Image

from assistant.ingest import Encoders, reindex
from assistant.ingest import pictures as files
from assistant.item_pictures import image_url
from tests.fakes.catalogues import picture, write
from tests.fakes.encoders import HashPictures, HashText
from tests.fakes.readers import ScriptedReader
from tests.integration.ingest.conftest import Bench
from tests.made_videos import COLOURS, make_video
from tools.engines.pictures import PictureVectors
from tools.media import MediaLimits
from tools.records import Moment
from tools.search import search_by_frames, search_by_image
from tools.store import frame_of, picture_file
from tools.video import AT_ONCE, Video, load_video

TENT = {"id": "tent", "title": "Tent"}
SHOTS = [("red", 3.0), ("green", 3.0)]


def frames(bench: Bench, item_id: str = "tent") -> list[float]:
    """The seconds of the item's frames, each with its file."""
    pictures = [one for one in bench.catalogue.pictures(item_id) if frame_of(one)]
    assert all(picture_file(one, bench.catalogue.folder / "media").is_file() for one in pictures)
    return [frame[1] for one in pictures if (frame := frame_of(one))]


def test_a_photo_of_a_frame_finds_the_item_and_its_second(bench: Bench) -> None:
    bench.folder.mkdir()
    clip = make_video(bench.folder / "clip.mp4", SHOTS)
    path = write(bench.folder, [TENT | {"video": "clip.mp4"}, {"id": "other", "title": "Other"}])
    summary = bench(path)
    assert (summary.new, summary.pictures_lost) == (2, 0)
    seconds = frames(bench)
    assert len(seconds) == bench.pictures.encoded > 4
    item = bench.catalogue.get("tent")
    assert item is not None and (item.images, item.video) == ([], [str(clip)])
    video = load_video(clip, MediaLimits())
    for frame in (video.frames[0], video.frames[-1]):
        [hit, *_] = search_by_image(bench.catalogue, bench.pictures, frame.picture()).items
        assert hit.item_id == "tent"
        assert hit.signals[0].moment == Moment(video="0", second=round(frame.second, 2))
    rows = bench.pictures.encode(video.pictures())
    result = search_by_frames(bench.catalogue, bench.pictures, rows, [one.second for one in video.frames], name="vid1")
    assert result.items[0].item_id == "tent"
    assert result.items[0].signals[0].shown is not None
    assert result.items[0].signals[0].shown.video == "vid1"


def test_a_video_is_decoded_once_and_its_frames_follow_it(bench: Bench) -> None:
    bench.folder.mkdir()
    clip = make_video(bench.folder / "clip.mp4", SHOTS)
    path = write(bench.folder, [TENT | {"video": ["clip.mp4"]}])
    bench(path)
    assert bench(path).unchanged == 1 and bench.pictures.encoded == 0
    before = frames(bench)
    make_video(clip, [("blue", 2.0)])
    assert bench(path).changed == 1 and bench.pictures.encoded > 0
    assert frames(bench) != before
    write(bench.folder, [TENT])
    assert bench(path).changed == 1
    assert frames(bench) == []
    assert list((bench.catalogue.folder / "media" / "frames").iterdir()) == []


def test_words_in_frames_are_searched_when_asked_for(bench: Bench) -> None:
    bench.folder.mkdir()
    make_video(bench.folder / "clip.mp4", SHOTS)
    path = write(bench.folder, [TENT | {"video": "clip.mp4"}])
    summary = bench(path, words=ScriptedReader(["BRITA Maxtra"]))
    assert summary.pictures_read == len(frames(bench))
    assert [item_id for item_id, _, _ in bench.catalogue.keyword("maxtra", 9)] == ["tent"]
    bench(path)
    assert bench.catalogue.keyword("maxtra", 9) == []


def test_frames_are_made_anew_with_other_encoders(bench: Bench) -> None:
    bench.folder.mkdir()
    make_video(bench.folder / "clip.mp4", SHOTS)
    bench(write(bench.folder, [TENT | {"video": "clip.mp4"}]))
    count, other = len(frames(bench)), HashPictures("other", own_text_space=True)
    summary = reindex(bench.catalogue, Encoders(HashText("other"), other), MediaLimits())
    assert (summary.pictures_embedded, summary.pictures_lost) == (count, 0)
    assert len(bench.catalogue.vectors_of("visual", ["tent"])["tent"]) == count


def test_a_broken_video_costs_itself_alone(bench: Bench, tmp_path: Path) -> None:
    bench.folder.mkdir()
    (bench.folder / "broken.mp4").write_bytes(b"%PDF-1.7 and so on")
    make_video(bench.folder / "good.mp4", SHOTS)
    make_video(tmp_path / "outside.mp4")
    videos = ["broken.mp4", "good.mp4", "none.mp4", "../outside.mp4", "https://shop.example/far.mp4"]
    summary = bench(write(bench.folder, [TENT | {"video": videos}]))
    assert summary.new == 1 and frames(bench)
    reasons = sorted(rejection.reason for rejection in bench.rejections if rejection.kind == "picture")
    assert len(reasons) == 3
    assert any(reason.endswith("broken.mp4: broken.mp4 is a PDF document, not a video.") for reason in reasons)
    item = bench.catalogue.get("tent")
    assert item is not None
    assert [Path(video).name for video in item.video] == ["broken.mp4", "good.mp4", "far.mp4"]


def test_videos_are_decoded_while_others_are_encoded_and_only_so_many_at_a_time(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches are of four videos here: those of the next are decoded meanwhile, and not those of all."""
    bench.folder.mkdir()
    names = [make_video(bench.folder / f"{n}.mp4", [(c, 1.0 + n / 10)]).name for n, c in enumerate(list(COLOURS) * 6)]
    path = write(bench.folder, [{"id": name, "title": name, "video": name} for name in names])
    lock, running, most, decoded, before_and_after = threading.Lock(), 0, 0, 0, list[tuple[int, int]]()

    def decode(path: Path, limits: MediaLimits, name: str) -> Video:
        nonlocal running, most, decoded
        with lock:
            running += 1
            most = max(most, running)
        video = load_video(path, limits, name)
        with lock:
            running, decoded = running - 1, decoded + 1
        return video

    class Slow(HashPictures):
        def encode(self, pictures: Sequence[Image]) -> PictureVectors:
            before, end = decoded, time.monotonic() + 20
            while decoded == before < 24 and time.monotonic() < end:
                time.sleep(0.05)
            time.sleep(0.5)
            before_and_after.append((before, decoded))
            return super().encode(pictures)

    monkeypatch.setattr(files, "load_video", decode)
    bench.pictures = Slow()
    summary = bench(path)
    assert (summary.new, summary.pictures_lost, decoded) == (24, 0, 24)
    assert most <= max(1, AT_ONCE - 1)
    assert before_and_after[0][0] < before_and_after[0][1] <= 8


STORED = "/api/catalogue/items/tent/images/0"
ELSEWHERE = "https://shop.example/x.jpg"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"image": "x.png"}, STORED),
        ({"image": ELSEWHERE, "video": "good.mp4"}, ELSEWHERE),
        ({"video": "good.mp4"}, STORED),
        ({"video": "broken.mp4"}, None),
        ({"video": ["broken.mp4", "good.mp4"]}, STORED),
        ({"image": "x.png", "video": "broken.mp4"}, STORED),
        ({"image": "broken.mp4", "video": "broken.mp4"}, None),
        ({"video": "https://shop.example/x.mp4"}, None),
    ],
)
def test_an_item_has_the_address_of_a_picture_where_there_is_one(
    bench: Bench, files: dict[str, str | list[str]], expected: str | None
) -> None:
    picture(bench.folder / "x.png", 1)
    (bench.folder / "broken.mp4").write_bytes(b"\0\0\0\x18ftypisom and no more")
    make_video(bench.folder / "good.mp4", SHOTS)
    bench(write(bench.folder, [TENT | files]))
    item = bench.catalogue.get("tent")
    assert item is not None and image_url(item, bench.catalogue) == expected


def test_a_picture_that_is_gone_has_no_address(bench: Bench) -> None:
    file = picture(bench.folder / "x.png", 1)
    bench(write(bench.folder, [TENT | {"image": "x.png"}]))
    file.unlink()
    item = bench.catalogue.get("tent")
    assert item is not None and image_url(item, bench.catalogue) is None
