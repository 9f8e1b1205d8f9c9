"""What was told of people's choices with differential privacy, and what each telling cost.

A file of JSON lines, one a release, written before the counts are drawn: a crash between the two counts as spent.
Within one version of the events epsilons add up (basic composition) and may not exceed the budget. A new version has a
budget of its own; but whoever sees the releases of several versions has seen those people several times, so the sum
over all versions is told too, and is what holds for somebody who was there all along.
"""

import json
import time
from pathlib import Path
from typing import Final

from filelock import FileLock
from pydantic import Field, ValidationError

from tools.errors import BadInput, StoreError
from tools.records import Record

NAME: Final = "privacy-ledger.jsonl"
ROUNDING: Final = 1e-9
"""Sums of floats may exceed the budget by so much."""


class BudgetSpent(BadInput):
    """A release would cost more than what is left."""


class Total(Record):
    """What several releases cost together: (epsilon, delta)-differential privacy of a person."""

    epsilon: float
    delta: float


class Release(Record):
    """One telling of counts."""

    at: float = Field(ge=0, description="seconds since 1970")
    what: str = Field(description="popularity, pairs")
    version: int = Field(description="of the events, when they were read")
    epsilon: float = Field(gt=0)
    delta: float = Field(0.0, ge=0, lt=1)
    bound: int = Field(ge=1, description="how many items of one person counted")


class PrivacyLedger:
    """The releases in a file, and the budget of each version of the events. Safe to use from several processes."""

    def __init__(self, path: Path, budget: float) -> None:
        """``budget`` is what the releases of one version may cost together, as epsilon."""
        self._path, self._budget = path, budget
        self._lock = FileLock(f"{path}.lock")

    def spend(self, what: str, version: int, epsilon: float, *, bound: int, delta: float = 0.0) -> Release:
        """Write down a release that is about to be made.

        Raises:
            BudgetSpent: it would cost more than this version has left; nothing is written.
            StoreError: the file cannot be read or written; nothing may be released.
        """
        release = Release(at=time.time(), what=what, version=version, epsilon=epsilon, delta=delta, bound=bound)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._lock:
                self._check(release)
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(release.model_dump_json() + "\n")
        except OSError as exc:
            raise StoreError(f"The ledger of private counts cannot be written ({exc.strerror}).") from exc
        return release

    def releases(self) -> list[Release]:
        """Every release, oldest first.

        Raises:
            StoreError: a line is no release: what was spent is then unknown.
        """
        if not self._path.is_file():
            return []
        try:
            lines = self._path.read_text("utf-8").splitlines()
            return [Release.model_validate(json.loads(line)) for line in lines if line.strip()]
        except (ValueError, ValidationError) as exc:
            raise StoreError(
                f"The ledger of private counts {self._path} is damaged: what was spent is unknown."
            ) from exc

    def total(self, version: int | None = None) -> Total:
        """What was spent on one version of the events, or on all of them together."""
        counted = [release for release in self.releases() if version is None or release.version == version]
        return Total(
            epsilon=sum(release.epsilon for release in counted), delta=sum(release.delta for release in counted)
        )

    def _check(self, release: Release) -> None:
        spent = self.total(release.version).epsilon
        if spent + release.epsilon > self._budget + ROUNDING:
            raise BudgetSpent(
                f"The private counts of these events have cost epsilon {spent:g} of {self._budget:g}, so another"
                f" {release.epsilon:g} is too much; use the counts that were released, or raise privacy.epsilon."
            )
