import pytest

from assistant.errors import BadInput
from eval.runs.thresholds import Threshold, parse_thresholds


def test_both_directions_and_the_bound_itself_is_met() -> None:
    low, high = parse_thresholds(["constraint_accuracy=0.95"], ["violations=0"])
    assert low == Threshold("constraint_accuracy", 0.95, over=False)
    assert low.missed({"constraint_accuracy": 0.95}) is None
    assert low.missed({"constraint_accuracy": 0.9}) == "constraint_accuracy is 0.9, under 0.95"
    assert high.missed({"violations": 0.0}) is None
    assert high.missed({"violations": 2.0}) == "violations is 2, over 0"


@pytest.mark.parametrize("text", ["ndcg", "ndcg=", "=0.5", "ndcg=high", "ndcg=nan", "ndcg>0.5"])
def test_a_wrong_threshold_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="MEASURE=NUMBER"):
        parse_thresholds([text], [])


def test_a_measure_that_does_not_exist_is_refused_before_anything_runs() -> None:
    with pytest.raises(BadInput, match="no measure 'ndgc'"):
        parse_thresholds(["ndgc=0.5"], [])


def test_a_measure_that_no_case_has_is_an_error_and_not_met_silently() -> None:
    with pytest.raises(BadInput, match="there are: mrr, recall"):
        Threshold("ndcg", 0.5, over=False).missed({"recall": 0.5, "mrr": 0.5})
