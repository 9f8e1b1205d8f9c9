"""/docs and the OpenAPI document: offline, within the guard's policy, and true to what is answered."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator

from assistant.service.app import create_app
from assistant.service.http.guard import CSP
from assistant.service.http.openapi import ANSWERS, EXAMPLES
from assistant.settings import load_settings

API = Path(__file__).parents[3] / "docs" / "api.md"
METHODS = {"get", "put", "post", "delete", "patch"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """The application, not started: documentation needs nothing that is opened."""
    settings = load_settings(data=tmp_path_factory.mktemp("data"))
    return TestClient(create_app(settings), base_url="http://localhost")


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    return dict(client.get("/openapi.json").json())


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method in METHODS:
                yield path, method, operation


def test_the_page_takes_everything_from_this_server_and_has_nothing_inline(client: TestClient) -> None:
    page = client.get("/docs")
    assert page.headers["content-security-policy"] == f"{CSP}'none'"
    assert "unsafe" not in CSP
    assert not re.search(r"<script(?! src=)|<style| style=| on\w+=", page.text)
    sources = [source for source in re.findall(r'(?:src|href)="([^"]+)"', page.text) if source != "data:,"]
    assert len(sources) == 3
    for source in sources:
        assert source.startswith("/docs/")
        answer = client.get(source)
        assert answer.status_code == 200
        kind = "text/css" if source.endswith("css") else "text/javascript"
        assert answer.headers["content-type"].startswith(kind)
    assert "SwaggerUIBundle" in client.get("/docs/start.js").text
    assert client.get("/docs/../../secrets.txt").status_code == 404
    assert client.get("/docs/redoc.standalone.js").status_code == 422


def test_the_document_can_be_read_by_a_schema_tester(document: dict[str, Any]) -> None:
    found = [result.ok() for result in schemathesis.openapi.from_dict(document).get_all_operations()]
    assert len(found) == len(list(operations(document))) >= 15


def test_every_call_names_its_problems_and_none_of_fastapi_s_own(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        for status in ("4XX", "5XX"):
            content = operation["responses"][status]["content"]
            if path.startswith(("/v1/", "/api/ucp/")):  # whose clients know the protocol's own form only
                assert list(content) == ["application/json"], (path, method)
                continue
            assert list(content) == ["application/problem+json"], (path, method)
            assert content["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}
        assert operation["tags"], (path, method)
        assert operation.get("description"), (path, method)
    assert "HTTPValidationError" not in str(document)
    assert set(document["components"]["schemas"]["Problem"]["properties"]) >= {"type", "title", "status", "detail"}


def test_examples_are_what_the_calls_take(document: dict[str, Any]) -> None:
    checked = 0
    for path, method, operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        if (path, method) in EXAMPLES:
            assert content["example"] == EXAMPLES[path, method]
            schema = {**content["schema"], "components": document["components"]}
            Draft202012Validator(schema).validate(content["example"])
            checked += 1
    assert checked >= 3


def test_streams_and_files_are_documented_as_such(document: dict[str, Any]) -> None:
    for (path, method), forms in ANSWERS.items():
        content = document["paths"][path][method]["responses"]["200"]["content"]
        assert set(content) == set(forms), path


def test_references_of_the_document_lead_somewhere(document: dict[str, Any]) -> None:
    named = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert named
    assert named <= set(document["components"]["schemas"])


def test_the_swagger_package_is_where_it_is_looked_for() -> None:
    from assistant.service.http.docs_page import _assets

    assert {path.name for path in Path(_assets()).iterdir()} >= {"swagger-ui-bundle.js", "swagger-ui.css"}


def test_docs_api_md_names_every_call_and_its_query_and_no_other(document: dict[str, Any]) -> None:
    before, _, rest = API.read_text("utf-8").replace("\\|", "|").partition("### Roles")
    text = before + rest.partition("\n### ")[2]  # the table of roles names calls without what they take
    named = {
        (method.lower(), re.sub(r"{\w+}", "{}", path), frozenset(re.findall(r"(\w+)=", query)))
        for method, path, query in re.findall(r"`(GET|POST|PUT|PATCH|DELETE)\s(/[^`\s?]*)\??([^`\s]*)", text)
    }
    there = {
        (method, re.sub(r"{\w+}", "{}", path), frozenset(_query(operation)))
        for path, method, operation in operations(document)
    }
    assert named == there


def test_the_calls_of_docs_api_md_s_examples_are_there(document: dict[str, Any]) -> None:
    examples = re.sub(r"\\\n", "", API.read_text("utf-8"))
    calls = re.findall(r"curl .*?-X (\w+) \"?\$api(/[^\s\"?]+)(?:.*? -d '(.*?)')?", examples)
    assert len(calls) >= 8
    for method, called, body in calls:
        [operation] = [
            operation
            for path, name, operation in operations(document)
            if name == method.lower() and re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), called)
        ]
        if body:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            Draft202012Validator({**schema, "components": document["components"]}).validate(json.loads(body))


def _query(operation: dict[str, Any]) -> list[str]:
    return [parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "query"]


@pytest.mark.parametrize(
    "schema",
    ["SessionOut", "SessionDetail", "MessageOut", "Constraint", "FeedbackOut", "ItemCard", "ItemOut", "PictureOut",
     "VectorsOut", "Neighbours", "Map", "Point", "ImportJob", "Info", "LimitsOut", "RejectionOut"],
)  # fmt: skip
def test_docs_api_md_names_every_field_of_what_comes_back(document: dict[str, Any], schema: str) -> None:
    words = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]*)`", API.read_text("utf-8")))))
    assert set(document["components"]["schemas"][schema]["properties"]) <= words
