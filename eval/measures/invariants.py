"""What must hold of every answer, whatever was asked: real items, real prices, no broken constraint, true claims."""

from eval.measures.constraints import broken, variants_of, without_relaxed
from eval.measures.turns import ScoredTurn
from eval.runs.records import Check
from tools.records import Item


def exists(turn: ScoredTurn) -> Check:
    """Every shown item is in the catalogue."""
    invented = [item_id for item_id in turn.shown if item_id not in turn.items]
    detail = f"the answer shows {', '.join(invented)}, which the catalogue does not hold"
    return _check(turn, "exists", got=invented, detail=detail)


def price(turn: ScoredTurn) -> Check | None:
    """Titles, prices and currencies in the reply are the catalogue's."""
    if turn.reply is None:
        return None
    wrong = []
    for entry in turn.reply.recommendations:
        item = turn.items.get(entry.item_id)
        if item and (entry.title, entry.currency) != (item.title, item.currency):
            wrong.append(f"{entry.item_id} is called {entry.title!r} in {entry.currency}")
        if item and not any(_same_price(entry.price, price) for price in prices(item)):
            wrong.append(f"{entry.item_id} is given for {entry.price} instead of {item.price}")
    return _check(turn, "price", got=wrong, detail="; ".join(wrong))


def violation(turn: ScoredTurn) -> Check | None:
    """No shown item breaks what was expected to hold, nor what the reply says holds.

    Of the expected constraints, those count not that the reply says it relaxed, unless they were not to be relaxed.
    Answers that search nothing (an earlier ranking shown again) are held to nothing.
    """
    if not turn.recommends:
        return None
    broken_by_item = violations(turn)
    detail = "; ".join(
        f"{item_id} is shown, which breaks {', '.join(constraints)}" for item_id, constraints in broken_by_item.items()
    )
    return _check(
        turn,
        "violation",
        got=[f"{item_id}: {', '.join(constraints)}" for item_id, constraints in broken_by_item.items()],
        detail=detail,
    )


def violations(turn: ScoredTurn) -> dict[str, list[str]]:
    """Shown items that break a constraint, with the constraints."""
    expected = _binding(turn)
    stated = turn.reply.constraints if turn.reply and turn.reply.intent == "recommend" else {}
    broken_by_item = {
        item_id: list(dict.fromkeys([*broken(turn.items[item_id], expected), *broken(turn.items[item_id], stated)]))
        for item_id in turn.shown
        if item_id in turn.items
    }
    return {item_id: constraints for item_id, constraints in broken_by_item.items() if constraints}


def _binding(turn: ScoredTurn) -> dict[str, object]:
    constraints, expected = turn.constraints or {}, turn.expect.relaxed
    if turn.reply is None:
        return {field: value for field, value in constraints.items() if field not in (expected or [])}
    may = {change.field for change in turn.reply.relaxed} if expected is None else set(expected)
    return without_relaxed(constraints, turn.reply.relaxed, may)


def claims(turn: ScoredTurn) -> Check | None:
    """Everything that message, explanations and evidence claim is held by the data."""
    if turn.reply is None:
        return None
    wrong = [
        f"{text.place} of {text.item_id or 'the answer'}: {', '.join(text.unsupported)}"
        for text in turn.texts
        if text.unsupported
    ]
    return _check(turn, "claims", got=wrong, detail="; ".join(f"nothing supports the {claim}" for claim in wrong))


def prices(item: Item) -> list[float | None]:
    """The item's price, and those of its variants."""
    return [item.price, *(variant["price"] for variant in variants_of(item) if "price" in variant)]


def _same_price(stated: float | None, actual: float | None) -> bool:
    if stated is None or actual is None:
        return stated == actual
    return abs(stated - actual) < 0.005


def _check(turn: ScoredTurn, kind: str, *, got: list[str], detail: str) -> Check:
    """A check that is right when nothing was found."""
    return Check(turn=turn.number, kind=kind, ok=not got, expected=[], got=got, detail=detail if got else "")
