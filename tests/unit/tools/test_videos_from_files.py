"""Videos as they come: which frames are given at which second, and one sentence for each file that cannot be used."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest

from tests.made_videos import make_video, turned
from tools.errors import MediaError
from tools.media import MediaLimits, kind_of
from tools.media_child import chosen_frames
from tools.video import Video, load_sound, load_video

LIMITS = MediaLimits()


def colours(video: Video) -> list[tuple[float, str]]:
    """The seconds and the main colour of the frames."""
    names = []
    for frame in video.frames:
        red, green, blue = frame.picture().resize((1, 1)).getpixel((0, 0))
        names.append((frame.second, max((red, "red"), (green, "green"), (blue, "blue"))[1]))
    return names


def test_each_shot_is_shown_at_its_second(tmp_path: Path) -> None:
    path = make_video(tmp_path / "clip.mp4", [("red", 3), ("green", 2), ("blue", 4)])
    video = load_video(path, replace(LIMITS, video_frames=3))
    assert [name for _, name in colours(video)] == ["red", "green", "blue"]
    first, second, third = (at for at, _ in colours(video))
    assert first < 3 <= second < 5 <= third < 9
    assert video.seconds == pytest.approx(9, abs=0.2)
    assert (video.width, video.height, video.has_sound) == (160, 90, False)


def test_the_frames_are_spread_over_one_long_shot(tmp_path: Path) -> None:
    path = make_video(tmp_path / "clip.mp4", [("red", 16)], rate=4)
    seconds = [frame.second for frame in load_video(path, replace(LIMITS, video_frames=4)).frames]
    assert len(seconds) == 4
    assert seconds[0] <= 1 and seconds[-1] >= 15
    assert max(b - a for a, b in pairwise(seconds)) <= 9


def test_no_more_frames_are_chosen_than_there_are() -> None:
    assert chosen_frames([], 5) == []


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.avi", "clip.mov", "clip.ts"])
def test_the_usual_containers_are_read(tmp_path: Path, name: str) -> None:
    path = make_video(tmp_path / name, [("red", 2), ("blue", 2)])
    assert {colour for _, colour in colours(load_video(path, LIMITS))} == {"red", "blue"}
    assert kind_of(path) == "video"


def test_webm_with_sound_is_read(tmp_path: Path) -> None:
    path = make_video(tmp_path / "clip.webm", [("green", 2)], codec="libvpx", sound=True)
    assert load_video(path, LIMITS).has_sound
    sound = load_sound(path, LIMITS)
    assert sound is not None and sound.seconds == pytest.approx(2, abs=0.2)
    assert abs(sound.samples).max() > 0.1


def test_a_silent_video_has_no_sound(tmp_path: Path) -> None:
    assert load_sound(make_video(tmp_path / "clip.mp4"), LIMITS) is None


def test_a_turned_video_is_upright(tmp_path: Path) -> None:
    path = turned(make_video(tmp_path / "clip.mp4"), tmp_path / "turned.mp4")
    video = load_video(path, LIMITS)
    assert (video.width, video.height) == (90, 160)
    picture = video.frames[0].picture()
    assert picture.size == (90, 160)
    right, left = picture.getpixel((80, 80)), picture.getpixel((10, 80))
    assert sum(right) > sum(left) + 60, "the lighter upper half is on the right after a quarter turn clockwise"


def test_varying_times_between_frames_are_kept(tmp_path: Path) -> None:
    path = make_video(tmp_path / "clip.mkv", [("red", 3), ("green", 3)], seconds_between=(0.04, 1.0, 0.1))
    video = load_video(path, LIMITS)
    assert all(colour == ("red" if second < 3 else "green") for second, colour in colours(video))


def test_a_long_large_video_is_read_by_its_key_frames(tmp_path: Path) -> None:
    shots = [("red", 50.0), ("green", 50.0), ("blue", 50.0)]
    path = make_video(tmp_path / "clip.mp4", shots, size=(2560, 1440), seconds_between=(0.04, 4.96))
    video = load_video(path, LIMITS)
    assert {name for _, name in colours(video)} == {"red", "green", "blue"}


SHOTS = [("red", 14.0), ("green", 12.0), ("blue", 14.0)]
A_GAP = [0.1] * 100 + [0.3] * 10 + [0.1] * 290
"""Seconds between frames: with a key frame every ten, one is three seconds after the one before it."""


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mov", "clip.avi"])
@pytest.mark.parametrize("key_every", [1, 10])
def test_of_a_video_with_a_key_frame_each_second_these_alone_are_decoded(
    tmp_path: Path, name: str, key_every: int
) -> None:
    path = make_video(tmp_path / name, SHOTS, key_every=key_every)
    video = load_video(path, LIMITS)
    assert len(video.frames) == LIMITS.video_frames
    assert all(colour == colour_at(second) for second, colour in colours(video))
    assert video.seconds == pytest.approx(40, abs=0.2)
    whole = [frame.second == pytest.approx(round(frame.second), abs=0.01) for frame in video.frames]
    assert all(whole) == (key_every == 10)


@pytest.mark.parametrize("given", [{"seconds_between": A_GAP}, {"key_every": 30}])
def test_of_a_video_with_gaps_between_key_frames_all_are_decoded(tmp_path: Path, given: dict[str, Any]) -> None:
    path = make_video(tmp_path / "clip.mp4", SHOTS, **{"key_every": 10, **given})
    video = load_video(path, LIMITS)
    whole = [frame.second == pytest.approx(round(frame.second), abs=0.01) for frame in video.frames]
    assert not all(whole)


def test_an_index_that_calls_every_frame_a_key_frame_is_not_believed(tmp_path: Path) -> None:
    path = make_video(tmp_path / "clip.mp4", SHOTS, key_every=300)
    content = path.read_bytes()
    assert content.count(b"stss") == 1
    path.write_bytes(content.replace(b"stss", b"free"))  # ISO 14496-12: without this box all samples are key frames
    video = load_video(path, LIMITS)
    assert len(video.frames) == LIMITS.video_frames
    assert all(colour == colour_at(second) for second, colour in colours(video))


def colour_at(second: float) -> str:
    """What `SHOTS` show there."""
    return "red" if second < 14 else "green" if second < 26 else "blue"


CONTENTS = {
    "empty": b"",
    "PDF": b"%PDF-1.7\n1 0 obj\n" + b"\0" * 500,
    "zip": b"PK\x03\x04" + b"\0" * 500,
    "text": b"#EXTM3U\nfile:///etc/passwd\n",
    "picture": b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
    "noise": bytes(range(256)) * 400,
}


def broken(folder: Path, kind: str) -> Path:
    """A file that is broken in one way."""
    path = folder / "clip.mp4"
    match kind:
        case "cut":
            make_video(path)
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        case "sound":
            _sound_alone(make_video(folder / "both.mp4", sound=True), path)
        case "large":
            make_video(path, [("red", 0.2)], size=(4096, 2304))
        case "long":
            make_video(path, [("red", 700)], seconds_between=(20,))
        case "no frames":
            content = make_video(folder / "whole.avi").read_bytes()
            path.write_bytes(content[: content.index(b"movi") + 4])
        case _:
            path.write_bytes(CONTENTS[kind])
    return path


def _sound_alone(video: Path, path: Path) -> None:
    with av.open(str(video)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("empty", "clip.mp4 is empty."),
        ("PDF", "clip.mp4 is a PDF document, not a video."),
        ("zip", "clip.mp4 is a ZIP archive or office document, not a video."),
        ("text", "clip.mp4 is a text file, not a video."),
        ("picture", "clip.mp4 is a PNG picture, not a video."),
        ("noise", "clip.mp4 is not a video that can be read; send an MP4, MOV, WebM, Matroska or AVI file."),
        ("cut", "clip.mp4 is an MP4 file that is damaged or cut short."),
        ("sound", "clip.mp4 holds sound alone and no video; send it as a recording."),
        ("large", "clip.mp4 has 4,096 x 2,304 pixels; at most 9,000,000 are accepted."),
        ("long", "clip.mp4 lasts 11 minutes; at most 10 minutes are accepted."),
        ("no frames", "clip.mp4 is not a video that can be read; send an MP4, MOV, WebM, Matroska or AVI file."),
    ],
)
def test_what_cannot_be_used_gives_one_sentence(
    tmp_path: Path, kind: str, sentence: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = broken(tmp_path, kind)
    with pytest.raises(MediaError) as error:
        load_video(path, LIMITS)
    assert str(error.value) == sentence
    assert capfd.readouterr() == ("", "")


def test_a_video_that_begins_without_a_key_frame_is_read_from_the_next_one(tmp_path: Path) -> None:
    path = make_video(tmp_path / "clip.ts", [("red", 2), ("blue", 4)], first_packet=1)
    try:
        assert load_video(path, LIMITS).frames
    except MediaError as exc:
        assert "clip.ts" in str(exc)


def test_a_decoder_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    path = make_video(tmp_path / "clip.mp4")
    with pytest.raises(MediaError, match=r"clip\.mp4 takes longer than 0 seconds to read"):
        load_video(path, replace(LIMITS, video_wait=0.0))


def test_a_file_over_the_limit_is_not_opened(tmp_path: Path) -> None:
    path = make_video(tmp_path / "clip.mp4")
    with pytest.raises(MediaError, match=r"clip\.mp4 has .* bytes; at most 100 bytes are accepted\."):
        load_video(path, replace(LIMITS, video_bytes=100))


def test_the_frames_of_a_file_are_decoded_once(tmp_path: Path) -> None:
    path = make_video(tmp_path / "clip.mp4", [("blue", 1.7)])
    copy = tmp_path / "copy"
    copy.write_bytes(path.read_bytes())
    assert load_video(copy, LIMITS) is load_video(path, LIMITS)
