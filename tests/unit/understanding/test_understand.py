import pytest

from assistant.records import Constraint, Memory, Recommendation
from assistant.understanding import Said, Understanding, carry_over, glossary_query, grounded, to_filters, understand
from tools.records import Vocabulary

VOCABULARY = Vocabulary(
    categories=["Electronics", "Computers", "Photo", "Furniture", "Plants", "Footwear"],
    brands=["Apple", "Nike", "Adidas"],
    attribute_values={"color": ["black", "gray", "white"]},
)


def shown(rank: int, title: str, price: float) -> Recommendation:
    return Recommendation(rank=rank, item_id=f"i{rank}", title=title, price=price, score=1, explanation="", evidence=[])


FRESH = Memory()
GOING_ON = Memory(
    turns=1,
    topic="chair",
    shown=[shown(1, "Balloon Chair", 65), shown(2, "Modern Cafe Chair", 100), shown(3, "Comfy Padded Chair", 130)],
    constraints=[Constraint(field="max_price", value=150, source="text", words="under 150")],
)


def read(text: str, memory: Memory = FRESH, *, attached: bool = False) -> Understanding:
    return understand([Said(source="text", text=text)], memory, VOCABULARY, attached=attached)


def in_force(text: str, memory: Memory = FRESH) -> dict[str, object]:
    return to_filters(carry_over(memory, read(text, memory))).model_dump(exclude_defaults=True)


@pytest.mark.parametrize("text", ["more like the second one", "类似第二个的", "something like the Modern Cafe Chair"])
def test_others_like_one_that_was_shown_are_about_it_and_without_it(text: str) -> None:
    assert [item.item_id for item in read(text, GOING_ON).references] == ["i2"]
    assert in_force(text, GOING_ON)["exclude_ids"] == ["i2"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a sofa, no leather", {"exclude_terms": ["leather"]}),
        ("not red or blue", {"exclude_terms": ["red", "blue"]}),
        ("shoes, anything but Adidas", {"exclude_brands": ["Adidas"]}),
        ("I don't want leather sofas", {"exclude_terms": ["leather"]}),
        ("running shoes from Nike", {"brands": ["Nike"]}),
        ("furniture under 200", {"categories": ["Furniture"], "max_price": 199.99}),
        ("only plants please", {"categories": ["Plants"]}),
        ("something in stock", {"in_stock": True}),
        ("the shoes in my photo, but in black", {"include_terms": ["black"]}),
        ("有现货的相机", {"in_stock": True}),
        ("不要红色的鞋子", {"exclude_terms": ["red"]}),
        ("no problem, not too expensive, not sure", {}),
        ("like the shoes in my photo", {}),
        ("an apple tree", {"brands": ["Apple"]}),
    ],
)
def test_stated_constraints_become_filters(text: str, expected: dict[str, object]) -> None:
    found = in_force(text)
    if "exclude_terms" in expected:  # every spelling is excluded; the ones named must be among them
        named = set(expected.pop("exclude_terms"))  # type: ignore[call-overload]
        assert named <= set(found.pop("exclude_terms"))  # type: ignore[call-overload]
    assert found == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cheaper", {"max_price": 64.99}),
        ("for less than the first one", {"max_price": 64.99}),
        ("比第二个便宜的", {"max_price": 99.99}),
        ("便宜一点", {"max_price": 64.99}),
        ("cheaper than the second one, and not Adidas", {"max_price": 99.99, "exclude_brands": ["Adidas"]}),
        ("more expensive please", {"min_price": 65.01, "max_price": 150}),
        ("the second one in black", {"include_terms": ["black"], "max_price": 150}),
        ("not the first one", {"exclude_ids": ["i1"], "max_price": 150}),
        ("红色的", {"include_terms": ["red"], "max_price": 150}),
        ("black?", {"include_terms": ["black"], "max_price": 150}),
        ("show me laptops", {}),
    ],
)
def test_follow_ups_change_what_is_in_force(text: str, expected: dict[str, object]) -> None:
    assert in_force(text, GOING_ON) == expected


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("the second one in black", ["Modern Cafe Chair"]),
        ("compare the first and the second", ["Balloon Chair", "Modern Cafe Chair"]),
        ("why the last one?", ["Comfy Padded Chair"]),
        ("第二个为什么推荐", ["Modern Cafe Chair"]),
        ("tell me more about the comfy padded chair", ["Comfy Padded Chair"]),
        ("why this one?", ["Balloon Chair"]),
        ("cheaper than the second one, and not Adidas", []),
        ("a second hand bike", []),
    ],
)
def test_references_point_at_what_was_shown(text: str, titles: list[str]) -> None:
    assert [item.title for item in read(text, GOING_ON).references] == titles


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("thanks!", "chat"), ("Hello, how are you today?", "chat"), ("Bonjour, comment allez-vous ?", "chat"),
        ("¿Qué tal?", "chat"), ("Wie geht es Ihnen?", "chat"), ("你好吗？", "chat"),
        ("Hello there", "chat"), ("谢谢", "chat"), ("ok, thank you", "chat"),
        ("why this one?", "why"), ("为什么推荐第二个", "why"), ("compare the first two", "compare"),
        ("Guten Morgen! Wie geht es Ihnen heute?", "chat"), ("merci, à bientôt", "chat"),
        ("how much is the second one?", "details"), ("how much is a tent?", None),
        ("good evening, I need a lamp", None),
        ("tell me more about the second one", "details"), ("a chair", None), ("thanks, and a cheaper one?", None),
    ],
)  # fmt: skip
def test_intents_that_words_settle(text: str, intent: str | None) -> None:
    assert read(text, GOING_ON).intent == intent


