import pytest

from assistant.records import Evidence
from assistant.verify import Claim, problems
from tools.records import Vocabulary

VOCABULARY = Vocabulary(brands=["Adidas", "Nike"])
EVIDENCE = [
    Evidence(id="e1", item_id="x", source="keyword", detail="its text mentions running, shoe", key="evidence_keyword"),
    Evidence(id="e2", item_id="x", source="attribute", detail="color: black", key="evidence_attribute"),
    Evidence(
        id="e3", item_id="x", source="price", detail="it costs 44.95 USD, within your limit", key="evidence_price"
    ),
]


def check(text: str, language: str = "en") -> list[str]:
    return problems(Claim(text, "RunX Running Shoe", EVIDENCE, language), VOCABULARY)


@pytest.mark.parametrize(
    "text",
    [
        "This black running shoe costs 44.95 USD and fits your request.",
        "The RunX Running Shoe is black and matches what you are looking for.",
        "It costs 44.95, within your limit.",
    ],
)
def test_what_the_evidence_holds_stands(text: str) -> None:
    assert check(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "This shoe costs 39.95 USD.",
        "This black running shoe is in stock.",
        "This black running shoe is sold out.",
        "A black Nike running shoe.",
        "A white running shoe.",
        "This waterproof running shoe is black.",
        'Reviewers call it "the best shoe ever".',
        "It comes with 3 pairs of laces.",
        "",
        "running " * 100,
    ],
)
def test_what_the_evidence_does_not_hold_is_refused(text: str) -> None:
    assert check(text)


def test_chinese_explanations_are_held_to_numbers_colours_and_known_nouns() -> None:
    assert check("这双黑色跑鞋价格为 44.95 美元，符合您的要求。", "zh") == []
    assert check("这双黑色跑鞋价格为 39 美元。", "zh")
    assert check("这双白色跑鞋很好。", "zh")
    assert check("这把椅子很好。", "zh")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Ein schwarzer Laufschuh für vier Personen.", "de"),
        ("Ein grüner Laufschuh.", "de"),
        ("Une chaussure blanche pour courir.", "fr"),
        ("这双黑色的鞋已售罄。", "zh"),
    ],
)
def test_other_languages_are_held_to_numbers_colours_and_stock(text: str, language: str) -> None:
    assert check(text, language)


LIKED = Evidence(
    id="e4",
    item_id="x",
    source="collaborative",
    detail="you liked “Red Leather Sofa”; 12 people who liked “Red Leather Sofa” also chose this",
    key="evidence_collaborative",
    facts={"titles": ["Red Leather Sofa"], "people": 12},
)


def check_with_history(text: str, language: str = "en") -> list[str]:
    return problems(Claim(text, "RunX Running Shoe", [*EVIDENCE, LIKED], language), VOCABULARY)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("You liked the Red Leather Sofa, and 12 people who liked it also chose this black shoe.", "en"),
        ("有 12 位喜欢“Red Leather Sofa”的人也选择了它。", "zh"),
    ],
)
def test_what_the_user_liked_and_how_many_people_chose_may_be_told(text: str, language: str) -> None:
    assert check_with_history(text, language) == []


@pytest.mark.parametrize(
    "text",
    [
        "This red running shoe is of leather.",
        "You liked the Red Leather Sofa, and 13 people who liked it also chose this.",
        "This running shoe costs 12 dollars.",
    ],
)
def test_what_is_said_of_another_item_or_of_people_is_not_said_of_this_one(text: str) -> None:
    assert check_with_history(text)
