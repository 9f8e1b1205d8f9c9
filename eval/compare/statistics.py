"""Statistics of paired values: one value a case from each of two runs. All of it by scipy and statsmodels.

Every function that draws random numbers takes its seed, so the same two runs always give the same report. Methods:

- p-value of a mean difference: paired permutation test, which flips the sign of each case's difference (Fisher 1935);
  all sign patterns where there are few enough, else `RESAMPLES` random ones. It assumes no distribution.
- interval of a mean: BCa bootstrap over cases (Efron 1987), percentiles where BCa is not defined.
- p-value of passed against failed: McNemar's test, exact (McNemar 1947).
- many slices at once: Holm's step-down correction (Holm 1979).
- cases needed: power of the paired t-test; for passed against failed Connor's formula (Connor 1987).
"""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.proportion import proportion_confint

ALPHA = 0.05
POWER = 0.8
RESAMPLES = 9_999
BATCH = 1_000
"""Resamples at a time, which bounds the memory of runs with thousands of cases."""

STEEPEST_EFFECT = 2.0
"""In standard deviations. Beyond it the answer is always `fewest_cases`, and the solver need not be troubled."""

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """Both ends of a 95 % confidence interval."""

    low: float
    high: float


@dataclass(frozen=True)
class Flips:
    """Cases by what became of them from the first run to the second."""

    both: int
    lost: int
    gained: int
    neither: int

    @property
    def cases(self) -> int:
        """All of them."""
        return self.both + self.lost + self.gained + self.neither

    @property
    def difference(self) -> float:
        """Pass rate of the second run minus that of the first; 0 without cases."""
        return (self.gained - self.lost) / self.cases if self.cases else 0.0

    @property
    def p_value(self) -> float:
        """Exact McNemar test, two-sided: how surprising the balance of gained and lost cases would be by chance."""
        return float(mcnemar([[self.both, self.lost], [self.gained, self.neither]], exact=True).pvalue)


def flips(before: Sequence[bool], after: Sequence[bool]) -> Flips:
    """Count what became of each case; both sequences are in the same order of cases."""
    pairs = list(zip(before, after, strict=True))
    return Flips(
        both=pairs.count((True, True)),
        lost=pairs.count((True, False)),
        gained=pairs.count((False, True)),
        neither=pairs.count((False, False)),
    )


def mean_interval(values: Sequence[float], *, seed: int) -> Interval | None:
    """95 % bootstrap interval of the mean; None where the values say nothing of it (fewer than two, or all equal)."""
    sample = _vector(values)
    if len(sample) < 2 or np.ptp(sample) == 0:
        return None
    interval = _bootstrap(sample, "BCa", seed)
    return interval if math.isfinite(interval.low + interval.high) else _bootstrap(sample, "percentile", seed)


def rate_interval(passed: int, cases: int) -> Interval | None:
    """95 % Wilson interval (Wilson 1927) of a share of cases; it stays honest where all pass or none."""
    if not cases:
        return None
    low, high = proportion_confint(passed, cases, alpha=ALPHA, method="wilson")
    return Interval(float(low), float(high))


def permutation_p(differences: Sequence[float], *, seed: int) -> float:
    """Two-sided p-value of a mean of paired differences; 1 where nothing differs or there is one case only."""
    sample = _vector(differences)
    if len(sample) < 2 or not sample.any():
        return 1.0
    result = stats.permutation_test(
        (sample,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=BATCH,
        rng=np.random.default_rng(seed),
    )
    return float(result.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values corrected for their number, in the same order."""
    if not p_values:
        return []
    return [float(p) for p in multipletests(list(p_values), alpha=ALPHA, method="holm")[1]]


def cases_to_see_mean(differences: Sequence[float], detect: float, *, tests: int = 1) -> int | None:
    """Cases with which a paired t-test sees a mean difference of ``detect`` with power 0.8, two-sided at 5 %.

    Where ``tests`` p-values are corrected together, the level is divided by their number, as the strictest step of
    Holm's correction does. The spread is that of the differences at hand. None where it is not known (fewer than two
    cases, or all equal) or where ``detect`` is 0.
    """
    sample = _vector(differences)
    if detect == 0 or len(sample) < 2 or np.ptp(sample) == 0:
        return None
    effect = min(abs(detect) / float(np.std(sample, ddof=1)), STEEPEST_EFFECT)
    needed = float(TTestPower().solve_power(effect_size=effect, alpha=ALPHA / tests, power=POWER))
    return max(math.ceil(needed), fewest_cases(tests))


def cases_to_see_flips(counted: Flips, detect: float, *, tests: int = 1) -> int | None:
    """Cases with which McNemar's test sees a difference of pass rates of ``detect`` with power 0.8, two-sided at 5 %.

    Connor's formula (R. J. Connor 1987, Sample size for testing differences in proportions for the paired-sample
    design, Biometrics 43): with the share s of cases that flip and the difference d,
    ``n = (z(1 - alpha/2) sqrt(s) + z(power) sqrt(s - d^2))^2 / d^2``. The share is that of the cases at hand, and at
    least d; alpha is divided by ``tests``, as in `cases_to_see_mean`. None where nothing flipped or ``detect`` is 0.
    """
    difference = abs(detect)
    flipped = counted.lost + counted.gained
    if difference == 0 or difference > 1 or not flipped:
        return None
    flip_rate = max(flipped / counted.cases, difference)
    null = float(stats.norm.ppf(1 - ALPHA / tests / 2)) * math.sqrt(flip_rate)
    alternative = float(stats.norm.ppf(POWER)) * math.sqrt(flip_rate - difference**2)
    return max(math.ceil(((null + alternative) / difference) ** 2), fewest_cases(tests))


def fewest_cases(tests: int = 1) -> int:
    """Cases below which no result is significant: n cases that all agree have p = 2 / 2^n in both tests used here."""
    return math.floor(math.log2(2 * tests / ALPHA)) + 1


def _bootstrap(sample: Vector, method: str, seed: int) -> Interval:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy warns where BCa is not defined; the caller looks at the result
        result = stats.bootstrap(
            (sample,), np.mean, n_resamples=RESAMPLES, batch=BATCH, method=method, rng=np.random.default_rng(seed)
        )
    return Interval(float(result.confidence_interval.low), float(result.confidence_interval.high))


def _vector(values: Sequence[float]) -> Vector:
    return np.asarray(values, dtype=np.float64)
