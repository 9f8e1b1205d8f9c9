"""The keys of the service over HTTP."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import Field

from assistant.records import LOCAL
from assistant.service.context import TheService, TheUser
from assistant.service.http.problems import Refused
from assistant.service.http.roles import ADMINS, allow
from assistant.service.keys import MOST_DAYS, NAME_CHARACTERS, Key, KeyStore, Role, key_role
from tools.records import Record

router = APIRouter(prefix="/api/keys", tags=["keys"], dependencies=[allow(ADMINS)])


class KeyIn(Record):
    """A key to make."""

    name: str = Field(min_length=1, max_length=NAME_CHARACTERS, description="whose key it is, or what for")
    role: Literal["admin", "service", "shopper"]
    days: Annotated[float, Field(gt=0, le=MOST_DAYS)] | None = Field(None, description="after so many days it ends")


class KeysOut(Record):
    """Every key, oldest first."""

    keys: list[Key]


class NewKey(Key):
    """A key that was made just now."""

    secret: str = Field(description="the key itself; it is shown this once")


@router.get("")
async def keys(service: TheService) -> KeysOut:
    """Every key without its secret."""
    return KeysOut(keys=await asyncio.to_thread(service.keys.list))


@router.post("", status_code=201)
async def create(response: Response, service: TheService, user: TheUser, body: KeyIn) -> NewKey:
    """Make a key. The first has to be an admin's: from then on every request needs a key."""
    role = key_role(body.role)
    if user.key == LOCAL and role is not Role.ADMIN:
        raise Refused(HTTPStatus.CONFLICT, "Make a key of the role admin first: once there is a key, you need one too.")
    key, secret = await asyncio.to_thread(service.keys.create, body.name, body.days, role)
    response.headers["Cache-Control"] = "no-store"
    return NewKey(**key.model_dump(), secret=secret)


@router.delete("/{key_id}", status_code=204)
async def revoke(service: TheService, key_id: str) -> None:
    """End a key and its logins at once. The last one of an admin stays, unless it is revoked on the command line."""
    await asyncio.to_thread(_revoke, service.keys, key_id)


def _revoke(store: KeyStore, key_id: str) -> None:
    keys = {key.id: key for key in store.list()}
    if key_id not in keys:
        raise Refused(HTTPStatus.NOT_FOUND, f"There is no key {key_id[:40]!r}.")
    admins = {key.id for key in keys.values() if key.role is Role.ADMIN and not key.has_ended}
    if admins == {key_id}:
        raise Refused(HTTPStatus.CONFLICT, "This is the last key of the role admin; make another one first.")
    store.revoke(key_id)
