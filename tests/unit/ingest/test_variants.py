"""Variants of one product from rows of a feed."""

import pytest

from assistant.ingest.variants import common_title


@pytest.mark.parametrize(
    ("titles", "options", "title"),
    [
        (["Shoe — black, size 10", "Shoe — black, size 11"], ["black", "10", "11"], "Shoe"),
        (["Linen Shirt - White, S", "Linen Shirt - White, M"], ["S", "M"], "Linen Shirt - White"),
        (["Classic Tee (Red / S)", "Classic Tee (Red / M)"], ["Red", "S", "M"], "Classic Tee"),
        (["iPhone 15 128 GB", "iPhone 15 256 GB"], ["128 GB", "256 GB"], "iPhone 15"),
        (["Red Coat", "Blue Coat"], ["Red", "Blue"], "Red Coat"),
        (["Coat", "Coat long"], ["long"], "Coat"),
        (["Mug"], [], "Mug"),
    ],
)
def test_a_product_is_called_by_what_its_variants_have_in_common(
    titles: list[str], options: list[str], title: str
) -> None:
    assert common_title(titles, options) == title
