"""What a few phrases settle beside the classifiers (``lexicon.yaml``)."""

import re
from functools import cache

from assistant.understanding.lexicon import alternatives, load_lexicon


def asks_why(text: str) -> bool:
    """True when a case-folded message asks for reasons."""
    return bool(_intent("why").search(text))


def gives_orders(transcript: str) -> bool:
    """True when a recording speaks to the assistant as a master would, not as a customer."""
    return bool(_intent("orders").search(transcript.casefold()))


def orders_in_writing(text: str) -> bool:
    """True when words in a picture tell the reader what to show or do: no label says so."""
    return bool(_intent("written_orders").search(text.casefold()))


def is_accompaniment(text: str) -> bool:
    """True when what is wished is to go with something else ("a desk that goes with this")."""
    return bool(_intent("accompany").search(text))


def is_exclusive(before: str) -> bool:
    """True when the number that follows these words is an upper bound and itself not meant: "below", not "at most"."""
    return bool(_below().search(before.casefold()))


@cache
def _below() -> re.Pattern[str]:
    return re.compile(alternatives(load_lexicon().below) + r"\s*$")


@cache
def _intent(name: str) -> re.Pattern[str]:
    return re.compile(alternatives(load_lexicon().intents[name]))
