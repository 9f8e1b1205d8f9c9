"""Generated catalogue lines, text only, the same for the same number."""

import json
import random
from pathlib import Path

WORDS = Path(__file__).parent.parent / "data" / "words.json"


def write_lines(path: Path, count: int, *, sentences: int = 3) -> Path:
    """Write ``count`` JSONL lines, each with a title and so many sentences of about 13 words."""
    words: dict[str, list[str]] = json.loads(WORDS.read_text("utf-8"))
    chance = random.Random(7)
    with path.open("w", encoding="utf-8") as out:
        for number in range(count):
            out.write(json.dumps(_line(number, sentences, words, chance)) + "\n")
    return path


def _line(number: int, sentences: int, words: dict[str, list[str]], chance: random.Random) -> dict[str, object]:
    noun, material = chance.choice(words["nouns"]), chance.choice(words["materials"])
    first, second = chance.sample(words["qualities"], 2)
    return {
        "id": f"g{number}",
        "title": f"{first.title()} {second} {noun} {number}",
        "description": " ".join(_sentence(noun, words, chance) for _ in range(sentences)),
        "price": round(chance.uniform(3, 900), 2),
        "currency": "EUR",
        "category": f"{noun.title()}s",
        "brand": f"Brand {chance.randrange(200)}",
        "in_stock": chance.random() < 0.9,
        "material": material,
    }


def _sentence(noun: str, words: dict[str, list[str]], chance: random.Random) -> str:
    first, second, third = (chance.choice(words["qualities"]) for _ in range(3))
    material, use = chance.choice(words["materials"]), chance.choice(words["uses"])
    return f"A {first} {noun} of {material} for {use}, {second} and {third}."
