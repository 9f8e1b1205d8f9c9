import jsonschema
import pytest

from assistant.records import Constraint, Memory, Recommendation
from assistant.turn.planning import (
    MAX_NAMES,
    Names,
    certain_calls,
    constraints_in_words,
    first_plan,
    merge_constraints,
    names_near,
    plan_schema,
    planned_calls,
    planning_conversation,
    proposed_constraints,
    searchable,
    usual_names,
)
from assistant.turn.state import Plan
from assistant.understanding import Said, understand
from tools.records import Filters, Hit, Vocabulary

VOCABULARY = Vocabulary(categories=["Furniture", "Photo"], brands=["Nike"])


def plan_for(text: str, memory: Memory | None = None, pictures: list[str] | None = None) -> Plan:
    memory = memory or Memory()
    said = [Said(source="text", text=text)]
    return first_plan(understand(said, memory, VOCABULARY, attached=bool(pictures)), memory, pictures or [])


def shown() -> list[Recommendation]:
    return [Recommendation(rank=1, item_id="i1", title="Oak Chair", price=80, score=1, explanation="", evidence=[])]


def answer(*calls: tuple[str, dict[str, object]]) -> dict[str, object]:
    return {"intent": "recommend", "calls": [{"tool": tool, "arguments": arguments} for tool, arguments in calls]}


def test_words_and_pictures_are_searched_with_the_filters_in_force() -> None:
    calls = certain_calls(
        plan_for("a red chair under 50 dollars", pictures=["img1"]), 30, language="en", catalogue_language="en"
    )
    assert [(c.tool, c.origin) for c in calls] == [
        ("search_by_image", "anticipated"),
        ("search_by_text", "anticipated"),
    ]
    assert all(call.arguments["filters"] == {"max_price": 49.99} for call in calls)
    assert calls[1].arguments["query"] == "red chair"


def test_a_message_that_only_limits_is_browsed() -> None:
    calls = certain_calls(plan_for("furniture under 50 dollars"), 30, language="en", catalogue_language="en")
    assert [(c.tool, c.arguments["sort"]) for c in calls] == [("browse", "price")]


def test_a_refinement_goes_on_with_the_topic_and_the_picture() -> None:
    memory = Memory(topic="oak chair", pictures=["img1"], shown=shown())
    plan = plan_for("cheaper", memory)
    assert (plan.topic, plan.pictures, plan.filters.max_price) == ("oak chair", ["img1"], 79.99)


def test_a_reference_becomes_the_topic() -> None:
    plan = plan_for("more like the first one", Memory(topic="chair", pictures=["img1"], shown=shown()))
    assert (plan.topic, plan.pictures) == ("Oak Chair", [])


def test_a_new_photo_replaces_the_old_one() -> None:
    plan = plan_for("like this instead", Memory(topic="chair", pictures=["img1"], shown=shown()), ["img2"])
    assert plan.pictures == ["img2"]


def test_the_models_further_search_runs_with_our_filters() -> None:
    plan = Plan(intent="recommend", filters=Filters(max_price=50), topic="chair")
    certain = certain_calls(plan, 30, language="en", catalogue_language="en")
    proposed = answer(
        ("search_by_text", {"query": "Chair", "filters": {"max_price": 9}}),
        ("search_by_text", {"query": "wooden seat", "filters": {"max_price": 9}}),
        ("search_by_text", {"query": "19.94"}),
        ("browse", {"sort": "price"}),
    )
    calls = planned_calls(proposed, plan, certain, 30)
    assert [call.arguments for call in calls] == [{"query": "wooden seat", "k": 30, "filters": {"max_price": 50}}]


def test_an_invented_constraint_is_dropped_and_a_spoken_one_kept() -> None:
    said = [Said(source="text", text="some furniture, nothing from nike")]
    proposed = answer(("browse", {"filters": {"max_price": 100, "categories": ["Furniture"], "brands": ["Nike"]}}))
    kept = proposed_constraints(proposed, said, "en")
    assert [(c.field, c.value) for c in kept] == [("categories", "Furniture"), ("brands", "Nike")]
    known = [Constraint(field="exclude_brands", value="Nike", source="text", words="nothing from nike")]
    assert [(c.field, c.value) for c in merge_constraints(known, kept)] == [
        ("exclude_brands", "Nike"), ("categories", "Furniture"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "term", "kept"),
    [
        ("like the shoes in my photo, but in black please", "black", False),
        ("a sofa, but no leather", "leather", True),
        ("nothing over 100 dollars", "over 100 dollars", False),
        ("black shoes without laces", "black", False),
        ("black shoes without laces", "laces", True),
        ("不要皮革的沙发", "leather", True),
    ],
)
def test_the_model_rules_out_only_what_the_user_negates(text: str, term: str, kept: bool) -> None:
    proposed = answer(("browse", {"filters": {"exclude_terms": [term]}}))
    assert bool(proposed_constraints(proposed, [Said(source="text", text=text)], "en")) is kept


def test_the_model_cannot_rule_out_what_the_rules_read_as_wanted() -> None:
    known = [Constraint(field="include_terms", value="black", source="text", words="in black")]
    proposed = [Constraint(field="exclude_terms", value="Black", source="text", words="black")]
    assert merge_constraints(known, proposed) == known


