"""What every request handler works with: who asks, and the parts of the running service."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from assistant.correlation import REQUEST_ID as REQUEST_ID
from assistant.front import Assistant
from assistant.service.keys import KeyStore
from assistant.sessions import Session
from assistant.settings import Settings
from assistant.turn.state import LOCAL
from tools.records import Record

if TYPE_CHECKING:
    from assistant.service.turns import Turns


class User(Record):
    """Who asks: a key's owner, or ``local`` where no key is needed."""

    id: str
    name: str


LOCAL_USER = User(id=LOCAL, name=LOCAL)


@dataclass(frozen=True)
class Service:
    """The parts of a running service."""

    settings: Settings
    assistant: Assistant
    turns: "Turns"
    keys: KeyStore
    needs_key: bool

    def own_session(self, user: User, session_id: str) -> Session:
        """A session of this user's.

        Raises:
            SessionError: there is none, or it is somebody else's, which is not told apart.
        """
        from assistant.errors import SessionError
        from assistant.sessions import check_session_id

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


def opaque(*parts: str) -> str:
    """A name that tells nothing of what it is made from."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]
