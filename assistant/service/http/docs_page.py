"""The interactive documentation at /docs: Swagger UI from an installed package, so that it needs no other server.

It keeps to the guard's Content-Security-Policy as every page does: scripts and styles are files of this server.
"""

import importlib.util
from functools import cache
from pathlib import Path
from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse, Response

from assistant.service.http.roles import KEY_HOLDERS, allow

router = APIRouter(include_in_schema=False, dependencies=[allow(KEY_HOLDERS)])

Asset = Literal["swagger-ui-bundle.js", "swagger-ui.css", "start.js"]

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Recommendation assistant: API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START = (
    'SwaggerUIBundle({url: "/openapi.json", dom_id: "#ui", deepLinking: true, docExpansion: "list", '
    "validatorUrl: null, displayRequestDuration: true});\n"
)


@router.get("/docs")
async def page() -> Response:
    """The page."""
    return Response(_PAGE, media_type="text/html")


@router.get("/openapi.json")
async def document(request: Request) -> Response:
    """What the page shows."""
    return JSONResponse(request.app.openapi())


@router.get("/docs/{asset}")
async def asset(asset: Asset) -> Response:
    """Its script and its style."""
    if asset == "start.js":
        return Response(_START, media_type="text/javascript")
    return FileResponse(_assets() / asset, headers={"Cache-Control": "private, max-age=86400"})


@cache
def _assets() -> Path:
    """Where the package with Swagger UI's files lies; it is not imported, since it needs nothing but them."""
    spec = importlib.util.find_spec("fastapi_offline")
    assert spec is not None and spec.origin is not None  # noqa: S101 - a dependency
    return Path(spec.origin).parent / "static"
