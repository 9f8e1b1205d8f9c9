"""Which sentences the evidence of an item holds. Sentences are written from the kinds of claims, not from the code."""

from dataclasses import replace
from typing import Any

import pytest

from assistant.claims import Explanation, OtherItem, PriceLimit, denied_words, named_currency, unsupported
from assistant.claims.numerals import _COUNTS, _DENOMINATORS, FRACTION, digits_for_words
from assistant.records import Evidence
from tools.records import Vocabulary

VOCABULARY = Vocabulary(brands=["Adidas", "Nike"])


def entry(key: str, source: str = "attribute", score: float | None = None, **facts: object) -> Evidence:
    return Evidence(id="e", item_id="x", source=source, detail="", key=f"evidence_{key}", facts=facts, score=score)


RUNNER = [
    entry("keyword", "keyword", words="running, shoe"),
    entry("quote", quote="Made with an airy, lightweight mesh upper."),
    entry("attribute", name="brand", value="Nike"),
    entry("attribute", name="color", value="black"),
    entry("attribute", name="size", value="40, 42"),
    entry("attribute", name="weight", value="250 g"),
    entry("price_within", "price", price=160.0, currency="USD", limit=400.0, limit_currency="USD"),
]


def check(text: str, language: str = "en", evidence: list[Evidence] = RUNNER, **about: Any) -> list[str]:  # noqa: ANN401 - fields of the record
    told = Explanation(text, "Freerun Running Shoe", evidence, language, limit=PriceLimit(400.0, "USD"))
    return unsupported(replace(told, **about), VOCABULARY)


@pytest.mark.parametrize(
    "text",
    [
        "A light, breathable black running shoe for 160 USD.",
        "The Freerun Running Shoe is black and matches what you are looking for.",
        "It costs 160 USD, within your limit.",
        "This Nike running shoe has an airy mesh upper.",
        "At 160 USD it costs less than half of your limit.",
        "Not only light but also breathable, it comes in size 40 or 42.",
        "It weighs a quarter of a kilo.",
        "It weighs 0.25 kg and costs about 160 dollars.",
        "It costs no more than 200 USD.",
        "240 USD below your limit, a good choice.",
    ],
)
def test_what_the_evidence_holds_stands(text: str) -> None:
    assert check(text) == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("This shoe has a size of 160.", id="the price as a size"),
        pytest.param("It costs 40 USD.", id="a size as the price"),
        pytest.param("This shoe is built for size 46 only.", id="a size that it has not"),
        pytest.param("It comes only in size 42.", id="one of several sizes as the only one"),
        pytest.param("It weighs 160 g.", id="the price as the weight"),
        pytest.param("It weighs 250 kg.", id="another unit"),
        pytest.param("It costs 160 EUR.", id="another currency"),
        pytest.param("A black shoe, not Nike.", id="the brand denied"),
        pytest.param("It costs more than 160 USD.", id="more than the price"),
        pytest.param("A running shoe without black.", id="the colour denied"),
        pytest.param("This shoe is not lightweight.", id="a quality denied"),
        pytest.param("It has no mesh upper.", id="a part denied"),
        pytest.param("It costs more than your limit.", id="above the limit"),
        pytest.param("It costs less than a third of your limit.", id="a wrong part of the limit"),
        pytest.param("It is 100 USD below your limit.", id="a wrong difference"),
        pytest.param("It is the cheapest of all shoes.", id="a superlative with nothing to compare"),
        pytest.param("This black running shoe is in stock.", id="stock that no entry says"),
        pytest.param("This black running shoe is sold out.", id="sold out"),
        pytest.param("An Adidas running shoe.", id="another brand"),
        pytest.param("A white running shoe.", id="another colour"),
        pytest.param("This waterproof running shoe is black.", id="an invented quality"),
        pytest.param("A heavy running shoe.", id="the opposite"),
        pytest.param("The lightest running shoe.", id="a superlative of a quality"),
        pytest.param("A running shoe for children.", id="an invented audience"),
        pytest.param("A shoe from Italy.", id="an invented origin"),
        pytest.param('The description says "a wonderful shoe".', id="an invented quotation"),
        pytest.param("It comes with 3 pairs of laces.", id="an invented count"),
        pytest.param("12 people chose it.", id="people that no entry counts"),
        pytest.param("It looks like your photo.", id="a likeness that no entry says"),
        pytest.param("You liked something close to it.", id="a taste that no entry says"),
        pytest.param("", id="nothing"),
        pytest.param("running " * 100, id="too long"),
    ],
)
def test_what_the_evidence_does_not_hold_is_refused(text: str) -> None:
    assert check(text)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("这双黑色跑鞋轻便透气，价格为 160 美元。", "zh"),
        ("160 美元，不到您预算的一半。", "zh"),
        ("Ein leichter, luftiger schwarzer Laufschuh für 160 USD, innerhalb Ihrer Grenze.", "de"),
        ("Une chaussure noire et légère pour 160 USD, dans votre limite.", "fr"),
        ("Un zapato negro y ligero por 160 USD, dentro de su límite.", "es"),
    ],
)
def test_in_other_languages_the_same_claims_stand(text: str, language: str) -> None:
    assert check(text, language) == []


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("这双黑色跑鞋价格为 40 美元。", "zh"),
        ("鞋码 160，黑色。", "zh"),
        ("这双跑鞋不是黑色的。", "zh"),
        ("黑色跑鞋，不是耐克的。", "zh"),
        ("价格超过 160 美元。", "zh"),
        ("这双黑色的鞋已售罄。", "zh"),
        ("这双跑鞋防水。", "zh"),
        ("Dieser Laufschuh ist nicht schwarz.", "de"),
        ("Ein schwarzer Laufschuh, der mehr als 160 USD kostet.", "de"),
        ("Ein wasserdichter Laufschuh.", "de"),
        ("Une chaussure sans noir.", "fr"),
        ("Une chaussure blanche pour 160 USD.", "fr"),
        ("Una zapatilla que cuesta más de 160 USD.", "es"),
        ("Una zapatilla roja.", "es"),
    ],
)
def test_in_other_languages_the_same_faults_are_refused(text: str, language: str) -> None:
    assert check(text, language)


