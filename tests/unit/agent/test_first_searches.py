import pytest

from assistant.agent.first_searches import (
    MAX_NAMES,
    Names,
    certain_calls,
    constraints_in_words,
    first_plan,
    merge_constraints,
    names_near,
    planning_rules,
    usual_names,
)
from assistant.agent.state import Plan
from assistant.records import Constraint, Memory, Recommendation
from assistant.understanding import Understanding, Utterance
from tools.records import Hit, Vocabulary

VOCABULARY = Vocabulary(categories=["Furniture", "Photo"], brands=["Nike"])


def plan_for(memory: Memory | None = None, pictures: list[str] | None = None, **understood: object) -> Plan:
    settled = {"language": "en", "intent": None, "constraints": [], "currency": None, "references": [], "topic": ""}
    understanding = Understanding.model_validate({**settled, "refines": False, **understood})
    return first_plan(understanding, memory or Memory(), pictures or [])


def limit(field: str, value: float, currency: str | None = None, *, exclusive: bool = False) -> Constraint:
    words, source = f"{value:g}", "text"
    return Constraint(field=field, value=value, source=source, words=words, currency=currency, exclusive=exclusive)


def shown() -> list[Recommendation]:
    return [Recommendation(rank=1, item_id="i1", title="Oak Chair", price=80, score=1, explanation="", evidence=[])]


def test_words_and_pictures_are_searched_with_the_filters_in_force() -> None:
    plan = plan_for(pictures=["img1"], topic="red chair", constraints=[limit("max_price", 49.99)])
    calls = certain_calls(plan, 30)
    assert [(c.tool, c.origin) for c in calls] == [
        ("search_by_image", "anticipated"),
        ("search_by_text", "anticipated"),
    ]
    assert all(call.arguments["filters"] == {"max_price": 49.99} for call in calls)
    assert calls[1].arguments["query"] == "red chair"


def test_a_message_that_only_limits_is_browsed() -> None:
    calls = certain_calls(plan_for(constraints=[limit("max_price", 49.99)]), 30)
    assert [(c.tool, c.arguments["sort"]) for c in calls] == [("browse", "price")]


def test_a_refinement_goes_on_with_the_topic_and_the_picture() -> None:
    memory = Memory(topic="oak chair", pictures=["img1"], shown=shown())
    plan = plan_for(memory, refines=True, constraints=[limit("max_price", 79.99)])
    assert (plan.topic, plan.pictures, plan.filters.max_price) == ("oak chair", ["img1"], 79.99)


def test_a_reference_becomes_the_topic() -> None:
    memory = Memory(topic="chair", pictures=["img1"], shown=shown())
    plan = plan_for(memory, refines=True, references=shown())
    assert (plan.topic, plan.pictures) == ("Oak Chair", [])


def test_a_new_photo_replaces_the_old_one() -> None:
    plan = plan_for(Memory(topic="chair", pictures=["img1"], shown=shown()), ["img2"])
    assert plan.pictures == ["img2"]


def test_the_model_cannot_rule_out_what_is_read_as_wanted() -> None:
    known = [Constraint(field="include_terms", value="black", source="text", words="in black")]
    proposed = [Constraint(field="exclude_terms", value="Black", source="text", words="black")]
    assert merge_constraints(known, proposed) == known


def test_the_price_that_is_read_wins_over_the_models() -> None:
    known = [Constraint(field="max_price", value=49.99, source="text", words="under 50")]
    proposed = [Constraint(field="max_price", value=50, source="text", words="50")]
    assert merge_constraints(known, proposed) == known


def test_constraints_are_told_in_the_users_language() -> None:
    constraints = [Constraint(field="max_price", value=60, source="text", words="")]
    assert constraints_in_words(constraints, "en") == "at most 60"
    assert constraints_in_words(constraints, "zh") == "不超过 60"


@pytest.mark.parametrize(
    ("bound", "language", "told"),
    [
        (limit("max_price", 99.99, "USD", exclusive=True), "en", "under 100 USD"),
        (limit("min_price", 20.0, "USD"), "en", "at least 20 USD"),
        (limit("max_price", 99.99, "EUR", exclusive=True), "de", "unter 100 EUR"),
        (limit("max_price", 99.99, "EUR", exclusive=True), "fr", "moins de 100 EUR"),
        (limit("max_price", 99.99, "EUR", exclusive=True), "es", "menos de 100 EUR"),
        (limit("max_price", 99.99, "USD", exclusive=True), "zh", "低于 100 美元"),
        (limit("max_price", 100.0, "CNY"), "zh", "不超过 100 元"),
        (limit("max_price", 99.49, "USD", exclusive=True), "en", "under 99.50 USD"),
        (limit("max_price", 0.0, "USD"), "en", "at most 0 USD"),
        (limit("min_price", 80.01, "EUR", exclusive=True), "fr", "plus de 80 EUR"),
    ],
)
def test_a_price_limit_is_told_as_it_was_said_and_with_its_currency(
    bound: Constraint, language: str, told: str
) -> None:
    assert constraints_in_words([bound], language) == told


def names(kind: str, count: int) -> list[str]:
    return [f"{kind} {number:03}" for number in range(count)]


def test_long_names_never_fill_the_prompt() -> None:
    long = [f"{number}" + "x" * 900 for number in range(100)]
    vocabulary = Vocabulary(categories=[*long, "Chairs"], brands=[*long, "Nike"])
    usual = usual_names(vocabulary)
    assert (usual.categories, usual.brands) == (["Chairs"], ["Nike"])
    said = [Utterance(source="text", text=f"only {long[0]}")]
    hits = [Hit(item_id="i", title="t", category=long[1], brand=long[2])]
    near = names_near(said, hits, vocabulary, usual)
    assert (near.categories, near.brands) == ([], [])
    assert len("".join(message.text for message in planning_rules(usual))) < 4_000


def test_the_model_chooses_among_what_is_frequent_and_what_the_message_is_about() -> None:
    vocabulary = Vocabulary(
        categories=sorted([*names("Kind", 200), "Zithers", "Zebra Rugs"]),
        brands=sorted([*names("Maker", 200), "Zenith", "Zeppelin"]),
        frequent_categories=names("Kind", 200)[::-1],
        frequent_brands=names("Maker", 200)[::-1],
    )
    usual = usual_names(vocabulary)
    assert usual.categories == names("Kind", 200)[::-1][:MAX_NAMES]
    assert usual.brands == names("Maker", 200)[::-1][:MAX_NAMES]
    hits = [Hit(item_id="i", title="t", category="Music > Zithers > Old", brand="Zeppelin")]
    near = names_near([Utterance(source="text", text="zebra rugs or zenith, kind 199")], hits, vocabulary, usual)
    assert near.categories == ["Zebra Rugs", "Music", "Zithers", "Old"]
    assert near.brands == ["Zenith", "Zeppelin"]


def test_without_counts_the_names_are_offered_as_they_come() -> None:
    assert usual_names(Vocabulary(categories=["A", "B"], brands=["C"])) == Names(categories=["A", "B"], brands=["C"])
