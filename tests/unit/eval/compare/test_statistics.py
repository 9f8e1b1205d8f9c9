"""Statistics held against textbooks, against enumeration by hand, and against simulated runs."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from eval.compare.statistics import (
    Flips,
    cases_to_see_flips,
    cases_to_see_mean,
    fewest_cases,
    flips,
    holm,
    mean_interval,
    permutation_p,
    rate_interval,
)

DARWIN = [6.125, -8.375, 1.0, 2.0, 0.75, 2.875, 3.5, 5.125, 1.75, 3.625, 7.0, 3.0, 9.375, 7.5, -6.0]
"""Charles Darwin's 15 pairs of crossed and self-fertilised maize, in inches (Fisher 1935)."""


def test_the_permutation_test_gives_fishers_result_for_darwins_maize() -> None:
    # Fisher counts 1,726 of 32,768 sign patterns at least as far from zero: p = 0.0527.
    assert permutation_p(DARWIN, seed=1) == pytest.approx(1726 / 32768, abs=0.006)


def test_with_few_cases_the_permutation_test_counts_every_sign_pattern() -> None:
    differences = [0.5, 0.25, -0.125, 1.0, 0.75, 0.0, 0.3]
    observed = abs(sum(differences))
    patterns = list(product((1, -1), repeat=len(differences)))
    as_far = sum(
        abs(sum(s * d for s, d in zip(signs, differences, strict=True))) >= observed - 1e-9 for signs in patterns
    )
    assert permutation_p(differences, seed=1) == pytest.approx(as_far / len(patterns))


def test_without_a_difference_p_values_are_uniform() -> None:
    draw = np.random.default_rng(5)
    p_values = [permutation_p(draw.normal(size=9).tolist(), seed=2) for _ in range(300)]
    assert stats.kstest(p_values, "uniform").pvalue > 0.05
    assert sum(p < 0.05 for p in p_values) / 300 == pytest.approx(0.05, abs=0.03)


def test_the_interval_of_a_mean_covers_it_about_as_often_as_it_says() -> None:
    draw = np.random.default_rng(3)
    intervals = [mean_interval(draw.exponential(size=40).tolist(), seed=4) for _ in range(200)]
    covering = sum(interval is not None and interval.low <= 1.0 <= interval.high for interval in intervals)
    assert 0.88 <= covering / 200 <= 0.99


def test_the_interval_of_darwins_maize_is_near_the_textbooks() -> None:
    # Student's t gives 0.0036 to 5.2297 inches (Fisher 1935); the bootstrap makes no assumption of normality.
    interval = mean_interval(DARWIN, seed=1)
    assert interval is not None
    assert interval.low == pytest.approx(0.0, abs=0.6)
    assert interval.high == pytest.approx(4.9, abs=0.5)


@pytest.mark.parametrize("values", [[], [0.5], [0.0, 0.0, 0.0], [0.3, 0.3, 0.3]])
def test_values_that_do_not_spread_have_no_interval(values: list[float]) -> None:
    assert mean_interval(values, seed=1) is None


def test_two_values_have_a_finite_interval() -> None:
    interval = mean_interval([0.0, 1.0], seed=1)
    assert interval is not None
    assert (interval.low, interval.high) == (0.0, 1.0)


@pytest.mark.parametrize("differences", [[], [0.7], [0.0, 0.0, 0.0]])
def test_nothing_to_go_by_gives_a_p_value_of_one(differences: list[float]) -> None:
    assert permutation_p(differences, seed=1) == 1.0


def test_all_cases_alike_are_significant_when_there_are_enough() -> None:
    assert permutation_p([0.1] * 5, seed=1) == pytest.approx(2 / 2**5)
    assert permutation_p([0.1] * 6, seed=1) == pytest.approx(2 / 2**6)


def test_the_same_seed_gives_the_same_numbers() -> None:
    values = np.random.default_rng(8).normal(size=50).tolist()
    assert permutation_p(values, seed=3) == permutation_p(values, seed=3)
    assert mean_interval(values, seed=3) == mean_interval(values, seed=3)