# Taste and photos -----------------------------------------------------------------------------------------------------

LIKED = [*RUNNER, entry("collaborative", "collaborative", titles=["Red Leather Sofa"], people=12, each=[12])]
SEEN = [*RUNNER, entry("picture_somewhat", "picture", 0.44, query="img1")]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("You liked the Red Leather Sofa, and 12 people who liked it also chose this black shoe.", "en"),
        ("有 12 位喜欢“Red Leather Sofa”的人也选择了它。", "zh"),
    ],
)
def test_what_the_user_liked_and_how_many_people_chose_may_be_told(text: str, language: str) -> None:
    assert check(text, language, LIKED) == []


@pytest.mark.parametrize(
    "text",
    [
        "This red running shoe is of leather.",
        "You liked the Red Leather Sofa, and 13 people who liked it also chose this.",
        "This running shoe costs 12 dollars.",
    ],
)
def test_what_is_said_of_another_item_or_of_people_is_not_said_of_this_one(text: str) -> None:
    assert check(text, "en", LIKED)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("This Red Leather Sofa looks somewhat like your photo.", "en"),
        ("这件 Red Leather Sofa 与您的照片有些相似。", "zh"),
    ],
)
def test_what_looks_like_the_photo_is_not_what_the_user_liked(text: str, language: str) -> None:
    evidence = [*LIKED, SEEN[-1]]
    assert check(text, language, evidence)
    assert check("It looks somewhat like your photo, and you liked the Red Leather Sofa.", "en", evidence) == []


@pytest.mark.parametrize("word", ["ラ" * 23, "sportstランニングシューズ", "sports" * 10 + "ランニング" * 20])
def test_each_part_of_a_long_word_is_looked_for_once(word: str) -> None:
    """Where each cut was looked for anew, the work doubled with every character, and one sentence took hours."""
    assert check(f"これは{word}です。", "ja", SEEN)


