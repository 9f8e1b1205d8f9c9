"""What is stored of a user, wherever it lies: counted, given out, and deleted; and what is too old, deleted.

`PLACES` is the list of where that is. Forgetting is noted in a journal before it begins; whatever ends it, the same
command, or the next start of the assistant, finishes it.
"""

import asyncio
import contextlib
import json
import logging
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import Field, ValidationError
from pydantic_core import to_json

from assistant.checkpoint_tables import UNUSED_SECONDS
from assistant.errors import StoreError
from assistant.impression_log import ImpressionLog, expire_impressions, forget_impressions
from assistant.insights.log import open_insights
from assistant.llm.adapters import adapters_that_saw
from assistant.sessions import SessionLog, StoredTurn
from assistant.settings import Settings
from assistant.storage import SESSIONS, UPLOADS, tool_uploads
from assistant.visitors import VisitorStore
from tools.place import is_there
from tools.records import Record
from tools.taste import versions
from tools.taste.events import DATABASE as EVENTS
from tools.taste.events import EventStore

logger = logging.getLogger(__name__)

MODEL = "taste"
"""The folder of the model that was learned from everybody's events."""
JOURNAL = "forgetting"
DAY_SECONDS = 86_400.0
TIDY_SECONDS = 3_600.0
ORPHAN_SECONDS = 3_600.0
"""A session's files that are older than this, and of no session, were left by a turn that a crash ended."""


@dataclass(frozen=True)
class Place:
    """Somewhere a user's data may lie. ``user`` is what it is kept under: a pseudonym, or ``local``.

    Attributes:
        name: in the plural, as `show` prints it.
        count: how much there is.
        export: all of it, as JSON values, one after another.
        forget: delete it; done twice, it changes nothing more.
    """

    name: str
    count: Callable[[Settings, str], int]
    export: Callable[[Settings, str], Iterator[dict[str, Any]]]
    forget: Callable[[Settings, str], None]


class StoredCounts(Record):
    """How much is stored of a user, by place."""

    user: str
    places: dict[str, int]

    @property
    def anything(self) -> bool:
        """Whether there is anything."""
        return any(self.places.values())


class Forgotten(StoredCounts):
    """What was deleted of a user."""

    model_removed: bool
    adapters: list[str] = Field(
        [],
        description="folders of the language model's adapters that saw the user's conversations; they are not deleted",
    )


class _StoredEntry(Record):
    """The journal's file of one user."""

    user: str
    places: dict[str, int]


def stored_of(settings: Settings, user: str) -> StoredCounts:
    """How much is stored of a user.

    Raises:
        StoreError: a file cannot be read.
    """
    return StoredCounts(user=user, places={place.name: place.count(settings, user) for place in PLACES})


def export_of(settings: Settings, user: str) -> Iterator[str]:
    """All that is stored of a user, by place, as the parts of one JSON object; errors as of `stored_of`.

    No more of it than a session is in memory at a time.
    """
    yield f'{{\n"user": {json.dumps(user)}'
    for place in PLACES:
        yield f',\n"{place.name}": ['
        for number, value in enumerate(place.export(settings, user)):
            yield f"{',' if number else ''}\n{to_json(value, inf_nan_mode='null').decode()}"
        yield "]"
    yield "\n}\n"


def forget(settings: Settings, user: str) -> Forgotten:
    """Delete all that is stored of a user, and the model that learned from their events.

    Returns:
        What there was, also where an earlier attempt had deleted a part of it.

    Raises:
        StoreError: a file cannot be written now; the same call goes on later.
    """
    entry = _noted(settings, user)
    for place in PLACES:
        place.forget(settings, user)
    learned = entry.places["events"] > 0
    removed = _remove_model(settings) if learned else False
    with _translated(settings):
        _journal(settings, user).unlink(missing_ok=True)
    saw = [str(folder) for folder in adapters_that_saw(settings, user)]
    return Forgotten(user=user, places=entry.places, model_removed=removed, adapters=saw)


def finish(settings: Settings) -> list[Forgotten]:
    """Finish what was begun and not ended; errors as of `forget`."""
    return [forget(settings, path.stem) for path in sorted((settings.data_folder / JOURNAL).glob("*.json"))]


