"""Who may use which route: the table of docs/api.md, what the routes declare, and what the running service answers."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from assistant.service.http.roles import ADMINS, EVERYBODY, PEOPLE, Roles, allow, check_declared, route_roles
from assistant.service.keys import KeyStore, Role, key_role
from assistant.visitors import VisitorStore
from tests.integration.service.doors.conftest import Serve, Served

API = Path(__file__).parents[4] / "docs" / "api.md"
REFUSED = {Role.NOBODY: 401}
Call = tuple[str, str]


def documented() -> dict[Call, Roles]:
    """The table: a call without a method is a GET, that of MCP a POST. Names within paths do not matter."""
    section = API.read_text("utf-8").split("### Roles", 1)[1].split("\n### ", 1)[0]
    table: dict[Call, Roles] = {}
    for who, calls in re.findall(r"^\| (.+?) \| (.+) \|$", section, re.M)[2:]:
        roles = EVERYBODY if who == "everybody" else frozenset(Role(name) for name in re.findall(r"`(\w+)`", who))
        for method, path in re.findall(r"`(?:([A-Z]+) )?(/[^`\s]*)`", calls):
            call = method or ("POST" if path == "/mcp" else "GET"), re.sub(r"{\w+}", "{}", path)
            assert call not in table, f"{call} stands in the table twice"
            table[call] = roles
    return table


def declared(app: FastAPI) -> dict[Call, Roles | None]:
    """What the routes say; the files of the web page are one entry of the table and checked below."""
    found = {(route.method, re.sub(r"{\w+}", "{}", route.path)): route.roles for route in route_roles(app)}
    return {call: roles for call, roles in found.items() if not is_page(call[1])}


def is_page(path: str) -> bool:
    return (
        path in ("/", "/admin", "/assets")
        or re.fullmatch(r"/[\w.-]+\.(svg|html|md|js|ts|css|txt|ico|webmanifest)", path) is not None
    )


@pytest.fixture
def shop(serve: Serve) -> Iterator[Served]:
    """A service that needs keys and takes visitors."""
    with serve(needs_key=True, service={"visitors": True, "requests_per_minute": 10_000}) as served:
        yield served


def client_of(served: Served, role: Role) -> httpx.Client:
    """Somebody of the role, fresh each time, since some calls end the caller."""
    if role is Role.VISITOR:
        _, token = VisitorStore(served.settings.visitors_place).begin(1)
        return served.client(cookies={"assistant_visitor": token})
    if role is Role.NOBODY:
        return served.client()
    keys = KeyStore(served.settings.keys_place)
    return served.client(keys.create(f"{role} {len(keys.list())}", role=key_role(role))[1])


def test_every_route_answers_the_roles_of_the_table_and_no_other(shop: Served) -> None:
    table = documented()
    assert declared(shop.app) == table
    assert len(table) > 50
    wrong = []
    for method, path in [*table, ("GET", "/"), ("GET", "/assets/none.js")]:
        for role in Role:
            with client_of(shop, role) as client:
                answer = client.request(method, path.replace("{}", "x"))
            allowed = role in table.get((method, path), EVERYBODY)
            refused = answer.status_code in (401, 403)
            if refused == allowed or (refused and answer.status_code != REFUSED.get(role, 403)):
                wrong.append((method, path, role, answer.status_code, answer.text[:100]))
    assert wrong == []


def test_the_files_of_the_page_are_everybody_s(shop: Served) -> None:
    pages = [route for route in route_roles(shop.app) if is_page(route.path)]
    assert {route.roles for route in pages} <= {EVERYBODY}


def test_the_document_names_the_roles(shop: Served) -> None:
    table, document = documented(), shop.app.openapi()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            roles = operation["x-roles"]
            assert frozenset(roles) == table[method.upper(), re.sub(r"{\w+}", "{}", path)]
            assert roles == [role for role in Role if role in roles]


async def nothing() -> None:
    """A handler."""


def test_an_application_with_a_route_that_says_nothing_does_not_start() -> None:
    app = FastAPI(openapi_url=None)
    app.get("/known", dependencies=[allow(PEOPLE)])(nothing)
    check_declared(app)
    app.get("/forgotten")(nothing)
    with pytest.raises(RuntimeError, match="GET /forgotten"):
        check_declared(app)


def test_a_route_narrows_what_its_router_allows_and_never_widens_it() -> None:
    app, router = FastAPI(openapi_url=None), APIRouter(dependencies=[allow(PEOPLE)])
    router.get("/narrow", dependencies=[allow(ADMINS)])(nothing)
    router.get("/wide", dependencies=[allow(EVERYBODY)])(nothing)
    app.include_router(router)
    assert {route.path: route.roles for route in route_roles(app)} == {"/narrow": ADMINS, "/wide": PEOPLE}
