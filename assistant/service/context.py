"""What every request handler works with: who asks, and the parts of the running service."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Depends, Request
from pydantic import Field

from assistant.correlation import REQUEST_ID as REQUEST_ID
from assistant.errors import SessionError
from assistant.front import Assistant
from assistant.records import LOCAL
from assistant.service.keys import KeyStore, Role
from assistant.sessions import Session, check_session_id
from assistant.settings import Settings
from assistant.visitors import VisitorStore
from tools.records import Record

if TYPE_CHECKING:
    from assistant.service.runs.turns import Turns


class User(Record):
    """Who asks: a key's owner, somebody whom a program with that key names, or ``local`` where no key is needed."""

    id: str = Field(description="what sessions and events are kept under: a pseudonym, or local")
    name: str
    key: str = Field(description="whose limits count: key:ID, or local")
    role: Role
    is_customer: bool = Field(False, description="a program with this key has named them")


LOCAL_USER = User(id=LOCAL, name=LOCAL, key=LOCAL, role=Role.ADMIN)
NOBODY = User(id="", name="", key="", role=Role.NOBODY)
CLIENT_GONE: Final = 499
"""Not an official status; servers use it for a request that its client gave up."""
KEY_OWNER = "key:"
"""How the ids of keys' owners begin; what follows is the key's id."""


@dataclass(frozen=True)
class Service:
    """The parts of a running service."""

    settings: Settings
    assistant: Assistant
    turns: "Turns"
    keys: KeyStore

    @property
    def visitors(self) -> VisitorStore:
        """People without a key."""
        return VisitorStore(self.settings.visitors_place)

    def own_session(self, user: User, session_id: str) -> Session:
        """A session of this user's.

        Raises:
            SessionError: there is none, or it is somebody else's, which is not told apart.
        """
        session = self.assistant.log.session(check_session_id(session_id))
        if session.owner != user.id:
            raise SessionError(f"There is no session {session_id!r}.")
        return session


def the_service(request: Request) -> Service:
    """The service, for handlers."""
    service: Service = request.app.state.service
    return service


def the_user(request: Request) -> User:
    """Who asks, as the guard found out."""
    user: User = request.scope["user"]
    return user


TheService = Annotated[Service, Depends(the_service)]
TheUser = Annotated[User, Depends(the_user)]

Handler = Callable[[Request], Awaitable[object]]
