"""What a run must reach, as the command line says it: ``constraint_accuracy=0.95``."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from assistant.errors import BadInput
from eval.measures.scoring import measure as check_measure


@dataclass(frozen=True)
class Threshold:
    """A bound on one measure; ``over``: the value must not be above it, otherwise not below it."""

    measure: str
    bound: float
    over: bool

    def missed(self, values: Mapping[str, float]) -> str | None:
        """Why it is not met, in one sentence; None when it is.

        Raises:
            BadInput: the run has no such measure.
        """
        if self.measure not in values:
            raise BadInput(
                f"No case of the run has the measure {self.measure!r}; there are: {', '.join(sorted(values))}."
            )
        value = values[self.measure]
        if not (value > self.bound if self.over else value < self.bound):
            return None
        return f"{self.measure} is {value:.4g}, {'over' if self.over else 'under'} {self.bound:g}"


def parse_thresholds(under: Iterable[str], over: Iterable[str]) -> list[Threshold]:
    """The thresholds of ``--fail-under`` and ``--fail-over``.

    Raises:
        BadInput: one is not of the form MEASURE=NUMBER, or there is no such measure.
    """
    entries = [("--fail-under", text, False) for text in under] + [("--fail-over", text, True) for text in over]
    return [_parsed(option, text, over=is_over) for option, text, is_over in entries]


def _parsed(option: str, text: str, *, over: bool) -> Threshold:
    measure, _, number = text.partition("=")
    try:
        bound = float(number)
    except ValueError:
        bound = math.nan
    if not measure.strip() or math.isnan(bound):
        raise BadInput(f"{option} takes MEASURE=NUMBER, for example constraint_accuracy=0.95, not {text!r}.")
    check_measure(measure.strip())
    return Threshold(measure.strip(), bound, over)
