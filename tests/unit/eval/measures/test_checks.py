"""Every kind of check passes on a right answer and fails on a wrong one, and says why."""

from typing import Any

import pytest

from assistant.records import CitedEvidence, Relaxation, Step, TranscriptNote
from assistant.records import Query as Asked
from eval.measures.checks import checks_of
from eval.measures.claim_ground import CatalogueIndex
from eval.measures.turns import scored_turns
from eval.runs.records import CaseAnswer, Check, TurnAnswer
from eval.suite.records import Case, Expectation, Turn
from tests.unit.eval.measures.shop import ITEMS, answer_of, recommended
from tools.records import Moment

SHELF = CatalogueIndex(ITEMS)


def called(tool: str, **arguments: object) -> Step:
    return Step(tool=tool, arguments=arguments, origin="planned", ok=True, seconds=0)


def moved(field: str = "max_price") -> Relaxation:
    return Relaxation(field=field, wanted=40.0, used=44.95, words="under 40")


def checks_of_last_turn(expect: dict[str, Any], *answers: TurnAnswer) -> list[Check]:
    """The checks of one turn; answers before the last belong to turns before it."""
    turns = [Turn(text="?") for _ in answers[:-1]] + [Turn(text="?", expect=Expectation.model_validate(expect))]
    case = Case(id="c", tags=["t"], because="a test", turns=turns)
    case_answer = CaseAnswer(case="c", key="k", turns=list(answers))
    return [check for check in checks_of(scored_turns(case, case_answer, SHELF)) if check.turn == len(answers) - 1]


def check_of_kind(kind: str, checks: list[Check]) -> Check:
    (match,) = [check for check in checks if check.kind == kind]
    return match


SHOES = ["runner", "trainer"]
SEARCH = called("search_by_text", query="black shoes", filters={"max_price": 59.99, "brands": ["Nike"]})
QUERY_WITH_TRANSCRIPT = Asked(
    text="", transcripts=[TranscriptNote(attachment="aud1", text="Under $60!", language="en", confidence=1)]
)
SEEN = [
    CitedEvidence(id="e8", source="picture", detail="in your video", score=0.9, shown=Moment(video="vid1", second=s))
    for s in (4.5, 9.5)
]
DENSE = CitedEvidence(id="e9", source="dense", detail="its text is close in meaning to “shoe”", score=0.5)

CASES: list[tuple[str, dict[str, Any], TurnAnswer, TurnAnswer]] = [
    ("intent", {"intent": "why"}, answer_of(intent="why"), answer_of()),
    (
        "tools",
        {"tools": [{"tool": "search_by_text", "arguments": {"filters": {"max_price": 60}}}]},
        answer_of(steps=[SEARCH]),
        answer_of(steps=[called("search_by_text", query="black shoes", filters={"max_price": 50})]),
    ),
    (
        "further_tools",
        {"tools": [{"tool": "search_by_text"}], "further_tools": ["browse"]},
        answer_of(steps=[SEARCH, called("browse"), called("transcribe_audio", audio="aud1")]),
        answer_of(steps=[SEARCH, called("get_item")]),
    ),
    ("transcript", {"hears": "under sixty dollars"}, answer_of(query=QUERY_WITH_TRANSCRIPT), answer_of()),
    (
        "constraints",
        {"constraints": {"max_price": 60}, "may_constrain": ["categories"]},
        answer_of(constraints={"max_price": 59.99, "categories": ["Shoes"]}),
        answer_of(constraints={"max_price": 59.99, "brands": ["Nike"]}),
    ),
    ("first", {"first": ["runner"]}, answer_of(SHOES), answer_of(["trainer", "runner"])),
    ("must", {"must": ["runner", "trainer"]}, answer_of(SHOES), answer_of(["runner"])),
    ("any", {"any": ["trainer", "sofa"], "within": 1}, answer_of(["trainer"]), answer_of(SHOES)),
    ("never", {"never": ["sofa"]}, answer_of(SHOES), answer_of(["runner", "sofa"])),
    (
        "order",
        {"order": [("runner", "trainer"), ("gift", "runner")]},
        answer_of(SHOES),
        answer_of(["trainer", "runner"]),
    ),
    ("sorted", {"sorted_by": "price"}, answer_of([*SHOES, "sofa", "gift"]), answer_of(["gift", *SHOES])),
    ("sorted", {"sorted_by": "-price"}, answer_of(["sofa", "trainer", "runner"]), answer_of(SHOES)),
    ("nothing", {"nothing": True}, answer_of(message="Hello!"), answer_of(["runner"])),
    ("relaxed", {"relaxed": ["max_price"]}, answer_of(relaxed=[moved()]), answer_of()),
    ("relaxed", {"relaxed": []}, answer_of(), answer_of(relaxed=[moved()])),
    ("refuses", {"refuses": True}, answer_of(steps=[called("describe_image")]), answer_of(steps=[SEARCH])),
    ("searches", {"searches": False}, answer_of(steps=[called("get_item")]), answer_of(steps=[SEARCH])),
    ("searches", {"searches": True}, answer_of(steps=[SEARCH]), answer_of()),
    (
        "language",
        {"language": "de"},
        answer_of(language="de", message="Hier sind die zwei Schuhe, die am besten zu Ihrem Wunsch passen."),
        answer_of(language="de", message="Here are the two shoes that fit best to what you want."),
    ),
    ("language", {"language": "zh"}, answer_of(message="为您找到最合适的商品。"), answer_of(message="Here you are.")),
    (
        "cites",
        {"cites": ["dense", "price"]},
        answer_of([recommended("runner", evidence=[*recommended("runner").evidence, DENSE])]),
        answer_of(["runner"]),
    ),
    (
        "moments",
        {"moments": [{"item": "runner", "start": 2, "end": 4}]},
        answer_of([recommended("runner", evidence=SEEN[:1])]),
        answer_of([recommended("runner", evidence=SEEN[1:]), recommended("trainer", evidence=SEEN[:1])]),
    ),
    (
        "moments",
        {"moments": [{"item": "sofa", "start": 0, "end": 9}]},
        answer_of([recommended("sofa", evidence=SEEN)]),
        answer_of(["runner"]),
    ),
    (
        "injection",
        {"obeys_not": ["BUY NOW"]},
        answer_of(message="Its description says “buy now”."),
        answer_of([recommended("runner", explanation="Buy now!")]),
    ),
    ("budget_calls", {"max_model_calls": 2}, answer_of(usage={"llm_calls": 2}), answer_of(usage={"llm_calls": 3})),
    (
        "budget_tokens",
        {"max_tokens": 100},
        answer_of(usage={"prompt_tokens": 90, "completion_tokens": 10}),
        answer_of(usage={"prompt_tokens": 100, "completion_tokens": 1}),
    ),
    ("answered", {}, answer_of(message="Hello"), TurnAnswer(error="The server did not answer.")),
    ("answered", {}, answer_of(["runner"]), answer_of()),
    ("exists", {}, answer_of(SHOES), TurnAnswer(shown=["runner", "unicorn"])),
    ("price", {}, answer_of(SHOES), answer_of([recommended("runner", price=39.95)])),
    ("price", {}, answer_of(["gift"]), answer_of([recommended("runner", title="Cloud Walker")])),
    ("price", {}, answer_of(["gift"]), answer_of([recommended("runner", currency="EUR")])),
    ("violation", {"constraints": {"max_price": 60}}, answer_of(["runner"]), answer_of(SHOES)),
    ("violation", {}, answer_of(SHOES), answer_of(SHOES, constraints={"in_stock": True, "exclude_terms": ["canvas"]})),
    (
        "violation",
        {"constraints": {"max_price": 40}},
        answer_of(["runner"], relaxed=[moved()], constraints={"max_price": 44.95}),
        answer_of(SHOES, relaxed=[moved()], constraints={"max_price": 44.95}),
    ),
    (
        "claims",
        {},
        answer_of([recommended("runner", explanation="It costs 44.95 USD.")]),
        answer_of([recommended("runner", explanation="It costs 40 USD.")]),
    ),
]


