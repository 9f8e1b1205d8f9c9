"""Feeds that an admin sends, looked at before they are taken in; and one that is fetched again every so many hours.

An uploaded feed lies in a folder of its own below ``imports/feeds`` until it is taken in or a day has passed. The
schedule stands in ``imports/schedule.json``; a lock beside it keeps two services over one data folder from fetching at
once. Its source is a web address of the public internet, or the folder ``feeds`` of the data folder: no other file of
this machine.
"""

import asyncio
import logging
import re
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import unquote, urlsplit

import httpx
from filelock import FileLock, Timeout
from pydantic import Field, ValidationError

from assistant.background import in_thread
from assistant.errors import BadInput, ProductError, StoreError
from assistant.ingest import FileCheck
from assistant.ingest.remote import PublicOnly, save
from assistant.service.http.problems import Refused
from assistant.service.runs.catalogue_writing import CatalogueWriting, FeedReading
from assistant.service.runs.jobs import ImportJob, Imports
from assistant.settings import ServiceBounds
from assistant.shop import Url
from tools.records import Record

logger = logging.getLogger(__name__)

FOLDER: Final = "feeds"
"""Of uploaded feeds, below ``imports``; and of files that are read again, in the data folder."""
KEPT_SECONDS: Final = 86_400.0
MOST_FEEDS: Final = 10
MOST_FILES: Final = 100
TICK_SECONDS: Final = 60.0
FETCH_SECONDS: Final = 20.0
WHOLE_SECONDS: Final = 600.0
_ID = re.compile(r"[0-9a-f]{16}")


class Feed(Record):
    """An uploaded feed and what is understood of it."""

    feed_id: str
    name: str
    size: int = Field(description="bytes")
    check: FileCheck


class Schedule(Record):
    """What is taken in again, and how often."""

    url: Url | None = Field(
        None, description="an https address; null: every file of the folder feeds in the data folder"
    )
    hours: Annotated[float, Field(ge=1, le=24 * 31)] = 24
    reading: FeedReading = FeedReading()


class LastRun(Record):
    """How the schedule's last run began; its job says how it ended."""

    at: float = Field(description="seconds since 1970")
    job_id: str | None = None
    error: str | None = Field(None, description="why there is no job")


class ScheduleState(Record):
    """The schedule, its last run and the next."""

    schedule: Schedule | None = None
    last: LastRun | None = None
    job: ImportJob | None = Field(None, description="of the last run, as long as it is kept")
    next_at: float | None = Field(None, description="seconds since 1970")


class _Stored(Record):
    schedule: Schedule | None = None
    last: LastRun | None = None


