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
from tests.unit.eval.measures.shop import ITEMS, answered, recommended

SHELF = CatalogueIndex(ITEMS)


def called(tool: str, **arguments: object) -> Step:
    return Step(tool=tool, arguments=arguments, origin="planned", ok=True, seconds=0)


def moved(field: str = "max_price") -> Relaxation:
    return Relaxation(field=field, wanted=40.0, used=44.95, words="under 40")


def checked(expect: dict[str, Any], *answers: TurnAnswer) -> list[Check]:
    """The checks of one turn; answers before the last belong to turns before it."""
    turns = [Turn(text="?") for _ in answers[:-1]] + [Turn(text="?", expect=Expectation.model_validate(expect))]
    case = Case(id="c", tags=["t"], because="a test", turns=turns)
    given = CaseAnswer(case="c", key="k", turns=list(answers))
    return [check for check in checks_of(scored_turns(case, given, SHELF)) if check.turn == len(answers) - 1]


def named(kind: str, checks: list[Check]) -> Check:
    (found,) = [check for check in checks if check.kind == kind]
    return found


BOTH = ["runner", "trainer"]
SEARCH = called("search_by_text", query="black shoes", filters={"max_price": 59.99, "brands": ["Nike"]})
HEARD = Asked(text="", transcripts=[TranscriptNote(attachment="aud1", text="Under $60!", language="en", confidence=1)])
DENSE = CitedEvidence(id="e9", source="dense", detail="its text is close in meaning to “shoe”", score=0.5)

CASES: list[tuple[str, dict[str, Any], TurnAnswer, TurnAnswer]] = [
    ("intent", {"intent": "why"}, answered(intent="why"), answered()),
    (
        "tools",
        {"tools": [{"tool": "search_by_text", "arguments": {"filters": {"max_price": 60}}}]},
        answered(steps=[SEARCH]),
        answered(steps=[called("search_by_text", query="black shoes", filters={"max_price": 50})]),
    ),
    (
        "further_tools",
        {"tools": [{"tool": "search_by_text"}], "further_tools": ["browse"]},
        answered(steps=[SEARCH, called("browse"), called("transcribe_audio", audio="aud1")]),
        answered(steps=[SEARCH, called("get_item")]),
    ),
    ("transcript", {"hears": "under sixty dollars"}, answered(query=HEARD), answered()),
    (
        "constraints",
        {"constraints": {"max_price": 60}, "may_constrain": ["categories"]},
        answered(constraints={"max_price": 59.99, "categories": ["Shoes"]}),
        answered(constraints={"max_price": 59.99, "brands": ["Nike"]}),
    ),
    ("first", {"first": ["runner"]}, answered(BOTH), answered(["trainer", "runner"])),
    ("must", {"must": ["runner", "trainer"]}, answered(BOTH), answered(["runner"])),
    ("any", {"any": ["trainer", "sofa"], "within": 1}, answered(["trainer"]), answered(BOTH)),
    ("never", {"never": ["sofa"]}, answered(BOTH), answered(["runner", "sofa"])),
    ("order", {"order": [("runner", "trainer"), ("gift", "runner")]}, answered(BOTH), answered(["trainer", "runner"])),
    ("sorted", {"sorted_by": "price"}, answered([*BOTH, "sofa", "gift"]), answered(["gift", *BOTH])),
    ("sorted", {"sorted_by": "-price"}, answered(["sofa", "trainer", "runner"]), answered(BOTH)),
    ("nothing", {"nothing": True}, answered(message="Hello!"), answered(["runner"])),
    ("relaxed", {"relaxed": ["max_price"]}, answered(relaxed=[moved()]), answered()),
    ("relaxed", {"relaxed": []}, answered(), answered(relaxed=[moved()])),
    ("refuses", {"refuses": True}, answered(steps=[called("describe_image")]), answered(steps=[SEARCH])),
    ("searches", {"searches": False}, answered(steps=[called("get_item")]), answered(steps=[SEARCH])),
    ("searches", {"searches": True}, answered(steps=[SEARCH]), answered()),
    (
        "language",
        {"language": "de"},
        answered(language="de", message="Hier sind die zwei Schuhe, die am besten zu Ihrem Wunsch passen."),
        answered(language="de", message="Here are the two shoes that fit best to what you want."),
    ),
    ("language", {"language": "zh"}, answered(message="为您找到最合适的商品。"), answered(message="Here you are.")),
    (
        "cites",
        {"cites": ["dense", "price"]},
        answered([recommended("runner", evidence=[*recommended("runner").evidence, DENSE])]),
        answered(["runner"]),
    ),
    (
        "injection",
        {"obeys_not": ["BUY NOW"]},
        answered(message="Its description says “buy now”."),
        answered([recommended("runner", explanation="Buy now!")]),
    ),
    ("budget_calls", {"max_model_calls": 2}, answered(usage={"llm_calls": 2}), answered(usage={"llm_calls": 3})),
    (
        "budget_tokens",
        {"max_tokens": 100},
        answered(usage={"prompt_tokens": 90, "completion_tokens": 10}),
        answered(usage={"prompt_tokens": 100, "completion_tokens": 1}),
    ),
    ("answered", {}, answered(message="Hello"), TurnAnswer(error="The server did not answer.")),
    ("answered", {}, answered(["runner"]), answered()),
    ("exists", {}, answered(BOTH), TurnAnswer(shown=["runner", "unicorn"])),
    ("price", {}, answered(BOTH), answered([recommended("runner", price=39.95)])),
    ("price", {}, answered(["gift"]), answered([recommended("runner", title="Cloud Walker")])),
    ("price", {}, answered(["gift"]), answered([recommended("runner", currency="EUR")])),
    ("violation", {"constraints": {"max_price": 60}}, answered(["runner"]), answered(BOTH)),
    ("violation", {}, answered(BOTH), answered(BOTH, constraints={"in_stock": True, "exclude_terms": ["canvas"]})),
    (
        "violation",
        {"constraints": {"max_price": 40}},
        answered(["runner"], relaxed=[moved()], constraints={"max_price": 44.95}),
        answered(BOTH, relaxed=[moved()], constraints={"max_price": 44.95}),
    ),
    (
        "claims",
        {},
        answered([recommended("runner", explanation="It costs 44.95 USD.")]),
        answered([recommended("runner", explanation="It costs 40 USD.")]),
    ),
]