def test_a_likeness_is_said_as_far_as_it_goes() -> None:
    assert check("It looks somewhat like your photo.", "en", SEEN) == []
    assert check("It is exactly the shoe in your photo.", "en", SEEN)


# Other items and limits -----------------------------------------------------------------------------------------------

OTHERS = (OtherItem("Trail King", 190.0, "USD"), OtherItem("City Step", 175.0, "USD"))


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("It is 30 USD cheaper than Trail King.", True),
        ("It is 20 USD cheaper than Trail King.", False),
        ("It is more expensive than Trail King.", False),
        ("It is the cheapest of these.", True),
        ("It is the most expensive of these.", False),
        ("Trail King is in black.", False),
    ],
)
def test_prices_are_compared_with_those_of_the_items_shown(text: str, *, holds: bool) -> None:
    assert (check(text, others=OTHERS) == []) == holds


def test_a_limit_in_another_currency_is_not_compared() -> None:
    price = [entry("price", "price", price=40.0, currency="GBP")]
    assert check("It costs 40 GBP.", "en", price, limit=None) == []
    assert check("It costs 40 GBP, within your limit.", "en", price, limit=None)
    assert check("It costs 40 GBP, within your limit.", "en", price, limit=PriceLimit(47.0, "USD"))


# Parts and polarity of the evidence -----------------------------------------------------------------------------------

TABLE = [
    entry("quote", quote="Solid oak top on steel legs, not suitable for outdoor use."),
    entry("attribute", name="waterproof", value="no"),
]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("It has steel legs.", True),
        ("It has oak legs.", False),
        ("Its top is wood.", True),
        ("It is not waterproof.", True),
        ("It is waterproof.", False),
        ("It is suitable for outdoor use.", False),
    ],
)
def test_a_material_stays_with_its_part_and_a_denial_stays_a_denial(text: str, *, holds: bool) -> None:
    explanation = Explanation(text, "Garden Table", TABLE, "en")
    assert (unsupported(explanation, VOCABULARY) == []) == holds


def test_words_that_a_text_only_denies() -> None:
    assert denied_words(["leather", "canvas"], "A canvas bag without leather.") == {"leather"}
    assert denied_words(["leather"], "Without leather lining, but with a leather strap.") == set()


@pytest.mark.parametrize(
    ("text", "currency"),
    [("under 47 dollars", "USD"), ("不超过 60 欧元", "EUR"), ("up to £30", "GBP"), ("under 60", None)],
)
def test_a_currency_is_named_by_mark_or_word(text: str, currency: str | None) -> None:
    assert named_currency(text) == currency


@pytest.mark.parametrize("count", _COUNTS.replace("[1-9]", "3").split("|"))
@pytest.mark.parametrize("part", _DENOMINATORS.split("|"))
def test_every_fraction_in_words_is_read(count: str, part: str) -> None:
    assert FRACTION in digits_for_words(f"it holds {count} {part} of a litre", "en")


@pytest.mark.parametrize("text", ["0分之5", "3分之0", "百分之7", "十分之三", "100分之99"])
def test_no_chinese_fraction_ends_the_check(text: str) -> None:
    assert digits_for_words(text, "zh")


LABELLED = [*RUNNER, entry("picture_words", "picture_words", 5.0, words="NIKE Freerun", attachment="img1")]


@pytest.mark.parametrize(
    "text", ["Your photo says “NIKE Freerun”.", "A black running shoe; your photo says “Freerun”."]
)
def test_what_a_photo_says_is_quoted_from_the_evidence(text: str) -> None:
    assert check(text, evidence=LABELLED) == []
    assert check(text) != []


@pytest.mark.parametrize("text", ["Your photo says “Pegasus”.", "It looks like your photo."])
def test_what_a_photo_does_not_say_and_likeness_stay_refused(text: str) -> None:
    assert check(text, evidence=LABELLED) != []
