"""The main thing in a photo, cut out where it is small; and the search for both."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.fakes.encoders import HashPictures, hash_vector
from tools.engines.cut_out import small_object
from tools.records import Item
from tools.search import search_by_image
from tools.store import Catalogue, CatalogueEntry, NewVector, Picture, Writer

TABLE = (196, 178, 156)


def thing(size: int, ground: tuple[int, int, int] = TABLE) -> Image.Image:
    """A red and blue thing of so many pixels on a table of 600 x 400."""
    picture = Image.new("RGB", (600, 400), ground)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((150, 100, 150 + size, 100 + size), fill=(170, 20, 30))
    draw.rectangle((150 + size // 3, 100 + size // 3, 150 + size // 2, 100 + size // 2), fill=(20, 30, 150))
    return picture


def test_a_small_thing_is_cut_out() -> None:
    part = small_object(thing(120))
    assert part is not None
    assert 110 <= part.width <= 150
    assert 110 <= part.height <= 150
    assert part.getpixel((part.width // 2, 10)) != TABLE


@pytest.mark.parametrize("size", [(1, 1), (40, 3000), (3000, 40), (600, 400)], ids=str)
def test_nothing_is_cut_out_of_a_plain_picture(size: tuple[int, int]) -> None:
    assert small_object(Image.new("RGB", size, TABLE)) is None


def test_a_large_thing_is_left_as_it_is() -> None:
    picture = Image.new("RGB", (600, 400), TABLE)
    ImageDraw.Draw(picture).ellipse((70, 50, 530, 350), fill=(170, 20, 30))
    assert small_object(picture) is None


def test_noise_is_no_thing_outside_of_the_picture() -> None:
    values = np.random.default_rng(2).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    part = small_object(Image.fromarray(values))
    assert part is None or (0 < part.width <= 400 and 0 < part.height <= 300)


def test_the_same_picture_gives_the_same_part() -> None:
    one, other = small_object(thing(120)), small_object(thing(120))
    assert one is not None
    assert other is not None
    assert one.tobytes() == other.tobytes()


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalogue]:
    monkeypatch.setattr(Writer, "follow", lambda self: None)
    encoder = HashPictures()
    with Catalogue.open(tmp_path) as store:
        with store.writing() as writer:
            writer.use_encoder("visual", encoder.visual_identity)
            for name in ("cup", "jug", "pan"):
                picture = Picture(f"{name}.png", "ready", hash=name.encode())
                entry = CatalogueEntry(Item(id=name, title=name), name.encode(), None, (picture,))
                writer.put([entry], [NewVector("visual", name.encode(), hash_vector(_photo(name).tobytes()))])
        yield store


def _photo(name: str) -> Image.Image:
    return Image.new("RGB", (8, 8), {"cup": (1, 2, 3), "jug": (4, 5, 6), "pan": (7, 8, 9)}[name])


def test_an_item_that_only_the_part_shows_is_found(catalogue: Catalogue) -> None:
    whole = Image.new("RGB", (9, 9), (50, 50, 50))
    weights = {"picture": 1.0}
    best = search_by_image(catalogue, HashPictures(), whole, part=_photo("jug"), k=1, weights=weights).items[0]
    assert (best.item_id, best.signals[0].score) == ("jug", 1.0)
    of_whole = search_by_image(catalogue, HashPictures(), _photo("pan"), part=_photo("jug"), k=2, weights=weights)
    assert {hit.item_id for hit in of_whole.items} == {"pan", "jug"}
