"""Expectations of what the user gets: each passes on a right answer and fails on a wrong one."""

from typing import Any

import pytest

from assistant.records import Relaxation, Reply, Step
from eval.measures.checks import checks_of
from eval.measures.claim_ground import CatalogueIndex
from eval.measures.turns import scored_turns
from eval.runs.records import CaseAnswer, Check, TurnAnswer
from eval.suite.records import Case, Expectation, Turn
from prompts import say
from tests.unit.eval.measures.shop import ITEMS, answer_of, recommended
from tools.records import Item

SHELF = CatalogueIndex(ITEMS)


class GroupedReply(Reply):
    """A reply with the fields that answers to several wishes, questions and orders have."""

    groups: list[dict[str, Any]] = []
    cart: dict[str, Any] | None = None
    question: str | None = None


def grouped(shown: list[str], **fields: object) -> TurnAnswer:
    plain = answer_of(shown)
    assert plain.reply is not None
    reply = GroupedReply.model_validate({**plain.reply.model_dump(), **fields})
    return plain.model_copy(update={"reply": reply})


def checks_by_kind(expect: dict[str, Any], *answers: TurnAnswer) -> dict[str, Check]:
    """The checks of a case of which only the outcome counts, by kind; all answers but the last precede it."""
    turns = [Turn(text="?") for _ in answers[:-1]] + [Turn(text="?", expect=Expectation.model_validate(expect))]
    case = Case(id="c", tags=["t"], because="a test", turns=turns)
    case_answer = CaseAnswer(case="c", key="k", turns=list(answers))
    checks = checks_of(scored_turns(case, case_answer, SHELF, outcome=True))
    assert {check.turn for check in checks} == {len(turns) - 1}
    return {check.kind: check for check in checks}


def text_answer(text: str) -> TurnAnswer:
    return answer_of(message=text)


def group(*item_ids: str) -> dict[str, Any]:
    return {"wish": "a wish", "item_ids": list(item_ids)}


SHOES = {"each": {"category": ["shoes"], "max_price": 70}, "any": ["runner", "trainer"]}
TWO = {"groups": [SHOES, {"first": ["sofa"]}]}
NOTE = Relaxation(field="max_price", wanted=40.0, used=44.95, words="under 40")
EXPLAINED = answer_of([recommended("runner", explanation="It costs 44.95 dollars.")])

CASES: list[tuple[str, dict[str, Any], TurnAnswer, TurnAnswer]] = [
    ("shows", {"shows": True}, answer_of(["sofa"]), text_answer("Nothing fits.")),
    ("each", {"each": {"max_price": 65}}, answer_of(["runner", "trainer"]), answer_of(["runner", "sofa"])),
    ("each", {"each": {"min_price": 50}}, answer_of(["trainer", "sofa"]), answer_of(["gift"])),
    ("each", {"each": {"brand": ["nike"]}}, answer_of(["trainer"]), answer_of(["trainer", "sofa"])),
    ("each", {"each": {"not_brand": ["Nike"]}}, answer_of(["runner", "sofa"]), answer_of(["trainer"])),
    ("each", {"each": {"category": ["Sport"]}}, answer_of(["runner"]), answer_of(["runner", "gift"])),
    ("each", {"each": {"category": ["Home > Sofas"]}}, answer_of(["sofa"]), answer_of(["gift"])),
    ("each", {"each": {"not_category": ["sofas"]}}, answer_of(["gift"]), answer_of(["sofa"])),
    ("each", {"each": {"ids": ["gift", "sofa"]}}, answer_of(["sofa"]), answer_of(["sofa", "runner"])),
    ("must", {"must": ["sofa", "gift"]}, answer_of(["runner", "trainer", "gift", "sofa"]), answer_of(["sofa"])),
    ("says", {"says": [["44.95", "44,95"]]}, EXPLAINED, text_answer("It costs 144.95 dollars.")),
    ("says", {"says": [["65"]]}, text_answer("Es kostet 65,00 Euro."), text_answer("It costs 65.50 or 165 or 1,065.")),
    ("says", {"says": [["red"], ["M"]]}, text_answer("RED, in M and L"), text_answer("Red, in medium")),
    ("says", {"says": [["can't", "cannot"]]}, text_answer("You can’t return it."), text_answer("Yes, you can.")),
    ("says", {"says": [["缺货"]]}, text_answer("这款现在缺货。"), text_answer("有货。")),
    ("says_not", {"says_not": ["leather"]}, text_answer("A sofa of fabric."), text_answer("A Leather sofa.")),
    ("asks", {"asks": True}, text_answer("Who is it for?"), text_answer("Nothing fits.")),
    ("asks", {"asks": True}, grouped([], question="Wofür?"), answer_of(["runner", "trainer", "sofa"])),
    ("asks", {"asks": True}, answer_of(["runner", "sofa", "gift"]), answer_of(["sofa", "gift"])),
    ("cart", {"cart": "sofa"}, grouped(["sofa"], cart={"item_id": "sofa"}), answer_of(["sofa"])),
    ("cart", {"cart": "sofa"}, grouped([], cart={"item_id": "sofa"}), grouped([], cart={"item_id": "gift"})),
    ("no_constraint", {"no_constraint": True}, answer_of(["sofa"]), answer_of(constraints={"max_price": 43.0})),
    ("no_constraint", {"no_constraint": True}, text_answer("Hello!"), answer_of(relaxed=[NOTE])),
    ("no_constraint", {"no_constraint": True}, text_answer("Hello!"), text_answer(say("refused", "en"))),
    (
        "refuses",
        {"refuses": True},
        answer_of(steps=[Step(tool="browse", arguments={}, origin="planned", ok=True, seconds=0)]),
        answer_of(["gift"]),
    ),
    (
        "groups",
        TWO,
        grouped(["sofa", "runner"], groups=[group("sofa", "gift"), group("runner")]),
        answer_of(["runner", "sofa"]),
    ),
    ("groups", TWO, grouped([], groups=[group("trainer"), group("sofa")]), grouped([], groups=[group("sofa")] * 2)),
    (
        "groups",
        TWO,
        grouped([], groups=[group("runner", "trainer"), group("sofa")]),
        grouped([], groups=[group("runner", "sofa"), group("sofa")]),
    ),
    (
        "groups",
        TWO,
        grouped([], groups=[group("runner"), group("sofa")]),
        grouped([], groups=[group("runner"), group("sofa"), group("gift")]),
    ),
    (
        "groups",
        {"groups": [{}, {}]},
        grouped([], groups=[group("sofa"), group("gift")]),
        grouped([], groups=[group("gift"), group()]),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "expect", "right", "wrong"), CASES)
