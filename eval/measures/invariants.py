"""What must hold of every answer, whatever was asked: real items, real prices, no broken constraint, true claims."""

from eval.measures.constraints import broken, variants_of, without_relaxed
from eval.measures.turns import HeldTurn
from eval.runs.records import Check
from tools.records import Item


def exists(held: HeldTurn) -> Check:
    """Every shown item is in the catalogue."""
    invented = [item_id for item_id in held.shown if item_id not in held.items]
    detail = f"the answer shows {', '.join(invented)}, which the catalogue does not hold"
    return _check(held, "exists", got=invented, detail=detail)


def price(held: HeldTurn) -> Check | None:
    """Titles, prices and currencies in the reply are the catalogue's."""
    if held.reply is None:
        return None
    wrong = []
    for entry in held.reply.recommendations:
        item = held.items.get(entry.item_id)
        if item and (entry.title, entry.currency) != (item.title, item.currency):
            wrong.append(f"{entry.item_id} is called {entry.title!r} in {entry.currency}")
        if item and not any(_same_price(entry.price, price) for price in prices(item)):
            wrong.append(f"{entry.item_id} is given for {entry.price} instead of {item.price}")
    return _check(held, "price", got=wrong, detail="; ".join(wrong))


def violation(held: HeldTurn) -> Check | None:
    """No shown item breaks what was expected to hold, nor what the reply says holds.

    Of the expected constraints, those count not that the reply says it relaxed, unless they were not to be relaxed.
    Answers that search nothing (an earlier ranking shown again) are held to nothing.
    """
    if not held.recommends:
        return None
    found = violations(held)
    detail = "; ".join(f"{item_id} is shown, which breaks {', '.join(what)}" for item_id, what in found.items())
    return _check(
        held, "violation", got=[f"{item_id}: {', '.join(what)}" for item_id, what in found.items()], detail=detail
    )


def violations(held: HeldTurn) -> dict[str, list[str]]:
    """Shown items that break a constraint, with the constraints."""
    expected = _binding(held)
    told = held.reply.constraints if held.reply and held.reply.intent == "recommend" else {}
    found = {
        item_id: list(dict.fromkeys([*broken(held.items[item_id], expected), *broken(held.items[item_id], told)]))
        for item_id in held.shown
        if item_id in held.items
    }
    return {item_id: what for item_id, what in found.items() if what}


def _binding(held: HeldTurn) -> dict[str, object]:
    wanted, expected = held.constraints or {}, held.expect.relaxed
    if held.reply is None:
        return {field: value for field, value in wanted.items() if field not in (expected or [])}
    may = {change.field for change in held.reply.relaxed} if expected is None else set(expected)
    return without_relaxed(wanted, held.reply.relaxed, may)


def claims(held: HeldTurn) -> Check | None:
    """Everything that message, explanations and evidence claim is held by the data."""
    if held.reply is None:
        return None
    wrong = [
        f"{text.place} of {text.item_id or 'the answer'}: {', '.join(text.unsupported)}"
        for text in held.texts
        if text.unsupported
    ]
    return _check(held, "claims", got=wrong, detail="; ".join(f"nothing supports the {one}" for one in wrong))


def prices(item: Item) -> list[float | None]:
    """The item's price, and those of its variants."""
    return [item.price, *(variant["price"] for variant in variants_of(item) if "price" in variant)]


def _same_price(told: float | None, wanted: float | None) -> bool:
    if told is None or wanted is None:
        return told == wanted
    return abs(told - wanted) < 0.005


def _check(held: HeldTurn, kind: str, *, got: list[str], detail: str) -> Check:
    """A check that is right when nothing was found."""
    return Check(turn=held.number, kind=kind, ok=not got, expected=[], got=got, detail=detail if got else "")
