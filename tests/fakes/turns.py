"""Turns that nobody has answered, kept as answered ones are."""

from assistant.agent.state import Request
from assistant.records import Query, Reply, Timings, UsageNote
from assistant.session_tables import sessions_database
from assistant.sessions import keeping
from tools.place import Place


def reply_of(session_id: str, text: str = "", message: str = "") -> Reply:
    """A reply that recommends nothing."""
    return Reply(
        session_id=session_id, query=Query(text=text), intent="recommend", language="en", constraints={}, relaxed=[],
        recommendations=[], steps=[], message=message, degraded=[], models={}, timings=Timings(), usage=UsageNote(),
    )  # fmt: skip


def keep_turn(place: Place, request: Request, reply: Reply) -> None:
    """Keep a reply without a checkpoint."""
    database = sessions_database(place)
    with database.writing() as db:
        for statement in keeping(request, reply, database.dialect):
            db.execute(statement)  # type: ignore[call-overload]
