"""For whom a program asks: the header ``X-User`` on any request, or ``user`` in requests of OpenAI's protocol."""

from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers

from assistant.privacy.pseudonyms import pseudonym
from assistant.records import LOCAL
from assistant.service.context import KEY_OWNER, User
from assistant.service.http.problems import Refused
from assistant.service.http.roles import SHOPS
from assistant.service.keys import Role
from assistant.settings import Settings

HEADER: Final = "X-User"
NAME_CHARACTERS: Final = 500


def customer(settings: Settings, user: User, name: str) -> User:
    """The customer of that name, with a key's role and with limits of their own.

    A key of the role ``service`` speaks for the shop's customers, by the ids that interaction files and ``--user`` of
    the command line use. Of an admin's key, as of every key from before there were roles, the names are the key's own.

    Raises:
        Refused: 403, the role may not speak for others; 400, the name is empty, too long, or not a customer's.
    """
    if user.role not in SHOPS:
        raise Refused(
            HTTPStatus.FORBIDDEN, f"Only a key of the role service may speak for customers; yours is {user.role}."
        )
    if not name.strip() or len(name) > NAME_CHARACTERS:
        raise Refused(HTTPStatus.BAD_REQUEST, f"A customer's id has 1 to {NAME_CHARACTERS} characters.")
    if user.role is Role.SERVICE:
        if name == LOCAL or name.startswith(KEY_OWNER):
            raise Refused(HTTPStatus.BAD_REQUEST, f"{LOCAL!r} and ids that begin with {KEY_OWNER!r} are no customers'.")
        owner = pseudonym(settings, name)
        return user.model_copy(update={"id": owner, "key": f"{user.key}/{owner}", "is_customer": True})
    raw = name if user.key == LOCAL else f"{user.key}/{name}"
    return user.model_copy(update={"id": pseudonym(settings, raw), "is_customer": True})


def customer_of(settings: Settings, user: User, headers: Headers) -> User:
    """Whom a request is for by its header; the user where there is none. Errors as of `customer`."""
    given = headers.getlist(HEADER)
    if not given or user.role is Role.NOBODY:
        return user
    if len(given) > 1:
        raise Refused(HTTPStatus.BAD_REQUEST, f"The header {HEADER} may come once.")
    try:
        name = given[0].encode("latin-1").decode("utf-8")
    except UnicodeDecodeError as exc:
        raise Refused(HTTPStatus.BAD_REQUEST, f"The header {HEADER} is not UTF-8.") from exc
    return customer(settings, user, name)
