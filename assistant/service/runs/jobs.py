"""Imports as jobs: one at a time, with progress, cancelled within seconds, remembered across restarts.

A job is a small JSON file in ``ASSISTANT_DATA/imports``; while it runs its process holds a lock beside it, so that a
job whose process has died is told from one that runs in another process.
"""

import asyncio
import logging
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Literal, NamedTuple

from filelock import FileLock
from pydantic import Field, ValidationError
from starlette.requests import ClientDisconnect

from assistant.errors import CatalogueBusy, ProductError, StoreError
from assistant.ingest import Advance, IngestSummary, Rejection
from assistant.service.http.problems import Refused, problem_of
from assistant.service.runs.catalogue_writing import CatalogueWriting, FeedReading, RejectionOut, busy
from tools.records import Record

logger = logging.getLogger(__name__)

KEPT_JOBS = 50
KEPT_REJECTIONS = 100
SAVE_SECONDS = 2.0
SILENCE_SECONDS = 60.0
"""An import that sends nothing for so long is given up."""
LEFTOVER_SECONDS = 3600.0
"""Lines that belong to no job and were not written to for so long are left over."""
BLOCK = 2**20

State = Literal["running", "done", "failed", "cancelled", "interrupted"]


class ImportJob(Record):
    """An import; times in seconds since 1970.

    ``done`` of ``total`` counts bytes while the lines are checked and lines while they are taken in. A job that was
    cancelled or interrupted keeps what it has written; sending the same again goes on from there.
    """

    job_id: str
    kind: Literal["import"] = "import"
    state: State = "running"
    stage: Literal["waiting", "checking", "ingesting", "ended"] = "waiting"
    done: int = 0
    total: int = 0
    unit: Literal["bytes", "lines"] = "lines"
    size: int = Field(description="bytes that were sent")
    created_at: float
    ended_at: float | None = None
    summary: IngestSummary | None = None
    rejections: list[RejectionOut] = Field([], description="the first 100")
    rejected: int = Field(0, description="lines and pictures not taken so far, and lines that later ones replace")
    error: str | None = None


class Jobs(Record):
    """Jobs, latest first."""

    jobs: list[ImportJob]


class _Source(NamedTuple):
    """What an import reads, how, and a folder to delete at its end."""

    files: Sequence[Path]
    reading: FeedReading
    delete: Path | None = None


class _Stopped(Exception):
    """Ends an ingestion between two batches."""


