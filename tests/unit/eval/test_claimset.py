"""How the rules of the product's check of claims do on the labelled sentences, English and Chinese.

The aim is 0.99 of the false refused and 0.95 of the true accepted. The floors are what has been reached.
"""

import pytest

from eval.claimset import Half, evaluate, load_records, rules_check

REACHED = {("dev", False): 0.99, ("dev", True): 0.88, ("test", False): 0.95, ("test", True): 0.29}


@pytest.mark.parametrize("half", ["dev", "test"])
def test_no_figure_falls_below_what_was_reached(half: Half) -> None:
    figures = evaluate(rules_check, load_records(half))
    for true in (False, True):
        counts = figures.counts(true=true, languages=["en", "zh"])
        assert counts.of > 100
        assert counts.accuracy >= REACHED[half, true], (half, true, counts)


def test_a_checker_that_accepts_everything_has_no_false_sentence_refused() -> None:
    figures = evaluate(lambda record: True, load_records("dev"))
    assert figures.counts(true=True).accuracy == 1
    assert figures.counts(true=False).right == 0
