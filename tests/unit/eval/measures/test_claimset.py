"""The labelled sentences: how many true ones the independent check accepts, and how many false ones it refuses."""

import json
from pathlib import Path

import pytest

from eval.measures.claimset_adapter import Labelled, judged, supported

FOLDER = Path(__file__).parents[4] / "eval/data/claims"

REACHED = {
    "dev": {"true en": 0.87, "true zh": 0.83, "false en": 0.99, "false zh": 0.95},
    "test": {"true en": 0.45, "true zh": 0.38, "false en": 0.90, "false zh": 0.90},
}
"""What was reached, not what is wanted: 95 % of the true and 99 % of the false. Raise it with the check."""


def records(half: str) -> list[Labelled]:
    return [json.loads(line) for line in (FOLDER / f"{half}.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize("half", REACHED)
def test_the_check_agrees_with_the_labels_as_often_as_was_reached(half: str) -> None:
    judgements: dict[str, list[bool]] = {}
    for record in records(half):
        name = f"{str(record['true']).lower()} {record['language']}"
        judgements.setdefault(name, []).append(supported(record) == record["true"])
    accuracies = {name: sum(judgements[name]) / len(judgements[name]) for name in REACHED[half]}
    assert {name: accuracy for name, accuracy in accuracies.items() if accuracy < REACHED[half][name]} == {}


def test_a_fact_of_the_line_that_is_no_evidence_holds_nothing() -> None:
    hidden = next(record for record in records("dev") if record["kind"] == "not in evidence")
    assert [claim.kind for claim in judged(hidden) if not claim.supported] != []