class Feeds:
    """The feeds of a data folder."""

    def __init__(self, writing: CatalogueWriting, imports: Imports, data_folder: Path, bounds: ServiceBounds) -> None:
        self._writing = writing
        self._imports = imports
        self._folder = writing.folder / FOLDER
        self._schedule_file = writing.folder / "schedule.json"
        self._again = data_folder / FOLDER
        self._bounds = bounds

    # Uploaded --------------------------------------------------------------------------------------------------------

    async def receive(self, name: str, body: AsyncIterator[bytes], reading: FeedReading) -> Feed:
        """Keep a feed and say what is understood of it; nothing is written to the catalogue.

        Raises:
            Refused: 408, the sender fell silent; 422, it is no feed.
            StoreError: the disk is full.
        """
        await asyncio.to_thread(self._tidy)
        feed_id = secrets.token_hex(8)
        folder = self._folder / feed_id
        try:
            folder.mkdir(parents=True)
            await self._imports.receive(folder / _safe(name), body)
            return await self.look(feed_id, reading)
        except BaseException:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            raise

    async def look(self, feed_id: str, reading: FeedReading) -> Feed:
        """What is understood of an uploaded feed when it is read like this.

        Raises:
            Refused: 404, there is none; 422, it is no feed.
        """
        path = self._file(feed_id)
        try:
            found = await asyncio.to_thread(self._writing.look, path, reading)
        except BadInput as exc:
            raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, str(exc)) from exc
        return Feed(feed_id=feed_id, name=path.name, size=path.stat().st_size, check=found)

    def take_in(self, feed_id: str, reading: FeedReading) -> ImportJob:
        """Begin to take an uploaded feed in; it is deleted at the end.

        Raises:
            Refused: 404, there is none; 409, another import is at work.
        """
        path = self._file(feed_id)
        return self._imports.start_files([path], reading, delete=path.parent)

    def drop(self, feed_id: str) -> None:
        """Delete an uploaded feed.

        Raises:
            Refused: 404, there is none.
        """
        shutil.rmtree(self._file(feed_id).parent, ignore_errors=True)

    def _file(self, feed_id: str) -> Path:
        files = [*(self._folder / feed_id).glob("*")] if _ID.fullmatch(feed_id) else []
        if not files:
            raise Refused(HTTPStatus.NOT_FOUND, f"There is no feed {feed_id[:40]!r}; send it again.")
        return files[0]

    def _tidy(self) -> None:
        """Delete old uploads, and the oldest where there are too many; nothing that an import may be reading."""
        if self._writing.importing:
            return
        folders = sorted(self._folder.glob("*"), key=lambda folder: folder.stat().st_mtime)
        for n, folder in enumerate(folders):
            if len(folders) - n >= MOST_FEEDS or folder.stat().st_mtime < time.time() - KEPT_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)

    # Again and again -------------------------------------------------------------------------------------------------

    def state(self) -> ScheduleState:
        """The schedule and how it goes."""
        stored = self._stored()
        job = None
        if stored.last and stored.last.job_id:
            with suppress(Refused):
                job = self._imports.get(stored.last.job_id)
        due = None
        if stored.schedule:
            due = stored.last.at + stored.schedule.hours * 3600 if stored.last else time.time()
        return ScheduleState(schedule=stored.schedule, last=stored.last, job=job, next_at=due)

    def set_schedule(self, schedule: Schedule | None) -> ScheduleState:
        """Put a schedule in force, or none; the first run is at once.

        Raises:
            StoreError: it cannot be kept.
        """
        self._keep(_Stored(schedule=schedule))
        return self.state()

    async def keep_importing(self) -> None:
        """Run the schedule when it is due, until cancelled."""
        await asyncio.to_thread(self._tidy)
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                state = self.state()
                if state.next_at is not None and state.next_at <= time.time():
                    await self.run_now()
            except Refused as exc:  # another import is at work: a minute later again
                logger.info("the schedule waits: %s", exc)
            except Exception:  # told in the log, and tried again
                logger.exception("the schedule did not run")

    async def run_now(self) -> ScheduleState:
        """Begin the schedule's import.

        Raises:
            Refused: 404, there is no schedule; 409, another import, or another service's run of it, is at work.
        """
        stored = self._stored()
        if stored.schedule is None:
            raise Refused(HTTPStatus.NOT_FOUND, "There is no schedule.")
        self._imports.check_idle()
        lock = FileLock(self._schedule_file.with_suffix(".lock"), thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout as exc:
            raise Refused(HTTPStatus.CONFLICT, "The schedule is running already.", {"Retry-After": "10"}) from exc
        try:
            last = await self._run(stored.schedule)
        finally:
            lock.release()
        self._keep(stored.model_copy(update={"last": last}))
        return self.state()

    async def _run(self, schedule: Schedule) -> LastRun:
        now, folder = time.time(), self._folder / secrets.token_hex(8)
        try:
            if schedule.url is None:
                files, delete = _files_of(self._again), None
            else:
                path = folder / _safe(unquote(urlsplit(schedule.url).path.rpartition("/")[2]))
                await in_thread(partial(self._fetch, schedule.url, path))
                files, delete = [path], folder
            return LastRun(at=now, job_id=self._imports.start_files(files, schedule.reading, delete=delete).job_id)
        except ProductError as exc:
            shutil.rmtree(folder, ignore_errors=True)
            logger.warning("the schedule's import did not begin: %s", exc)
            return LastRun(at=now, error=str(exc))
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def _fetch(self, url: str, path: Path) -> None:
        """Write what lies at an address to a file.

        Raises:
            BadInput: it cannot be had.
            StoreError: it cannot be kept.
        """
        client = httpx.Client(
            transport=self._transport(), follow_redirects=True, max_redirects=5, timeout=FETCH_SECONDS
        )
        try:
            path.parent.mkdir(parents=True)
            with client, client.stream("GET", url) as response:
                save(response, path, self._bounds.import_bytes, seconds=WHOLE_SECONDS)
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise BadInput(f"{url} cannot be fetched: {' '.join(str(exc).split()) or type(exc).__name__}.") from exc
        except OSError as exc:
            raise StoreError(f"The feed cannot be kept on the disk: {exc.strerror or exc}.") from exc

    def _transport(self) -> httpx.BaseTransport:
        return PublicOnly()

    def _stored(self) -> _Stored:
        try:
            return _Stored.model_validate_json(self._schedule_file.read_bytes())
        except FileNotFoundError:
            return _Stored()
        except (OSError, ValidationError) as exc:
            logger.warning("the schedule cannot be read and is off: %s", exc)
            return _Stored()

    def _keep(self, stored: _Stored) -> None:
        part = self._schedule_file.with_suffix(".part")
        try:
            self._schedule_file.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(stored.model_dump_json(), "utf-8")
            part.replace(self._schedule_file)
        except OSError as exc:
            raise StoreError(f"The schedule cannot be kept: {exc.strerror or exc}.") from exc


def _files_of(folder: Path) -> Sequence[Path]:
    """The files to read again, by name; links lead nowhere else.

    Raises:
        BadInput: there are none, or too many.
    """
    paths = sorted(folder.glob("[!.]*")) if folder.is_dir() else []
    files = [path for path in paths if path.is_file() and not path.is_symlink()]
    if not 1 <= len(files) <= MOST_FILES:
        raise BadInput(
            f"The folder {FOLDER} of the data folder should hold 1 to {MOST_FILES} files; it has {len(files)}."
        )
    return files


def _safe(name: str) -> str:
    """The end of a file's name, which says what it is, in letters that every file system takes."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)[-80:].lstrip(".") or "feed"
