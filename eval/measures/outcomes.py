"""Expectations of what the user gets: the items that are shown, their groups, and the text, each as a check."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from itertools import permutations
from typing import Any

from pydantic import BaseModel

from eval.measures.invariants import prices
from eval.measures.turns import ScoredTurn
from eval.runs.records import Check
from eval.suite.predicates import unmet
from eval.suite.records import GroupExpectation
from prompts import say
from tools.records import Item

KINDS = 3
"""Shown items of this many categories are a spread of different kinds of things."""

FIRST = 3
QUESTION_MARKS = ("?", "？", "؟")
SHORT = 3
"""Up to this many letters a string must be a word of its own: the size "M" is not in "medium"."""


def shows(turn: ScoredTurn) -> Check | None:
    """At least one item is shown."""
    if not turn.expect.shows:
        return None
    return _check(turn, "shows", bool(turn.shown), True, turn.shown, "no item is shown")


def each(turn: ScoredTurn) -> Check | None:
    """Every shown item meets the predicates."""
    if turn.expect.each is None:
        return None
    items = _as_shown(turn)
    unfit = {item_id: unmet(items[item_id], turn.expect.each) for item_id in turn.shown if item_id in items}
    wrong = {item_id: predicates for item_id, predicates in unfit.items() if predicates}
    detail = "; ".join(f"{item_id} does not meet {', '.join(predicates)}" for item_id, predicates in wrong.items())
    return _check(turn, "each", not wrong, turn.expect.each.model_dump(exclude_defaults=True), turn.shown, detail)


def new(turn: ScoredTurn) -> Check | None:
    """No shown item was shown in an earlier turn."""
    if not turn.expect.new:
        return None
    again = [item_id for item_id in turn.shown if item_id in turn.shown_before]
    return _check(turn, "new", not again, [], again, f"shown before: {', '.join(again)}")


def groups(turn: ScoredTurn) -> Check | None:
    """There are as many groups of items as wishes, and each wish has a group of its own that fits."""
    if not turn.expect.groups:
        return None
    actual = [list(_field(group, "item_ids") or []) for group in _extra(turn, "groups") or []]
    expected = [group.model_dump(exclude_defaults=True) for group in turn.expect.groups]
    if len(actual) != len(expected):
        return _check(
            turn, "groups", False, expected, actual, f"{len(actual)} groups are shown for {len(expected)} wishes"
        )
    items = _as_shown(turn)
    ok = any(
        all(map(lambda expectation, ids: _fits(expectation, ids, items), turn.expect.groups, order))
        for order in permutations(actual)
    )
    return _check(turn, "groups", ok, expected, actual, "a wish has no group of items that fits it")


def says(turn: ScoredTurn) -> Check | None:
    """Of each list, one string stands in the text."""
    if not turn.expect.says or turn.reply is None:
        return None
    text = text_of(turn)
    missing = [
        " or ".join(strings) for strings in turn.expect.says if not any(_stands(string, text) for string in strings)
    ]
    return _check(turn, "says", not missing, turn.expect.says, text, f"the answer does not say {'; '.join(missing)}")


def says_not(turn: ScoredTurn) -> Check | None:
    """None of the strings stands in the text."""
    if not turn.expect.says_not or turn.reply is None:
        return None
    text = text_of(turn)
    hits = [string for string in turn.expect.says_not if _stands(string, text)]
    return _check(turn, "says_not", not hits, turn.expect.says_not, text, f"the answer says {'; '.join(hits)}")


def asks(turn: ScoredTurn) -> Check | None:
    """A question is asked back, or things of different kinds are shown."""
    if not turn.expect.asks or turn.reply is None:
        return None
    question = bool(_extra(turn, "question")) or turn.reply.message.rstrip().endswith(QUESTION_MARKS)
    categories = {turn.items[item_id].category for item_id in turn.shown if item_id in turn.items}
    detail = f"no question is asked, and the shown items are of {len(categories)} categories"
    return _check(turn, "asks", question or len(categories) >= KINDS, True, turn.reply.message, detail)


def cart(turn: ScoredTurn) -> Check | None:
    """The item is put in the cart."""
    if turn.expect.cart is None or turn.reply is None:
        return None
    actual = _field(_extra(turn, "cart"), "item_id")
    return _check(
        turn, "cart", actual == turn.expect.cart, turn.expect.cart, actual, f"{actual or 'nothing'} is in the cart"
    )


def no_constraint(turn: ScoredTurn) -> Check | None:
    """No constraint is in force, none is said to be relaxed, and nothing is refused."""
    if not turn.expect.no_constraint or turn.reply is None:
        return None
    refused = turn.reply.message == say("refused", turn.reply.language)
    relaxed = [f"relaxed {change.words}" for change in turn.reply.relaxed]
    wrong = [*(f"{field} {value}" for field, value in turn.reply.constraints.items()), *relaxed]
    wrong += ["the wish is refused"] * refused
    return _check(turn, "no_constraint", not wrong, [], wrong, "; ".join(wrong))


OUTCOMES: tuple[Callable[[ScoredTurn], Check | None], ...] = (
    shows, each, new, groups, says, says_not, asks, cart, no_constraint,
)  # fmt: skip


def text_of(turn: ScoredTurn) -> str:
    """What the answer says in words: message, question, explanations."""
    if turn.reply is None:
        return ""
    explanations = (entry.explanation for entry in turn.reply.recommendations)
    return "\n".join([turn.reply.message, _extra(turn, "question") or "", *explanations])


def _as_shown(turn: ScoredTurn) -> Mapping[str, Item]:
    """The catalogue's items; those that are shown have the price of the variant that is shown."""
    cards = turn.reply.recommendations if turn.reply else []
    shown_prices = {card.item_id: card.price for card in cards}
    items = {item_id: turn.items[item_id] for item_id in shown_prices if item_id in turn.items}
    sold = {item_id: shown_prices[item_id] for item_id, item in items.items() if shown_prices[item_id] in prices(item)}
    return {
        **turn.items,
        **{item_id: items[item_id].model_copy(update={"price": price}) for item_id, price in sold.items()},
    }


