"""Expectations of what the user gets: the items that are shown, their groups, and the text, each as a check."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from itertools import permutations
from typing import Any

from pydantic import BaseModel

from eval.measures.invariants import prices
from eval.measures.turns import HeldTurn
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


def shows(held: HeldTurn) -> Check | None:
    """At least one item is shown."""
    if not held.expect.shows:
        return None
    return _check(held, "shows", bool(held.shown), True, held.shown, "no item is shown")


def each(held: HeldTurn) -> Check | None:
    """Every shown item meets the predicates."""
    if held.expect.each is None:
        return None
    items = _as_shown(held)
    unfit = {item_id: unmet(items[item_id], held.expect.each) for item_id in held.shown if item_id in items}
    wrong = {item_id: what for item_id, what in unfit.items() if what}
    detail = "; ".join(f"{item_id} does not meet {', '.join(what)}" for item_id, what in wrong.items())
    return _check(held, "each", not wrong, held.expect.each.model_dump(exclude_defaults=True), held.shown, detail)


def new(held: HeldTurn) -> Check | None:
    """No shown item was shown in an earlier turn."""
    if not held.expect.new:
        return None
    again = [item_id for item_id in held.shown if item_id in held.shown_before]
    return _check(held, "new", not again, [], again, f"shown before: {', '.join(again)}")


def groups(held: HeldTurn) -> Check | None:
    """There are as many groups of items as wishes, and each wish has a group of its own that fits."""
    if not held.expect.groups:
        return None
    got = [list(_field(group, "item_ids") or []) for group in _extra(held, "groups") or []]
    wanted = [group.model_dump(exclude_defaults=True) for group in held.expect.groups]
    if len(got) != len(wanted):
        return _check(held, "groups", False, wanted, got, f"{len(got)} groups are shown for {len(wanted)} wishes")
    items = _as_shown(held)
    ok = any(
        all(map(lambda one, ids: _fits(one, ids, items), held.expect.groups, order)) for order in permutations(got)
    )
    return _check(held, "groups", ok, wanted, got, "a wish has no group of items that fits it")


def says(held: HeldTurn) -> Check | None:
    """Of each list, one string stands in the text."""
    if not held.expect.says or held.reply is None:
        return None
    text = text_of(held)
    missing = [" or ".join(strings) for strings in held.expect.says if not any(_stands(one, text) for one in strings)]
    return _check(held, "says", not missing, held.expect.says, text, f"the answer does not say {'; '.join(missing)}")


def says_not(held: HeldTurn) -> Check | None:
    """None of the strings stands in the text."""
    if not held.expect.says_not or held.reply is None:
        return None
    text = text_of(held)
    found = [one for one in held.expect.says_not if _stands(one, text)]
    return _check(held, "says_not", not found, held.expect.says_not, text, f"the answer says {'; '.join(found)}")


def asks(held: HeldTurn) -> Check | None:
    """A question is asked back, or things of different kinds are shown."""
    if not held.expect.asks or held.reply is None:
        return None
    question = bool(_extra(held, "question")) or held.reply.message.rstrip().endswith(QUESTION_MARKS)
    categories = {held.items[item_id].category for item_id in held.shown if item_id in held.items}
    detail = f"no question is asked, and the shown items are of {len(categories)} categories"
    return _check(held, "asks", question or len(categories) >= KINDS, True, held.reply.message, detail)


def cart(held: HeldTurn) -> Check | None:
    """The item is put in the cart."""
    if held.expect.cart is None or held.reply is None:
        return None
    got = _field(_extra(held, "cart"), "item_id")
    return _check(held, "cart", got == held.expect.cart, held.expect.cart, got, f"{got or 'nothing'} is in the cart")


def no_constraint(held: HeldTurn) -> Check | None:
    """No constraint is in force, none is said to be relaxed, and nothing is refused."""
    if not held.expect.no_constraint or held.reply is None:
        return None
    refused = held.reply.message == say("refused", held.reply.language)
    relaxed = [f"relaxed {change.words}" for change in held.reply.relaxed]
    wrong = [*(f"{field} {value}" for field, value in held.reply.constraints.items()), *relaxed]
    wrong += ["the wish is refused"] * refused
    return _check(held, "no_constraint", not wrong, [], wrong, "; ".join(wrong))


OUTCOMES: tuple[Callable[[HeldTurn], Check | None], ...] = (
    shows, each, new, groups, says, says_not, asks, cart, no_constraint,
)  # fmt: skip


def text_of(held: HeldTurn) -> str:
    """What the answer says in words: message, question, explanations."""
    if held.reply is None:
        return ""
    explanations = (entry.explanation for entry in held.reply.recommendations)
    return "\n".join([held.reply.message, _extra(held, "question") or "", *explanations])


def _as_shown(held: HeldTurn) -> Mapping[str, Item]:
    """The catalogue's items; those that are shown have the price of the variant that is shown."""
    cards = held.reply.recommendations if held.reply else []
    shown = {card.item_id: card.price for card in cards}
    known = {item_id: held.items[item_id] for item_id in shown if item_id in held.items}
    sold = {item_id: shown[item_id] for item_id, item in known.items() if shown[item_id] in prices(item)}
    return {
        **held.items,
        **{item_id: known[item_id].model_copy(update={"price": price}) for item_id, price in sold.items()},
    }


def _fits(wanted: GroupExpectation, ids: Sequence[str], items: Mapping[str, Item]) -> bool:
    known = [items[item_id] for item_id in ids if item_id in items]
    return (
        bool(ids)
        and (not wanted.first or ids[0] in wanted.first)
        and (not wanted.any or bool(set(wanted.any) & set(ids[:FIRST])))
        and (wanted.each is None or not any(unmet(item, wanted.each) for item in known))
    )


def _stands(wanted: str, text: str) -> bool:
    """Whether a string stands in a text, whatever the case; "65" does not stand in "165", but in "65.00"."""
    wanted, text = _plain(wanted), _plain(text)
    short = len(wanted) <= SHORT and wanted.isascii() and wanted.isalpha()
    left = r"(?<![a-z0-9])" if short else r"(?<!\d)(?<!\d[.,])" if wanted[:1].isdigit() else ""
    right = r"(?![a-z0-9])" if short else r"(?!\d)(?![.,](?!0+(?!\d))\d)" if wanted[-1:].isdigit() else ""
    return re.search(f"{left}{re.escape(wanted)}{right}", text) is not None


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().replace("’", "'").split())


def _extra(held: HeldTurn, name: str) -> Any:  # noqa: ANN401 - a field that replies of some versions do not have
    return _field(held.reply, name)


def _field(record: object, name: str) -> Any:  # noqa: ANN401 - see above
    """A field of a record or a mapping; None where it has none."""
    if isinstance(record, BaseModel):
        return getattr(record, name, None)
    return record.get(name) if isinstance(record, dict) else None


def _check(held: HeldTurn, kind: str, ok: bool, expected: object, got: object, detail: str) -> Check:
    return Check(turn=held.number, kind=kind, ok=ok, expected=expected, got=got, detail="" if ok else detail)
