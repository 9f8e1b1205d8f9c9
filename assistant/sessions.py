"""Sessions as they are stored: LangGraph's checkpoints of what a conversation remembers, and every reply.

Both live in ``ASSISTANT_DATA/sessions.sqlite``, or on a server. Checkpoints hold only records named here: nothing else
is revived from them. `assistant.checkpoints` writes them, each together with its turn's reply.
"""

import inspect
import itertools
import json
import re
import time
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import ModuleType
from typing import Annotated, Any, Final

import sqlalchemy as sa
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

import assistant.agent.state
import assistant.records
import assistant.understanding
import tools.records
from assistant import checkpoint_tables
from assistant.agent.state import Request
from assistant.errors import SessionError
from assistant.records import LOCAL, Reply, TurnEvent
from assistant.session_tables import FEEDBACK, IMPRESSIONS, REPLIES, SESSIONS, sessions_database
from tools.database import Text, insert
from tools.place import Place
from tools.records import Record

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
BATCH: Final = 500
"""Sessions that are read, or whose ids are named, in one statement."""

TITLE_CHARACTERS = 60

_EVENTS: TypeAdapter[list[TurnEvent]] = TypeAdapter(list[Annotated[TurnEvent, Field(discriminator="type")]])


class StoredTurn(Record):
    """One answered message of a session; ``message_id`` is the sender's own name for it, if there is one."""

    turn: int
    message_id: str | None = None
    said: str
    reply: Reply
    at: float


class Session(Record):
    """A session as lists show it; times in seconds since 1970."""

    session_id: str
    owner: str
    title: str
    created_at: float
    updated_at: float
    turns: int


class AnsweredMessage(Record):
    """Where a message was answered, and whether its session has gone on since."""

    session_id: str
    turn: int
    is_last: bool
    reply: Reply


