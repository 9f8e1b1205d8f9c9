"""What a message wants, as far as words alone settle it; the planning model decides the rest."""

import re
from functools import cache

from assistant.records import Intent
from assistant.understanding.lexicon import alternatives, has_cjk, load_lexicon


def intent_of(text: str, *, shown: bool, attached: bool) -> Intent | None:
    """The intent of a normalised message, or None when its words do not settle it.

    ``shown``: earlier recommendations exist; ``attached``: the message brings a picture or recording of its own.
    """
    if attached:
        return "recommend"
    if _chat().fullmatch(text.replace(",", " ").strip()):
        return "chat"
    if shown:
        for name in ("why", "compare", "details"):
            if _intent(name).search(text):
                return name
    return None


def is_refused(text: str) -> bool:
    """True when a normalised message wishes for what the assistant does not help with (``intents.refuse``)."""
    return bool(_intent("refuse").search(text))


def gives_orders(transcript: str) -> bool:
    """True when a recording speaks to the assistant as a master would, not as a customer."""
    return bool(_intent("orders").search(transcript.casefold()))


def asks_price(text: str) -> bool:
    """True when a normalised message asks what something costs."""
    return bool(_intent("price").search(text))


def is_accompaniment(text: str) -> bool:
    """True when what is wished is to go with something else ("a desk that goes with this")."""
    return bool(_intent("accompany").search(text))


def small_talk(text: str) -> list[tuple[int, int]]:
    """Where greetings and thanks stand in a normalised message."""
    return [match.span() for match in _greeting().finditer(text)]


def is_refinement(text: str) -> bool:
    """True when the message begins like one that goes on with the topic ("and with wheels?", "in black")."""
    return bool(_refinement().match(text.strip()))


@cache
def _intent(name: str) -> re.Pattern[str]:
    return re.compile(alternatives(load_lexicon().intents[name]))


@cache
def _refinement() -> re.Pattern[str]:
    return re.compile(alternatives(load_lexicon().refine))


@cache
def _greeting() -> re.Pattern[str]:
    """Phrases of small talk that are no part of a wish wherever they stand: single words could be ("a cool lamp")."""
    words = load_lexicon().intents
    phrases = [word for word in words["chat"] if " " in word or (has_cjk(word) and len(word) > 1)]
    return re.compile(alternatives([*phrases, *words["greetings"]]))


@cache
def _chat() -> re.Pattern[str]:
    """Phrases of small talk and nothing else; each is read in one way, or a row of n would be read in 2^n ways."""
    phrase = rf"(?>{alternatives(load_lexicon().intents['chat'])})"
    return re.compile(rf"[¿¡\s]*+{phrase}(?:[\s.!?。~¿¡]++{phrase})*+[\s.!?。~]*+")
