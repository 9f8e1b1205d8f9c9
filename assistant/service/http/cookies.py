"""The service's cookies: scripts cannot read them, and other sites cannot use them.

A visitor's cookie also goes with requests of the page in a frame of the sites in ``service.cors``, and is then one of
that site alone (Partitioned); what such requests may change is decided by their header Origin (`guard`).
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

LOGIN: Final = "assistant_login"
VISITOR: Final = "assistant_visitor"


def set_cookie(
    request: Request, response: Response, name: str, value: str, seconds: float, *, in_frames: bool = False
) -> None:
    """Give the browser a cookie; one that came over https, also to a proxy, never goes over http.

    Args:
        in_frames: also in frames of other sites, which browsers allow over https only.
    """
    secure = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto", "").casefold())
    framed = in_frames and secure
    response.set_cookie(
        name, value, max_age=int(seconds), httponly=True, secure=secure, samesite="none" if framed else "strict"
    )
    if framed:  # Python's own cookies know this attribute from 3.14 on
        response.headers["set-cookie"] += "; Partitioned"


def drop_cookie(response: Response, name: str) -> None:
    """Take a cookie away from the browser."""
    response.delete_cookie(name, httponly=True, samesite="strict")
