"""Attributes in a shopper's words: names and values in any language and writing, against the catalogue's own."""

import pytest

from assistant.understanding.attributes import attribute_constraints, attribute_of
from tools.records import Vocabulary

SHOP = Vocabulary(
    attribute_values={
        "size": ["40", "42", "43", "44", "XL", "16GB"],
        "color": ["black", "red", "navy blue"],
        "RAM": ["8GB", "16GB"],
        "storage": ["32GB", "128GB", "1TB"],
        "screen size": ["13 inch", "27 inch"],
        "capacity": ["1.5 l"],
        "waterproof": ["true"],
    }
)
GERMAN = Vocabulary(attribute_values={"Größe": ["42", "43,5"], "Farbe": ["rot", "grün"], "Gewicht": ["1,5 kg"]})
CHINESE = Vocabulary(attribute_values={"尺码": ["42码", "43码"], "颜色": ["红色", "黑色"]})
BARE = Vocabulary()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("size 43", [("size", "43")]),
        ("in size 43", [("size", "43")]),
        ("43", [("size", "43")]),
        ("Größe 43", [("size", "43")]),
        ("taille 43", [("size", "43")]),
        ("talla 43", [("size", "43")]),
        ("43码", [("size", "43")]),
        ("尺码43", [("size", "43")]),
        ("size XL", [("size", "XL")]),
        ("xl", [("size", "XL")]),
        ("32 GB", [("storage", "32GB")]),
        ("32gb storage", [("storage", "32GB")]),
        ("32 Go", [("storage", "32GB")]),
        ("16 GB RAM", [("RAM", "16GB")]),
        ("RAM of 16 GB", [("RAM", "16GB")]),
        ("16 GB Arbeitsspeicher", [("RAM", "16GB")]),
        ("内存16GB", [("RAM", "16GB")]),
        ("1000 GB", [("storage", "1TB")]),
        ("red", [("color", "red")]),
        ("rouge", [("color", "red")]),
        ("rote", [("color", "red")]),
        ("红色", [("color", "red")]),
        ("Navy Blue", [("color", "navy blue")]),
        ("27 Zoll", [("screen size", "27 inch")]),
        ('27" screen', [("screen size", "27 inch")]),
        ("screen size 27", [("screen size", "27 inch")]),
        ("1,5 Liter", [("capacity", "1.5 l")]),
        ("red, size 43", [("color", "red"), ("size", "43")]),
        ("size 43 in red", [("size", "43"), ("color", "red")]),
        ("红色43码", [("color", "red"), ("size", "43")]),
        ("16 GB RAM and 128 GB", [("RAM", "16GB"), ("storage", "128GB")]),
        ("size 47", [("size", "47")]),
        ("64 GB", []),
        ("for 4 people", []),
        ("", []),
        ("shoes", []),
        ("size", []),
    ],
)
def test_the_catalogue_s_spelling_is_found(text: str, found: list[tuple[str, str]]) -> None:
    assert attribute_constraints(text, SHOP) == found


@pytest.mark.parametrize(
    ("text", "vocabulary", "found"),
    [
        ("size 43.5", GERMAN, [("Größe", "43,5")]),
        ("red", GERMAN, [("Farbe", "rot")]),
        ("1500 g", GERMAN, [("Gewicht", "1,5 kg")]),
        ("Größe 43,5 in Grün", GERMAN, [("Größe", "43,5"), ("Farbe", "grün")]),
        ("43码", CHINESE, [("尺码", "43码")]),
        ("size 43", CHINESE, [("尺码", "43码")]),
        ("black", CHINESE, [("颜色", "黑色")]),
        ("size 43", BARE, [("size", "43")]),
        ("Größe 43", BARE, [("size", "43")]),
        ("43码", BARE, [("size", "43")]),
        ("red", BARE, []),
        ("43", BARE, []),
    ],
)
def test_catalogues_in_other_languages(text: str, vocabulary: Vocabulary, found: list[tuple[str, str]]) -> None:
    assert attribute_constraints(text, vocabulary) == found


def test_every_attribute_with_a_value() -> None:
    assert attribute_of("16 gb", SHOP) == ["RAM", "size"]
    assert attribute_of("rot", SHOP) == ["color"]
    assert attribute_of("2 TB", SHOP) == []
