"""Attachments: made as the case says, kept by content, the same bytes each time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from assistant.errors import BadInput
from eval.suite.media import ready_turn
from eval.suite.records import PictureAttachment, Suite, Turn, VideoAttachment, VideoShot, VoiceAttachment
from tools.media import MediaLimits, load_audio, load_picture
from tools.video import load_sound, load_video

Make = Callable[[PictureAttachment], Path]


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    case = {"id": "a", "tags": ["b"], "because": "it is", "turns": [{"text": "hello"}]}
    return Suite.model_validate({"suite": "s", "description": "d", "folder": str(tmp_path), "cases": [case]})


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (200, 100), (200, 20, 20))
    image.paste((20, 20, 200), (100, 0, 200, 100))
    image.save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture
def make_picture(suite: Suite, photo: Path, tmp_path: Path) -> Callable[..., Image.Image]:
    """The picture that a definition gives of the photo."""

    def make(**changes: Any) -> Image.Image:  # noqa: ANN401 - the definition's own types
        turn = Turn(pictures=[PictureAttachment(**{"of": "stool", **changes})])
        [path] = ready_turn(turn, suite, lambda _: photo, tmp_path / "made").images
        return load_picture(path)

    return make


def colour(image: Image.Image, x: float, y: float = 0.5) -> tuple[int, int, int]:
    """The colour at a place, in steps of 60: JPEG keeps no more."""
    pixel = image.getpixel((int(x * (image.width - 1)), int(y * (image.height - 1))))
    assert isinstance(pixel, tuple)
    return tuple(round(value / 60) for value in pixel)  # type: ignore[return-value]


RED, BLUE = (3, 0, 0), (0, 0, 3)


def test_changes_are_made(make_picture: Callable[..., Image.Image]) -> None:
    assert (colour(make_picture(), 0.1), colour(make_picture(), 0.9)) == (RED, BLUE)
    assert (colour(make_picture(mirror=True), 0.1), colour(make_picture(mirror=True), 0.9)) == (BLUE, RED)
    assert make_picture(crop=0.25).size == (100, 50)
    assert make_picture(rotate=90).size == (100, 200)
    assert colour(make_picture(rotate=90), 0.5, 0.1) == BLUE
    assert colour(make_picture(hue=240), 0.1) == BLUE
    assert colour(make_picture(brightness=0.5), 0.1) == (2, 0, 0)
    noisy = np.asarray(make_picture(noise=30), np.float32)[10:90, 10:90, 1]
    assert 15 < noisy.std() < 30, "below nothing there is no less light"
    assert colour(make_picture(blur=20), 0.5)[0] == colour(make_picture(blur=20), 0.5)[2]


def test_words_are_written_large_and_dark_on_white(make_picture: Callable[..., Image.Image], suite: Suite) -> None:
    pixels = np.asarray(make_picture(words="SAY BANANA").convert("L"))
    assert (pixels[: pixels.shape[0] // 2] < 100).all()
    lower = pixels[pixels.shape[0] * 2 // 3 :]
    assert (lower > 230).mean() > 0.2
    sheet = np.asarray(make_picture(of=None, sheet="one lamp, " * 12).convert("L"))
    assert (sheet < 60).mean() > 0.02
    assert (sheet[[0, -1]] > 250).all()
    assert (sheet[:, [0, -1]] > 250).all()


def test_letters_without_a_font_are_refused(make_picture: Callable[..., Image.Image]) -> None:
    with pytest.raises(BadInput, match="No font at hand draws '椅'"):
        make_picture(of=None, sheet="a 椅")


def test_the_same_definition_gives_the_same_bytes_and_is_made_once(suite: Suite, photo: Path, tmp_path: Path) -> None:
    turn = Turn(
        text="this",
        pictures=[
            PictureAttachment(of="stool", hue=30, blur=1.5, rotate=7, words="mine"),
            PictureAttachment(sheet="x"),
        ],
        voice=[VoiceAttachment(say="a chair", noise_db=10)],
    )
    first, again, elsewhere = (
        ready_turn(turn, suite, lambda _: photo, tmp_path / folder) for folder in ("one", "one", "two")
    )
    assert first == again
    assert [path.stat().st_mtime_ns for path in first.images] == [path.stat().st_mtime_ns for path in again.images]
    for path, other in zip([*first.images, *first.audio], [*elsewhere.images, *elsewhere.audio], strict=True):
        assert path.name == other.name
        assert path.read_bytes() == other.read_bytes()
    assert (first.text, len(list((tmp_path / "one").iterdir()))) == ("this", 3)


def test_another_photo_of_the_same_item_is_another_picture(suite: Suite, photo: Path, tmp_path: Path) -> None:
    turn = Turn(pictures=[PictureAttachment(of="stool", mirror=True)])
    before = ready_turn(turn, suite, lambda _: photo, tmp_path / "made").images
    Image.new("RGB", (50, 50), "green").save(photo)
    assert ready_turn(turn, suite, lambda _: photo, tmp_path / "made").images != before


def test_own_files_are_taken_as_they_are_under_a_name_that_tells_nothing(
    suite: Suite, photo: Path, tmp_path: Path
) -> None:
    (tmp_path / "a chair please.wav").write_bytes(b"sound")
    turn = Turn(pictures=[PictureAttachment(file="photo.png")], voice=[VoiceAttachment(file="a chair please.wav")])
    ready = ready_turn(turn, suite, lambda _: None, tmp_path / "made")
    assert ready.images[0].read_bytes() == photo.read_bytes()
    assert ready.audio[0].read_bytes() == b"sound"
    assert "chair" not in ready.audio[0].name
    assert (ready.images[0].suffix, ready.audio[0].suffix) == (".png", ".wav")


def made_video(suite: Suite, photo: Path, tmp_path: Path, **video: Any) -> Path:  # noqa: ANN401 - the format's own
    turn = Turn(video=[VideoAttachment.model_validate(video)])
    (path,) = ready_turn(turn, suite, lambda _: photo, tmp_path / "made").video
    return path


def test_a_video_shows_its_shots_one_after_the_other(suite: Suite, photo: Path, tmp_path: Path) -> None:
    shots = [{"of": "stool", "seconds": 2, "crop": 0.3, "pan": 0}, {"of": "stool", "seconds": 1, "hue": 120}, {}]
    path = made_video(suite, photo, tmp_path, shots=shots)
    video = load_video(path, MediaLimits())
    assert (round(video.seconds), video.width, video.height, video.has_sound) == (6, 640, 360, False)
    first = [colour(frame.picture(), 0.05) for frame in video.frames if frame.second < 1.8]
    second = [colour(frame.picture(), 0.05) for frame in video.frames if 2.2 < frame.second < 2.8]
    assert first
    assert second
    assert all(red > green for red, green, _ in first)
    assert all(green > red for red, green, _ in second)
    assert path == made_video(suite, photo, tmp_path, shots=shots), "made once"
    assert path != made_video(suite, photo, tmp_path, shots=shots, seed=8)


def test_a_video_has_the_sound_that_it_is_given(suite: Suite, photo: Path, tmp_path: Path) -> None:
    shots = [{"of": "stool", "seconds": 2}]
    silent = made_video(suite, photo, tmp_path, shots=shots, silent=True)
    spoken = made_video(suite, photo, tmp_path, shots=shots, sound={"say": "a chair"}, upright=True)
    nothing, voice = load_sound(silent, MediaLimits()), load_sound(spoken, MediaLimits())
    assert nothing is not None
    assert voice is not None
    assert np.abs(nothing.samples).max() < 0.01 < 0.1 < np.abs(voice.samples).max()
    assert 1.8 < nothing.seconds < 2.2
    upright = load_video(spoken, MediaLimits())
    assert (upright.width, upright.height, upright.has_sound) == (360, 640, True)
    assert load_sound(made_video(suite, photo, tmp_path, shots=shots), MediaLimits()) is None


@pytest.mark.parametrize(
    "video",
    [
        {},
        {"file": "a.mp4", "shots": [{}]},
        {"shots": [{"words": "on the wall"}]},
        {"shots": [{"of": "stool", "sheet": "a"}]},
        {"shots": [{}], "silent": True, "sound": {"say": "a"}},
        {"shots": [{}], "sound": {"file": "a.wav"}},
        {"shots": [{"seconds": 0}]},
        {"shots": [{"seconds": 1, "zoom": 0}]},
        {"shots": [{}] * 21},
        {"shots": [{"seconds": 60}] * 3},
        {"shots": [{"seconds": float("nan")}]},
    ],
)
def test_videos_that_contradict_themselves_are_refused(video: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        VideoAttachment.model_validate(video)


@pytest.mark.parametrize(
    ("turn", "message"),
    [
        (Turn(video=[VideoAttachment(shots=[VideoShot(of="stool")])]), "item 'stool' has no photo"),
        (Turn(video=[VideoAttachment(file="no.mp4")]), "The suite s names the file 'no.mp4', which is not in"),
        (Turn(pictures=[PictureAttachment(of="stool")]), "item 'stool' has no photo"),
        (Turn(pictures=[PictureAttachment(file="no.png")]), "The suite s names the file 'no.png', which is not in"),
        (Turn(voice=[VoiceAttachment(file="no.wav")]), "The suite s names the file 'no.wav', which is not in"),
        (Turn(voice=[VoiceAttachment(say="hi", language="tlhx")]), "espeak-ng has no voice 'tlhx'; it has languages"),
        (Turn(voice=[VoiceAttachment(say="hi", voice="en-us+nobody")]), "espeak-ng has no voice 'en-us\\+nobody'"),
    ],
)
def test_what_cannot_be_made_is_told(suite: Suite, tmp_path: Path, turn: Turn, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        ready_turn(turn, suite, lambda _: None, tmp_path / "made")


def test_a_folder_that_cannot_be_written_is_told(suite: Suite, tmp_path: Path) -> None:
    (tmp_path / "made").write_text("a file")
    with pytest.raises(BadInput, match="An attachment cannot be made"):
        ready_turn(Turn(pictures=[PictureAttachment(sheet="x")]), suite, lambda _: None, tmp_path / "made")


@pytest.mark.parametrize("language", ["en", "cmn", "de", "fr", "es"])
def test_notes_are_spoken_in_each_language(suite: Suite, tmp_path: Path, language: str) -> None:
    turn = Turn(voice=[VoiceAttachment(say="100 euro", language=language)])
    [path] = ready_turn(turn, suite, lambda _: None, tmp_path / "made").audio
    audio = load_audio(path)
    assert 0.8 < audio.seconds < 5
    assert np.abs(audio.samples).max() > 0.1
