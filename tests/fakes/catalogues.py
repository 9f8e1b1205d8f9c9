"""Small catalogues for tests: files with pictures, and entries for the store."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from tests.fakes.encoders import hash_vector, identity
from tools.records import Item
from tools.store import Catalogue, CatalogueEntry, NewVector, Picture

KINDS = ("chair", "lamp", "sofa", "shoe", "camera", "cactus", "ball")
COLOURS = ("red", "blue", "black", "green")


def picture(path: Path, seed: int) -> Path:
    """A small picture that no other seed gives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (12, 12), (seed % 256, seed // 256 % 256, seed // 65536)).save(path)
    return path


def lines(count: int, *, pictures: int = 1) -> list[dict[str, Any]]:
    """Catalogue lines with ids item-0, item-1, ..."""
    return [
        {
            "id": f"item-{n}",
            "title": f"{COLOURS[n % 4]} {KINDS[n % 7]} number {n}".capitalize(),
            "description": f"A {KINDS[n % 7]} with the number {n}.",
            "price": n + 0.5,
            "currency": "USD",
            "category": f"Things > {KINDS[n % 7]}s",
            "brand": f"Brand {n % 3}",
            "images": [f"images/{n}-{p}.png" for p in range(pictures)],
            "in_stock": n % 5 != 0,
            "color": COLOURS[n % 4],
        }
        for n in range(count)
    ]


def write(folder: Path, rows: Iterable[dict[str, Any]], name: str = "products.jsonl") -> Path:
    """The lines as a file, with their pictures beside it."""
    rows = list(rows)
    for row in rows:
        for reference in row.get("images", []):
            number = int(hashlib.sha256(reference.encode()).hexdigest()[:6], 16)
            if not (folder / reference).exists():
                picture(folder / reference, number)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def entry(item: Item, *, pictures: int = 0) -> CatalogueEntry:
    """An item for the store, with hashes made from its id and title."""
    shown = tuple(
        Picture(f"/nowhere/{item.id}-{n}.png", "ready", None, 1, 1, _digest(f"{item.id} picture {n}"))
        for n in range(pictures)
    )
    return CatalogueEntry(item, _digest(item.model_dump_json()), _digest(item.title), shown)


def fill(catalogue: Catalogue, entries: Sequence[CatalogueEntry]) -> None:
    """Write entries with vectors drawn by their hashes."""
    with catalogue.writing() as writer:
        for space in ("text", "visual", "joint"):
            writer.use_encoder(space, identity(f"fake {space}"))
        writer.put(entries, vectors_of(entries))
        writer.tidy()


def vectors_of(entries: Iterable[CatalogueEntry]) -> list[NewVector]:
    """All vectors of the entries, drawn by their hashes."""
    places = {(space, digest) for each in entries for (space, _), digest in each.places().items()}
    return [NewVector(space, digest, hash_vector(digest)) for space, digest in places if space != "joint_text"]


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
