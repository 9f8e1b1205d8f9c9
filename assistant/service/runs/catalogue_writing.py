"""Writing to the catalogue over HTTP: every change goes through ingestion, one after another, in a thread of its own.

Lines that come over HTTP may name pictures below the catalogue's folder ``media``, by their names relative to it, and
web addresses. Ingestion refuses whatever lies outside that folder, links followed. An address of this service's own
(``/api/catalogue/items/ID/images/0``) names a picture that an item has already; it is copied into ``media`` first, so
that an item can be read, changed and put back.
"""

import asyncio
import json
import re
import shutil
import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import unquote

from pydantic import AfterValidator, Field

from assistant.engines import listener, media_limits, word_reader
from assistant.errors import BadInput, CatalogueBusy, StoreError, UnknownItem
from assistant.ingest import (
    Column,
    Encoders,
    FileCheck,
    IngestOptions,
    IngestSummary,
    Progress,
    Rejection,
    UnknownColumns,
    check,
    ingest,
)
from assistant.ingest.check import MOST_NAMES
from assistant.ingest.exports import MAPPED
from assistant.ingest.pictures import digest
from assistant.ingest.validate import LineError, validate
from assistant.service.http.problems import Refused
from assistant.settings import Settings
from assistant.shop import Currency
from assistant.storage import IMPORTS
from tools.bounds import read_json
from tools.engines.parts import Engines
from tools.errors import MediaError
from tools.records import Record
from tools.store import is_web_address

T = TypeVar("T")

"""Where lines lie while they are taken in, below the data folder."""
MEDIA = "media"
COPIES = "kept"
"""Below ``media``: copies of pictures that lay elsewhere, by the hash of their content, as long as an item has them."""
WAITING = 32
"""Writes that may wait for their turn."""

_OWN_FILE = re.compile(r"/api/catalogue/items/([^/?#]+)/(images|audio|video)/(\d{1,3})(?:\?[^#]*)?")
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,5}")


class RejectionOut(Record):
    """Something that was not taken: a line (counted from 1), one that a later line replaces, one file or value."""

    line: int
    id: str | None
    kind: Literal["line", "duplicate", "picture", "sound", "field"]
    reason: str

    @classmethod
    def of(cls, rejection: Rejection) -> "RejectionOut":
        """Without the file, which is this service's own."""
        return cls(**rejection.model_dump(exclude={"file"}))


def _fields(mapping: dict[str, str]) -> dict[str, str]:
    if unknown := mapping.keys() - MAPPED:
        raise ValueError(f"{min(unknown)[:50]!r} is none of these fields: {', '.join(sorted(MAPPED))}")
    return mapping


class FeedReading(Record):
    """How a feed is read."""

    mapping: Annotated[
        dict[str, Annotated[str, Field(min_length=1, max_length=200)]],
        AfterValidator(_fields),
        Field(description="names of columns by the field that they fill; others are recognised"),
    ] = {}
    currency: Currency | None = Field(None, description="of prices that name none")
    prune: bool = Field(False, description="remove items that the feed does not have")


class Written(Record):
    """What became of the lines that were sent."""

    summary: IngestSummary
    rejections: list[RejectionOut]


