"""A small shop for these tests: twelve items, each with a picture drawn here, and its catalogue file."""

import json
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

ITEMS: list[dict[str, Any]] = [
    {"id": "oak", "title": "Oak Chair", "price": 80, "category": "Furniture", "description": "A solid oak chair."},
    {
        "id": "cafe",
        "title": "Cafe Chair",
        "price": 95,
        "category": "Furniture",
        "description": "A folding chair.",
    },
    {"id": "desk", "title": "Writing Desk", "price": 210, "category": "Furniture", "description": "A desk of pine."},
    {"id": "lamp", "title": "Desk Lamp", "price": 45, "category": "Lighting", "description": "A lamp with a long arm."},
    {"id": "moon", "title": "Moon Lamp", "price": 30, "category": "Lighting", "description": "A round night lamp."},
    {"id": "run", "title": "Running Shoe", "price": 70, "category": "Footwear", "description": "A light, red shoe."},
    {"id": "boot", "title": "Leather Boot", "price": 140, "category": "Footwear", "description": "A brown boot."},
    {"id": "mug", "title": "Coffee Mug", "price": 12, "category": "Kitchen", "description": "A white stoneware mug."},
    {"id": "pot", "title": "Tea Pot", "price": 38, "category": "Kitchen", "description": "A glass pot for tea."},
    {"id": "ball", "title": "Soccer Ball", "price": 25, "category": "Sport", "description": "A ball for the park."},
    {"id": "tent", "title": "Camping Tent", "price": 160, "category": "Sport", "description": "A tent for two."},
    {"id": "ring", "title": "Silver Ring", "price": 55, "category": "Jewellery", "description": "A plain silver ring."},
]
PRICES = {item["id"]: item["price"] for item in ITEMS}
COLOURS = ("sienna", "gray", "peru", "black", "khaki", "red", "brown", "white", "skyblue", "green", "orange", "silver")


def build(folder: Path) -> Path:
    """Draw the pictures and write the catalogue file; returns the file."""
    (folder / "images").mkdir(parents=True)
    for position, item in enumerate(ITEMS):
        draw(position).save(folder / "images" / f"{item['id']}.jpg", quality=85)
    lines = [{**item, "currency": "USD", "in_stock": True, "image": f"images/{item['id']}.jpg"} for item in ITEMS]
    return write_lines(folder / "catalogue.jsonl", lines)


def write_lines(path: Path, lines: list[dict[str, Any]]) -> Path:
    """A JSONL file."""
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), "utf-8")
    return path


def draw(position: int, size: int = 200) -> Image.Image:
    """One of twelve simple pictures: a shape in a colour on a light ground."""
    picture = Image.new("RGB", (size, size), (240, 240, 235))
    canvas, colour = ImageDraw.Draw(picture), COLOURS[position % len(COLOURS)]
    box = (size // 5, size // 5, size * 4 // 5, size * 4 // 5)
    if position % 3 == 0:
        canvas.rectangle(box, fill=colour, outline="black", width=3)
    elif position % 3 == 1:
        canvas.ellipse(box, fill=colour, outline="black", width=3)
    else:
        canvas.polygon(
            [(size // 2, size // 6), (size // 6, size * 5 // 6), (size * 5 // 6, size * 3 // 4)], fill=colour
        )
    for step in range(position):
        canvas.line([(0, 8 * step), (size // 6, 8 * step + 4)], fill=colour, width=2)
    return picture
