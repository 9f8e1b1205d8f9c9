"""Keys and their roles: of files from before there were roles, of new ones, and on the command line."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assistant.cli import app
from assistant.errors import BadInput
from assistant.service.keys import KeyStore, Role, key_role
from tools.place import Place

# As the version before roles wrote it; the hash is SHA-256 of "rak_before".
FORMER = """
create table keys (
    id text primary key, name text not null unique, hash text not null unique, created_at real not null, expires_at real
);
create table logins (hash text primary key, key_id text not null, expires_at real not null);
insert into keys values
    ('0a1b2c3d', 'shop', 'b0b57d0c0b89de5fb8a7088eb3240c9c07d96d25a7f7a55fb5f922cb5a6789b1', 1700000000.0, null);
"""


@pytest.fixture
def former(tmp_path: Path) -> Path:
    """A file of keys from before there were roles."""
    path = tmp_path / "keys.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(FORMER)
    return path


def test_a_key_from_before_roles_is_an_admin_s_and_goes_on(former: Path) -> None:
    keys = KeyStore(former)
    found = keys.find("rak_before")
    assert found
    assert (found.id, found.name, found.role, found.expires_at) == ("0a1b2c3d", "shop", Role.ADMIN, None)
    assert [key.role for key in keys.list()] == [Role.ADMIN]

    token = keys.log_in("rak_before")
    assert token
    assert keys.find(token) == found
    _, secret = keys.create("till", role=Role.SHOPPER)
    again = KeyStore(former)
    assert [(key.name, key.role) for key in again.list()] == [("shop", Role.ADMIN), ("till", Role.SHOPPER)]
    assert again.find("rak_before") == found
    till = again.find(secret)
    assert till
    assert till.role is Role.SHOPPER


@pytest.mark.parametrize("role", [Role.ADMIN, Role.SERVICE, Role.SHOPPER])
def test_a_key_keeps_its_role(place: Callable[[str], Place], role: Role) -> None:
    keys = KeyStore(place("keys.sqlite"))
    made, secret = keys.create("x", role=key_role(role))
    assert made.role is role
    assert keys.find(secret) == made
    assert keys.list() == [made]


@pytest.mark.parametrize("role", ["visitor", "nobody", "", "Admin", "root"])
def test_no_key_is_a_visitor_s_or_nobody_s(role: str) -> None:
    with pytest.raises(BadInput, match="admin, service or shopper"):
        key_role(role)


@pytest.mark.parametrize(
    ("name", "days"), [("", None), (" \t", None), ("a\nb", None), ("x" * 101, None), ("a", float("inf")),
                       ("a", float("nan")), ("a", 1e9)]
)  # fmt: skip
def test_bad_names_and_ends_are_refused(place: Callable[[str], Place], name: str, days: float | None) -> None:
    keys = KeyStore(place("keys.sqlite"))
    with pytest.raises(BadInput):
        keys.create(name, days)
    assert keys.list() == []


def test_an_id_is_revoked_before_a_name_that_looks_like_it(place: Callable[[str], Place]) -> None:
    keys = KeyStore(place("keys.sqlite"))
    first, _ = keys.create("first")
    keys.create(first.id)
    keys.revoke(first.id)
    assert [key.name for key in keys.list()] == [first.id]


def test_the_command_line_makes_and_shows_roles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_DATA", str(tmp_path))
    run = CliRunner().invoke
    assert "role service" in run(app, ["keys", "create", "back end", "--role", "service"]).stderr
    assert run(app, ["keys", "create", "me"]).exit_code == 0
    assert run(app, ["keys", "create", "no", "--role", "visitor"]).exit_code == 2
    listed = run(app, ["keys", "list"]).stdout
    assert "service  back end" in listed
    assert "admin    me" in listed
    as_json = json.loads(run(app, ["keys", "list", "--json"]).stdout)
    assert [(key["name"], key["role"]) for key in as_json] == [("back end", "service"), ("me", "admin")]


def test_a_login_ends_with_its_key(place: Callable[[str], Place]) -> None:
    keys = KeyStore(place("keys.sqlite"))
    assert (keys.any(), keys.find("rak_x"), keys.log_in("rak_x")) == (False, None, None)
    _, secret = keys.create("till", days=1)
    with pytest.raises(BadInput, match="already"):
        keys.create("till")
    first, second = keys.log_in(secret), keys.log_in(secret)
    assert first and second
    keys.log_out(first)
    assert (keys.find(first), bool(keys.find(second)), keys.any()) == (None, True, True)
    keys.revoke("till")
    assert (keys.find(second), keys.find(secret), keys.any()) == (None, None, False)