class CatalogueWriting:
    """The only writer of this service."""

    def __init__(self, settings: Settings, engines: Engines) -> None:
        self._settings = settings
        self._engines = engines
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="catalogue")
        self._waiting = 0
        self.folder = settings.data_folder / IMPORTS
        self.has_others = settings.service.workers > 1
        """Whether other processes may be at work on imports of the same folder."""
        self.stop = threading.Event()
        """Set to end the import that runs."""
        self.importing: str | None = None
        """The id of the import that runs; other writes are refused meanwhile."""

    async def write(self, lines: Sequence[str]) -> Written:
        """Take lines in, each a JSON text; those that cannot be used are told in the answer.

        Raises:
            Refused: 409, the catalogue is being written; 422, none of the lines can be taken.
        """
        return await self._queued(lambda: self._write(lines))

    async def put(self, item_id: str, line: dict[str, Any]) -> Written:
        """Take one line in under this id.

        Raises:
            Refused: 409, the catalogue is being written; 422, the line cannot be taken, or says another id.
        """
        line = {**line, "id": line.get("id", item_id)}
        try:
            checked = validate(line)
        except LineError as exc:
            raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"The item cannot be taken: {exc}.") from exc
        if checked.id != item_id:
            raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"The address says {item_id!r}, the item {checked.id!r}.")
        return await self.write([json.dumps(line)])

    async def remove(self, item_id: str) -> None:
        """Delete an item and its vectors.

        Raises:
            UnknownItem: there is none.
            Refused: 409, the catalogue is being written.
        """
        await self._queued(lambda: self._remove(item_id))

    def run(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        """Work of the writing thread, after what waits there."""
        return asyncio.get_running_loop().run_in_executor(self._thread, work)

    def close(self) -> None:
        """Wait for what is being written; drop what waits."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def take_in(
        self,
        paths: Sequence[Path],
        progress: Progress | None = None,
        reject: Callable[[Rejection], None] = lambda _: None,
        reading: FeedReading | None = None,
    ) -> IngestSummary:
        """Ingest files.

        Raises:
            BadInput: it is no catalogue, or none of its lines can be taken.
            StoreError: another process is writing, or the disk is full.
        """
        catalogue = self._engines.catalogue
        encoders = Encoders(self._engines.text, self._engines.pictures, self._engines.sounds)
        try:
            summary = ingest(catalogue, paths, encoders, self._options(reading), reject=reject, progress=progress)
        except BadInput as exc:
            raise BadInput(_without_paths(str(exc), paths)) from exc
        finally:
            self._clear_copies()
        return summary.model_copy(update={"files": []})

    def look(self, path: Path, reading: FeedReading) -> FileCheck:
        """What is understood of a file; nothing is written. Of a table without a column that it needs, its columns.

        Raises:
            BadInput: it is no catalogue, or none of its lines can be taken.
        """
        try:
            (found,) = check([path], self._options(reading))
        except UnknownColumns as exc:
            if len(exc.columns) == 1:  # any text is a table of one column
                raise BadInput(_without_paths(str(exc), [path])) from exc
            columns = [Column(name=name[:200], fills=None) for name in exc.columns[:MOST_NAMES]]
            warning = _without_paths(str(exc), [path]).partition(" Name one with --map")[0]
            return FileCheck(file=path.name, format="CSV", feed="a table", columns=columns, warnings=[warning])
        except BadInput as exc:
            raise BadInput(_without_paths(str(exc), [path])) from exc
        warnings = [one.replace("--fetch-pictures fetches", "service.fetch_pictures fetches") for one in found.warnings]
        return found.model_copy(update={"file": path.name, "warnings": warnings})

    def _options(self, reading: FeedReading | None = None) -> IngestOptions:
        return IngestOptions(
            **(reading or FeedReading()).model_dump(),
            media_root=self._settings.data_folder / MEDIA,
            fetch_pictures=self._settings.service.fetch_pictures,
            stopped=self.stop.is_set,
            words=word_reader(self._settings, wanted=self._settings.vision.item_words),
            speech=listener(self._settings, wanted=self._settings.speech.items),
            language=self._settings.catalogue_language,
            media=media_limits(self._settings),
        )

    async def _queued(self, work: Callable[[], T]) -> T:
        if self.importing:
            raise Refused(
                HTTPStatus.CONFLICT,
                f"The import {self.importing} is writing to the catalogue; wait for its end or cancel it.",
                {"Retry-After": "10"},
            )
        if self._waiting >= WAITING:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "Too many changes wait already.", {"Retry-After": "5"})
        self._waiting += 1
        try:
            return await self.run(work)
        except CatalogueBusy as exc:
            raise busy() from exc
        finally:
            self._waiting -= 1

    def _write(self, lines: Sequence[str]) -> Written:
        path = self.folder / f"{uuid.uuid4().hex}.jsonl"
        rejections: list[RejectionOut] = []
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with path.open("w", encoding="utf-8") as file:
                file.writelines(self._record(line) + "\n" for line in lines)
            summary = self.take_in([path], reject=lambda rejection: rejections.append(RejectionOut.of(rejection)))
        except OSError as exc:
            raise StoreError(f"The lines cannot be written to the disk: {exc.strerror or exc}.") from exc
        except BadInput as exc:
            raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, str(exc)) from exc
        finally:
            path.unlink(missing_ok=True)
        return Written(summary=summary, rejections=rejections)

    def _remove(self, item_id: str) -> None:
        with self._engines.catalogue.writing() as writer:
            if not writer.remove([item_id]):
                raise UnknownItem(f"The catalogue has no item {item_id!r}.")
            writer.tidy()
        self._clear_copies()

    # Pictures that an item has already -------------------------------------------------------------------------------

    def _record(self, line: str) -> str:
        """The line for ingestion, which says what is wrong with it where something is."""
        with suppress(ValueError, RecursionError):
            values = read_json(line)
            if isinstance(values, dict):
                return json.dumps(self._with_own_pictures(values))
        return " ".join(line.splitlines()) or "null"

    def _with_own_pictures(self, line: dict[str, Any]) -> dict[str, Any]:
        """The line with this service's own addresses of pictures as what they stand for."""
        result = dict(line)
        for name in ("image", "images", "audio", "video"):
            match line.get(name):
                case str() as reference:
                    result[name] = self._own_picture(reference)
                case list() as references:
                    result[name] = [self._own_picture(address) for address in references]
        return result

    def _own_picture(self, reference: object) -> object:
        """A file's name below ``media``, or its web address; any other reference stays as it is."""
        match = _OWN_FILE.fullmatch(reference) if isinstance(reference, str) else None
        if match is None:
            return reference
        catalogue, n = self._engines.catalogue, int(match[3])
        item = catalogue.get(unquote(match[1]))
        if item is None or n >= len(getattr(item, match[2])):
            return reference
        find = {"images": catalogue.image_path, "audio": catalogue.audio_path, "video": catalogue.video_path}[match[2]]
        path = find(item, n)
        if path is None:
            return reference
        if is_web_address(own := getattr(item, match[2])[n]):
            return own
        media = (self._settings.data_folder / MEDIA).resolve()
        return str(path.relative_to(media)) if path.is_relative_to(media) else self._copied(path, media)

    def _copied(self, path: Path, media: Path) -> str:
        """The name below ``media`` of a copy, which is called by its content."""
        try:
            content = digest(path, self._settings.limits.video_bytes).hex()
        except MediaError:
            return path.name
        suffix = path.suffix.lower() if _SUFFIX.fullmatch(path.suffix) else ""
        name = f"{COPIES}/{content}{suffix}"
        target = media / name
        if not self._engines.catalogue.files.fetch(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f"{uuid.uuid4().hex}.part")
            shutil.copyfile(path, part)
            try:
                self._engines.catalogue.files.put(target, part)
                part.replace(target)
            finally:
                part.unlink(missing_ok=True)
        return name

    def _clear_copies(self) -> None:
        """Delete the copies that are no item's picture any more."""
        folder = (self._settings.data_folder / MEDIA).resolve() / COPIES
        copies = list(folder.iterdir()) if folder.is_dir() else []
        used = self._engines.catalogue.pictures_in(folder) if copies else set()
        for copy in copies:
            if copy not in used:
                self._engines.catalogue.files.delete(copy)


def busy() -> Refused:
    """Another process is writing."""
    return Refused(
        HTTPStatus.CONFLICT,
        "Another process is writing to the catalogue; try again when it has ended.",
        {"Retry-After": "10"},
    )


def _without_paths(sentence: str, paths: Sequence[Path]) -> str:
    """An error of ingestion without the names of files that only this service knows."""
    text = sentence
    for path in paths:
        text = text.replace(str(path), "the catalogue that was sent").replace(path.name, "FILE")
    return text[:1].upper() + text[1:]
