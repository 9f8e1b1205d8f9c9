"""Addresses of items and their pictures that other programs can open: absolute, and without a key."""

import hmac
from contextlib import suppress
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote

from starlette.requests import Request

from assistant.errors import ConfigError
from assistant.item_pictures import image_url
from assistant.privacy.pseudonyms import Pseudonyms
from assistant.records import Recommendation, Reply
from assistant.service.context import Service
from assistant.settings import Settings
from tools.engines.parts import Engines
from tools.records import Item

PICTURES = "/pictures"
_SIGNED = "\0picture\0"


def picture_token(settings: Settings, item_id: str) -> str:
    """What the address of an item's picture has in it, so that only somebody whom the item was shown can read it.

    Raises:
        ConfigError: the key of the pseudonyms cannot be used.
    """
    return Pseudonyms.open(settings).of(_SIGNED + item_id)


def is_picture_token(settings: Settings, item_id: str, token: str) -> bool:
    """Whether a token is the one of this item."""
    return hmac.compare_digest(picture_token(settings, item_id).encode(), token.encode())


@dataclass(frozen=True)
class ItemLinks:
    """Makes addresses for one client.

    Attributes:
        base: the service's address as the client used it, such as ``https://shop.example``; None where the client
            cannot reach the service, so that pictures stored here have no address.
    """

    settings: Settings
    base: str | None
    engines: Engines

    @classmethod
    def of(cls, request: Request | None, service: Service) -> Self:
        """For the client of a request; None: over standard input and output."""
        base = str(request.base_url).rstrip("/") if request else None
        return cls(service.settings, base, service.assistant.engines)

    def pictures(self, item: Item) -> list[str]:
        """Those of an item's pictures that have an address: the first, and further ones on the web."""
        own = image_url(item, self.engines.catalogue)
        first = own if own is None or "://" in own else self._picture(item.id)
        further = [url for url in item.images[1:] if url.lower().startswith(("https://", "http://"))]
        return [*([first] if first else []), *further]

    def absolute(self, reply: Reply) -> Reply:
        """The reply with picture addresses that the client can open."""
        return reply.model_copy(update={"recommendations": [self._absolute(item) for item in reply.recommendations]})

    def _absolute(self, item: Recommendation) -> Recommendation:
        if item.image_url is None or "://" in item.image_url:
            return item
        return item.model_copy(update={"image_url": self._picture(item.item_id)})

    def _picture(self, item_id: str) -> str | None:
        if self.base is not None:
            with suppress(ConfigError):  # an answer without pictures is better than none
                token = picture_token(self.settings, item_id)
                return f"{self.base}{PICTURES}/{token}/{quote(item_id, safe='')}"
        return None
