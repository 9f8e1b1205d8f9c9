"""The OpenAPI document holds together."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assistant.service.app import create_app
from assistant.settings import load_settings
from assistant.web.dev import schema


def references(node: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Every reference within a JSON document."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_every_reference_leads_somewhere(tmp_path: Path) -> None:
    document = create_app(load_settings(data=tmp_path)).openapi()
    found = set(references(document))
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert {"#/components/schemas/ChatMessage", "#/components/schemas/FileIn"} <= found
    assert found <= known


def test_the_types_of_the_web_page_are_made_from_this_document() -> None:
    with schema.WRITTEN.open(encoding="utf-8") as written:
        assert written.readline() == schema.header(schema.document()), "give: npm run types"