def test_the_rules_price_wins_over_the_models() -> None:
    known = [Constraint(field="max_price", value=49.99, source="text", words="under 50")]
    proposed = [Constraint(field="max_price", value=50, source="text", words="50")]
    assert merge_constraints(known, proposed) == known


@pytest.mark.parametrize(
    "call",
    [
        {"tool": "drop_catalogue", "arguments": {}},
        {"tool": "search_by_image", "arguments": {"image": "img7"}},
        {"tool": "get_item", "arguments": {"item_id": "nobody"}},
        {"tool": "search_by_text", "arguments": {"query": "chair", "filters": {"owner": "me"}}},
    ],
)
def test_the_plan_schema_admits_only_tools_and_ids_that_exist(call: dict[str, object]) -> None:
    schema = plan_schema(Names(categories=VOCABULARY.categories, brands=VOCABULARY.brands), ["img1"], ["i1"])
    good = {"tool": "search_by_image", "arguments": {"image": "img1"}}
    jsonschema.validate({"intent": "recommend", "calls": [good]}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"intent": "recommend", "calls": [call]}, schema)


def test_chinese_topics_are_searched_in_the_catalogues_language() -> None:
    assert searchable("灰色的椅子", "zh", "en") == "gray chair"
    assert searchable("灰色的椅子", "zh", "zh") == "灰色的椅子"


def test_other_languages_are_searched_as_far_as_the_glossary_goes() -> None:
    assert searchable("appareil photo cher", "fr", "en") == "camera"
    assert searchable("Trompete", "de", "en") == "Trompete"


def test_constraints_are_told_in_the_users_language() -> None:
    constraints = [Constraint(field="max_price", value=60, source="text", words="")]
    assert constraints_in_words(constraints, "en") == "at most 60"
    assert constraints_in_words(constraints, "zh") == "不超过 60"


@pytest.mark.parametrize(
    ("text", "language", "told"),
    [
        ("a chair under 100 dollars", "en", "under 100 USD"),
        ("a chair, 100 dollars at most, at least 20 dollars", "en", "at least 20 USD"),
        ("ein Stuhl unter 100 Euro", "de", "unter 100 EUR"),
        ("une chaise à moins de 100 euros", "fr", "moins de 100 EUR"),
        ("una silla por menos de 100 euros", "es", "menos de 100 EUR"),
        ("低于100美元的椅子", "zh", "低于 100 美元"),
        ("不超过100元的椅子", "zh", "不超过 100 元"),
        ("a chair under 100", "en", "under 100 GBP"),
        ("a chair under 99.50 dollars", "en", "under 99.50 USD"),
        ("a chair under 0 dollars", "en", "at most 0 USD"),
    ],
)
def test_a_price_limit_is_told_as_it_was_said_and_with_its_currency(text: str, language: str, told: str) -> None:
    vocabulary = Vocabulary(categories=["Furniture"], currencies=["GBP"])
    understanding = understand([Said(source="text", text=text)], Memory(), vocabulary, attached=False)
    plan = first_plan(understanding, Memory(), [])
    assert told in constraints_in_words(plan.constraints, language)


def test_a_limit_relative_to_an_item_is_told_by_its_price() -> None:
    memory = Memory(topic="chair", shown=[shown()[0].model_copy(update={"currency": "EUR"})])
    assert constraints_in_words(plan_for("cheaper", memory).constraints, "en") == "under 80 EUR"
    assert constraints_in_words(plan_for("more expensive", memory).constraints, "fr") == "plus de 80 EUR"


def names(kind: str, count: int) -> list[str]:
    return [f"{kind} {number:03}" for number in range(count)]


def test_long_names_never_fill_the_prompt() -> None:
    long = [f"{number}" + "x" * 900 for number in range(100)]
    vocabulary = Vocabulary(categories=[*long, "Chairs"], brands=[*long, "Nike"])
    usual = usual_names(vocabulary)
    assert (usual.categories, usual.brands) == (["Chairs"], ["Nike"])
    said = [Said(source="text", text=f"only {long[0]}")]
    hits = [Hit(item_id="i", title="t", category=long[1], brand=long[2])]
    near = names_near(said, hits, vocabulary, usual)
    text = "".join(message.text for message in planning_conversation(usual + near, "a chair"))
    assert len(text) < 4_000
    assert len(str(plan_schema(usual + near, [], []))) < 4_000


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
    near = names_near([Said(source="text", text="zebra rugs or zenith, kind 199")], hits, vocabulary, usual)
    assert near.categories == ["Zebra Rugs", "Music", "Zithers", "Old"]
    assert near.brands == ["Zenith", "Zeppelin"]
    schema = plan_schema(usual + near, [], [])
    call = {"tool": "browse", "arguments": {"sort": "price", "filters": {"brands": ["Zenith"]}}}
    jsonschema.validate({"intent": "recommend", "calls": [call]}, schema)


def test_without_counts_the_names_are_offered_as_they_come() -> None:
    assert usual_names(Vocabulary(categories=["A", "B"], brands=["C"])) == Names(categories=["A", "B"], brands=["C"])
