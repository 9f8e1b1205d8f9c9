"""Which constraints of a model stand in the customer's own words."""

from typing import Any

import pytest

from assistant.agent.anchoring import Words, anchored
from assistant.understanding import Utterance
from tools.records import Filters, Vocabulary

VOCABULARY = Vocabulary(
    categories=["Furniture", "Footwear"],
    brands=["Nike", "Adidas"],
    currencies=["USD"],
    attribute_values={"size": ["42", "43"]},
)


def read(text: str, language: str = "en", **filters: Any) -> tuple[list[tuple[str, Any]], list[tuple[str, Any]]]:  # noqa: ANN401
    words = Words([Utterance(source="text", text=text)], language, VOCABULARY)
    supported, unsupported = anchored(Filters.model_validate(filters), words)
    return [(constraint.field, constraint.value) for constraint in supported], [
        (constraint.field, constraint.value) for constraint in unsupported
    ]


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [
        ("nothing over 60", "en", 60),
        ("sixty is my absolute limit", "en", 60),
        ("höchstens sechzig Euro", "de", 60),
        ("moins de 1 299,50 €", "fr", 1299.5),
        ("两百块以内", "zh", 200),
        ("scarpe sotto 60 euro", "it", 60),
    ],
)
def test_a_number_stands_in_any_spelling(text: str, language: str, value: float) -> None:
    assert read(text, language, max_price=value) == ([("max_price", value)], [])
    assert read(text, language, max_price=value + 1) == ([], [("max_price", value + 1)])


def test_a_bound_that_is_itself_not_meant_is_kept_as_such() -> None:
    (constraint,), _ = anchored(
        Filters(max_price=59.99), Words([Utterance(source="aud1", text="less than $60")], "en", VOCABULARY)
    )
    assert (constraint.value, constraint.exclusive, constraint.currency, constraint.source, constraint.words) == (
        59.99,
        True,
        "USD",
        "aud1",
        "$60",
    )


@pytest.mark.parametrize(
    ("text", "filters", "stands"),
    [
        ("nothing from nike", {"exclude_brands": ["Nike"]}, True),
        ("nothing from nike", {"exclude_brands": ["Adidas"]}, False),
        ("some furniture", {"categories": ["Furniture"]}, True),
        ("some chairs", {"categories": ["Footwear"]}, False),
        ("I can't stand leather", {"exclude_terms": ["leather"]}, True),
        ("leather-free", {"exclude_terms": ["leather"]}, True),
        ("keine Schuhe aus Leder", {"exclude_terms": ["Leder"]}, True),
        ("not in red", {"exclude_terms": ["wool"]}, False),
        ("in 43, please", {"attributes": {"size": ["43"]}}, True),
        ("in 43, please", {"attributes": {"size": ["42"]}}, False),
        ("a chair that I can have today", {"in_stock": True}, False),
        ("a chair", {"exclude_ids": ["oak"]}, False),
        ("a chair", {"include_terms": ["...", "—"]}, False),
    ],
)
def test_a_word_stands_where_the_message_holds_it(text: str, filters: dict[str, Any], stands: bool) -> None:
    supported, unsupported = read(text, **filters)
    assert bool(supported) is stands
    assert bool(unsupported) is not stands


def test_what_nobody_said_stands_nowhere() -> None:
    assert read("mail me", exclude_terms=["leather"], min_price=5) == (
        [], [("min_price", 5), ("exclude_terms", "leather")],
    )  # fmt: skip
