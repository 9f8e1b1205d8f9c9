"""Shops that learn together, measured: who is in which shop, and the table."""

from eval.research.privacy.federated import SHOPS, compare, shops, table
from eval.research.public.interactions import Interactions, collect


def interactions(people: int = 80, items: int = 16) -> Interactions:
    """Everybody goes through eight items in turn, each from another one on."""
    return collect(
        (f"u{user}", f"i{(user + step) % items:02d}", 1.0, 1000 + step) for user in range(people) for step in range(8)
    )


def test_everybody_is_asked_once_of_one_shop_for_what_came_last() -> None:
    members = shops(interactions())
    assert [len(shop.asked) for shop in members] == [16] * SHOPS
    for past, target in members[0].asked:
        latest = next(iter(past))
        assert (int(latest[1:]) + 1) % 16 == int(target[1:])
        assert len(past) == 7
        assert target not in past


def test_together_is_as_good_as_in_one_place_and_the_table_has_every_row() -> None:
    by_name = {figure.name: figure for figure in compare(interactions(), repeats=1)}
    together = by_name["together, exact counts"]
    assert together.ndcg > 0.9
    assert by_name["all events in one place"].of_pooled == 1.0
    assert by_name["each shop alone"].gain == 0.0
    assert len(list(table(list(by_name.values())))) == 1 + len(by_name) == 12
