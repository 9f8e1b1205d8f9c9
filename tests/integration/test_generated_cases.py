"""Some generated cases of each kind through the real product; `python -m eval.bench fuzz` runs 10,000 of each."""

from pathlib import Path

import pytest

from eval.fuzzing import kinds
from eval.fuzzing.counting import Tally, shortened
from eval.fuzzing.serving import serving

CASES = 150
SEED = 1


def met(tally: Tally) -> list[str]:
    """The distinct failures, with what showed them."""
    assert tally.cases, "something was tried"
    return [f"{failure.sort}: {failure.description}: {failure.reproducer}" for failure in tally.failures.values()]


@pytest.mark.parametrize("kind", [kinds.reading, kinds.catalogue, kinds.events])
def test_nothing_fails_in_this_process(kind: kinds.Kind, tmp_path: Path) -> None:
    assert met(kind(kinds.FuzzPlan(CASES, SEED, tmp_path))) == []


@pytest.mark.parametrize("kind", [kinds.turns, kinds.requests])
def test_nothing_fails_over_http(kind: kinds.ServedKind, tmp_path: Path) -> None:
    with serving(tmp_path / "service") as served:
        assert met(kind(kinds.FuzzPlan(CASES, SEED, tmp_path), served)) == []


def test_what_fails_is_counted_with_its_smallest_input() -> None:
    tally = Tally("messages")
    for text in ("long input", "short"):
        with tally.timed(text):
            pass
        tally.fail("5xx", "500", text)
    assert (tally.cases, tally.count("5xx")) == (2, 2)
    assert met(tally) == ["5xx: 500: short"]


def test_a_case_can_be_printed_whatever_it_is() -> None:
    assert shortened("\ud8db") == "\\ud8db"
    assert shortened("a" + "9" * 4_000) == "a…9×4000…"