def test_mcnemar_is_the_binomial_test_of_the_flipped_cases() -> None:
    # Agresti (1990, Categorical Data Analysis, table 10.1): approval of the prime minister, 86 against 150.
    assert Flips(both=794, lost=150, gained=86, neither=570).p_value == pytest.approx(3.716e-5, rel=1e-3)
    assert Flips(both=3, lost=1, gained=9, neither=2).p_value == pytest.approx(stats.binomtest(1, 10).pvalue)


def test_without_a_flipped_case_mcnemar_says_nothing() -> None:
    counted = flips([True, False, True], [True, False, True])
    assert counted == Flips(both=2, lost=0, gained=0, neither=1)
    assert counted.p_value == 1.0
    assert counted.difference == 0.0


def test_flips_are_counted_by_direction() -> None:
    counted = flips([True, True, False, False, True], [False, True, True, False, False])
    assert counted == Flips(both=1, lost=2, gained=1, neither=1)
    assert counted.difference == pytest.approx(-0.2)


def test_holm_multiplies_the_smallest_by_their_number_and_keeps_the_order() -> None:
    # Holm (1979) by hand: 0.01 * 4, 0.02 * 3, then never less than the one before.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.6]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_the_wilson_interval_is_the_published_one() -> None:
    # Newcombe (1998, Statistics in Medicine 17): 81 of 263 gives 0.2553 to 0.3662, 0 of 20 gives 0 to 0.1611.
    some, none = rate_interval(81, 263), rate_interval(0, 20)
    assert some is not None and none is not None
    assert (some.low, some.high) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert (none.low, none.high) == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert rate_interval(0, 0) is None


def test_cases_to_see_a_mean_are_cohens() -> None:
    # Cohen (1988): a difference of half a standard deviation takes 34 pairs, two-sided 5 %, power 0.8.
    spread = [-1.0, 1.0] * 50
    half = 0.5 * float(np.std(spread, ddof=1))
    assert cases_to_see_mean(spread, half) == 34
    assert cases_to_see_mean(spread, -half) == 34
    assert cases_to_see_mean(spread, half, tests=10) == 58  # the same at a level of 0.5 %


@pytest.mark.parametrize(
    ("differences", "detect"), [([], 0.1), ([0.4], 0.1), ([0.0, 0.0], 0.1), ([0.2, 0.2], 0.1), ([0.1, 0.4], 0.0)]
)
def test_where_nothing_spreads_no_number_of_cases_is_made_up(differences: list[float], detect: float) -> None:
    assert cases_to_see_mean(differences, detect) is None


def test_no_fewer_cases_are_asked_for_than_can_be_significant() -> None:
    assert cases_to_see_mean([0.9, 1.0, 1.1], 1.0) == fewest_cases() == 6
    assert permutation_p([0.9, 1.0, 1.1] * 2, seed=1) < 0.05
    assert permutation_p([0.9, 1.0, 1.1, 0.9, 1.0], seed=1) > 0.05
    assert fewest_cases(10) == 9  # 2 / 2**9 is below 0.5 %, 2 / 2**8 is not


def test_connors_number_of_cases_gives_the_power_that_it_promises() -> None:
    counted = Flips(both=60, lost=5, gained=15, neither=20)
    needed = cases_to_see_flips(counted, 0.10)
    assert needed == 155  # (1.95996 * sqrt(0.2) + 0.84162 * sqrt(0.2 - 0.01)) ** 2 / 0.01, by hand 154.6
    draws = np.random.default_rng(11).multinomial(needed, [0.6, 0.05, 0.15, 0.2], size=400)
    significant = [Flips(*(int(count) for count in draw)).p_value < 0.05 for draw in draws]
    assert 0.70 <= float(np.mean(significant)) <= 0.88  # the exact test is a little more cautious than the formula


def test_no_flips_or_an_impossible_difference_have_no_number_of_cases() -> None:
    assert cases_to_see_flips(Flips(both=3, lost=0, gained=0, neither=1), 0.1) is None
    assert cases_to_see_flips(Flips(both=3, lost=1, gained=1, neither=1), 0.0) is None
    assert cases_to_see_flips(Flips(both=3, lost=1, gained=1, neither=1), 1.5) is None
    assert cases_to_see_flips(Flips(both=0, lost=0, gained=4, neither=0), 1.0) == 6
