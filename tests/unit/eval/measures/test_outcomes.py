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
from tests.unit.eval.measures.shop import ITEMS, answered, recommended
from tools.records import Item

SHELF = CatalogueIndex(ITEMS)


class GroupedReply(Reply):
    """A reply with the fields that answers to several wishes, questions and orders have."""

    groups: list[dict[str, Any]] = []
    cart: dict[str, Any] | None = None
    question: str | None = None


def grouped(shown: list[str], **fields: object) -> TurnAnswer:
    plain = answered(shown)
    assert plain.reply is not None
    reply = GroupedReply.model_validate({**plain.reply.model_dump(), **fields})
    return plain.model_copy(update={"reply": reply})


def checked(expect: dict[str, Any], *answers: TurnAnswer) -> dict[str, Check]:
    """The checks of a case of which only the outcome counts, by kind; all answers but the last precede it."""
    turns = [Turn(text="?") for _ in answers[:-1]] + [Turn(text="?", expect=Expectation.model_validate(expect))]
    case = Case(id="c", tags=["t"], because="a test", turns=turns)
    given = CaseAnswer(case="c", key="k", turns=list(answers))
    found = checks_of(scored_turns(case, given, SHELF, outcome=True))
    assert {check.turn for check in found} == {len(turns) - 1}
    return {check.kind: check for check in found}


def said(text: str) -> TurnAnswer:
    return answered(message=text)


def group(*item_ids: str) -> dict[str, Any]:
    return {"wish": "a wish", "item_ids": list(item_ids)}


SHOES = {"each": {"category": ["shoes"], "max_price": 70}, "any": ["runner", "trainer"]}
TWO = {"groups": [SHOES, {"first": ["sofa"]}]}
NOTE = Relaxation(field="max_price", wanted=40.0, used=44.95, words="under 40")
EXPLAINED = answered([recommended("runner", explanation="It costs 44.95 dollars.")])

CASES: list[tuple[str, dict[str, Any], TurnAnswer, TurnAnswer]] = [
    ("shows", {"shows": True}, answered(["sofa"]), said("Nothing fits.")),
    ("each", {"each": {"max_price": 65}}, answered(["runner", "trainer"]), answered(["runner", "sofa"])),
    ("each", {"each": {"min_price": 50}}, answered(["trainer", "sofa"]), answered(["gift"])),
    ("each", {"each": {"brand": ["nike"]}}, answered(["trainer"]), answered(["trainer", "sofa"])),
    ("each", {"each": {"not_brand": ["Nike"]}}, answered(["runner", "sofa"]), answered(["trainer"])),
    ("each", {"each": {"category": ["Sport"]}}, answered(["runner"]), answered(["runner", "gift"])),
    ("each", {"each": {"category": ["Home > Sofas"]}}, answered(["sofa"]), answered(["gift"])),
    ("each", {"each": {"not_category": ["sofas"]}}, answered(["gift"]), answered(["sofa"])),
    ("each", {"each": {"ids": ["gift", "sofa"]}}, answered(["sofa"]), answered(["sofa", "runner"])),
    ("must", {"must": ["sofa", "gift"]}, answered(["runner", "trainer", "gift", "sofa"]), answered(["sofa"])),
    ("says", {"says": [["44.95", "44,95"]]}, EXPLAINED, said("It costs 144.95 dollars.")),
    ("says", {"says": [["65"]]}, said("Es kostet 65,00 Euro."), said("It costs 65.50 or 165 or 1,065.")),
    ("says", {"says": [["red"], ["M"]]}, said("RED, in M and L"), said("Red, in medium")),
    ("says", {"says": [["can't", "cannot"]]}, said("You can’t return it."), said("Yes, you can.")),
    ("says", {"says": [["缺货"]]}, said("这款现在缺货。"), said("有货。")),
    ("says_not", {"says_not": ["leather"]}, said("A sofa of fabric."), said("A Leather sofa.")),
    ("asks", {"asks": True}, said("Who is it for?"), said("Nothing fits.")),
    ("asks", {"asks": True}, grouped([], question="Wofür?"), answered(["runner", "trainer", "sofa"])),
    ("asks", {"asks": True}, answered(["runner", "sofa", "gift"]), answered(["sofa", "gift"])),
    ("cart", {"cart": "sofa"}, grouped(["sofa"], cart={"item_id": "sofa"}), answered(["sofa"])),
    ("cart", {"cart": "sofa"}, grouped([], cart={"item_id": "sofa"}), grouped([], cart={"item_id": "gift"})),
    ("no_constraint", {"no_constraint": True}, answered(["sofa"]), answered(constraints={"max_price": 43.0})),
    ("no_constraint", {"no_constraint": True}, said("Hello!"), answered(relaxed=[NOTE])),
    ("no_constraint", {"no_constraint": True}, said("Hello!"), said(say("refused", "en"))),
    (
        "refuses",
        {"refuses": True},
        answered(steps=[Step(tool="browse", arguments={}, origin="planned", ok=True, seconds=0)]),
        answered(["gift"]),
    ),
    (
        "groups",
        TWO,
        grouped(["sofa", "runner"], groups=[group("sofa", "gift"), group("runner")]),
        answered(["runner", "sofa"]),
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
    assert checked(expect, right)[kind].ok
    failed = checked(expect, wrong)[kind]
    assert not failed.ok
    assert failed.detail


def test_new_looks_at_every_earlier_turn() -> None:
    before = [answered(["sofa"]), answered(["runner"])]
    assert checked({"new": True}, *before, answered(["trainer"]))["new"].ok
    assert not checked({"new": True}, *before, answered(["trainer", "sofa"]))["new"].ok


def test_only_the_last_turn_counts_and_not_how_it_was_read() -> None:
    turns = [Turn(text="?", expect=Expectation(first=["gift"])), Turn(text="?", expect=Expectation(first=["sofa"]))]
    case = Case(id="c", tags=["t"], because="a test", turns=turns)
    earlier, last = answered(["runner"]), answered(["sofa"], constraints={"max_price": 5}, message="It is red.")
    given = CaseAnswer(case="c", key="k", turns=[earlier, last])
    judged = {how: checks_of(scored_turns(case, given, SHELF, outcome=how)) for how in (True, False)}
    assert {check.kind for check in judged[True]} == {"answered", "first", "exists", "price"}
    assert all(check.ok for check in judged[True])
    assert {check.kind for check in judged[False] if not check.ok} >= {"first", "violation", "claims"}


def test_what_was_ranked_but_not_shown_does_not_count() -> None:
    hidden = answered(["runner"]).model_copy(update={"ranking": ["sofa", "runner"]})
    assert not checked({"any": ["sofa"]}, hidden)["any"].ok
    assert not checked({"must": ["sofa"]}, hidden)["must"].ok


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
        answer = answered([card.model_copy(update={"price": price})])
        found = checks_of(
            scored_turns(case, CaseAnswer(case="c", key="k", turns=[answer]), CatalogueIndex(sold), outcome=True)
        )
        return all(check.ok for check in found)

    assert passes(30.0)
    assert not passes(90.0)
    assert not passes(60.0)
    assert not passes(35.0), "no price of the catalogue"
