"""Whether an item meets the predicates of a suite, by its catalogue record alone."""

from eval.suite.records import ItemPredicates
from tools.records import Item

ROUNDING = 0.005


def unmet(item: Item, each: ItemPredicates) -> list[str]:
    """The predicates that the item does not meet, each as its field and value."""
    price = item.price
    met = {
        "min_price": each.min_price is None or (price is not None and price >= each.min_price - ROUNDING),
        "max_price": each.max_price is None or (price is not None and price <= each.max_price + ROUNDING),
        "brand": not each.brand or _has(item, "brand", each.brand),
        "not_brand": not _has(item, "brand", each.not_brand),
        "category": not each.category or _has(item, "category", each.category),
        "not_category": not _has(item, "category", each.not_category),
        "ids": not each.ids or item.id in each.ids,
    }
    return [f"{field} {getattr(each, field)}" for field, ok in met.items() if not ok]


def levels(item: Item, field: str) -> set[str]:
    """The item's brand, or the levels of its category and the whole path, folded for comparison."""
    if field == "brand":
        return {folded(item.brand)} if item.brand else set()
    path = item.category or ""
    return {folded(level) for level in (*path.split(">"), path) if level.strip()}


def folded(name: str) -> str:
    """Case and spaces do not matter."""
    return " ".join(name.casefold().split())


def _has(item: Item, field: str, names: list[str]) -> bool:
    return bool(levels(item, field) & {folded(name) for name in names})