class Imports:
    """All imports of a data folder."""

    def __init__(self, writing: CatalogueWriting) -> None:
        self._writing = writing
        self._folder = writing.folder
        self._jobs: dict[str, ImportJob] = {}
        self._closing = False
        self._task: asyncio.Task[None] | None = None
        self._receiving = False

    def load(self) -> None:
        """Read what earlier processes left; their unfinished imports were interrupted."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._look_elsewhere()
        self._sweep()
        self._forget_old()

    def _look_elsewhere(self) -> None:
        """Read what jobs of other processes have come to; those of processes that died were interrupted."""
        paths = sorted(self._folder.glob("*.json"))
        for path in paths:
            known = self._jobs.get(path.stem)
            if path.stem == self._writing.importing or (known and known.state != "running"):
                continue
            with suppress(OSError, ValidationError):
                if job := self._as_it_is(ImportJob.model_validate_json(path.read_bytes())):
                    self._jobs[path.stem] = job
        for job_id in self._jobs.keys() - {path.stem for path in paths} - {self._writing.importing}:
            del self._jobs[job_id]

    def _as_it_is(self, job: ImportJob) -> ImportJob | None:
        """A stored job: one whose process died is interrupted; one that runs elsewhere is not this service's, unless
        the process is another worker."""
        try:
            with self._alone(job.job_id):
                if job.state == "running":
                    job = job.model_copy(update={"state": "interrupted", "stage": "ended", "ended_at": time.time()})
                    self._save(job)
                self._spool(job.job_id).unlink(missing_ok=True)
        except OSError:  # its process holds the lock
            return job if self._writing.has_others else None
        return job

    def list(self) -> list[ImportJob]:
        """Every job that is kept, latest first."""
        if self._writing.has_others:
            self._look_elsewhere()
        return sorted(self._jobs.values(), key=lambda job: -job.created_at)

    def get(self, job_id: str) -> ImportJob:
        """One job.

        Raises:
            Refused: 404, there is no such job.
        """
        if self._writing.has_others:
            self._look_elsewhere()
        if job_id not in self._jobs:
            raise Refused(HTTPStatus.NOT_FOUND, f"There is no job {job_id!r}.")
        return self._jobs[job_id]

    async def start(self, body: AsyncIterator[bytes]) -> ImportJob:
        """Receive a catalogue and begin to take it in.

        Raises:
            Refused: 409, another import is at work; 408, the sender fell silent.
            StoreError: the disk is full.
        """
        self.check_idle()
        job_id = secrets.token_hex(8)
        self._receiving = True
        try:
            size = await self.receive(self._spool(job_id), body)
        except BaseException:
            self._spool(job_id).unlink(missing_ok=True)
            raise
        finally:
            self._receiving = False
        return self._begin(
            ImportJob(job_id=job_id, size=size, created_at=time.time()), _Source([self._spool(job_id)], FeedReading())
        )

    def start_files(self, files: Sequence[Path], reading: FeedReading, *, delete: Path | None = None) -> ImportJob:
        """Begin to take files in.

        Args:
            delete: a folder that is deleted at the end.

        Raises:
            Refused: 409, another import is at work.
        """
        self.check_idle()
        size = sum(file.stat().st_size for file in files)
        job = ImportJob(job_id=secrets.token_hex(8), size=size, created_at=time.time())
        return self._begin(job, _Source(files, reading, delete))

    def check_idle(self) -> None:
        """Refuse a second import.

        Raises:
            Refused: 409, another one is at work.
        """
        if self._receiving or self._writing.importing:
            running = f" ({self._writing.importing})" if self._writing.importing else ""
            detail = f"Another import{running} is at work; wait for its end or cancel it."
            raise Refused(HTTPStatus.CONFLICT, detail, {"Retry-After": "10"})

    async def cancel(self, job_id: str) -> None:
        """Stop a running import and wait until it has stopped; forget one that has ended.

        Raises:
            Refused: 404, there is no such job.
        """
        job = self.get(job_id)
        if job_id == self._writing.importing and self._task:
            self._writing.stop.set()
            await asyncio.wait([self._task])
            return
        if job.state == "running":
            self._order(job_id).touch()
            while self.get(job_id).state == "running":
                await asyncio.sleep(SAVE_SECONDS / 4)
            return
        del self._jobs[job_id]
        await asyncio.to_thread(self._erase, job_id)

    async def close(self) -> None:
        """Interrupt the running import; what it has written stays."""
        self._closing = True
        if self._task and not self._task.done():
            self._writing.stop.set()
            await asyncio.wait([self._task])

    # Receiving -------------------------------------------------------------------------------------------------------

    async def receive(self, path: Path, body: AsyncIterator[bytes]) -> int:
        """Write a body to a file as it comes; how many bytes there were. Errors as of `start`, without 409."""
        size, buffer = 0, bytearray()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                async for block in _timely(body):
                    buffer += block
                    size += len(block)
                    if len(buffer) >= BLOCK:
                        await asyncio.to_thread(file.write, bytes(buffer))
                        buffer.clear()
                await asyncio.to_thread(file.write, bytes(buffer))
        except ClientDisconnect as exc:
            raise Refused(HTTPStatus.BAD_REQUEST, "The sender hung up before the end of the import.") from exc
        except OSError as exc:
            raise StoreError(f"The import cannot be kept on the disk: {exc.strerror or exc}.") from exc
        if not size:
            raise Refused(HTTPStatus.BAD_REQUEST, "The import is empty.")
        return size

    # Running ---------------------------------------------------------------------------------------------------------

    def _begin(self, job: ImportJob, source: "_Source") -> ImportJob:
        self._jobs[job.job_id] = job
        self._writing.importing = job.job_id
        self._task = asyncio.create_task(self._run(job.job_id, source))
        return job

    async def _run(self, job_id: str, source: "_Source") -> None:
        try:
            await self._writing.run(lambda: self._work(job_id, source))
        except Exception as exc:  # a mistake of ours; told in the job, and the service goes on
            self._end(job_id, "failed", error=problem_of(exc).detail)
        finally:
            self._writing.importing = None
            self._writing.stop.clear()
            self._forget_old()

    def _work(self, job_id: str, source: "_Source") -> None:
        """The whole import, in the writing thread."""
        try:
            with self._alone(job_id):
                self._save(self._jobs[job_id])
                summary = self._writing.take_in(
                    source.files,
                    _JobProgress(self, job_id),
                    lambda rejection: self._reject(job_id, rejection),
                    source.reading,
                )
            self._end(job_id, "done", summary=summary)
        except _Stopped:
            self._end(job_id, "interrupted" if self._closing else "cancelled")
        except CatalogueBusy:
            self._end(job_id, "failed", error=str(busy()))
        except ProductError as exc:
            self._end(job_id, "failed", error=str(exc))
        finally:
            self._spool(job_id).unlink(missing_ok=True)
            if source.delete:
                shutil.rmtree(source.delete, ignore_errors=True)

    def tell(self, job_id: str, **change: object) -> None:
        """Note progress.

        Raises:
            _Stopped: the import is to end here.
        """
        if self._writing.stop.is_set():
            raise _Stopped
        self._jobs[job_id] = self._jobs[job_id].model_copy(update=change)

    def save(self, job_id: str) -> None:
        """Keep the job as it is now for a later process."""
        self._save(self._jobs[job_id])

    def obey(self, job_id: str) -> None:
        """Stop the import if another process asks for it."""
        if self._order(job_id).exists():
            self._writing.stop.set()

    def _reject(self, job_id: str, rejection: Rejection) -> None:
        job = self._jobs[job_id]
        rejections = [*job.rejections, RejectionOut.of(rejection)] if job.rejected < KEPT_REJECTIONS else job.rejections
        self._jobs[job_id] = job.model_copy(update={"rejected": job.rejected + 1, "rejections": rejections})

    def _end(self, job_id: str, state: State, **change: object) -> None:
        changes = {"state": state, "stage": "ended", "ended_at": time.time(), **change}
        self._jobs[job_id] = self._jobs[job_id].model_copy(update=changes)
        self._save(self._jobs[job_id])

    # On disk ---------------------------------------------------------------------------------------------------------

    def _spool(self, job_id: str) -> Path:
        return self._folder / f"{job_id}.jsonl"

    def _order(self, job_id: str) -> Path:
        """Is there when another process wants the job to stop."""
        return self._folder / f"{job_id}.stop"

    def _save(self, job: ImportJob) -> None:
        path = self._folder / f"{job.job_id}.json"
        part = path.with_suffix(".part")
        try:
            part.write_text(job.model_dump_json(), "utf-8")
            part.replace(path)
        except OSError as exc:  # progress is told from memory; only a restart would miss it
            logger.warning("the job %s could not be saved: %s", job.job_id, exc)

    @contextmanager
    def _alone(self, job_id: str) -> Iterator[None]:
        """Hold the job's lock; an `OSError` (filelock's `Timeout`) when another process holds it."""
        lock = FileLock(self._folder / f"{job_id}.lock")
        lock.acquire(timeout=0)
        try:
            yield
        finally:
            lock.release()

    def _sweep(self) -> None:
        """Delete lines whose process died before they became a job."""
        for path in self._folder.glob("*.jsonl"):
            with suppress(OSError):
                if not path.with_suffix(".json").exists() and time.time() - path.stat().st_mtime > LEFTOVER_SECONDS:
                    path.unlink()

    def _forget_old(self) -> None:
        ended = [job for job in self.list() if job.state != "running"]
        for job in ended[KEPT_JOBS:]:
            del self._jobs[job.job_id]
            self._erase(job.job_id)

    def _erase(self, job_id: str) -> None:
        for suffix in ("json", "jsonl", "lock", "stop"):
            (self._folder / f"{job_id}.{suffix}").unlink(missing_ok=True)


class _JobProgress:
    """Ingestion's progress, told to its job."""

    def __init__(self, imports: Imports, job_id: str) -> None:
        self._imports = imports
        self._job_id = job_id
        self._saved = time.monotonic()

    def say(self, text: str) -> None:
        """Nothing: what ingestion says besides is for terminals."""

    @contextmanager
    def stage(self, text: str, total: int, unit: str) -> Iterator[Advance]:
        """Note the stage, and each step of it."""
        stage = "checking" if unit == "bytes" else "ingesting"
        self._imports.tell(self._job_id, stage=stage, done=0, total=total, unit=unit)

        def done(amount: int, _note: str = "", /) -> None:
            self._imports.tell(self._job_id, done=min(amount, total))
            if time.monotonic() - self._saved >= SAVE_SECONDS:
                self._saved = time.monotonic()
                self._imports.save(self._job_id)
                self._imports.obey(self._job_id)

        yield done


async def _timely(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same blocks, as long as they keep coming."""
    while True:
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                block = await anext(body)
        except StopAsyncIteration:
            return
        except TimeoutError:
            detail = f"Nothing came for {SILENCE_SECONDS:g} seconds; send the import again."
            raise Refused(HTTPStatus.REQUEST_TIMEOUT, detail) from None
        yield block