def expire(settings: Settings, now: float | None = None) -> dict[str, int]:
    """Delete sessions that were last used, and events that happened, before ``privacy.retention_days``.

    Returns:
        How many of each; nothing is deleted where no such setting is made.

    Raises:
        StoreError: a file cannot be written now.
    """
    days = settings.privacy.retention_days
    if days is None:
        return {}
    before = (time.time() if now is None else now) - days * DAY_SECONDS
    log = _log(settings)
    old = log.unused_since(before) if log else []
    if log and old:
        remove_sessions(settings, log, old)
        log.vacuum_securely()
    expire_impressions(settings.place(SESSIONS), before)
    if insights := open_insights(settings.place()):
        insights.expire(before)
        insights.vacuum_securely()
    with _events(settings) as store:
        events = store.expire(before) if store else 0
    return {"sessions": len(old), "events": events}


def merge_visitor(settings: Settings, owner: str, customer: str) -> StoredCounts:
    """Give everything of a visitor to a customer, both by what their data is kept under, and end the visitor.

    Done twice, it changes nothing more; one that was interrupted is finished by `tidy`.

    Returns:
        What the visitor had.

    Raises:
        StoreError: a file cannot be written now.
    """
    had = stored_of(settings, owner).model_copy(update={"user": customer})
    if log := _log(settings):
        log.rename_owners(owner, lambda _: customer)
        ImpressionLog(settings.place(SESSIONS)).merge(owner, customer)
    if insights := open_insights(settings.place()):
        insights.rename(owner, customer)
    with _events(settings) as store:
        if store:
            store.merge(owner, customer)
    VisitorStore(settings.visitors_place).end(owner)
    return had


def forget_visitors(settings: Settings, owners: Sequence[str]) -> None:
    """Delete everything of visitors, and that there were any; errors as of `expire`.

    A trained model stays, as in `expire`: whoever needs no key must not be able to remove it for everybody.
    """
    if not owners:
        return
    if log := _log(settings):
        remove_sessions(settings, log, [one for owner in owners for one in log.ids_of(owner)])
        log.vacuum_securely()
    with _events(settings) as store:
        if store:
            store.expire_users(owners)
    visitors = VisitorStore(settings.visitors_place)
    for owner in owners:
        forget_impressions(settings.place(SESSIONS), owner)
        _forget_insights(settings, owner)
        visitors.end(owner)  # last: until then, the visitor's end finishes what was interrupted


def tidy(settings: Settings) -> None:
    """What every start of the assistant does: finish forgetting and merging, delete what is too old, thin checkpoints.

    What cannot be deleted now, because another process holds on to it, is told in the log and left to the next time.
    """
    try:
        finish(settings)
        expire(settings)
        visitors = VisitorStore(settings.visitors_place)
        for owner, customer in visitors.redeemed():
            merge_visitor(settings, owner, customer)
        forget_visitors(settings, visitors.expired())
        if log := _log(settings):
            log.thin(time.time() - UNUSED_SECONDS)
        if settings.files.is_shared:
            _remove_orphans(settings)
            settings.files.trim(settings.state.cache_bytes)
        _vacuum(settings)
    except StoreError as exc:
        logger.warning("Not everything that should be deleted is: %s", exc)


def _vacuum(settings: Settings) -> None:
    """Overwrite what was deleted while something held on to the files."""
    for log in (_log(settings), open_insights(settings.place())):
        if log:
            log.vacuum_securely()
    with _events(settings) as store:
        if store:
            store.vacuum_securely()


async def keep_tidy(settings: Settings) -> None:
    """Tidy once an hour."""
    while True:
        await asyncio.sleep(TIDY_SECONDS)
        await asyncio.to_thread(tidy, settings)


# The journal ---------------------------------------------------------------------------------------------------------


def _journal(settings: Settings, user: str) -> Path:
    return settings.data_folder / JOURNAL / f"{user}.json"


