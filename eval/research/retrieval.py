"""How well each signal finds an item's other half in the catalogue, and how the two signals of a photo combine.

    python -m eval.research.retrieval     # two tables; the second explains why looks and texts are no votes on one item

First table, for every item with a picture: its photo to its own text, its title to its own photo, and a mirrored,
cropped and darkened copy of its photo to itself. Second table, for a photo of the item in other colours: the item
itself; items of its category; and the item in catalogues in which every second item has no photo.
"""

import random
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps
from rich.console import Console
from rich.table import Table

from assistant.engines import open_engines
from assistant.settings import load_settings
from tools import search
from tools.engines.parts import Engines
from tools.engines.pictures import PictureEncoder, PictureVectors
from tools.media import load_picture
from tools.rank_fusion import WEIGHTS
from tools.records import EncoderIdentity, Item, ItemsResult, Label, SignalSource
from tools.search import search_by_image, search_by_text
from tools.store import Catalogue, CatalogueEntry, NewVector, Picture, Space

FIRST = 5
FURTHER = 10
POOL = 50
Weights = Mapping[str, float]
Ask = Callable[[Catalogue, "Remembering", Image.Image, int], ItemsResult]


def another_shot(picture: Image.Image) -> Image.Image:
    """The picture as another photo of the same thing: mirrored, cropped by a tenth on each side, darker."""
    width, height = picture.size
    cropped = ImageOps.mirror(picture).crop((width // 10, height // 10, width - width // 10, height - height // 10))
    return ImageEnhance.Brightness(cropped).enhance(0.8)


def other_colours(picture: Image.Image, seed: str) -> Image.Image:
    """The thing in another colour, nearer and in other light: hue turned, 65 to 85 % cropped out, perhaps mirrored."""
    draw = random.Random(seed)
    hue, saturation, value = (ImageOps.mirror(picture) if draw.random() < 0.5 else picture).convert("HSV").split()
    turn = draw.randrange(30, 226)
    turned = Image.merge("HSV", (hue.point(lambda level: (level + turn) % 256), saturation, value)).convert("RGB")
    lit = ImageEnhance.Brightness(turned).enhance(draw.uniform(0.7, 1.3))
    lit = ImageEnhance.Contrast(lit).enhance(draw.uniform(0.7, 1.3))
    (width, height), part = lit.size, draw.uniform(0.65, 0.85)
    left, top = draw.uniform(0, width * (1 - part)), draw.uniform(0, height * (1 - part))
    return lit.crop((int(left), int(top), int(left + width * part), int(top + height * part)))


class Remembering:
    """A picture encoder that encodes each picture once."""

    def __init__(self, encoder: PictureEncoder) -> None:
        self._encoder = encoder
        self._known: dict[int, tuple[Image.Image, PictureVectors]] = {}
        self.joint_is_text_space = encoder.joint_is_text_space

    @property
    def visual_identity(self) -> EncoderIdentity:
        """The encoder's own."""
        return self._encoder.visual_identity

    @property
    def joint_identity(self) -> EncoderIdentity:
        """The encoder's own."""
        return self._encoder.joint_identity

    def load(self) -> None:
        """Load the encoder."""
        self._encoder.load()

    def encode(self, pictures: Sequence[Image.Image]) -> PictureVectors:
        """Vectors of one picture, remembered by the picture object."""
        (picture,) = pictures
        if id(picture) not in self._known:
            self._known[id(picture)] = (picture, self._encoder.encode([picture]))
        return self._known[id(picture)][1]

    def encode_text(self, texts: Sequence[str]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        """The encoder's own."""
        return self._encoder.encode_text(texts)

    def labels(self, picture: Image.Image, k: int = 5) -> list[Label]:
        """The encoder's own."""
        return self._encoder.labels(picture, k)


@dataclass(frozen=True)
class Photos:
    """The items that have a photo, and their photos."""

    items: list[Item]
    pictures: dict[str, Image.Image]

    @classmethod
    def of(cls, engines: Engines) -> "Photos":
        """Every first photo of the catalogue."""
        paths = [(item, engines.catalogue.image_path(item, 0)) for item in engines.catalogue.items()]
        pictures = {item.id: load_picture(path, engines.limits) for item, path in paths if path is not None}
        return cls([item for item, _ in paths if item.id in pictures], pictures)

    def changed(self, change: Callable[[Image.Image, str], Image.Image]) -> "Photos":
        """The same items with their photos changed."""
        return replace(self, pictures={item_id: change(picture, item_id) for item_id, picture in self.pictures.items()})


# Each signal alone ---------------------------------------------------------------------------------------------------


def measure(engines: Engines, photos: Photos) -> dict[str, tuple[float, float]]:
    """Share of items found first and within the first five, by question."""
    catalogue = engines.catalogue
    shots = photos.changed(lambda picture, _: another_shot(picture))

    def by_image(source: SignalSource, shown: Photos) -> Callable[[Item], ItemsResult]:
        weights: Weights = {source: 1.0}
        return lambda item: search_by_image(
            catalogue, engines.pictures, shown.pictures[item.id], k=FIRST, weights=weights
        )

    def by_title(item: Item) -> ItemsResult:
        only: Weights = {"text_picture": 1.0}
        return search_by_text(catalogue, engines.text, engines.pictures, item.title, k=FIRST, weights=only)

    return {
        "photo to its own text": _found(photos.items, by_image("picture_text", photos)),
        "title to its own photo": _found(photos.items, by_title),
        "another shot to its photo": _found(photos.items, by_image("picture", shots)),
    }


def _found(items: list[Item], ask: Callable[[Item], ItemsResult]) -> tuple[float, float]:
    ranks = [rank_of(item.id, ask(item)) for item in items]
    return share(ranks, 1), share(ranks, FIRST)


def rank_of(item_id: str, result: ItemsResult) -> int | None:
    """The item's place from 1, or None."""
    ids = [hit.item_id for hit in result.items]
    return ids.index(item_id) + 1 if item_id in ids else None


def share(ranks: Sequence[int | None], first: int) -> float:
    """How many of the ranks are among the first so many."""
    return sum(rank is not None and rank <= first for rank in ranks) / len(ranks) if ranks else 0.0


# The two signals of a photo together ---------------------------------------------------------------------------------


def looks_alone(catalogue: Catalogue, encoder: Remembering, picture: Image.Image, k: int) -> ItemsResult:
    """Items in the order of their looks."""
    ask = search.Ask(catalogue, None, POOL)
    found = catalogue.nearest("visual", encoder.encode([picture]).visual[0], POOL)
    return ask.fused([search.SignalList("picture", found, {})], WEIGHTS, k)


def both_lists(catalogue: Catalogue, encoder: Remembering, picture: Image.Image, k: int) -> ItemsResult:
    """Every item voted for by both signals: plain weighted rank fusion."""
    ask, rows = search.Ask(catalogue, None, POOL), encoder.encode([picture])
    space: Space = "text" if encoder.joint_is_text_space else "joint_text"
    texts = ask.texts_of(space, rows.joint[0], set(), centred=encoder.joint_is_text_space)
    looks = catalogue.nearest("visual", rows.visual[0], POOL)
    return ask.fused(
        [search.SignalList("picture", looks, {}), search.SignalList("picture_text", texts, {})], WEIGHTS, k
    )


def as_used(catalogue: Catalogue, encoder: Remembering, picture: Image.Image, k: int) -> ItemsResult:
    """What the product does: looks for what looks alike, texts for the rest."""
    return search_by_image(catalogue, encoder, picture, k=k, pool=POOL)


WAYS: dict[str, Ask] = {"looks alone": looks_alone, "both vote on all": both_lists, "looks, then texts": as_used}


def combine(engines: Engines, photos: Photos) -> dict[str, list[float]]:
    """For each way of combining: own item first and in five, category among five, item without a photo in 5 and 10."""
    shots = photos.changed(other_colours)
    encoder = Remembering(engines.pictures)
    rows: dict[str, list[float]] = {}
    with (
        every_second_without_photo(engines.catalogue, 0) as even,
        every_second_without_photo(engines.catalogue, 1) as odd,
    ):
        for name, ask in WAYS.items():
            whole = [ask(engines.catalogue, encoder, shots.pictures[item.id], FURTHER) for item in photos.items]
            ranks = [rank_of(item.id, result) for item, result in zip(photos.items, whole, strict=True)]
            alike = [_same_category(item, result) for item, result in zip(photos.items, whole, strict=True)]
            bare = [
                rank_of(item.id, ask((even, odd)[n % 2], encoder, shots.pictures[item.id], FURTHER))
                for n, item in enumerate(photos.items)
            ]
            rows[name] = [share(ranks, 1), share(ranks, FIRST), float(np.mean(alike)), share(bare, FIRST)]
            rows[name].append(share(bare, FURTHER))
    return rows


def _same_category(item: Item, result: ItemsResult) -> float:
    others = [hit for hit in result.items if hit.item_id != item.id][:FIRST]
    return sum(hit.category == item.category for hit in others) / FIRST


@contextmanager
def every_second_without_photo(catalogue: Catalogue, start: int) -> Iterator[Catalogue]:
    """A copy of the catalogue in which the items at ``start``, ``start + 2``, ... have lost their photos."""
    with tempfile.TemporaryDirectory() as folder, Catalogue.open(Path(folder)) as copy:
        with copy.writing() as writer:
            for space in ("text", "visual", "joint", "joint_text"):
                identity = catalogue.identity(space)
                if identity:
                    writer.use_encoder(space, identity)
            for n, item in enumerate(catalogue.items()):
                writer.put(*_copied(catalogue, item, bare=n % 2 == start))
            writer.tidy()
        yield copy


def _copied(catalogue: Catalogue, item: Item, *, bare: bool) -> tuple[list[CatalogueEntry], list[NewVector]]:
    """The item as an entry with its vectors; hashes need only differ from item to item."""
    digest = item.id.encode()
    spaces: tuple[Space, ...] = ("text", "joint_text") if bare else ("text", "joint_text", "visual", "joint")
    vectors = [
        NewVector(space, digest, rows[item.id][0])
        for space in spaces
        if (rows := catalogue.vectors_of(space, [item.id]))
    ]
    pictures = () if bare else (Picture(item.images[0], "ready", hash=digest),)
    return [CatalogueEntry(item, digest, digest, pictures)], vectors


# Printing ------------------------------------------------------------------------------------------------------------


def main() -> None:
    """Measure over the settings' catalogue and print the tables."""
    engines, console = open_engines(load_settings()), Console(width=100)
    count, photos = engines.catalogue.count(), Photos.of(engines)
    title = f"{count} items; chance {1 / count:.0%} and {FIRST / count:.0%}"
    alone = {name: list(shares) for name, shares in measure(engines, photos).items()}
    console.print(_table(title, ("question", "first", f"in {FIRST}"), alone))
    columns = ("ordered by", "itself first", f"in {FIRST}", f"its category, {FIRST}", f"without photo, in {FIRST}")
    title = "A photo in other colours"
    console.print(_table(title, (*columns, f"in {FURTHER}"), combine(engines, photos)))


def _table(title: str, columns: Sequence[str], rows: Mapping[str, Sequence[float]]) -> Table:
    table = Table(*columns, title=title)
    for name, shares in rows.items():
        table.add_row(name, *(f"{each:.0%}" for each in shares))
    return table


if __name__ == "__main__":
    main()