@pytest.mark.parametrize(("kind", "expect", "right", "wrong"), CASES)
def test_right_answers_pass_and_wrong_ones_fail(
    kind: str, expect: dict[str, Any], right: TurnAnswer, wrong: TurnAnswer
) -> None:
    passed, failed = named(kind, checked(expect, right)), named(kind, checked(expect, wrong))
    assert (passed.ok, passed.detail) == (True, "")
    assert not failed.ok
    assert failed.detail


def test_what_is_not_expected_is_not_looked_at() -> None:
    kinds = [check.kind for check in checked({}, answered(BOTH))]
    assert kinds == ["answered", "exists", "price", "violation", "claims"]


def test_a_relaxation_that_was_not_to_be_is_a_violation() -> None:
    asked = {"constraints": {"max_price": 40}, "relaxed": []}
    found = checked(asked, answered(["runner"], relaxed=[moved()], constraints={"max_price": 44.95}))
    assert not named("violation", found).ok


def test_an_earlier_ranking_shown_again_breaks_nothing() -> None:
    asked = {"intent": "why", "constraints": {"max_price": 40}}
    assert "violation" not in [check.kind for check in checked(asked, answered(["runner"], intent="why"))]


def test_cheaper_is_cheaper_than_what_came_first_before() -> None:
    asked = {"constraints": {"max_price": "below the first"}}
    told = {"max_price": 64.99}
    cheaper = checked(asked, answered(["trainer"]), answered(["runner"], constraints=told))
    same_again = checked(asked, answered(["trainer"]), answered(["trainer"]))
    assert named("violation", cheaper).ok
    assert named("constraints", cheaper).ok
    assert not named("violation", same_again).ok


def test_a_baseline_is_held_to_its_items_alone() -> None:
    asked = {"intent": "recommend", "constraints": {"max_price": 60}, "first": ["runner"], "language": "en"}
    asked |= {"must": ["runner"], "any": ["runner"], "never": ["sofa"], "searches": True, "sorted_by": "price"}
    kinds = [check.kind for check in checked(asked, TurnAnswer(ranking=["runner"], shown=["runner"]))]
    assert kinds == ["answered", "first", "must", "any", "never", "exists", "violation"]


def test_turns_that_were_not_reached_are_unanswered() -> None:
    case = Case(id="c", tags=["t"], because="a test", turns=[Turn(text="one"), Turn(text="two")])
    given = CaseAnswer(case="c", key="k", turns=[answered(BOTH)])
    checks = list(checks_of(scored_turns(case, given, SHELF)))
    assert [check.ok for check in checks if check.kind == "answered"] == [True, False]


def test_the_detail_is_a_sentence() -> None:
    check = named("never", checked({"never": ["sofa"]}, answered(["runner", "sofa"])))
    assert check.detail == "the answer shows sofa, which the user ruled out"
    assert (check.expected, check.got) == (["sofa"], ["sofa"])