def test_a_right_outcome_passes_and_a_wrong_one_fails(
    kind: str, expect: dict[str, Any], right: TurnAnswer, wrong: TurnAnswer
) -> None:
    assert checks_by_kind(expect, right)[kind].ok
    failed = checks_by_kind(expect, wrong)[kind]
    assert not failed.ok
    assert failed.detail


def test_new_looks_at_every_earlier_turn() -> None:
    before = [answer_of(["sofa"]), answer_of(["runner"])]
    assert checks_by_kind({"new": True}, *before, answer_of(["trainer"]))["new"].ok
    assert not checks_by_kind({"new": True}, *before, answer_of(["trainer", "sofa"]))["new"].ok


def test_only_the_last_turn_counts_and_not_how_it_was_read() -> None:
    turns = [Turn(text="?", expect=Expectation(first=["gift"])), Turn(text="?", expect=Expectation(first=["sofa"]))]
    case = Case(id="c", tags=["t"], because="a test", turns=turns)
    earlier, last = answer_of(["runner"]), answer_of(["sofa"], constraints={"max_price": 5}, message="It is red.")
    case_answer = CaseAnswer(case="c", key="k", turns=[earlier, last])
    judged = {how: checks_of(scored_turns(case, case_answer, SHELF, outcome=how)) for how in (True, False)}
    assert {check.kind for check in judged[True]} == {"answered", "first", "exists", "price"}
    assert all(check.ok for check in judged[True])
    assert {check.kind for check in judged[False] if not check.ok} >= {"first", "violation", "claims"}


def test_what_was_ranked_but_not_shown_does_not_count() -> None:
    hidden = answer_of(["runner"]).model_copy(update={"ranking": ["sofa", "runner"]})
    assert not checks_by_kind({"any": ["sofa"]}, hidden)["any"].ok
    assert not checks_by_kind({"must": ["sofa"]}, hidden)["must"].ok


def test_a_variant_is_held_to_a_price_bound_by_its_own_price() -> None:
    variants = {"variants": [{"storage": "1 TB", "price": 30.0}, {"storage": "4 TB", "price": 90.0}]}
    sold = {"drive": Item(id="drive", title="Drive", price=60, currency="USD", attributes=variants)}
    card = recommended("runner").model_copy(update={"item_id": "drive", "title": "Drive"})
    case = Case(
        id="c",
        tags=["t"],
        because="a test",
        turns=[Turn(text="?", expect=Expectation.model_validate({"each": {"max_price": 40}}))],
    )

    def passes(price: float) -> bool:
        answer = answer_of([card.model_copy(update={"price": price})])
        checks = checks_of(
            scored_turns(case, CaseAnswer(case="c", key="k", turns=[answer]), CatalogueIndex(sold), outcome=True)
        )
        return all(check.ok for check in checks)

    assert passes(30.0)
    assert not passes(90.0)
    assert not passes(60.0)
    assert not passes(35.0), "no price of the catalogue"
