"""What breaks a constraint, and when the constraints in force are the expected ones."""

from typing import Any

import pytest

from assistant.records import Relaxation
from eval.measures.constraints import BELOW_FIRST, breaks, broken, differences, resolved, same, without_relaxed
from tests.unit.eval.measures.shop import ITEMS
from tools.records import Item


@pytest.mark.parametrize(
    ("item", "constraints", "is_broken"),
    [
        ("runner", {"max_price": 44.95}, False),
        ("runner", {"max_price": 44.94}, True),
        ("gift", {"max_price": 299}, True),
        ("trainer", {"min_price": 66}, True),
        ("trainer", {"min_price": 20, "max_price": 65}, False),
        ("sofa", {"in_stock": True}, True),
        ("gift", {"in_stock": True}, True),
        ("runner", {"in_stock": True, "brands": ["ADIDAS", "Nike"]}, False),
        ("sofa", {"brands": ["Nike"]}, True),
        ("runner", {"categories": ["shoes"]}, False),
        ("runner", {"categories": ["Sport > Shoes"]}, False),
        ("runner", {"categories": ["Sofas"]}, True),
        ("runner", {"exclude_categories": ["sport"]}, True),
        ("runner", {"exclude_brands": ["Nike"]}, False),
        ("trainer", {"exclude_brands": ["nike"]}, True),
        ("sofa", {"exclude_terms": ["leather"]}, True),
        ("sofa", {"exclude_terms": ["皮革"]}, False),
        ("trainer", {"exclude_terms": ["ever"]}, False),  # "every day" does not hold the word
        ("runner", {"include_terms": ["running shoes"]}, False),
        ("runner", {"include_terms": ["black"]}, False),
        ("trainer", {"include_terms": ["black"]}, True),
        ("trainer", {"exclude_ids": ["runner"]}, False),
        ("trainer", {"exclude_ids": ["trainer"]}, True),
    ],
)
def test_items_that_break_a_constraint_are_found(item: str, constraints: dict[str, Any], is_broken: bool) -> None:
    assert breaks(ITEMS[item], constraints) is is_broken


@pytest.mark.parametrize(
    ("constraints", "is_broken"),
    [
        ({"attributes": {"Size": ["43"]}}, False),
        ({"attributes": {"size": ["44"]}}, True),
        ({"attributes": {"size": ["43"]}, "max_price": 60}, True),
        ({"attributes": {"size": ["42"]}, "max_price": 60}, False),
        ({"attributes": {"size": ["42"]}, "in_stock": True}, True),
        ({"attributes": {"storage": ["32 gb"], "size": ["42", "43"]}}, False),
        ({"min_price": 90}, False),
        ({"min_price": 120}, True),
    ],
)
def test_attributes_hold_for_a_variant_at_its_own_price(constraints: dict[str, Any], is_broken: bool) -> None:
    sizes = [{"size": "Size 42", "price": 50.0, "in_stock": False}, {"size": 43, "price": 99.0, "in_stock": True}]
    attributes = {"size": ["42", "43"], "storage": "32GB", "variants": sizes}
    assert (
        breaks(Item(id="x", title="Shoe", price=50.0, in_stock=True, attributes=attributes), constraints) is is_broken
    )


def test_what_is_broken_is_named() -> None:
    constraints = {"max_price": 60, "exclude_terms": ["leather", "wool"], "in_stock": True}
    assert broken(ITEMS["sofa"], constraints) == ["max_price 60", "exclude_terms leather", "in_stock True"]


@pytest.mark.parametrize(
    ("expected", "actual", "alike"),
    [
        (60, 59.99, True),
        (60, 59.98, False),
        (60.0, 60, True),
        (True, True, True),
        (True, 1.005, False),
        (["Leather"], ["leather", "leder", "皮革"], True),
        (["leather"], ["leather", "wool"], False),
        (["Nike"], ["nike"], True),
        (["Nike"], ["Nike", "Adidas"], False),
        (["Nike", "Adidas"], ["Adidas", "Nike"], True),
        ("Running  Shoes", "running shoes", True),
        (["x"], None, False),
    ],
)
def test_values_are_the_same(expected: object, actual: object, alike: bool) -> None:
    assert same(expected, actual) is alike


def test_missing_wrong_and_further_constraints_are_told_apart() -> None:
    expected = {"max_price": 60, "in_stock": True}
    actual = {"max_price": 100, "brands": ["Nike"], "categories": ["Shoes"]}
    assert differences(expected, actual, ["categories"]) == [
        "max_price is 100 instead of 60",
        "in_stock is None instead of True",
        "brands ['Nike'] was not asked for",
    ]
    assert differences({"max_price": 60}, {"max_price": 59.99, "categories": ["Shoes"]}, ["categories"]) == []


def test_a_bound_relative_to_what_came_first_is_a_number() -> None:
    assert resolved({"max_price": BELOW_FIRST}, ITEMS["trainer"]) == {"max_price": 64.99}
    assert resolved({"max_price": BELOW_FIRST, "in_stock": True}, None) == {"in_stock": True}


def test_relaxed_constraints_are_left_out_value_by_value() -> None:
    constraints = {"max_price": 60, "exclude_terms": ["leather", "leder", "wool"]}
    relaxations = [
        Relaxation(field="max_price", wanted=60.0, used=65.0, words="under 60"),
        Relaxation(field="exclude_terms", wanted="leather", used=None, words="no leather"),
    ]
    assert without_relaxed(constraints, relaxations, {"max_price", "exclude_terms"}) == {"exclude_terms": ["wool"]}
    assert without_relaxed(constraints, relaxations, set()) == constraints