class SessionLog:
    """The replies of all sessions. Thread-safe; errors as of `StateDatabase`."""

    def __init__(self, place: Place) -> None:
        self._db = sessions_database(place)
        self._db.prepare()

    def create(self, session_id: str, owner: str = LOCAL, title: str = "") -> Session:
        """Begin a session; one that is there stays as it is."""
        now = time.time()
        new = {"session_id": session_id, "owner": owner, "title": title, "created_at": now, "updated_at": now}
        with self._db.writing() as db:
            db.execute(insert(SESSIONS, self._db.dialect).values(new).on_conflict_do_nothing())
        return self.session(session_id)

    def session(self, session_id: str) -> Session:
        """One session.

        Raises:
            SessionError: there is no such session.
        """
        with self._db.reading() as db:
            row = db.execute(_SESSIONS.where(SESSIONS.c.session_id == session_id)).first()
        if row is None:
            raise SessionError(f"There is no session {session_id!r}.")
        return _session(row)

    def of_owner(
        self, owner: str, limit: int = 50, before: float | None = None, query: str = "", before_id: str = ""
    ) -> list[Session]:
        """A page of an owner's sessions, latest first; all of them for a limit of -1, where they are known to be few.

        Args:
            owner: whose.
            limit: at most so many.
            before: only those that were last used before this moment; of the last session of the page before.
            query: only those whose title or messages hold it, upper and lower case the same.
            before_id: that session's id, so that none is left out that was used at the same moment.
        """
        moment = before or time.time() + 1
        earlier = SESSIONS.c.updated_at < moment
        if before_id:
            earlier |= (SESSIONS.c.updated_at == moment) & (SESSIONS.c.session_id < before_id)
        wanted: sa.ColumnElement[bool] = (SESSIONS.c.owner == owner) & earlier
        with self._db.reading() as db:
            if query:
                ids = list(itertools.islice(_holding(db, wanted, query.casefold()), None if limit < 0 else limit))
                wanted = SESSIONS.c.session_id.in_(ids)
            latest = _SESSIONS.where(wanted).order_by(SESSIONS.c.updated_at.desc(), SESSIONS.c.session_id.desc())
            return [_session(row) for row in db.execute(latest if limit < 0 else latest.limit(limit))]

    def each_of(self, owner: str) -> Iterator[Session]:
        """An owner's sessions, last begun first, read in pages; one that is used meanwhile is not missed."""
        order = (SESSIONS.c.created_at.desc(), SESSIONS.c.session_id.desc())
        pages = _SESSIONS.where(SESSIONS.c.owner == owner).order_by(*order).limit(BATCH)
        page = pages
        while True:
            with self._db.reading() as db:
                sessions = [_session(row) for row in db.execute(page)]
            yield from sessions
            if len(sessions) < BATCH:
                return
            last = sessions[-1]
            page = pages.where(
                (SESSIONS.c.created_at < last.created_at)
                | (SESSIONS.c.created_at == last.created_at) & (SESSIONS.c.session_id < last.session_id)
            )

    def count_of(self, owner: str) -> int:
        """How many sessions an owner has."""
        with self._db.reading() as db:
            return db.scalar(sa.select(sa.func.count()).where(SESSIONS.c.owner == owner)) or 0

    def rename(self, session_id: str, title: str) -> None:
        """Give a session another title."""
        with self._db.writing() as db:
            db.execute(SESSIONS.update().where(SESSIONS.c.session_id == session_id).values(title=title))

    def forget(self, session_ids: Iterable[str]) -> None:
        """Delete sessions with all that is remembered of them, and every checkpoint that is no session's.

        Their bytes are overwritten by `vacuum_securely`.
        """
        remaining = iter(session_ids)
        with self._db.writing() as db:
            self._db.note_deletion(db)
            while ids := list(itertools.islice(remaining, BATCH)):
                # sessions first: their rows have a turn that is being kept, and this, wait for each other
                for table in (SESSIONS, REPLIES, FEEDBACK, IMPRESSIONS):
                    db.execute(table.delete().where(table.c.session_id.in_(ids)))
            for name in set(checkpoint_tables.BY_DIALECT[self._db.dialect]) & set(sa.inspect(db).get_table_names()):
                thread = sa.column("thread_id", Text)
                known = sa.exists().where(SESSIONS.c.session_id == sa.literal_column(f"{name}.thread_id"))
                db.execute(sa.delete(sa.table(name, thread)).where(~known))

    def thin(self, before: float) -> int:
        """Keep only the last checkpoint of sessions that were last used before a moment; of how many there were more.

        What is deleted leaves room in the file for what is kept later.
        """
        total = 0
        with self._db.reading() as db:
            if not sa.inspect(db).has_table(checkpoint_tables.CHECKPOINTS.name):
                return total
        while True:  # in several transactions: turns are kept meanwhile
            with self._db.writing() as db:
                ids = list(db.scalars(checkpoint_tables.with_several(before, BATCH)))
                if not ids:
                    return total
                db.execute(checkpoint_tables.all_but_last(ids))
                if self._db.dialect == "postgresql":
                    db.execute(checkpoint_tables.values_of_none(ids))
            total += len(ids)

    def vacuum_securely(self) -> None:
        """Overwrite what was deleted, as far as `StateDatabase.vacuum_securely` does."""
        self._db.vacuum_securely()

    def knows(self, session_id: str) -> bool:
        """Whether there is such a session."""
        with self._db.reading() as db:
            found = sa.select(SESSIONS.c.owner).where(SESSIONS.c.session_id == session_id)
            return db.execute(found).first() is not None

    def unused_since(self, moment: float) -> list[str]:
        """Ids of the sessions that were last used before a moment."""
        with self._db.reading() as db:
            return list(db.scalars(sa.select(SESSIONS.c.session_id).where(SESSIONS.c.updated_at < moment)))

    def rename_owners(self, beginning: str, renamed: Callable[[str], str]) -> None:
        """Give the sessions of every owner whose name begins so to the owner's new name."""
        owner = SESSIONS.c.owner
        begins = sa.func.substr(owner, 1, len(beginning)) == beginning
        with self._db.writing() as db:
            for name in list(db.scalars(sa.select(owner).distinct().where(begins))):
                db.execute(SESSIONS.update().where(owner == name).values(owner=renamed(name)))

    def note_feedback(self, session_id: str, item_id: str, event: str) -> None:
        """Keep what the user pressed."""
        pressed = {"session_id": session_id, "item_id": item_id, "event": event, "at": time.time()}
        with self._db.writing() as db:
            db.execute(FEEDBACK.insert().values(pressed))

    def feedback(self, session_id: str) -> list[tuple[str, str, float]]:
        """What was pressed in a session, oldest first: item, event, time."""
        with self._db.reading() as db:
            return [(item_id, event, at) for item_id, event, at in db.execute(_PRESSED, {"session": session_id})]

    def read(self, session_id: str) -> list[StoredTurn]:
        """All turns of a session, oldest first.

        Raises:
            SessionError: there is no such session.
        """
        with self._db.reading() as db:
            rows = db.execute(_TURNS, {"session": session_id}).all()
        if not rows:
            raise SessionError(f"There is no session {session_id!r}.")
        return [
            StoredTurn.model_validate(row._asdict() | {"reply": Reply.model_validate_json(row.reply)}) for row in rows
        ]

    def note_events(self, session_id: str, events: Sequence[TurnEvent]) -> None:
        """Keep how the session's last turn went, `Done` left out: its reply is kept already."""
        packed = zlib.compress(_EVENTS.dump_json([*events]))
        last = sa.select(sa.func.max(REPLIES.c.turn)).where(REPLIES.c.session_id == session_id).scalar_subquery()
        with self._db.writing() as db:
            db.execute(
                REPLIES.update().where(REPLIES.c.session_id == session_id, REPLIES.c.turn == last).values(events=packed)
            )

    def events(self, session_id: str, turn: int) -> list[TurnEvent]:
        """How a turn went; nothing where that was not kept, is damaged, or is of a version with other events."""
        with self._db.reading() as db:
            packed = db.scalar(
                sa.select(REPLIES.c.events).where(REPLIES.c.session_id == session_id, REPLIES.c.turn == turn)
            )
        try:
            return _EVENTS.validate_json(zlib.decompress(packed)) if packed else []
        except (zlib.error, ValidationError):
            return []

    def turn_of(self, session_id: str, message_id: str) -> tuple[int, Reply] | None:
        """The turn that answered a message, and its reply, if it has one."""
        answer = sa.select(REPLIES.c.turn, REPLIES.c.reply).where(
            REPLIES.c.session_id == session_id, REPLIES.c.message_id == message_id
        )
        with self._db.reading() as db:
            row = db.execute(answer).first()
        return (row.turn, Reply.model_validate_json(row.reply)) if row else None

    def answered(self, owner: str, message_id: str, session_id: str = "", limit: int = 20) -> list[AnsweredMessage]:
        """The turns in an owner's sessions, or in one of them, that answered a message of this id, latest first."""
        answers = _ANSWERED.where(REPLIES.c.message_id == message_id, SESSIONS.c.owner == owner)
        if session_id:
            answers = answers.where(REPLIES.c.session_id == session_id)
        with self._db.reading() as db:
            rows = db.execute(answers.order_by(REPLIES.c.at.desc()).limit(limit)).all()
        return [
            AnsweredMessage(
                session_id=session_id, turn=turn, is_last=turn == last, reply=Reply.model_validate_json(reply)
            )
            for session_id, turn, reply, last in rows
        ]

    def copy(self, session_id: str, new_id: str, turns: int) -> None:
        """Begin a session with the first turns of another, of the same owner."""
        with self._db.writing() as db:
            first = REPLIES.select().where(REPLIES.c.session_id == session_id, REPLIES.c.turn <= turns)
            for row in db.execute(SESSIONS.select().where(SESSIONS.c.session_id == session_id)).mappings().all():
                db.execute(SESSIONS.insert().values({**row, "session_id": new_id, "updated_at": time.time()}))
            for row in db.execute(first).mappings().all():
                reply = json.dumps(json.loads(row["reply"]) | {"session_id": new_id}, ensure_ascii=False)
                db.execute(REPLIES.insert().values({**row, "session_id": new_id, "reply": reply}))

    def sessions(self) -> list[str]:
        """Ids of all sessions with a turn, latest first."""
        answered = sa.exists().where(REPLIES.c.session_id == SESSIONS.c.session_id)
        with self._db.reading() as db:
            return list(db.scalars(_IDS.where(answered)))

    def each_id(self) -> Iterator[str]:
        """Ids of all sessions, also of those without a turn, read in pages."""
        last = ""
        while True:
            page = sa.select(SESSIONS.c.session_id).where(SESSIONS.c.session_id > last)
            with self._db.reading() as db:
                ids = list(db.scalars(page.order_by(SESSIONS.c.session_id).limit(BATCH)))
            yield from ids
            if len(ids) < BATCH:
                return
            last = ids[-1]

    def ids_of(self, owner: str) -> list[str]:
        """Ids of all sessions of an owner, latest first."""
        with self._db.reading() as db:
            return list(db.scalars(_IDS.where(SESSIONS.c.owner == owner)))


