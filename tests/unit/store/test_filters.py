"""A filter means the same in SQL and in Python."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.catalogues import entry
from tools.records import Filters, Item
from tools.store import Catalogue, matches

WORDS = [
    "red",
    "Red",
    "leather",
    "leather sofa",
    "running",
    "Shoes",
    "红色",
    "红",
    "waterproof",
    "size 40",
    "8gb",
    "the",
    "!",
]
CATEGORIES = ["Home > Chairs", "home>chairs", "Chairs", "Home", "Shoes", "Électronique", "electronique", "?", " "]
BRANDS = ["Nike", "NIKE ", "Adidas", "Brand > X", " "]

texts = st.lists(
    st.sampled_from(
        [*WORDS, "a", "sofa", "外套", "40", "8 GB", "no", "not", "free", "free of", "不含", "any", "without"]
    ),
    max_size=5,
).map(" ".join)
attributes = st.dictionaries(
    st.sampled_from(["color", "size", "waterproof", "specs"]),
    st.one_of(
        st.booleans(),
        st.sampled_from(WORDS),
        st.lists(st.sampled_from(WORDS), max_size=3),
        st.integers(38, 41),
        st.dictionaries(st.sampled_from(["material", "size"]), st.sampled_from(WORDS), max_size=2),
    ),
    max_size=3,
)
items = st.builds(
    Item,
    id=st.sampled_from([f"i{n}" for n in range(50)]),
    title=texts,
    description=texts,
    price=st.one_of(st.none(), st.sampled_from([0.0, 9.99, 10.0, 60.0])),
    category=st.one_of(st.none(), st.sampled_from(CATEGORIES)),
    brand=st.one_of(st.none(), st.sampled_from(BRANDS)),
    in_stock=st.sampled_from([None, True, False]),
    attributes=attributes,
)
names = st.lists(st.sampled_from(CATEGORIES), max_size=2)
terms = st.lists(st.sampled_from(WORDS), max_size=2)
filters = st.builds(
    Filters,
    min_price=st.one_of(st.none(), st.sampled_from([0.0, 10.0])),
    max_price=st.one_of(st.none(), st.sampled_from([10.0, 60.0])),
    categories=names,
    brands=st.lists(st.sampled_from(BRANDS), max_size=2),
    in_stock=st.sampled_from([None, True, False]),
    include_terms=terms,
    exclude_terms=terms,
    exclude_categories=names,
    exclude_brands=st.lists(st.sampled_from(BRANDS), max_size=2),
    exclude_ids=st.lists(st.sampled_from(["i1", "i2", "nobody"]), max_size=2),
)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return Catalogue.open(tmp_path_factory.mktemp("filters"))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(items, max_size=8, unique_by=lambda item: item.id), st.lists(filters, min_size=1, max_size=6))
def test_sql_and_python_decide_alike(
    catalogue: Catalogue, stored_items: list[Item], filter_list: list[Filters]
) -> None:
    with catalogue.writing() as writer:
        writer.remove(list(writer.ids()))
        writer.put([entry(item) for item in stored_items], [])
    for condition in filter_list:
        expected = {item.id for item in stored_items if matches(item, condition)}
        ids = catalogue.eligible(condition)
        assert (set(ids) if ids is not None else {item.id for item in stored_items}) == expected
        assert catalogue.count_eligible(condition) == len(expected)
        assert {item.id for item in catalogue.browse(condition, k=100)} == expected


@pytest.mark.parametrize(
    ("filters", "passes"),
    [
        (Filters(max_price=60), True),
        (Filters(max_price=59.99), False),
        (Filters(categories=["shoes"]), True),
        (Filters(categories=["sports & outdoor"]), True),
        (Filters(categories=["Sports & Outdoor > Shoes"]), True),
        (Filters(categories=["sport"]), False),
        (Filters(exclude_categories=["Shoes"]), False),
        (Filters(include_terms=["running shoe", "waterproof"]), True),
        (Filters(include_terms=["shoe running"]), False),
        (Filters(include_terms=["size 40"]), True),
        (Filters(include_terms=["vegan"]), False),
        (Filters(exclude_terms=["leather"]), False),
        (Filters(include_terms=["oak"]), True),
        (Filters(in_stock=True), False),
        (Filters(in_stock=False), True),
        (Filters(brands=["nike"]), True),
        (Filters(exclude_brands=["NIKE"]), False),
        (Filters(exclude_ids=["x"]), False),
    ],
)
def test_the_rules(filters: Filters, passes: bool) -> None:
    item = Item(
        id="x",
        title="Running Shoes",
        description="Soft leather, for the road.",
        price=60,
        category="Sports & Outdoor > Shoes",
        brand="Nike",
        attributes={"size": ["38", "40"], "waterproof": True, "vegan": False, "specs": {"material": ["oak", "glue"]}},
    )
    assert matches(item, filters) is passes


def test_an_item_without_a_price_fails_every_price_filter() -> None:
    item = Item(id="x", title="Gift")
    assert not matches(item, Filters(min_price=0))
    assert not matches(item, Filters(max_price=1e9))
    assert matches(item, Filters(exclude_brands=["Nike"]))


def test_a_blank_name_is_no_name(catalogue: Catalogue) -> None:
    with catalogue.writing() as writer:
        writer.remove(list(writer.ids()))
        writer.put([entry(Item(id="x", title="Gift")), entry(Item(id="y", title="Shoe", brand="Nike"))], [])
    for passes, condition in [
        (2, Filters(exclude_brands=[" "])),
        (1, Filters(exclude_brands=[" ", "nike"])),
        (2, Filters(exclude_categories=[" "])),
        (0, Filters(brands=[" "])),
        (1, Filters(brands=[" ", "nike"])),
    ]:
        ids = catalogue.eligible(condition)
        assert (len(ids) if ids is not None else 2, catalogue.count_eligible(condition)) == (passes, passes)
