"""The shop's own settings: name, logo, colours, texts and links that customers see.

They stand in ``shop.json`` of the data folder, which `PUT /api/admin/shop` and editors write. What it leaves out of
``contact`` and ``cart_link`` comes from the configuration's section ``shop``.
"""

import logging
import re
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, Field, ValidationError

from assistant.errors import ConfigError, StoreError
from assistant.settings import Settings, ShopSettings
from tools.records import Record
from tools.storage import private_folder

logger = logging.getLogger(__name__)

FILE: Final = "shop.json"
LOGO: Final = "shop-logo.png"
PLACE: Final = "{id}"
_MOST_BYTES: Final = 2**20


def _https(url: str) -> str:
    """Refuse whatever a browser would not open as a page of the internet."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # both refuse what is malformed
    except ValueError as exc:
        raise ValueError("it is no web address") from exc
    if parts.scheme != "https" or not host or "." not in host or "@" in parts.netloc or re.search(r"[\s\\<>\"]", url):
        raise ValueError("it should be a web address that begins with https://")
    return url


def _template(url: str) -> str:
    parts = urlsplit(_https(url.replace(PLACE, "id")))
    if url.count(PLACE) != 1 or re.search(r"[{}]", url.replace(PLACE, "")):
        raise ValueError("it should hold {id} once, and no other braces")
    if not url.startswith(f"https://{parts.netloc}"):
        raise ValueError("{id} should stand behind the host's name")
    return url


def _currency(code: str) -> str:
    from assistant.ingest.prices import currency_code  # brings all of ingestion

    if code != currency_code(code):
        raise ValueError("it should be a currency's code of three letters, such as EUR")
    return code


_NO_CONTROLS: Final = r"^[^\x00-\x08\x0b-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]*$"
Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$", description="such as en or pt-BR")]
Text = Annotated[str, Field(max_length=300, pattern=_NO_CONTROLS)]
Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$", description="such as #1a73e8")]
Url = Annotated[str, Field(max_length=1_000), AfterValidator(_https)]
Template = Annotated[str, Field(max_length=1_000, examples=["https://shop.example/p/{id}"]), AfterValidator(_template)]
Currency = Annotated[str, AfterValidator(_currency), Field(max_length=3)]


Kind = Literal["shop", "content", "social", "learning"]


class Colours(Record):
    """The shop's colour for buttons and links, on light and on dark; null: the page's own."""

    light: Colour | None = None
    dark: Colour | None = None


class PageLink(Record):
    """A page of the shop that customers can open."""

    title: str = Field(min_length=1, max_length=100, pattern=_NO_CONTROLS)
    url: Url


class ShopProfile(Record):
    """What the shop says of itself. Nothing in it is secret: customers see all of it."""

    kind: Kind = Field("shop", description="what the items are: products, articles and films, people's posts, courses")
    name: str = Field("", max_length=100, pattern=_NO_CONTROLS)
    colours: Colours = Colours()
    languages: list[Language] = Field(
        [], max_length=20, description="of the page, the first one where a browser asks for none; empty: every one"
    )
    currency: Currency | None = Field(None, description="ISO 4217; null: the catalogue's, where it has only one")
    greeting: dict[Language, Text] = Field({}, max_length=20, description="by language")
    examples: dict[Language, Annotated[list[Text], Field(max_length=8)]] = Field(
        {}, max_length=20, description="example wishes by language; a language without: made from the catalogue"
    )
    contact: str = Field("", max_length=300, pattern=_NO_CONTROLS, description="whom to ask what the pages do not say")
    item_link: Template | None = Field(
        None, description="an item's page, {id} for its percent-encoded id; null: the address in the catalogue"
    )
    cart_link: Template | None = Field(None, description="address that puts an item in the shop's cart, likewise")
    pages: list[PageLink] = Field([], max_length=12, description="pages for questions: delivery, returns, contact")


def shop_profile(settings: Settings) -> ShopProfile:
    """The settings in force; a file that was damaged meanwhile is told in the log, and the last good one stays.

    Raises:
        ConfigError: the file cannot be read, and none was read before.
    """
    path = settings.data_folder / FILE
    try:
        stat = path.stat()
        profile = _read(path, stat.st_mtime_ns, stat.st_size)
        _LAST_GOOD[path] = profile
    except FileNotFoundError:
        profile = ShopProfile()
    except OSError as exc:
        raise ConfigError(f"The shop's settings {path} cannot be read: {exc.strerror}.") from exc
    except ConfigError as exc:
        if path not in _LAST_GOOD:
            raise
        logger.warning("%s The settings from before stay in force.", exc)
        profile = _LAST_GOOD[path]
    return profile.model_copy(update={"contact": profile.contact or settings.shop.contact})


_LAST_GOOD: dict[Path, ShopProfile] = {}


@lru_cache(maxsize=8)
def _read(path: Path, mtime_ns: int, size: int) -> ShopProfile:
    if size > _MOST_BYTES:
        raise ConfigError(f"The shop's settings {path} are larger than {_MOST_BYTES:,} bytes.")
    try:
        return ShopProfile.model_validate_json(path.read_bytes())
    except ValidationError as exc:
        first = exc.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"The shop's settings {path} are wrong{f' at {place}' if place else ''}: {reason}.") from exc


def write_profile(settings: Settings, profile: ShopProfile) -> None:
    """Put the settings in force, for every process that uses the data folder.

    Raises:
        StoreError: the file cannot be written.
    """
    _write(settings.data_folder / FILE, profile.model_dump_json(indent=1, exclude_defaults=True).encode())


def write_logo(settings: Settings, png: bytes | None) -> None:
    """Keep the logo, or none. Errors as of `write_profile`."""
    if png is None:
        (settings.data_folder / LOGO).unlink(missing_ok=True)
    else:
        _write(settings.data_folder / LOGO, png)


def _write(path: Path, content: bytes) -> None:
    part = path.with_suffix(".part")
    try:
        private_folder(path.parent)
        part.write_bytes(content)
        part.replace(path)
    except OSError as exc:
        raise StoreError(f"{path} cannot be written: {exc.strerror}.") from exc


def shop_in_force(settings: Settings) -> ShopSettings:
    """Contact and cart of the configuration, with what the shop's own settings put in their place."""
    profile = shop_profile(settings)
    update = {"contact": profile.contact, "cart_link": profile.cart_link or settings.shop.cart_link}
    return settings.shop.model_copy(update=update)


def item_url(settings: Settings, item_id: str, own: str | None) -> str | None:
    """The item's page in the shop: by the shop's template, else the catalogue's own address."""
    template = shop_profile(settings).item_link
    return template.replace(PLACE, quote(item_id, safe="")) if template else own