_OF_SESSION: Final = sa.bindparam("session", type_=Text)
_REPLIES_OF: Final = sa.select(sa.func.count()).where(REPLIES.c.session_id == SESSIONS.c.session_id)
_SESSIONS: Final = sa.select(SESSIONS, _REPLIES_OF.scalar_subquery().label("turns"))
_IDS: Final = sa.select(SESSIONS.c.session_id).order_by(SESSIONS.c.updated_at.desc())
_PRESSED: Final = (
    sa.select(FEEDBACK.c.item_id, FEEDBACK.c.event, FEEDBACK.c.at)
    .where(FEEDBACK.c.session_id == _OF_SESSION)
    .order_by(FEEDBACK.c.at)
)
_TURNS: Final = (
    sa.select(*(REPLIES.c[name] for name in StoredTurn.model_fields))
    .where(REPLIES.c.session_id == _OF_SESSION)
    .order_by(REPLIES.c.turn)
)
_LATER: Final = REPLIES.alias("later")
_LAST: Final = sa.select(sa.func.max(_LATER.c.turn)).where(_LATER.c.session_id == REPLIES.c.session_id)
_ANSWERED: Final = sa.select(REPLIES.c.session_id, REPLIES.c.turn, REPLIES.c.reply, _LAST.scalar_subquery()).join_from(
    REPLIES, SESSIONS, REPLIES.c.session_id == SESSIONS.c.session_id
)


