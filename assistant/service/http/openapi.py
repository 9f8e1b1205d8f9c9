"""What the OpenAPI document says beyond the handlers' signatures: problems, keys, and examples of the main calls."""

import copy
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from assistant.service.http import cookies
from assistant.service.http.problems import MEDIA_TYPE, Problem
from assistant.service.http.roles import route_roles
from assistant.service.keys import Role

TAGS = [
    {"name": "sessions", "description": "Conversations: messages, their events, attachments and feedback."},
    {"name": "users", "description": "What is stored of you: shown, given out, forgotten."},
    {"name": "visitors", "description": "People without a key."},
    {"name": "keys", "description": "The keys of the service."},
    {"name": "catalogue", "description": "The items: reading, searching, writing and importing them."},
    {"name": "tools", "description": "What the model can call, for other programs."},
    {"name": "ucp", "description": "The catalogue over the Universal Commerce Protocol."},
    {"name": "service", "description": "What the service is, whether it is well, and its measures."},
]
EXAMPLES: dict[tuple[str, str], dict[str, Any]] = {
    ("/api/sessions", "post"): {"title": "Shoes for the summer"},
    ("/api/sessions/{session_id}/messages", "post"): {
        "text": "Black running shoes, at most 100 dollars",
        "top_n": 3,
        "message_id": "m-1",
    },
    ("/api/keys", "post"): {"name": "the shop's back end", "role": "service"},
    ("/api/visitors/merge", "post"): {"token": "of-the-visitor-s-browser", "customer": "customer-4711"},
    ("/api/sessions/{session_id}/feedback", "post"): {"item_id": "shoe-17", "event": "like"},
    ("/api/tools/{name}", "post"): {"arguments": {"query": "running shoes", "k": 5}},
    ("/api/tools", "post"): {
        "calls": [{"id": "1", "name": "search_by_text", "arguments": {"query": "running shoes", "k": 5}}]
    },
    ("/v1/chat/completions", "post"): {
        "model": "recommendation-assistant",
        "messages": [{"role": "user", "content": "Black running shoes, at most 100 dollars"}],
    },
    ("/v1/responses", "post"): {
        "model": "recommendation-assistant",
        "input": "Black running shoes, at most 100 dollars",
    },
}
"""A body for each of the main calls that are there."""
_FILE = {"type": "string", "format": "binary"}
_EVENT = {
    "type": "object",
    "description": "A server-sent event; docs/api.md lists them. Its data is one JSON object.",
    "properties": {"id": {"type": "string"}, "event": {"type": "string"}, "data": {"type": "string"}},
}
ANSWERS: dict[tuple[str, str], dict[str, dict[str, Any]]] = {
    ("/api/sessions/{session_id}/messages", "post"): {
        "application/json": {"$ref": "#/components/schemas/Reply"},
        "text/event-stream": _EVENT,
    },
    ("/api/sessions/{session_id}/messages/{message_id}/events", "get"): {"text/event-stream": _EVENT},
    ("/api/sessions/{session_id}/export", "get"): {
        "application/json": {"$ref": "#/components/schemas/SessionDetail"},
        "text/markdown": {"type": "string"},
    },
    ("/api/sessions/{session_id}/attachments/{attachment_id}", "get"): {
        "image/*": _FILE, "audio/*": _FILE, "application/octet-stream": _FILE,
    },
    ("/v1/chat/completions", "post"): {
        "application/json": {"type": "object", "description": "a chat completion, as OpenAI describes it"},
        "text/event-stream": {"description": "chat completion chunks, a line of JSON each"},
    },
    ("/v1/responses", "post"): {
        "application/json": {"type": "object", "description": "a response, as OpenAI describes it"},
        "text/event-stream": {"description": "events of a response, as OpenAI describes them"},
    },
}  # fmt: skip
"""What comes back where FastAPI cannot read it off the handler, which answers in several forms or with a file."""
PROBLEMS = {
    "4XX": "The request cannot be answered; `detail` says why.",
    "5XX": "The service, or something it needs, fails; `detail` says what.",
}
_METHODS = ("get", "put", "post", "delete", "patch")


def describe(app: FastAPI) -> None:
    """Have the app's document be completed by this module."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            spec = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes, tags=TAGS)
            app.openapi_schema = completed(_with_roles(spec, app))
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign] # as FastAPI's documentation has it


def _with_roles(document: dict[str, Any], app: FastAPI) -> dict[str, Any]:
    """Who may use each operation, as ``x-roles``."""
    for route in route_roles(app):
        if route.in_document and route.roles is not None:
            document["paths"][route.path][route.method.lower()]["x-roles"] = [r for r in Role if r in route.roles]
    return document


PROBLEM = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
OTHER_PROBLEMS: dict[str, dict[str, Any]] = {
    "/v1/": {"type": "object", "properties": {"error": {"type": "object"}}, "required": ["error"]},
    "/api/ucp/": {
        "type": "object",
        "properties": {"code": {"type": "string"}, "content": {"type": "string"}},
        "required": ["code", "content"],
    },
}
"""Problems as other protocols tell them, by the beginning of a path."""


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """The document with problems, keys and examples; the given one is left as it is."""
    document = copy.deepcopy(document)
    parts = document.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas["Problem"] = problem | {"additionalProperties": True}  # RFC 9457 lets a problem say more
    parts["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "A key of `assistant keys create`."},
        "login": {"type": "apiKey", "in": "cookie", "name": cookies.LOGIN},
        "visitor": {"type": "apiKey", "in": "cookie", "name": cookies.VISITOR},
    }
    document["security"] = [{}, {"key": []}, {"login": []}, {"visitor": []}]
    for path, method, operation in _operations(document):
        schemas.update(_own_schemas(operation))
        if forms := ANSWERS.get((path, method)):
            operation["responses"]["200"]["content"] = {form: {"schema": schema} for form, schema in forms.items()}
        other = next((form for prefix, form in OTHER_PROBLEMS.items() if path.startswith(prefix)), None)
        _with_problems(operation, {"application/json": {"schema": other}} if other else PROBLEM)
        for content in operation.get("requestBody", {}).get("content", {}).values():
            schemas.update(content.get("schema", {}).pop("$defs", {}))  # where the references point to
        _with_example(operation, EXAMPLES.get((path, method)))
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    return document


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document.get("paths", {}).items():
        for method, operation in methods.items():
            if method in _METHODS:
                yield path, method, operation


def _own_schemas(operation: dict[str, Any]) -> dict[str, Any]:
    """What a handler's own description of its body defines; it refers to it as if it stood among the components."""
    schemas: dict[str, Any] = {}
    for content in operation.get("requestBody", {}).get("content", {}).values():
        schemas |= content.get("schema", {}).pop("$defs", {})
    return schemas


def _with_problems(operation: dict[str, Any], content: dict[str, Any]) -> None:
    """Every refusal is a problem; FastAPI's own description of a 422 is not what is sent here."""
    responses = operation.setdefault("responses", {})
    if "HTTPValidationError" in str(responses.get("422", "")):
        del responses["422"]
    for status, description in PROBLEMS.items():
        responses.setdefault(status, {"description": description, "content": content})


def _with_example(operation: dict[str, Any], example: dict[str, Any] | None) -> None:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if example is not None and content is not None:
        content["example"] = example
