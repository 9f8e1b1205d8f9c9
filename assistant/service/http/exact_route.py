"""Routes with names of the user's own in them: an id may hold a slash, which stands in the address as ``%2F``."""

from urllib.parse import unquote

from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope


class ExactRoute(APIRoute):
    """Matches the path as it was sent and decodes each name after that, so that ``a%2Fimages%2F0`` stays one id."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As of Starlette, on the raw path."""
        raw: bytes = scope.get("raw_path") or b""
        if b"%" not in raw:
            return super().matches(scope)
        match, child_scope = super().matches({**scope, "path": raw.partition(b"?")[0].decode("ascii", "replace")})
        names = child_scope.get("path_params", {})
        return match, {**child_scope, "path_params": {name: unquote(str(value)) for name, value in names.items()}}
