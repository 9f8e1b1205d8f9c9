"""Words are stemmed in many threads at once: searches run side by side, and so do the steps of several turns."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tools.store.words import stem as cached_stem

WORDS = ["shoes", "running", "spend", "them", "tripods", "cameras", "walking", "batteries"] * 400


@pytest.fixture(autouse=True)
def _restless() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def test_threads_do_not_mix_their_words() -> None:
    stem = cached_stem.__wrapped__  # without its cache
    alone = [stem(word) for word in WORDS]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda _: [stem(word) for word in WORDS], range(4)))
    assert all(stems == alone for stems in together)
