"""What pip prints, in the words that a person reads."""

import errno

import pytest

from assistant.models.containers import explain
from assistant.models.failures import SourceFailure

from ...fakes.toy_model import Shelf

REFUSED = "connection broken by 'NewConnectionError(...): Failed to establish'\nERROR: No matching distribution"


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (REFUSED, "the package registry cannot be reached (for toy-model-part1 1.0)"),
        ("ERROR: No matching distribution found for x", "the package registry does not have toy-model-part1 1.0"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM", "has the wrong hash"),
        ("WARNING: x\nERROR: Something new\n", "pip could not download toy-model-part1 1.0 (Something new)"),
        ("", "(no output)"),
    ],
)
def test_one_clause_for_each_kind(shelf: Shelf, log: str, said: str) -> None:
    failure = explain(shelf.registry().get("toy").sources[0].parts[0], log, free=10**12)
    assert isinstance(failure, SourceFailure)
    assert said in str(failure)


@pytest.mark.parametrize(
    ("log", "free"), [("OSError: [Errno 28] No space left on device", 10**12), ("Exception:", 1000)]
)
def test_full_disk_is_known_even_when_pip_could_not_say_it(shelf: Shelf, log: str, free: int) -> None:
    failure = explain(shelf.registry().get("toy").sources[0].parts[0], log, free=free)
    assert isinstance(failure, OSError)
    assert failure.errno == errno.ENOSPC
