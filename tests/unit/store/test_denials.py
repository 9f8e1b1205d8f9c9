"""A filter against a term, and items that say they do not have it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.catalogues import entry
from tools.records import Filters, Item
from tools.store import Catalogue, matches
from tools.store.denials import all_denied
from tools.store.words import tokens

DENIED = [
    ("caffeine", "Rooibos without caffeine."),
    ("caffeine", "A caffeine-free evening tea."),
    ("caffeine", "Herbal tea that contains no caffeine"),
    ("nuts", "This bar does not contain any nuts."),
    ("nickel", "Free of nickel and safe for children"),
    ("plastic", "No plastic. Really: no plastic."),
    ("palm oil", "Soap with no palm oil"),
    ("perfume", "A non-perfume cream"),
    ("糖", "无糖气泡水"),
    ("咖啡因", "晚上也能喝，不含咖啡因"),
    ("塑料", "没有塑料，不含任何塑料"),
    ("Koffein", "Ein Tee ganz ohne Koffein"),
    ("Plastik", "enthält kein Plastik"),
    ("sucre", "Une compote sans sucre"),
    ("gluten", "Pan sin gluten"),
    ("lactose", "Leite sem lactose"),
]
MENTIONED = [
    ("caffeine", "With as much caffeine as coffee"),
    ("plastic", "No plastic bag, and a lid of plastic"),
    ("gluten", "This bread is not gluten-free."),
    ("nuts", "Not only nuts, but raisins too"),
    ("sugar", "No added sugar"),
    ("plastic", "Not without plastic"),
    ("milk", "Vegan? No. Milk, butter and eggs"),
    ("plastic", "Plastic. Free delivery"),
    ("milk", "Vegan: no - contains milk"),
    ("nuts", "Sin gluten: no — contiene nuts"),
    ("Milch", "Vegan? Nein – enthält Milch"),
    ("plastic", "A handle of plastic free of BPA"),
    ("leather", "No other bag has leather like this"),
    ("坚果", "不仅含坚果"),
]


@pytest.mark.parametrize(("term", "text"), DENIED)
def test_a_denial_is_no_mention(term: str, text: str) -> None:
    assert all_denied(["An item", text], tokens(term), "en")


@pytest.mark.parametrize(("term", "text"), MENTIONED)
def test_what_is_not_surely_denied_is_mentioned(term: str, text: str) -> None:
    assert not all_denied(["An item", text], tokens(term), "en")


def test_an_attribute_says_no_by_its_value() -> None:
    item = Item(id="a", title="Course", attributes={"certificate": "no", "exam": "not needed now"})
    assert matches(item, Filters(exclude_terms=["certificate"]))
    assert not matches(item, Filters(exclude_terms=["exam"]))


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    with Catalogue.open(tmp_path) as opened:
        yield opened


def test_the_store_decides_as_the_predicate(catalogue: Catalogue) -> None:
    stored = [
        Item(id=f"{place}", title="An item", description=text) for place, (_, text) in enumerate([*DENIED, *MENTIONED])
    ]
    with catalogue.writing() as writer:
        writer.put([entry(item) for item in stored], [])
    for term in {term for term, _ in [*DENIED, *MENTIONED]}:
        wanted = Filters(exclude_terms=[term])
        passed = {item.id for item in stored if matches(item, wanted)}
        assert set(catalogue.eligible(wanted) or []) == passed, term