def test_a_picture_always_asks_for_recommendations() -> None:
    assert read("thanks", GOING_ON, attached=True).intent == "recommend"


def test_a_new_topic_keeps_only_what_was_ruled_out() -> None:
    memory = GOING_ON.model_copy(
        update={
            "constraints": [
                *GOING_ON.constraints,
                Constraint(field="exclude_terms", value="leather", source="text", words="no leather"),
            ]
        }
    )
    filters = to_filters(carry_over(memory, read("show me laptops", memory)))
    assert filters.max_price is None
    assert "leather" in filters.exclude_terms


def test_asking_for_what_was_ruled_out_lifts_the_exclusion() -> None:
    memory = GOING_ON.model_copy(
        update={"constraints": [Constraint(field="exclude_terms", value="black", source="text", words="no black")]}
    )
    filters = to_filters(carry_over(memory, read("the second one in black", memory)))
    assert (filters.include_terms, filters.exclude_terms) == (["black"], [])


def test_a_voice_note_names_itself_as_the_source() -> None:
    said = [Said(source="text", text="shoes"), Said(source="aud1", text="Nothing over one hundred dollars.")]
    constraints = understand(said, FRESH, VOCABULARY, attached=False).constraints
    assert [(c.field, c.value, c.source) for c in constraints] == [("max_price", 100, "aud1")]


@pytest.mark.parametrize(
    ("field", "value", "text", "held"),
    [
        ("max_price", 60, "under 60 dollars", True),
        ("max_price", 50, "a cheap chair", False),
        ("categories", "Furniture", "some furniture for the hall", True),
        ("categories", "Plants", "a chair", False),
        ("exclude_terms", "leather", "不要皮革", True),
        ("brands", "Nike", "nike shoes", True),
        ("in_stock", True, "a chair", False),
    ],
)
def test_a_models_constraint_needs_the_users_words(field: str, value: object, text: str, held: bool) -> None:
    assert grounded(field, value, [Said(source="text", text=text)], "en") is held


def test_foreign_words_are_put_into_english_by_the_glossary() -> None:
    assert glossary_query("我想买一把灰色的椅子") == "gray chair"
    assert glossary_query("ich suche einen roten Rucksack") == "red backpack"


def test_what_is_said_beside_a_typed_wish_does_not_decide_what_kind_of_request_it_is() -> None:
    typed, spoken = Said(source="text", text="an oak one"), Said(source="aud1", text="Now compare the first two.")
    assert understand([typed, spoken], GOING_ON, VOCABULARY, attached=False).intent is None
    assert understand([spoken], GOING_ON, VOCABULARY, attached=False).intent == "compare"
