"""How well each signal finds an item's other half in the ingested catalogue.

    python -m eval.retrieval     # a table: share of items whose own entry comes first, and within the first five

Three questions for every item with a picture: its photo to its own text, its title to its own photo, and a mirrored,
cropped and darkened copy of its photo to itself.
"""

from collections.abc import Callable, Mapping

from PIL import Image, ImageEnhance, ImageOps
from rich.console import Console
from rich.table import Table

from assistant.engines import open_engines
from assistant.settings import load_settings
from tools.engines.parts import Engines
from tools.media import load_picture
from tools.records import Item, ItemsResult, SignalSource
from tools.search import search_by_image, search_by_text

FIRST = 5


def another_shot(picture: Image.Image) -> Image.Image:
    """The picture as another photo of the same thing: mirrored, cropped by a tenth on each side, darker."""
    width, height = picture.size
    cropped = ImageOps.mirror(picture).crop((width // 10, height // 10, width - width // 10, height - height // 10))
    return ImageEnhance.Brightness(cropped).enhance(0.8)


def measure(engines: Engines) -> dict[str, tuple[float, float]]:
    """Share of items found first and within the first five, by question."""
    catalogue = engines.catalogue
    items = [(item, catalogue.image_path(item, 0)) for item in catalogue.items()]
    pictures = {item.id: load_picture(path, engines.limits) for item, path in items if path is not None}
    shown = [item for item, _ in items if item.id in pictures]

    def by_image(source: SignalSource, change: Callable[[Image.Image], Image.Image]) -> Callable[[Item], ItemsResult]:
        weights: Mapping[SignalSource, float] = {source: 1.0}
        return lambda item: search_by_image(
            catalogue, engines.pictures, change(pictures[item.id]), k=FIRST, weights=weights
        )

    def by_title(item: Item) -> ItemsResult:
        only: Mapping[SignalSource, float] = {"text_picture": 1.0}
        return search_by_text(catalogue, engines.text, engines.pictures, item.title, k=FIRST, weights=only)

    return {
        "photo to its own text": _found(shown, by_image("picture_text", lambda picture: picture)),
        "title to its own photo": _found(shown, by_title),
        "another shot to its photo": _found(shown, by_image("picture", another_shot)),
    }


def _found(items: list[Item], ask: Callable[[Item], ItemsResult]) -> tuple[float, float]:
    first = within = 0
    for item in items:
        ids = [hit.item_id for hit in ask(item).items]
        first += ids[:1] == [item.id]
        within += item.id in ids
    return first / len(items), within / len(items)


def main() -> None:
    """Measure over the settings' catalogue and print the table."""
    engines = open_engines(load_settings())
    count = engines.catalogue.count()
    table = Table(
        "question",
        "first",
        f"in the first {FIRST}",
        title=f"{count} items; chance {1 / count:.0%} and {FIRST / count:.0%}",
    )
    for name, (first, within) in measure(engines).items():
        table.add_row(name, f"{first:.0%}", f"{within:.0%}")
    Console().print(table)


if __name__ == "__main__":
    main()
