import numpy as np
import pytest

from assistant.errors import BadInput
from eval.research.simulation.users import Likeness, draw_users
from tools.records import Item

ITEMS = [
    Item(id="oak", title="Oak Chair", description="A solid oak chair.", price=80, category="Home > Chairs"),
    Item(id="cafe", title="Cafe Chair", description="A chair for a cafe.", price=90, category="Home > Chairs"),
    Item(id="fern", title="Fern", description="A green plant.", price=8, category="Home > Plants"),
    Item(id="shoe", title="Running Shoe", description="Light and blue.", price=60, category="Sport > Shoes"),
    Item(id="odd", title="Odd Thing", description="Nobody knows.", price=None),
]
BY_ID = {item.id: item for item in ITEMS}


def test_likeness_goes_by_category_words_and_price() -> None:
    likeness = Likeness.of(ITEMS)
    to_oak = likeness.to("oak", ["oak", "cafe", "fern", "shoe", "odd"])
    assert list(np.argsort(-to_oak)) == [0, 1, 2, 3, 4]
    assert to_oak[0] == pytest.approx(1.0)
    assert np.allclose(likeness.matrix, likeness.matrix.T)


def test_items_without_category_or_price_are_like_nothing() -> None:
    assert Likeness.of(ITEMS).to("odd", ["oak"])[0] < 0.05


def test_every_item_with_a_category_is_looked_for_about_equally_often() -> None:
    users = draw_users(BY_ID, 10, seed=1, words=0.5, silent=0)
    counts = [sum(user.target == target for user in users) for target in ("oak", "cafe", "fern", "shoe")]
    assert sum(counts) == 10
    assert max(counts) - min(counts) <= 1
    assert {user.kind for user in users if user.target == "fern"} == {"Home"}
    assert users == draw_users(BY_ID, 10, seed=1, words=0.5, silent=0)
    assert users != draw_users(BY_ID, 10, seed=2, words=0.5, silent=0)


def test_the_share_of_users_who_speak_is_as_asked() -> None:
    assert not any(user.by_words for user in draw_users(BY_ID, 20, seed=1, words=0, silent=0))
    assert all(user.by_words for user in draw_users(BY_ID, 20, seed=1, words=1, silent=0))


def test_a_catalogue_without_categories_is_refused() -> None:
    with pytest.raises(BadInput, match="no item of the catalogue has one"):
        draw_users({"odd": BY_ID["odd"]}, 3, seed=1, words=0, silent=0)