def _noted(settings: Settings, user: str) -> _StoredEntry:
    """The journal's entry, made now unless an attempt before has left one."""
    path = _journal(settings, user)
    with _translated(settings):
        with contextlib.suppress(FileNotFoundError, ValidationError):
            return _StoredEntry.model_validate_json(path.read_text())
        entry = _StoredEntry(user=user, places=stored_of(settings, user).places)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(entry.model_dump_json())  # one that a crash cut off is made again: nothing was deleted yet
    return entry


@contextlib.contextmanager
def _translated(settings: Settings) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise StoreError(f"{settings.data_folder} cannot be written now: {exc.strerror}.") from exc


# Sessions and their files --------------------------------------------------------------------------------------------


def _log(settings: Settings) -> SessionLog | None:
    place = settings.place(SESSIONS)
    return SessionLog(place) if is_there(place) else None


def _each_session(settings: Settings, user: str) -> Iterator[str]:
    log = _log(settings)
    yield from (session.session_id for session in (log.each_of(user) if log else ()))


def _count_sessions(settings: Settings, user: str) -> int:
    log = _log(settings)
    return log.count_of(user) if log else 0


def _export_sessions(settings: Settings, user: str) -> Iterator[dict[str, Any]]:
    log = _log(settings)
    if log is None:
        return
    for session in log.each_of(user):
        yield {
            **session.model_dump(mode="json", exclude={"owner"}),
            "messages": [_as_kept(turn, log, session.session_id) for turn in log.read(session.session_id)]
            if session.turns
            else [],
            "feedback": [_pressed(*row) for row in log.feedback(session.session_id)],
        }


def _as_kept(turn: StoredTurn, log: SessionLog, session_id: str) -> dict[str, Any]:
    events = [event.model_dump(mode="json") for event in log.events(session_id, turn.turn)]
    return {**turn.model_dump(mode="json"), "events": events}


def _pressed(item_id: str, event: str, at: float) -> dict[str, Any]:
    return {"item_id": item_id, "event": event, "at": at}


def _forget_sessions(settings: Settings, user: str) -> None:
    if log := _log(settings):  # also without sessions: an attempt before may have ended before it was vacuumed
        remove_sessions(settings, log, log.ids_of(user))
        log.vacuum_securely()


def remove_sessions(settings: Settings, log: SessionLog, session_ids: Sequence[str]) -> None:
    """Delete sessions and their files; `SessionLog.vacuum_securely` overwrites the sessions' bytes.

    Raises:
        StoreError: they cannot be deleted now.
    """
    for session_id in session_ids:  # files first: without the sessions nobody would know whose they were
        _remove(settings, settings.data_folder / UPLOADS / session_id)
    log.forget(session_ids)


def _count_rankings(settings: Settings, user: str) -> int:
    """How much was shown to the user; it goes with the sessions, and here where a crash has parted them."""
    return ImpressionLog(settings.place(SESSIONS)).count_of(user) if _log(settings) else 0


def _export_rankings(settings: Settings, user: str) -> Iterator[dict[str, Any]]:
    if _log(settings) is None:
        return
    log = ImpressionLog(settings.place(SESSIONS))
    for session_id in _each_session(settings, user):
        yield from (impression.model_dump(mode="json", exclude={"user"}) for impression in log.read(session_id))


def _forget_rankings(settings: Settings, user: str) -> None:
    if _log(settings):
        forget_impressions(settings.place(SESSIONS), user)


def _count_insights(settings: Settings, user: str) -> int:
    insights = open_insights(settings.place())
    return insights.count_of(user) if insights else 0


def _export_insights(settings: Settings, user: str) -> Iterator[dict[str, Any]]:
    insights = open_insights(settings.place())
    yield from (row.model_dump(exclude={"user"}) for row in (insights.rows(user=user) if insights else ()))


def _forget_insights(settings: Settings, user: str) -> None:
    if insights := open_insights(settings.place()):
        insights.forget(user)
        insights.vacuum_securely()


def _files_of(settings: Settings, user: str) -> Iterator[tuple[Path, int]]:
    """A user's files, also those that only the object storage has, and their bytes."""
    for session_id in _each_session(settings, user):
        yield from sorted(settings.files.sizes(settings.data_folder / UPLOADS / session_id).items())
    yield from sorted(settings.files.sizes(_tool_files(settings, user)).items())


