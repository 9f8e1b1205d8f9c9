"""What the product says without a model is held to the same check, over generated items."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.agent.evidence import EvidenceBuilder, template_explanation
from assistant.agent.fusion import FusedHit
from assistant.claims import Explanation, PriceLimit, unsupported
from tools.records import Because, Filters, Hit, Item, Signal, SignalSource, Vocabulary

LANGUAGES = ("en", "de", "es", "fr", "zh")
WORDS = st.sampled_from(
    [
        "oak",
        "chair",
        "black",
        "not",
        "without",
        "only",
        "40",
        "2.5",
        "kg",
        "cheapest",
        "best",
        "waterproof",
        "leather-free",
        "light",
        "Nike",
        "sold",
        "out",
        "in",
        "stock",
        "the",
        "more",
        "than",
        "30",
        "people",
        "photo",
        "limit",
        "size",
        "“odd”",
        "(two)",
        "half",
        "USD",
        "no",
    ]
)
TEXTS = st.lists(WORDS, min_size=1, max_size=8).map(" ".join)
VALUES = st.one_of(TEXTS, st.integers(1, 5000), st.lists(TEXTS, min_size=1, max_size=3))
ITEMS = st.builds(
    Item,
    id=st.just("x"),
    title=TEXTS,
    description=TEXTS,
    price=st.none() | st.floats(0.01, 1e6).map(lambda price: round(price, 2)),
    currency=st.sampled_from([None, "USD", "EUR", "CNY"]),
    brand=st.sampled_from([None, "Nike", "Field & Sons", "禾米"]),
    category=st.none() | TEXTS,
    in_stock=st.none() | st.booleans(),
    attributes=st.dictionaries(st.sampled_from(["size"]), VALUES, max_size=4),
)  # fmt: skip
SIGNALS = st.lists(
    st.builds(
        Signal,
        source=st.sampled_from(
            ["picture", "keyword", "dense", "text_picture", "profile", "popular", "collaborative", "imported"]
        ),
        catalogue=st.none() | TEXTS,
        score=st.floats(0, 1),
        rank=st.just(1),
        matched=st.just(["oak", "chair"]),
        because=st.lists(st.builds(Because, item_id=st.just("y"), title=TEXTS, people=st.integers(2, 90)), max_size=2),
        people=st.none() | st.integers(2, 90),
    ),
    max_size=3,
)


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=20, deadline=None)
@given(item=ITEMS, signals=SIGNALS, maximum=st.none() | st.floats(1, 1e6))
def test_every_template_is_held_by_its_own_evidence(
    language: str, item: Item, signals: list[Signal], maximum: float | None
) -> None:
    filters = Filters(max_price=maximum, in_stock=True)
    fused = FusedHit(Hit(item_id="x", title=item.title), 0.1, [("oak chair", signal) for signal in signals])
    evidence = EvidenceBuilder(filters, "an oak chair").entries(fused, item)[:6]
    text = template_explanation(item.title, evidence, language)
    limit = PriceLimit(maximum) if maximum is not None else None
    if text and len(text) <= 400:
        explanation = Explanation(text, item.title, evidence, language, limit=limit)
        found = unsupported(explanation, Vocabulary(brands=["Nike"]))
        assert found in ([], [f"not in the language {language}"]), text  # of few words no language can be told


@pytest.mark.parametrize("source", ["picture", "picture_text", "text_picture", "popular", "imported"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_source_by_itself_is_held(language: str, source: SignalSource) -> None:
    item = Item(id="x", title="Chaise Lune")
    signal = Signal(source=source, score=0.9, rank=1, people=12, catalogue="Film & Ton")
    fused = FusedHit(Hit(item_id="x", title=item.title), 0.1, [("a chair", signal)])
    evidence = EvidenceBuilder(Filters(), "a chair").entries(fused, item)
    text = template_explanation(item.title, evidence, language)
    found = unsupported(Explanation(text, item.title, evidence, language), Vocabulary())
    assert found in ([], [f"not in the language {language}"]), text
