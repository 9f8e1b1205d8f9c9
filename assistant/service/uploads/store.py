"""Pictures, recordings and videos that programs send ahead of a tool call: one folder a user, for a day."""

import asyncio
import contextlib
import logging
import re
import time
import uuid
from http import HTTPStatus
from pathlib import Path

from assistant.engines import media_limits
from assistant.errors import MediaError, StoreError
from assistant.service.context import User
from assistant.service.http.problems import Refused
from assistant.settings import Settings
from assistant.storage import TOOL_UPLOADS, tool_uploads
from tools.media import Kind, kind_of
from tools.records import Record

logger = logging.getLogger(__name__)

KEPT_SECONDS = 24 * 3600.0
SWEEP_SECONDS = 3600.0
MOST_FILES = 100
MOST_BYTES = 2**30
"""How much one user may have stored at a time."""

_ID = re.compile(r"(picture|audio|video)-[0-9a-f]{32}")


class Upload(Record):
    """A stored file; ``id`` is what tools take as ``image``, ``audio`` or ``video``."""

    id: str
    kind: Kind
    name: str


class Uploads:
    """The uploads of a service. A user's files are found by that user alone."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = settings.data_folder / TOOL_UPLOADS
        self._files = settings.files
        self._limits = media_limits(settings)

    def add(self, user: User, file: Path, name: str) -> Upload:
        """Take over a file.

        Args:
            file: moved into the store, or deleted when it is refused.
            name: what the user calls it; for messages only.

        Raises:
            MediaError: no picture, recording or video, or over a limit.
            Refused: 429, this user has too much stored.
            StoreError: the disk is full or not writable, or the object storage does not answer.
        """
        try:
            if not file.stat().st_size:
                raise MediaError(f"{name} is empty.")
            kind = kind_of(file, self._limits, name)
            folder = self._of(user)
            self._check_room(folder, file.stat().st_size)
            upload = Upload(id=f"{kind}-{uuid.uuid4().hex}", kind=kind, name=name)
            folder.mkdir(parents=True, exist_ok=True)
            self._files.put(folder / upload.id, file)
            file.replace(folder / upload.id)
        except OSError as exc:
            raise StoreError(f"The upload could not be stored: {exc.strerror}.") from exc
        finally:
            file.unlink(missing_ok=True)
        return upload

    def find(self, user: User, upload_id: str) -> Path | None:
        """The file of one of this user's uploads; None when there is none of that id, or it is too old.

        Raises:
            StoreError: the object storage does not answer.
        """
        if not _ID.fullmatch(upload_id):
            return None
        path = self._of(user) / upload_id
        is_there = self._files.holds(path) and self._files.fetch(path)
        return path if is_there and not _old(path) else None

    def remove(self, user: User, upload_id: str) -> bool:
        """Delete one of this user's uploads; False when there is none of that id."""
        path = self.find(user, upload_id)
        if path is not None:
            self._files.delete(path)
        return path is not None

    def sweep(self) -> None:
        """Delete what is older than a day, whoever sent it."""
        for path in list(self._folder.glob("*/*")):
            with contextlib.suppress(OSError):
                if _old(path):
                    path.unlink()
        with contextlib.suppress(StoreError):  # later, then
            for path in self._files.sizes(self._folder) if self._files.is_shared else ():
                changed = self._files.changed(path)
                if changed is not None and changed < time.time() - KEPT_SECONDS:
                    self._files.delete(path)

    async def keep_swept(self) -> None:
        """Sweep now and every hour."""
        while True:
            await asyncio.to_thread(self.sweep)
            await asyncio.sleep(SWEEP_SECONDS)

    def _of(self, user: User) -> Path:
        return tool_uploads(self._settings.data_folder, user.id)

    def _check_room(self, folder: Path, size: int) -> None:
        sizes = list(self._files.sizes(folder).values())
        if len(sizes) >= MOST_FILES or sum(sizes) + size > MOST_BYTES:
            raise Refused(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"You have {len(sizes)} uploads with {sum(sizes) / 2**20:.0f} MiB, the most there may be; delete some, "
                "or wait until they are a day old.",
                {"Retry-After": f"{SWEEP_SECONDS:.0f}"},
            )


def _old(path: Path) -> bool:
    return path.stat().st_mtime < time.time() - KEPT_SECONDS
