"""Names in addresses: encoded slashes belong to the name."""

from urllib.parse import quote

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient

from assistant.service.http.exact_route import ExactRoute

router = APIRouter(prefix="/things", route_class=ExactRoute)


@router.get("/{name}")
async def thing(name: str) -> list[object]:
    return [name]


@router.get("/{name}/parts/{n}")
async def part(name: str, n: int) -> list[object]:
    return [name, n]


@pytest.fixture(scope="module")
def client() -> TestClient:
    app = FastAPI()
    app.include_router(router)
    return TestClient(app)


@pytest.mark.parametrize("name", ["a", "a/b", "a/parts/1", "/", "%2F", "a b", "红", "?x=1#y", "a\nb", "100%"])
def test_a_name_comes_through_as_it_is(client: TestClient, name: str) -> None:
    address = f"/things/{quote(name, safe='')}"
    assert client.get(address).json() == [name]
    assert client.get(f"{address}/parts/7?x=%2F").json() == [name, 7]


@pytest.mark.parametrize(
    "path", ["/things/a/b", "/things/", "/things/a/parts/", "/things%2Fa", "/things/a%2Fparts/1/2"]
)
def test_slashes_that_are_not_encoded_part(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_number_must_be_one(client: TestClient) -> None:
    assert client.get("/things/a/parts/%31").json() == ["a", 1]
    assert client.get("/things/a/parts/one").status_code == 422