def _tool_files(settings: Settings, user: str) -> Path:
    return tool_uploads(settings.data_folder, user)


def _export_files(settings: Settings, user: str) -> Iterator[dict[str, Any]]:
    """Files by their path below the data folder."""
    for path, size in _files_of(settings, user):
        yield {"path": str(path.relative_to(settings.data_folder)), "bytes": size}


def _forget_files(settings: Settings, user: str) -> None:
    """The files of tools; and of turns that a crash has ended, which may be anybody's."""
    _remove(settings, _tool_files(settings, user))
    _remove_orphans(settings, settings.files.folders(settings.data_folder / UPLOADS))


def _remove_orphans(settings: Settings, further: Sequence[Path] = ()) -> None:
    """Delete files of sessions that are not there: a crash has ended their turn, or another machine deleted them.

    ``further``: folders that the object storage has.
    """
    log, before = _log(settings), time.time() - ORPHAN_SECONDS
    for folder in {*(settings.data_folder / UPLOADS).glob("[!.]*"), *further}:
        if log and not folder.name.startswith(".") and not log.knows(folder.name) and _used(settings, folder) < before:
            _remove(settings, folder)


def _used(settings: Settings, folder: Path) -> float:
    """When anything was last added to a session's files."""
    with contextlib.suppress(FileNotFoundError):
        return folder.stat().st_mtime
    return max((settings.files.changed(path) or 0.0 for path in settings.files.sizes(folder)), default=0.0)


def _remove(settings: Settings, folder: Path) -> None:
    settings.files.delete_folder(folder)
    _remove_folder(folder)


def _remove_folder(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        pass
    except OSError as exc:
        raise StoreError(f"{folder} cannot be deleted: {exc.strerror}; try again.") from exc


# Events and preferences ----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _events(settings: Settings) -> Iterator[EventStore | None]:
    """The events, where there are any."""
    if not is_there(settings.place(EVENTS)):
        yield None
        return
    with contextlib.closing(EventStore.open(settings.place())) as store:
        yield store


def _count_events(settings: Settings, user: str) -> int:
    with _events(settings) as store:
        return store.count_of(user) if store else 0


def _export_events(settings: Settings, user: str) -> Iterator[dict[str, Any]]:
    with _events(settings) as store:
        yield from (event.model_dump(exclude={"user"}) for event in (store.each_of(user) if store else ()))


def _forget_events(settings: Settings, user: str) -> None:
    with _events(settings) as store:
        if store:
            store.forget(user)


def _export_preferences(settings: Settings, user: str) -> Iterator[dict[str, Any]]:
    with _events(settings) as store:
        yield from (preference.model_dump() for preference in (store.preferences(user) if store else ()))


def _count_preferences(settings: Settings, user: str) -> int:
    return sum(1 for _ in _export_preferences(settings, user))


def _export_imported(settings: Settings, user: str) -> Iterator[dict[str, Any]]:
    with _events(settings) as store:
        yield from (taste.model_dump() for taste in (store.imported(user) if store else ()))


def _count_imported(settings: Settings, user: str) -> int:
    return sum(1 for _ in _export_imported(settings, user))


def _remove_model(settings: Settings) -> bool:
    """Remove the model that may hold the user; whether there was one."""
    folder = settings.data_folder / MODEL
    existed = folder.exists()
    with _translated(settings):
        versions.drop(folder)
    _remove_folder(folder)
    return existed


PLACES: Final = [
    Place("files", lambda settings, user: sum(1 for _ in _files_of(settings, user)), _export_files, _forget_files),
    Place("rankings", _count_rankings, _export_rankings, _forget_rankings),
    Place("insights", _count_insights, _export_insights, _forget_insights),
    Place("sessions", _count_sessions, _export_sessions, _forget_sessions),
    Place("preferences", _count_preferences, _export_preferences, lambda *_: None),  # they go with the events
    Place("tastes", _count_imported, _export_imported, lambda *_: None),  # so do these
    Place("events", _count_events, _export_events, _forget_events),
]
"""Where users' data lie; whoever keeps some elsewhere adds the place here."""