def _holding(db: sa.Connection, wanted: sa.ColumnElement[bool], words: str) -> Iterator[str]:
    """Ids of the sessions whose title or messages hold the words, latest first, read as they are needed."""
    texts = (
        sa.select(SESSIONS.c.session_id, SESSIONS.c.title, REPLIES.c.said)
        .join_from(SESSIONS, REPLIES, REPLIES.c.session_id == SESSIONS.c.session_id, isouter=True)
        .where(wanted)
        .order_by(SESSIONS.c.updated_at.desc(), SESSIONS.c.session_id.desc())
    )
    rows = db.execute(texts.execution_options(yield_per=BATCH))
    for session_id, of_session in itertools.groupby(rows, lambda row: row.session_id):
        if any(words in (text or "").casefold() for row in of_session for text in (row.title, row.said)):
            yield session_id


def keeping(request: Request, reply: Reply, dialect: str) -> list[sa.ClauseElement]:
    """The statements that keep one reply; the first reply names a session that has no title.

    The session comes first: its row has other machines' turns of the session wait until this one is kept.
    """
    now, title = time.time(), _title(reply, request.text)
    known = {"session_id": reply.session_id, "title": title, "updated_at": now}
    named = sa.case((SESSIONS.c.title == "", title), else_=SESSIONS.c.title)
    turns = sa.select(sa.func.coalesce(sa.func.max(REPLIES.c.turn), 0) + 1)
    return [
        insert(SESSIONS, dialect)
        .values(known | {"owner": request.owner, "created_at": now})
        .on_conflict_do_update(index_elements=["session_id"], set_={"updated_at": now, "title": named}),
        REPLIES.insert().values(
            session_id=reply.session_id,
            turn=turns.where(REPLIES.c.session_id == reply.session_id).scalar_subquery(),
            said=request.text,
            reply=reply.model_dump_json(),
            at=now,
            message_id=request.message_id,
        ),
    ]


def _session(row: sa.Row[Any]) -> Session:
    return Session.model_validate(row._asdict())


def _title(reply: Reply, text: str) -> str:
    words = " ".join([text, *(note.text for note in reply.query.transcripts)]).split()
    title = " ".join(words) or next((note.name for note in reply.query.attachments), "")
    return title if len(title) <= TITLE_CHARACTERS else title[: TITLE_CHARACTERS - 1].rstrip() + "…"


def new_session_id() -> str:
    """A fresh id."""
    return uuid.uuid4().hex[:12]


def check_session_id(session_id: str) -> str:
    """The id, if it is one that names a folder safely.

    Raises:
        SessionError: it is not.
    """
    if not _ID.fullmatch(session_id):
        raise SessionError("A session id has 1 to 64 letters, digits, '-' or '_'.")
    return session_id


def check_owner(log: SessionLog, session_id: str, owner: str) -> None:
    """Refuse a session that is not this owner's: what is known of one user must not enter another's conversation.

    Raises:
        SessionError: there is no such session, or it is somebody else's.
    """
    if not log.knows(session_id) or not log.session(session_id).turns:
        raise SessionError(f"There is no session {session_id!r}; leave --session out to begin one.")
    if log.session(session_id).owner != owner:
        raise SessionError(f"The session {session_id!r} is another user's; name them with --user.")


class _Compressed(JsonPlusSerializer):
    """LangGraph's serializer, with what it writes compressed, to a quarter; it reads what was not, too."""

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:  # noqa: ANN401 - LangGraph's signature
        kind, data = super().dumps_typed(obj)
        return kind + _ZLIB, zlib.compress(data)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:  # noqa: ANN401 - LangGraph's signature
        kind, packed = data
        return super().loads_typed(
            (kind.removesuffix(_ZLIB), zlib.decompress(packed)) if kind.endswith(_ZLIB) else data
        )


_ZLIB: Final = "+zlib"


def serializer() -> JsonPlusSerializer:
    """The checkpoint serializer, limited to the product's own records."""
    modules = (assistant.records, assistant.agent.state, assistant.understanding, tools.records)
    return _Compressed(allowed_msgpack_modules=[pair for module in modules for pair in _records_of(module)])


def _records_of(module: ModuleType) -> list[tuple[str, str]]:
    classes = [cls for _, cls in inspect.getmembers(module, inspect.isclass) if issubclass(cls, BaseModel)]
    return [(cls.__module__, cls.__name__) for cls in classes] + [("pathlib", "PosixPath"), ("pathlib", "Path")]
