"""The service's cookies: scripts cannot read them, and other sites cannot use them."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

LOGIN: Final = "assistant_login"
VISITOR: Final = "assistant_visitor"


def set_cookie(request: Request, response: Response, name: str, value: str, seconds: float) -> None:
    """Give the browser a cookie; one that came over https, also to a proxy, never goes over http."""
    secure = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto", "").casefold())
    response.set_cookie(name, value, max_age=int(seconds), httponly=True, samesite="strict", secure=secure)


def drop_cookie(response: Response, name: str) -> None:
    """Take a cookie away from the browser."""
    response.delete_cookie(name, httponly=True, samesite="strict")
