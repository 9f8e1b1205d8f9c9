"""The catalogue of a suite: the sample or a file of its own, changes laid over it, ingested once into a data folder.

A line of changes gives an id and the keys that are different: they replace those of the item with this id, null takes
a key away, and an id that is new is a further item. A folder in ``ASSISTANT_HOME/eval/catalogues`` is named by the
items and by the encoders, so every suite over the same items finds it ready, and two runs may read it side by side.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from assistant.engines import media_limits, open_engines, page_store
from assistant.errors import BadInput, StoreError
from assistant.ingest import Encoders, IngestOptions, Progress, Rejection, ingest, progress_for_terminal
from assistant.ingest.export import catalogue_line, common_folder
from assistant.ingest.files import CatalogueFile, RawRecord
from assistant.ingest.pages import read_page
from assistant.ingest.pictures import locate
from assistant.ingest.validate import LineError, validate
from assistant.settings import Settings
from eval.sample import sample_folder
from eval.suite.records import Suite
from tools.records import Item
from tools.store import Catalogue
from tools.store.pages import Page

SAMPLE = "sample"
READY, LINES = "ready.json", "items.jsonl"
PICTURES = ("image", "images")


def suite_settings(
    suite: Suite, settings: Settings, *, encoders: Encoders | None = None, progress: Progress | None = None
) -> Settings:
    """Settings whose data folder holds the suite's catalogue; it is ingested where that has not been done.

    A crash on the way costs nothing: the next call goes on where it stopped.

    Args:
        settings: the user's, whose own catalogue is not touched.
        encoders: what makes the vectors; default: those of the settings.

    Raises:
        BadInput: a catalogue file cannot be read, or a line of it cannot be taken.
        ServiceMissing: the sample or a model has not been fetched.
        StoreError: the disk is full, or the folder is damaged.
    """
    items, pages, progress = suite_items(suite, settings), suite_pages(suite), progress or progress_for_terminal()
    encoders = encoders or _own_encoders(settings)
    folder = settings.home.expanduser().absolute() / "eval" / "catalogues" / _name(items, pages, encoders, settings)
    if not (folder / READY).is_file():
        with _alone(folder, progress):
            if not (folder / READY).is_file():
                page_store(_with_data(settings, folder)).put(pages, encoders.text)
                _make(folder, items, encoders, settings, progress)
    return _with_data(settings, folder)


def suite_items(suite: Suite, settings: Settings) -> dict[str, Item]:
    """The suite's items by id, pictures as absolute paths; no model is needed.

    Raises:
        BadInput: a catalogue file cannot be read, or a line of it cannot be taken; with file and line.
        ServiceMissing: the sample has not been fetched.
    """
    base = sample_folder(settings) / "products.jsonl" if suite.catalogue == SAMPLE else _file(suite, suite.catalogue)
    lines = {_id_of(record): _Line(record, base.parent) for record in _records(base, settings)}
    if suite.changes is not None:
        changes = _file(suite, suite.changes)
        for record in _records(changes, settings):
            before = lines.get(_id_of(record))
            lines[_id_of(record)] = _laid_over(before, record) if before else _Line(record, changes.parent)
    return {item_id: _item(line, settings) for item_id, line in lines.items()}


def suite_pages(suite: Suite) -> list[Page]:
    """The shop's own pages that come with the suite's catalogue.

    Raises:
        BadInput: one is not there or cannot be read.
    """
    return [read_page(_file(suite, name)) for name in suite.pages]


# Lines ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Line:
    """A line as it will be taken; errors name the place of ``record``, and pictures lie in ``pictures``."""

    record: RawRecord
    pictures: Path


def _file(suite: Suite, name: str) -> Path:
    path = Path(suite.folder) / name
    if not path.is_file():
        raise BadInput(f"The suite {suite.suite} names the file {name!r}, which is not in {suite.folder}.")
    return path


def _records(path: Path, settings: Settings) -> Iterator[RawRecord]:
    for record in CatalogueFile(path).records():
        if isinstance(record, Rejection):
            raise BadInput(f"{record.file}:{record.line}: {record.reason}.")
        yield record


def _id_of(record: RawRecord) -> str:
    return str(record.values.get("id", "")).strip()


def _laid_over(before: _Line, change: RawRecord) -> _Line:
    """The item with what is different; null takes a key away. Pictures are the change's as soon as it names any."""
    values, pictures = before.record.values, before.pictures
    if any(key in change.values for key in PICTURES):
        values, pictures = {key: value for key, value in values.items() if key not in PICTURES}, change.file.parent
    merged = {key: value for key, value in {**values, **change.values}.items() if value is not None}
    return _Line(RawRecord(change.file, change.line, merged), pictures)


