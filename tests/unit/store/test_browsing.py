"""Pages of items that pass a filter: every plan gives the same ones; here the bounds of the plans are made small."""

from collections.abc import Iterator

import numpy as np
import pytest

from tests.fakes.catalogues import entry
from tools.records import Filters, Item
from tools.store import Catalogue, Sort, browsing, matches, reading
from tools.store.offers import offered

COUNT = 120
FILTERS = [
    Filters(max_price=20),
    Filters(in_stock=True),
    Filters(attributes={"color": ["red", "blue"]}),
    Filters(attributes={"color": ["red"], "size": ["42"]}, in_stock=True, min_price=5),
    Filters(brands=["b1", "b2"]),
    Filters(exclude_brands=["b1"], exclude_ids=["i4"]),
    Filters(categories=["kind 1"], attributes={"size": ["42"]}),
    Filters(exclude_terms=["oak"]),
    Filters(max_price=0),
]
PLANS = {"sorted": (8_000, 1.0), "few": (COUNT - 1, 1.0), "walked": (0, 60.0), "given up": (0, -1.0)}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Catalogue, list[Item]]]:
    chance = np.random.default_rng(2)
    items = []
    for n in range(COUNT):
        price = None if n % 7 == 0 else float(chance.integers(1, 30))
        variants = [
            {
                "size": str(chance.choice([41, 42])),
                "color": str(chance.choice(["red", "blue", "green"])),
                "in_stock": True,
            }
            | ({"price": float(chance.integers(1, 30))} if chance.random() < 0.5 else {})
            for _ in range(int(chance.integers(0, 4)))
        ]
        items.append(
            Item(
                id=f"i{n}",
                title=f"{chance.choice(['Oak', 'pine'])} {n % 5}",
                price=price,
                category=f"All > Kind {n % 3}",
                brand=f"B{n % 4}" if n % 5 else None,
                in_stock=bool(chance.random() < 0.7),
                attributes={"color": "red", "variants": variants} if variants else {"color": "blue"},
            )
        )
    with Catalogue.open(tmp_path_factory.mktemp("shop")) as catalogue:
        with catalogue.writing() as writer:
            writer.put([entry(item) for item in items], [])
        yield catalogue, items


def _in_order(items: list[Item], filters: Filters, sort: Sort) -> list[str]:
    def place(item: Item) -> tuple[object, ...]:
        offer = offered(item, filters)
        price = offer.price if offer else None
        if sort == "newest":
            return (-int(item.id[1:]),)
        by_name = item.title.lower(), item.id
        return by_name if sort == "title" else (price is None, (price or 0) * (-1 if sort == "-price" else 1), *by_name)

    return [item.id for item in sorted((item for item in items if matches(item, filters)), key=place)]


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("filters", FILTERS)
def test_every_plan_gives_the_same_pages(
    shop: tuple[Catalogue, list[Item]], filters: Filters, plan: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    few, seconds = PLANS[plan]
    monkeypatch.setattr(reading, "FEW", few)
    monkeypatch.setattr(reading, "WALK_SECONDS", seconds)
    monkeypatch.setattr(reading, "WALK_STEPS", 1 if seconds < 0 else 10_000)
    if plan == "walked":
        monkeypatch.setattr(browsing, "_of_all", None)  # the walk ends in time
    catalogue, items = shop
    sorts: tuple[Sort, ...] = ("title", "price", "-price", "newest")
    for sort in sorts:
        expected = _in_order(items, filters, sort)
        pages = [catalogue.browse(filters, sort, 11, offset) for offset in range(0, COUNT + 11, 11)]
        assert [item.id for page in pages for item in page] == expected, sort
    assert catalogue.count_eligible(filters, 3) in {len(expected), 4}
    assert (catalogue.count_eligible(filters, 3) == 4) <= (len(expected) > 3)
    assert catalogue.count_eligible(filters) == len(expected)