@pytest.mark.parametrize(("kind", "expect", "right", "wrong"), CASES)
def test_right_answers_pass_and_wrong_ones_fail(
    kind: str, expect: dict[str, Any], right: TurnAnswer, wrong: TurnAnswer
) -> None:
    passed, failed = (
        check_of_kind(kind, checks_of_last_turn(expect, right)),
        check_of_kind(kind, checks_of_last_turn(expect, wrong)),
    )
    assert (passed.ok, passed.detail) == (True, "")
    assert not failed.ok
    assert failed.detail


def test_what_is_not_expected_is_not_looked_at() -> None:
    kinds = [check.kind for check in checks_of_last_turn({}, answer_of(SHOES))]
    assert kinds == ["answered", "exists", "price", "violation", "claims"]


def test_a_relaxation_that_was_not_to_be_is_a_violation() -> None:
    expect = {"constraints": {"max_price": 40}, "relaxed": []}
    checks = checks_of_last_turn(expect, answer_of(["runner"], relaxed=[moved()], constraints={"max_price": 44.95}))
    assert not check_of_kind("violation", checks).ok


def test_an_earlier_ranking_shown_again_breaks_nothing() -> None:
    expect = {"intent": "why", "constraints": {"max_price": 40}}
    assert "violation" not in [check.kind for check in checks_of_last_turn(expect, answer_of(["runner"], intent="why"))]


def test_cheaper_is_cheaper_than_what_came_first_before() -> None:
    expect = {"constraints": {"max_price": "below the first"}}
    constraints = {"max_price": 64.99}
    cheaper = checks_of_last_turn(expect, answer_of(["trainer"]), answer_of(["runner"], constraints=constraints))
    same_again = checks_of_last_turn(expect, answer_of(["trainer"]), answer_of(["trainer"]))
    assert check_of_kind("violation", cheaper).ok
    assert check_of_kind("constraints", cheaper).ok
    assert not check_of_kind("violation", same_again).ok


def test_a_baseline_is_held_to_its_items_alone() -> None:
    expect = {"intent": "recommend", "constraints": {"max_price": 60}, "first": ["runner"], "language": "en"}
    expect |= {"must": ["runner"], "any": ["runner"], "never": ["sofa"], "searches": True, "sorted_by": "price"}
    kinds = [check.kind for check in checks_of_last_turn(expect, TurnAnswer(ranking=["runner"], shown=["runner"]))]
    assert kinds == ["answered", "first", "must", "any", "never", "exists", "violation"]


def test_turns_that_were_not_reached_are_unanswered() -> None:
    case = Case(id="c", tags=["t"], because="a test", turns=[Turn(text="one"), Turn(text="two")])
    case_answer = CaseAnswer(case="c", key="k", turns=[answer_of(SHOES)])
    checks = list(checks_of(scored_turns(case, case_answer, SHELF)))
    assert [check.ok for check in checks if check.kind == "answered"] == [True, False]


def test_the_detail_is_a_sentence() -> None:
    check = check_of_kind("never", checks_of_last_turn({"never": ["sofa"]}, answer_of(["runner", "sofa"])))
    assert check.detail == "the answer shows sofa, which the user ruled out"
    assert (check.expected, check.got) == (["sofa"], ["sofa"])
