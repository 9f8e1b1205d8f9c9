"""What has to do with a wish, by calibrated signals."""

import pytest

from assistant.agent.relevance import best_scores, is_certain, is_near, is_relevant, is_same_kind, relevant_ids
from tools.records import Hit, Signal, SignalSource


def text(z: float, share: float = 0.0) -> list[Signal]:
    """How an item answers a query."""
    words = [Signal(source="keyword", score=1.0, share=share, rank=1)] if share else []
    return [Signal(source="dense", score=0.3, z=z, rank=1), *words]


def hits(**signals: list[Signal]) -> list[Hit]:
    return [Hit(item_id=name, title=name, signals=item_signals) for name, item_signals in signals.items()]


def relevant(query: str, items: list[Hit]) -> list[str]:
    return relevant_ids(query, items, best_scores((query, hit) for hit in items))


def test_the_nearest_of_unrelated_items_is_not_relevant() -> None:
    items = hits(ball=text(3.1), stool=text(2.0), rope=text(-0.5))
    assert relevant("a violin", items) == []
    assert not is_certain(best_scores(("a violin", hit) for hit in items))


def test_what_is_far_behind_the_best_is_not_relevant() -> None:
    assert relevant("tent", hits(tent=text(11.0), hammock=text(6.5), lantern=text(8.5))) == ["tent", "lantern"]


def test_the_best_counts_though_a_constraint_hides_it() -> None:
    best = best_scores([("tent", hits(tent=text(11.0))[0])])
    assert relevant_ids("tent", hits(hammock=text(6.5)), best) == []


def test_words_add_to_what_is_not_quite_near() -> None:
    assert relevant("oak table", hits(table=text(3.5), oak=text(3.5, share=0.4))) == ["oak"]


def test_most_of_the_words_are_enough() -> None:
    assert relevant("FZ100 battery", hits(battery=text(0.5, share=0.8), other=text(0.5, share=0.4))) == ["battery"]
    code = [Signal(source="keyword", score=9.0, share=1.0, rank=1)]
    assert relevant("FZ100", hits(battery=code)) == ["battery"]


def test_each_query_is_measured_by_itself() -> None:
    (near,) = text(5.0)
    (far,) = text(1.0)
    assert is_relevant([("chair", near), ("lamp", far)], {"text": 5.0})
    assert not is_relevant([("chair", far), ("lamp", far)], {"text": 5.0})


def test_pictures_are_measured_by_themselves() -> None:
    alike, less = (Signal(source="picture", score=0.4, z=z, rank=1) for z in (6.0, 2.9))
    assert relevant("photo", hits(shoe=[alike], plant=[less])) == ["shoe"]
    assert relevant("photo", hits(shoe=[Signal(source="picture", score=0.4, rank=1)])) == ["shoe"]


@pytest.mark.parametrize("source", ["text_picture", "picture_text"])
def test_words_and_pictures_that_fit_each_other_in_a_joint_space_are_enough(source: SignalSource) -> None:
    fits, less, uncalibrated = (Signal(source=source, score=0.3, z=z, rank=1) for z in (3.6, 3.4, None))
    assert relevant("a red tent", hits(tent=[fits], rope=[less], map=[uncalibrated])) == ["tent"]
    assert not relevant("a red tent", hits(rope=[less]))


def test_a_list_without_a_question_is_all_relevant() -> None:
    assert relevant("", hits(a=[], b=[])) == ["a", "b"]


def test_the_kind_of_thing_that_was_asked_for_is_nearer_than_what_goes_with_it() -> None:
    best = {"text": 6.0}
    assert [is_same_kind([("camera", text(z)[0])], best) for z in (6.0, 5.2, 4.5, 3.0)] == [True, True, False, False]


def test_what_is_only_near_is_told_from_what_is_far() -> None:
    assert is_near({"text": 3.5})
    assert not is_near({"text": 2.0})
    assert not is_near({})
