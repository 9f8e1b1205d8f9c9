"""Several wishes in one message: "a lamp up to 50 and a table up to 200"."""

from collections.abc import Sequence
from itertools import pairwise

from assistant.agent.reading.constraints import PRICES
from assistant.agent.reading.part import MessagePart
from assistant.agent.reading.spans import RoleSpan
from assistant.records import Constraint
from assistant.understanding import Wish, to_filters
from assistant.understanding.joining import has_mark, joint
from tools.records import Filters


def split_wishes(part: MessagePart) -> list[Wish]:
    """Several things wanted, each with the constraints beside it; none where one thing is wanted."""
    utterance = part.utterance
    kinds = [span for span in part.search_text.kinds if span.role == "thing"]
    if len(kinds) < 2 or utterance.act not in ("find", "refine"):
        return []
    things = _separate(utterance.text, kinds, utterance.language)
    if len(things) < 2:
        return []
    stretches = [*pairwise(_borders(utterance.text, things, utterance.language))]
    wishes = [part.search_text.wish(start, end) for start, end in stretches]
    limits = _shared_limits(part, things, [wish.head for wish in wishes])
    own = [(constraint, place) for constraint, place in part.conditions.constraints if constraint not in limits]
    distinct = {
        wish.topic.casefold(): wish.model_copy(update={"constraints": [c for c, place in own if start <= place < end]})
        for wish, (start, end) in zip(wishes, stretches, strict=True)
    }
    return list(distinct.values()) if len(distinct) > 1 else []


def _separate(text: str, kinds: Sequence[RoleSpan], language: str) -> list[RoleSpan]:
    """The things between which something separates two wishes: a mark, or "and" in one of the languages."""
    separate = [kinds[0]]
    for span in kinds[1:]:
        if joint(language).search(text[separate[-1].end : span.start]):
            separate.append(span)
        else:  # "a sofa bed", "bola de futebol"
            separate[-1] = separate[-1]._replace(end=span.end)
    return separate


def _borders(text: str, things: Sequence[RoleSpan], language: str) -> list[int]:
    """Where each wish begins, at what last separates two things, and where the last one ends."""
    borders = [0]
    for span, next_span in pairwise(things):
        *_, separator = joint(language).finditer(text[span.end : next_span.start])
        borders.append(span.end + separator.start())
    return [*borders, len(text)]


def _shared_limits(part: MessagePart, things: Sequence[RoleSpan], heads: Sequence[str]) -> list[Constraint]:
    """Price limits that hold for each wish: "a lamp and a rug, both under 20", "up to 20 each: a lamp and a rug".

    They stand at one end of the message. Either a mark sets them apart from the things, or they follow the last one and
    each of the things is to be had within them: in "a laptop and a mouse under 20" they are the mouse's alone.

    Args:
        heads: what each wish is for, without its purpose.
    """
    limits = [(constraint, place) for constraint, place in part.conditions.constraints if constraint.field in PRICES]
    constraints, places = [constraint for constraint, _ in limits], [place for _, place in limits]
    is_before = bool(places) and max(places) < things[0].start
    is_after = bool(places) and min(places) >= things[-1].end
    if not (is_before or is_after):
        return []
    text = part.utterance.text
    if has_mark(text[max(places) : things[0].start] if is_before else text[things[-1].end : min(places)]):
        return constraints
    filters = to_filters(constraints)
    return constraints if is_after and all(_is_to_be_had(part, head, filters) for head in heads) else []


def _is_to_be_had(part: MessagePart, words: str, limits: Filters) -> bool:
    """Whether something of the very kind has a price within these limits."""
    prices = [hit.price for hit in part.utterance.referring.of_kind(words) if hit.price is not None]
    lowest, highest = limits.min_price or 0.0, limits.max_price or float("inf")
    return any(lowest <= price <= highest for price in prices)
