"""Checks a message and copies its attachments into the session's uploads under opaque names."""

import contextlib
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from assistant.agent.state import Dropped, Request
from assistant.errors import BadInput
from assistant.records import Attachment, AttachmentNote, Constraint, ItemFeedback, Memory
from assistant.settings import Limits
from assistant.understanding import CENT
from tools.errors import MediaError
from tools.media import MediaLimits, load_audio, load_picture
from tools.objects import SharedFiles
from tools.video import load_video

ATTACHMENTS: Final = 8
"""How many pictures, voice notes and videos a message may bring."""


def check_request(request: Request, limits: Limits) -> None:
    """Refuse what breaks a limit or says nothing.

    Raises:
        BadInput: the message is empty, too long, or brings too many attachments.
        MediaError: an attachment is missing, no regular file, empty or too large.
    """
    if not (request.text.strip() or request.files or request.drop):
        raise BadInput("The message is empty: write something, or add a picture, a voice note or a video.")
    if len(request.text) > limits.message_characters:
        raise BadInput(
            f"The message has {len(request.text):,} characters; at most {limits.message_characters:,} can be read."
        )
    if len(request.files) > ATTACHMENTS:
        raise BadInput(f"A message can bring at most {ATTACHMENTS} attachments.")
    for paths, limit in (
        (request.images, limits.image_bytes), (request.audio, limits.audio_bytes), (request.video, limits.video_bytes)
    ):  # fmt: skip
        for path in paths:
            _check_file(path, limit, request.names.get(str(path), str(path)))


def check_files(request: Request, limits: Limits, media: MediaLimits) -> None:
    """Refuse a message whose files cannot be read to their end; what `check_request` refuses comes first.

    Raises:
        BadInput: as of `check_request`.
        MediaError: a file is damaged, of another kind, or over a limit.
    """
    check_request(request, limits)
    for path in request.images:
        with _with_users_name(path, request):
            load_picture(path, media)
    for path in request.audio:
        with _with_users_name(path, request):
            load_audio(path, media)
    for path in request.video:
        with _with_users_name(path, request):
            load_video(path, media)


@contextlib.contextmanager
def _with_users_name(path: Path, request: Request) -> Iterator[None]:
    """Errors call a file what the user calls it."""
    try:
        yield
    except MediaError as exc:
        raise MediaError(str(exc).replace(path.name, request.names.get(str(path), path.name))) from exc


def take_attachments(request: Request, memory: Memory, folder: Path, files: SharedFiles) -> list[Attachment]:
    """Copy this turn's files; ids count over the session (img1, img2, aud1, vid1, ...).

    Raises:
        BadInput: a file cannot be copied.
        StoreError: the object storage does not answer.
    """
    numbered = {"picture": 0, "audio": 0, "video": 0}
    for attachment in memory.attachments.values():
        numbered[attachment.kind] += 1
    attachments = []
    for kind, prefix, paths in (
        ("picture", "img", request.images), ("audio", "aud", request.audio), ("video", "vid", request.video)
    ):  # fmt: skip
        for path in paths:
            numbered[kind] += 1
            name = request.names.get(str(path), path.name)
            target = _copy(path, folder, name)
            files.put(target)
            attachment_id = f"{prefix}{numbered[kind]}"
            attachments.append(Attachment(id=attachment_id, kind=kind, path=str(target), name=name))
    return attachments


def noted(attachments: list[Attachment]) -> list[AttachmentNote]:
    """Attachments as the answer carries them."""
    return [AttachmentNote(id=attachment.id, kind=attachment.kind, name=attachment.name) for attachment in attachments]


def without_dropped(request: Request, memory: Memory) -> Memory:
    """The session without the constraints and preferences that the message takes back.

    Raises:
        BadInput: one of them is not in force.
    """
    for dropped in request.drop:
        remaining: dict[str, list[Constraint] | list[ItemFeedback]] = {
            "constraints": [c for c in memory.constraints if not _is_meant(c, dropped)],
            "preferences": [c for c in memory.preferences if not _is_meant(c, dropped)],
            "rejected": [
                r for r in memory.rejected if not (dropped.field == "exclude_ids" and r.item_id == dropped.value)
            ],
        }
        if all(len(constraints) == len(getattr(memory, name)) for name, constraints in remaining.items()):
            raise BadInput(f"The constraint {dropped.field} {dropped.value} is not in force.")
        memory = memory.model_copy(update=remaining)
    return memory


def _is_meant(constraint: Constraint, dropped: Dropped) -> bool:
    """The constraint that is meant; of an attribute's value that is named alone, every one."""
    same_attribute = dropped.attribute in (None, constraint.attribute)
    return constraint.field == dropped.field and same_attribute and _is_same_value(constraint.value, dropped.value)


def _is_same_value(value: object, wanted: object) -> bool:
    return str(value).casefold() == str(wanted).casefold() or (
        isinstance(value, float | int) and isinstance(wanted, float | int) and abs(value - wanted) < CENT
    )


def _check_file(path: Path, limit: int, name: str) -> None:
    if not path.exists():
        raise MediaError(f"The file {name} does not exist.")
    if not path.is_file():
        raise MediaError(f"{name} is not a file.")
    size = path.stat().st_size
    if size == 0:
        raise MediaError(f"The file {name} is empty.")
    if size > limit:
        raise MediaError(f"The file {name} has {size / 2**20:.0f} MiB; at most {limit / 2**20:.0f} MiB can be read.")


def _copy(path: Path, folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / uuid.uuid4().hex
    try:
        shutil.copyfile(path, target)
    except OSError as exc:
        target.unlink(missing_ok=True)
        raise BadInput(f"The file {name} could not be copied: {exc.strerror}.") from exc
    return target
