"""Attachments of a turn as files: made once for each definition and source; the same libraries give the same bytes."""

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from assistant.errors import BadInput
from eval.runs.answering import ReadyTurn
from eval.suite.records import PictureAttachment, Suite, Turn, VideoAttachment, VideoShot, VoiceAttachment

MAKING = "1"
"""Grows when the same definition would give other bytes, so that attachments are made anew."""

LYING, UPRIGHT = (640, 360), (360, 640)
"""Width and height of made videos, pixels."""
RATE = 12
"""Frames a second."""

Photos = Callable[[str], Path | None]
"""The first photo of a catalogue item, by the item's id; None where it has none."""


def ready_turn(turn: Turn, suite: Suite, images: Photos, folder: Path) -> ReadyTurn:
    """Make what the turn attaches.

    Args:
        images: where an item's first photo lies.
        folder: where finished attachments are kept, by content; several runs may share it.

    Raises:
        BadInput: a file, an item's photo or a voice does not exist, or a file is not what it should be.
        ServiceMissing: speech synthesis is not installed.
    """
    return ReadyTurn(
        turn=turn,
        text=turn.text,
        images=[picture_file(picture, suite, images, folder) for picture in turn.pictures],
        audio=[voice_file(note, suite, folder) for note in turn.voice],
        video=[video_file(video, suite, images, folder) for video in turn.video],
    )


def picture_file(picture: PictureAttachment, suite: Suite, images: Photos, folder: Path) -> Path:
    """The picture as a file; one of the user's own without changes is taken as it is.

    Raises:
        BadInput: its source does not exist or is no picture.
    """
    source = _source(picture, suite, images)
    if source and picture == PictureAttachment(file=picture.file, of=picture.of):
        return _stored_file(folder, source.suffix, b"", [source], source.read_bytes)

    def make() -> bytes:
        from eval.suite.pictures import picture_jpeg  # brings its library; only where media are made

        return picture_jpeg(picture, source)

    return _stored_file(folder, ".jpg", picture.model_dump_json().encode(), [source] if source else [], make)


def voice_file(note: VoiceAttachment, suite: Suite, folder: Path) -> Path:
    """The voice note as a file.

    Raises:
        BadInput: its file or its voice does not exist.
        ServiceMissing: speech synthesis is not installed.
    """
    if note.file is not None:
        source = _existing(suite, note.file)
        return _stored_file(folder, source.suffix, b"", [source], source.read_bytes)

    def make() -> bytes:
        from eval.suite.speech import speech_wav  # brings its library; only where media are made

        return speech_wav(note)

    return _stored_file(folder, ".wav", note.model_dump_json().encode(), [], make)


def video_file(video: VideoAttachment, suite: Suite, images: Photos, folder: Path) -> Path:
    """The video as a file.

    Raises:
        BadInput: its file, or what is filmed or said in it, does not exist.
        ServiceMissing: speech synthesis is not installed.
    """
    if video.file is not None:
        source = _existing(suite, video.file)
        return _stored_file(folder, source.suffix, b"", [source], source.read_bytes)
    filmed = [_filmed(shot, suite, images, folder) for shot in video.shots]
    voice = voice_file(video.sound, suite, folder) if video.sound else None

    def make() -> bytes:
        from eval.suite import clips, speech  # bring their libraries; only where media are made

        shots = [
            clips.FilmedShot(source, shot.seconds, pan=shot.pan, zoom=shot.zoom, lies=shot.sheet is not None)
            for source, shot in zip(filmed, video.shots, strict=True)
        ]
        said = voice.read_bytes() if voice else None
        if video.silent:
            said = speech.silence_wav(sum(shot.seconds for shot in video.shots))
        return clips.video_mp4(shots, size=UPRIGHT if video.upright else LYING, rate=RATE, seed=video.seed, speech=said)

    sources = [source for source in (*filmed, voice) if source]
    # a sheet lies on a table since sheets were filmed in part, their words out of the picture
    form = b"lying sheet" if any(shot.sheet for shot in video.shots) else b""
    return _stored_file(folder, ".mp4", video.model_dump_json().encode() + form, sources, make)


def _filmed(shot: VideoShot, suite: Suite, images: Photos, folder: Path) -> Path | None:
    return picture_file(shot.picture, suite, images, folder) if shot.picture else None


def _source(picture: PictureAttachment, suite: Suite, images: Photos) -> Path | None:
    if picture.file is not None:
        return _existing(suite, picture.file)
    if picture.of is None:
        return None
    photo = images(picture.of)
    if photo is None:
        raise BadInput(f"The catalogue's item {picture.of!r} has no photo to make the user's picture from.")
    return photo


def _existing(suite: Suite, name: str) -> Path:
    path = Path(suite.folder) / name
    if not path.is_file():
        raise BadInput(f"The suite {suite.suite} names the file {name!r}, which is not in {suite.folder}.")
    return path


def _stored_file(
    folder: Path, suffix: str, definition: bytes, sources: Sequence[Path], make: Callable[[], bytes]
) -> Path:
    """The attachment's file, made if it is not there; it appears whole or not at all.

    The name tells nothing of the content: an assistant must not learn from it what the picture shows.
    """
    try:
        content = b"".join(source.read_bytes() for source in sources)
        parts = [MAKING.encode(), definition, hashlib.sha256(content).digest()]
        path = folder / f"{hashlib.sha256(b'|'.join(parts)).hexdigest()[:24]}{suffix}"
        if not path.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            _write(path, make())
    except OSError as exc:
        raise BadInput(f"An attachment cannot be made: {exc.strerror or exc} ({exc.filename}).") from exc
    return path


def _write(path: Path, content: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
        file.write(content)
    Path(file.name).replace(path)
