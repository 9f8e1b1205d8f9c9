"""Pictures of items as MCP carries them: small, few, and in base64."""

import asyncio
import base64
from collections.abc import Iterable
from typing import Any, Final

from mcp import types

from assistant.errors import ProductError
from assistant.service.http.problems import Refused
from assistant.service.pictures import SHOWN_WIDTH, Pictures

MOST_BYTES: Final = 100_000
"""Of one picture."""
NARROW: Final = 160
"""Pixels; for a picture that is larger than that at the usual width."""
JPEG: Final = "image/jpeg"


async def picture(pictures: Pictures, item_id: str) -> bytes | None:
    """An item's first picture as a small JPEG; None if there is none here."""
    for width in (SHOWN_WIDTH, NARROW):
        try:
            file = await pictures.show(item_id, 0, width)
            content = await asyncio.to_thread(file.path.read_bytes)
        except (ProductError, Refused, OSError):
            return None
        if len(content) <= MOST_BYTES:
            return content
    return None


async def item_pictures(pictures: Pictures, result: dict[str, Any], most: int) -> list[types.ImageContent]:
    """Pictures of the first items of a tool's result, each with the item's id, for people rather than for the model."""
    images: list[types.ImageContent] = []
    for item_id in _item_ids(result):
        if len(images) == most:
            break
        content = await picture(pictures, item_id)
        if content is not None:
            images.append(_as_content(item_id, content))
    return images


def _as_content(item_id: str, content: bytes) -> types.ImageContent:
    return types.ImageContent(
        type="image",
        data=base64.b64encode(content).decode(),
        mimeType=JPEG,
        annotations=types.Annotations(audience=["user"]),
        _meta={"item_id": item_id},
    )


def _item_ids(result: dict[str, Any]) -> Iterable[str]:
    listed = result.get("recommendations") or result.get("items") or []
    return dict.fromkeys(item["item_id"] for item in listed if isinstance(item, dict) and "item_id" in item)
