"""Scoring of answers to the scripted questions."""

from pathlib import Path

import pytest

from eval.questions import (
    Answer,
    Expected,
    Question,
    load_questions,
    score,
    summarise,
    with_starts,
)
from tools.records import Item

ITEMS = {
    item.id: item
    for item in [
        Item(id="sofa", title="Leather Sofa", price=900, brand="Chill", in_stock=True),
        Item(id="couch", title="Fabric Couch", price=300, description="In grey", in_stock=False),
        Item(id="stool", title="Stool", price=20, attributes={"color": ["black"]}),
        Item(id="gift", title="Gift", price=None),
    ]
}


def question(**expected: object) -> Question:
    return Question(
        id="q",
        language="en",
        text="?",
        because="",
        expected=Expected.model_validate({"intent": "recommend", **expected}),
    )


@pytest.mark.parametrize(
    ("returned", "hit1", "hit3", "reciprocal"),
    [
        (["couch", "sofa", "stool"], True, True, 1),
        (["sofa", "stool", "couch"], False, True, 1 / 3),
        (["sofa", "stool", "gift", "couch"], False, False, 1 / 4),
        ([], False, False, 0),
    ],
)
def test_ranks_are_scored(returned: list[str], hit1: bool, hit3: bool, reciprocal: float) -> None:
    found = score(question(any_of_top1=["couch"]), Answer(items=returned), ITEMS)
    assert (found.hit1, found.hit3, found.reciprocal_rank) == (hit1, hit3, pytest.approx(reciprocal))


def test_hit3_wants_every_item_that_must_be_there() -> None:
    asked = question(any_of_top1=["couch"], must_in_top3=["couch", "stool"])
    assert score(asked, Answer(items=["couch", "sofa", "stool"]), ITEMS).hit3
    assert not score(asked, Answer(items=["couch", "sofa", "gift"]), ITEMS).hit3


@pytest.mark.parametrize(
    ("told", "right"),
    [
        ({"max_price": 59.99, "exclude_terms": ["Leather", "leder"]}, True),
        ({"max_price": 60.0, "exclude_terms": ["leather"]}, True),
        ({"max_price": 61, "exclude_terms": ["leather"]}, False),
        ({"max_price": 59.99}, False),
        ({"max_price": 59.99, "exclude_terms": ["leather"], "brands": ["Chill"]}, False),
        ({"max_price": 59.99, "exclude_terms": ["leather"], "categories": ["Sofas"]}, True),
    ],
)
def test_constraints_must_all_be_in_force_and_no_others(told: dict[str, object], right: bool) -> None:
    asked = question(constraints={"max_price": 59.99, "exclude_terms": ["leather"]}, may_also_constrain=["categories"])
    assert score(asked, Answer(constraints=told), ITEMS).constraints is right


def test_a_relaxed_constraint_must_be_told() -> None:
    asked = question(constraints={"brands": ["Chill"]}, relaxed=["max_price"], may_also_constrain=["max_price"])
    assert score(asked, Answer(constraints={"brands": ["Chill"]}, relaxed=["max_price"]), ITEMS).constraints
    assert not score(asked, Answer(constraints={"brands": ["Chill"]}), ITEMS).constraints


def test_a_bound_relative_to_the_answer_before_is_resolved() -> None:
    asked = question(constraints={"max_price": "below the first"})
    before = Answer(items=["couch", "sofa"])
    found = score(asked, Answer(items=["stool", "couch"], constraints={"max_price": 299.99}), ITEMS, before)
    assert found.constraints
    assert found.violations == ["couch"]


def test_unknown_and_forbidden_items_are_violations_but_not_in_an_answer_that_searches_nothing() -> None:
    asked = question(must_not=["sofa"])
    assert score(asked, Answer(items=["sofa", "invented", "stool"]), ITEMS).violations == ["sofa", "invented"]
    why = question(intent="why", must_not=["sofa"])
    assert score(why, Answer(intent="why", items=["sofa"]), ITEMS).violations == []


def test_summary_counts_only_what_was_asked_for() -> None:
    first = score(question(any_of_top1=["couch"]), Answer(intent="recommend", items=["couch"], seconds=1), ITEMS)
    second = score(question(intent="chat"), Answer(intent="recommend", seconds=3), ITEMS)
    found = summarise([first, second])
    assert (found.hit1, found.mrr, found.intent, found.constraints, found.seconds_total) == (1, 1, 0.5, None, 4)


def test_the_committed_questions_are_sound() -> None:
    questions = load_questions()
    assert len(questions) == 30
    assert sum(one.baseline for one in questions) == 10
    voices = Path(load_questions.__code__.co_filename).parent / "data" / "voice"
    for one in questions:
        assert one.text or one.photo_of or one.voice
        assert not (one.baseline and one.after), "the stock agent is asked single turns"
        assert (one.expected.intent == "recommend") == bool(one.expected.any_of_top1)
        if one.voice and one.voice != "voice-budget.flac":
            assert (voices / one.voice).is_file()


def test_a_follow_up_brings_the_start_of_its_conversation() -> None:
    questions = load_questions()
    chosen = [one for one in questions if one.id == "zh-thanks"]
    assert [one.id for one in with_starts(chosen, questions)] == ["zh-plant", "zh-plant-cheaper", "zh-thanks"]


def test_a_follow_up_of_nothing_is_refused(tmp_path: Path) -> None:
    line = question().model_copy(update={"after": "later"}).model_dump_json()
    (tmp_path / "q.jsonl").write_text(line + "\n")
    with pytest.raises(ValueError, match="does not come before it"):
        load_questions(tmp_path / "q.jsonl")
