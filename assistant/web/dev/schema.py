"""`npm run types`: writes src/api/schema.ts, the TypeScript types of the schemas in the service's OpenAPI document."""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

from assistant.service.app import create_app
from assistant.settings import load_settings

WRITTEN = Path(__file__).parents[1] / "src" / "api" / "schema.ts"
# Not among the packages of package.json: it needs the compiler interface of TypeScript 5, which TypeScript 7 lacks.
GENERATOR = ["npm", "exec", "--yes", "--package=openapi-typescript@7.13.0", "--package=typescript@5.9.3", "--",
             "openapi-typescript"]  # fmt: skip


def document() -> str:
    """An OpenAPI document with the service's schemas alone."""
    schemas = _bare(create_app(load_settings()).openapi()["components"]["schemas"])
    info = {"title": "schemas", "version": "1"}
    return json.dumps({"openapi": "3.1.0", "info": info, "paths": {}, "components": {"schemas": schemas}})


def header(source: str) -> str:
    """The file's first line, by which a test notices that it was made from another document."""
    return f"// `npm run types` made this file from the document {hashlib.sha256(source.encode()).hexdigest()}.\n"


def _bare(node: Any) -> Any:  # noqa: ANN401 - JSON
    """Without titles and descriptions, so that a change of words needs no new file. A field of such a name stays."""
    if isinstance(node, dict):
        words = {key for key in ("title", "description") if isinstance(node.get(key), str)}
        return {key: _bare(value) for key, value in node.items() if key not in words}
    return [_bare(value) for value in node] if isinstance(node, list) else node


if __name__ == "__main__":
    source = document()
    types = subprocess.run(GENERATOR, input=source, check=True, text=True, stdout=subprocess.PIPE).stdout  # noqa: S603
    WRITTEN.write_text(header(source) + types, "utf-8")
