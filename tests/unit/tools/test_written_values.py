"""Option values in any way to write them, without an encoder."""

import pytest

from tools.variants.written import written

OPTIONS = {
    "storage": ["128 GB", "256 GB", "1 TB"],
    "size": ["S", "M", "L", "XXL"],
    "color": ["pink", "hot pink", "黑色", "白"],
}
BOXES = {
    "size": ["41", "42"],
    "volume": ["0.5 l", "100 ml"],
    "box": ["S, 50 cm", "M, 70 cm"],
    "kit": ["12+256GB", "16+512GB"],
}


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("the 128 gb one", {"storage": ["128 GB"]}), ("128G的多少钱", {"storage": ["128 GB"]}),
        ("with 256 gigs", {"storage": ["256 GB"]}), ("256 gigas, ¿cuánto?", {"storage": ["256 GB"]}),
        ("the one with 256 please", {"storage": ["256 GB"]}), ("1000 GB", {"storage": ["1 TB"]}),
        ("1 tera", {"storage": ["1 TB"]}), ("256ギガ", {"storage": ["256 GB"]}),
        ("under 256 euros", {}), ("for $128", {}), ("256 cm wide", {}), ("1 year of warranty", {}),
        ("M码多少钱", {"size": ["M"]}), ("do you have it in M?", {"size": ["M"]}), ("size m", {"size": ["M"]}),
        ("I'm looking for it, it's nice", {}), ("MacBook", {}), ("5 L bucket", {}), ("2XL bitte", {"size": ["XXL"]}),
        ("in hot pink", {"color": ["hot pink"]}), ("pink or black", {"color": ["pink"]}),
        ("黑色的", {"color": ["黑色"]}), ("白いのは", {"color": ["白"]}), ("明白了", {}),
    ],
)  # fmt: skip
def test_values_stand_in_a_text_in_any_way_to_write_them(text: str, means: dict[str, list[str]]) -> None:
    assert written(OPTIONS, text) == means


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("is 41 in stock", {"size": ["41"]}), ("do you have it in 42", {"size": ["42"]}), ("41 cm", {}),
        ("500 ml", {"volume": ["0.5 l"]}), ("1 dl", {"volume": ["100 ml"]}), ("70cm", {"box": ["M, 70 cm"]}),
        ("the M", {"box": ["M, 70 cm"]}), ("512G", {"kit": ["16+512GB"]}), ("Pegasus 41 in 42", {"size": ["42"]}),
        ("how much is the Pegasus 41?", {}),
    ],
)  # fmt: skip
def test_parts_and_numbers_of_a_value_stand_for_it(text: str, means: dict[str, list[str]]) -> None:
    assert written(BOXES, text, "Nike Pegasus 41") == means