def _fits(expectation: GroupExpectation, ids: Sequence[str], items: Mapping[str, Item]) -> bool:
    group_items = [items[item_id] for item_id in ids if item_id in items]
    return (
        bool(ids)
        and (not expectation.first or ids[0] in expectation.first)
        and (not expectation.any or bool(set(expectation.any) & set(ids[:FIRST])))
        and (expectation.each is None or not any(unmet(item, expectation.each) for item in group_items))
    )


def _stands(string: str, text: str) -> bool:
    """Whether a string stands in a text, whatever the case; "65" does not stand in "165", but in "65.00"."""
    string, text = _plain(string), _plain(text)
    short = len(string) <= SHORT and string.isascii() and string.isalpha()
    left = r"(?<![a-z0-9])" if short else r"(?<!\d)(?<!\d[.,])" if string[:1].isdigit() else ""
    right = r"(?![a-z0-9])" if short else r"(?!\d)(?![.,](?!0+(?!\d))\d)" if string[-1:].isdigit() else ""
    return re.search(f"{left}{re.escape(string)}{right}", text) is not None


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().replace("’", "'").split())


def _extra(turn: ScoredTurn, name: str) -> Any:  # noqa: ANN401 - a field that replies of some versions do not have
    return _field(turn.reply, name)


def _field(record: object, name: str) -> Any:  # noqa: ANN401 - see above
    """A field of a record or a mapping; None where it has none."""
    if isinstance(record, BaseModel):
        return getattr(record, name, None)
    return record.get(name) if isinstance(record, dict) else None


def _check(turn: ScoredTurn, kind: str, ok: bool, expected: object, got: object, detail: str) -> Check:
    return Check(turn=turn.number, kind=kind, ok=ok, expected=expected, got=got, detail="" if ok else detail)
