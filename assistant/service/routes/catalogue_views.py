"""The catalogue's items as the HTTP API shows them: no path of this machine, every picture by its address."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from assistant.item_pictures import media_path, picture_path
from tools.records import EncoderIdentity, Filters, Hit, Item, Moment, Record
from tools.search import hit
from tools.store import Catalogue, Picture, Space, SpaceStats, frame_of

SPACES: tuple[Space, ...] = ("text", "visual", "joint", "joint_text", "sound")


class ItemCard(Hit):
    """An item as lists show it; ``image`` is the address of its first picture, or frame of a video, stored here."""

    image: str | None = None
    url: str | None = None


class ItemCards(Record):
    """A page of items.

    ``total`` counts all of them, or in a large catalogue some, and ``has_more`` says that there are more; with a query
    it counts those that have to do with it, of at most 300 that each signal finds.
    """

    items: list[ItemCard]
    total: int
    has_more: bool = False


class PictureOut(Record):
    """A picture that an item's line refers to. ``url`` is null unless it can be had here; ``reason`` says why not.

    ``moment`` is set for a frame of one of the item's videos.
    """

    name: str
    state: Literal["ready", "remote", "lost"]
    url: str | None
    reason: str | None
    moment: Moment | None = None


class VectorsOut(Record):
    """How many vectors stand for an item in one space, and what made them."""

    space: str
    count: int
    encoder: EncoderIdentity | None


class ItemOut(Record):
    """One item. ``item`` is a catalogue line: changed and put back, its files stay what they are."""

    item: Item
    pictures: list[PictureOut]
    vectors: list[VectorsOut]


class Neighbours(Record):
    """The items nearest to one, ``score`` the cosine; ``missing`` says why there are none."""

    item_id: str
    by: Literal["text", "picture"]
    items: list[ItemCard]
    missing: list[str]


class StatsOut(Record):
    """What the catalogue holds; categories and brands with their number of items, most first."""

    items: int
    in_stock: int
    pictures: int
    pictures_lost: int
    categories: dict[str, int]
    brands: dict[str, int]
    currencies: list[str]
    min_price: float | None
    max_price: float | None
    spaces: dict[str, SpaceStats] = Field(description="vectors and encoder of each space")
    bytes_on_disk: int
    version: int = Field(description="grows with every change")


def cards(catalogue: Catalogue, hits: Sequence[Hit]) -> list[ItemCard]:
    """Hits with their pictures and links, in their order; items that are gone meanwhile are left out."""
    items = catalogue.get_many([hit.item_id for hit in hits])
    return [
        ItemCard(**hit.model_dump(), image=_first_image(catalogue, items[hit.item_id]), url=items[hit.item_id].url)
        for hit in hits
        if hit.item_id in items
    ]


def card_of(item: Item, filters: Filters | None = None) -> Hit:
    """An item that nobody searched for, as a hit."""
    return hit(item, filters=filters)


def _first_image(catalogue: Catalogue, item: Item) -> str | None:
    stored = (n for n in range(len(item.images) or 1) if catalogue.image_path(item, n))
    return next((picture_path(item.id, n) for n in stored), None)


def item_out(catalogue: Catalogue, item: Item) -> ItemOut:
    """Everything that is known of an item."""
    pictures = _pictures(catalogue, item)
    images = [one.url or one.name for one in pictures if one.state != "lost" and one.moment is None]
    audio = [
        media_path(item.id, "audio", n) if catalogue.audio_path(item, n) else _display_name(reference)
        for n, reference in enumerate(item.audio)
    ]
    video = [
        media_path(item.id, "video", n) if catalogue.video_path(item, n) else _display_name(reference)
        for n, reference in enumerate(item.video)
    ]
    line = item.model_copy(update={"images": images, "audio": audio, "video": video})
    return ItemOut(item=line, pictures=pictures, vectors=_vectors(catalogue, item.id))


def _pictures(catalogue: Catalogue, item: Item) -> list[PictureOut]:
    result, n = [], 0
    for picture in catalogue.pictures(item.id):
        url = None
        if picture.state != "lost":
            url = picture_path(item.id, n) if catalogue.image_path(item, n) else None
            n += 1
        result.append(_picture(picture, url, _moment(item, picture)))
    return result


def _moment(item: Item, picture: Picture) -> Moment | None:
    frame = frame_of(picture)
    return Moment(video=str(item.video.index(frame[0])), second=frame[1]) if frame and frame[0] in item.video else None


def _picture(picture: Picture, url: str | None, moment: Moment | None) -> PictureOut:
    reason = "its file is gone" if picture.state == "ready" and url is None else None
    return PictureOut(
        name=_display_name(picture.reference),
        state=picture.state,
        url=url,
        reason=None if url else picture.reason or reason,
        moment=moment,
    )


def _display_name(reference: str) -> str:
    """A web address as it is, a file by its name."""
    return reference if "://" in reference else Path(reference).name


def _vectors(catalogue: Catalogue, item_id: str) -> list[VectorsOut]:
    encoders: dict[Space, Any] = {space: catalogue.identity(space) for space in SPACES}
    return [
        VectorsOut(space=space, count=len(catalogue.vectors_of(space, [item_id]).get(item_id, [])), encoder=encoder)
        for space, encoder in encoders.items()
        if encoder is not None
    ]


def stats_out(catalogue: Catalogue) -> StatsOut:
    """The catalogue's numbers, counted once for each of its versions."""
    stats = catalogue.cached("service stats", catalogue.stats)
    return StatsOut(**stats.model_dump(exclude={"folder"}))
