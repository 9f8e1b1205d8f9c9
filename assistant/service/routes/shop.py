"""The shop's own settings: read by the page and by everybody, written by admins."""

import asyncio
import io
from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from PIL import Image
from pydantic import Field

from assistant.service.context import Service, TheService
from assistant.service.http.problems import Refused
from assistant.service.http.roles import ADMINS, EVERYBODY, allow
from assistant.shop import LOGO, ShopProfile, shop_in_force, shop_profile, write_logo, write_profile
from prompts import nouns
from tools.records import Record

router = APIRouter(prefix="/api/shop", tags=["shop"], dependencies=[allow(EVERYBODY)])
admin_router = APIRouter(prefix="/api/admin/shop", tags=["shop"], dependencies=[allow(ADMINS)])

LOGO_PIXELS = 512
LOGO_FORMATS = ("PNG", "JPEG", "WEBP")
_MOST_PIXELS = 50_000_000


class ShopOut(ShopProfile):
    """What customers see of the shop's settings; ``currency`` is the catalogue's where the shop names none."""

    cart_link: str | None = Field(None, description="address that puts an item in the shop's cart, {id} for its id")
    logo: str | None = Field(None, description="the logo's address at this service, which changes with the logo")
    nouns: dict[str, tuple[str, str]] = Field(
        {}, description="what items are called, by language: for one, for many, {} for the number; empty: items"
    )


class LogoOut(Record):
    """Where the logo is."""

    logo: str


@router.get("")
async def shop(response: Response, service: TheService) -> ShopOut:
    """Name, logo, colours, languages, greeting, example wishes, contact and links, for everybody."""
    response.headers["Cache-Control"] = "no-cache"
    return await asyncio.to_thread(_shop, service)


@router.get("/logo", response_class=FileResponse, responses={200: {"content": {"image/png": {}}}})
async def logo(service: TheService) -> Response:
    """The shop's logo."""
    path = service.settings.data_folder / LOGO
    if not path.is_file():
        raise Refused(HTTPStatus.NOT_FOUND, "The shop has no logo.")
    return FileResponse(path, media_type="image/png", headers={"Cache-Control": "public, max-age=3600"})


@admin_router.get("")
async def profile(service: TheService) -> ShopProfile:
    """The shop's settings as they are written."""
    return await asyncio.to_thread(shop_profile, service.settings)


@admin_router.put("")
async def put(service: TheService, body: ShopProfile) -> ShopOut:
    """Write the shop's settings in the place of those from before; they are in force at once."""
    await asyncio.to_thread(write_profile, service.settings, body)
    return await asyncio.to_thread(_shop, service)


@admin_router.put(
    "/logo",
    openapi_extra={
        "requestBody": {"required": True, "content": {f"image/{kind.lower()}": {} for kind in LOGO_FORMATS}}
    },
)
async def put_logo(request: Request, service: TheService) -> LogoOut:
    """Keep a PNG, JPEG or WebP picture as the logo; it is made to fit 512 pixels."""
    body = await request.body()
    await asyncio.to_thread(lambda: write_logo(service.settings, _as_png(body)))
    return LogoOut(logo=_logo(service.settings.data_folder) or "")


@admin_router.delete("/logo", status_code=204)
async def delete_logo(service: TheService) -> None:
    """Have no logo."""
    await asyncio.to_thread(write_logo, service.settings, None)


def _shop(service: Service) -> ShopOut:
    profile = shop_profile(service.settings)
    currencies = service.assistant.engines.catalogue.vocabulary().currencies
    derived = {
        "currency": profile.currency or (currencies[0] if len(currencies) == 1 else None),
        "cart_link": shop_in_force(service.settings).cart_link,
        "logo": _logo(service.settings.data_folder),
        "nouns": {} if profile.kind == "shop" else nouns(profile.kind),
    }
    return ShopOut(**{**dict(profile), **derived})


def _logo(data_folder: Path) -> str | None:
    try:
        return f"/api/shop/logo?v={(data_folder / LOGO).stat().st_mtime_ns:x}"
    except OSError:
        return None


def _as_png(content: bytes) -> bytes:
    """The picture drawn anew, so that nothing but its pixels is kept.

    Raises:
        Refused: it is no picture of these formats, or too large.
    """
    try:
        with Image.open(io.BytesIO(content), formats=LOGO_FORMATS) as picture:
            if picture.width * picture.height > _MOST_PIXELS:
                raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "The logo has too many pixels.")
            picture.thumbnail((LOGO_PIXELS, LOGO_PIXELS))
            written = io.BytesIO()
            picture.convert("RGBA").save(written, "PNG")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as exc:
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "The logo should be a PNG, JPEG or WebP picture.") from exc
    return written.getvalue()