def _item(line: _Line, settings: Settings) -> Item:
    try:
        valid = validate(line.record.values)
    except LineError as exc:
        raise _line_error(line, str(exc)) from exc
    if valid.unread:
        raise _line_error(line, valid.unread[0].reason)
    fields = {name: getattr(valid, name) for name in Item.model_fields if name not in ("images", "audio", "video")}
    return Item(**fields, images=[_picture(line, reference) for reference in valid.images])


def _picture(line: _Line, reference: str) -> str:
    """Where a picture lies; web addresses stay as they are."""
    picture = locate(reference, line.pictures)
    if picture.state == "lost":
        raise _line_error(line, f"the picture {reference!r}: {picture.reason}")
    return picture.reference


def _line_error(line: _Line, reason: str) -> BadInput:
    return BadInput(f"{line.record.file}:{line.record.line}: {reason}.")


# The folder ----------------------------------------------------------------------------------------------------------


def _own_encoders(settings: Settings) -> Encoders:
    engines = open_engines(settings)
    return Encoders(engines.text, engines.pictures, engines.sounds)


def _name(items: Mapping[str, Item], pages: list[Page], encoders: Encoders, settings: Settings) -> str:
    """Changes with the lines, with any picture's file, with the pages, with the encoders and with the limits."""
    digest = hashlib.sha256(_options(items, settings).fingerprint().encode())
    for space, identity in sorted(encoders.spaces().items()):
        digest.update(f"{space} {identity.model_dump_json()}\n".encode())
    for page in pages:
        digest.update(page.digest.encode())
    for item in items.values():
        digest.update(catalogue_line(item).encode())
        for picture in (Path(image) for image in item.images):
            if picture.is_file():
                digest.update(f"{picture.stat().st_size} {picture.stat().st_mtime_ns}".encode())
    return digest.hexdigest()[:24]


def _options(items: Mapping[str, Item], settings: Settings) -> IngestOptions:
    return IngestOptions(
        media_root=common_folder(image for item in items.values() for image in item.images),
        prune=True,
        language=settings.catalogue_language,
        media=media_limits(settings),
    )


@contextmanager
def _alone(folder: Path, progress: Progress) -> Iterator[None]:
    """Be the only one who makes this folder; another process's ending or death lets the next one in."""
    lock = FileLock(folder.with_suffix(".lock"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            progress.say("Waiting for another process that ingests the same catalogue")
            lock.acquire()
    except OSError as exc:
        raise StoreError(f"The suite's catalogue cannot be written to {folder}: {exc.strerror or exc}.") from exc
    try:
        yield
    finally:
        lock.release()


def _make(folder: Path, items: Mapping[str, Item], encoders: Encoders, settings: Settings, progress: Progress) -> None:
    progress.say(f"Ingesting the suite's catalogue, {len(items)} items, once")
    try:
        (folder / LINES).write_text("".join(catalogue_line(item) + "\n" for item in items.values()), "utf-8")
        with Catalogue.open(folder, notify=progress.say) as catalogue:
            summary = ingest(
                catalogue, [folder / LINES], encoders, _options(items, settings), reject=_refuse, progress=progress
            )
        (folder / READY).write_text(json.dumps(summary.model_dump()), "utf-8")
    except OSError as exc:
        raise StoreError(f"The suite's catalogue cannot be written to {folder}: {exc.strerror or exc}.") from exc


def _refuse(rejection: Rejection) -> None:
    """An item that a suite's answers rest on must not be missing."""
    raise BadInput(f"The suite's catalogue cannot be ingested: item {rejection.id}: {rejection.reason}.")


def _with_data(settings: Settings, folder: Path) -> Settings:
    return settings.over(folder, chroma_url=None)
