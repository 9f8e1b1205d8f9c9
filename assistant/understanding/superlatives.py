"""Which attribute a superlative is about, and in which direction: "the lightest", "容量最大的", "le plus long".

The encoder compares what is said with the highest and the lowest of each attribute, and with the same attribute without
a superlative; other measures that goods are compared by compete, so that "the best" orders by none of them.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assistant.understanding.lexicon import has_cjk
from tools.engines.text import TextEncoder
from tools.records import Item, Record
from tools.store.offers import variant_values
from tools.store.values import value_key

PRICE: Final = "price"

LEAD: Final = 0.045
"""How much nearer the superlative of an attribute must be than the attribute without one.

In eleven languages 31 of 41 superlatives lead by more, "a light tent", "at least 512 GB", "how heavy is it" by less.
"""

CLEAR: Final = 0.06
"""How much nearer it must be than that of every other measure."""

DIRECTED: Final = 0.05
"""By how much the highest and the lowest of the attribute must differ."""

LEAST_COSINE: Final = 0.45
"""Cosine that it must have at least: a clause about something else is a little nearer to one of them too."""

MOST_CLAUSES, LONGEST_CLAUSE = 6, 120
"""How many clauses of a message are compared, and how long they may be."""

MOST_COMPARED: Final = 12
"""How many attributes are compared, those of most items first."""

_HIGHEST, _LOWEST = ("the highest {}", "the most {}"), ("the lowest {}", "the least {}")
_PLAIN: Final = ("{}", "a high {}", "a low {}", "a higher {}", "a lower {}")
_HIGHEST_CJK, _LOWEST_CJK = ("最高的{}", "最大的{}"), ("最低的{}", "最小的{}")
_PLAIN_CJK: Final = ("{}", "高{}", "低{}", "更高的{}", "更低的{}")

_ALWAYS: Final = (PRICE, "quality", "popularity", "release date", "质量", "人气", "上市时间")
_MEASURES: Final = ("weight", "length", "capacity", "power", "battery life", "speed", "noise", "age")
"""What goods are compared by; the one that an attribute itself is does not compete with it."""

_QUANTITY: Final = re.compile(r"(\d+(?:\.\d+)?)([^\d]*)")


class Order(Record):
    """The order that is asked for: by which attribute, or `PRICE`, and whether the highest comes first."""

    attribute: str
    descending: bool


Range = tuple[float, float]
"""The least and the greatest value of an item and its variants."""


def measures(items: Iterable[Item]) -> dict[str, dict[str, Range]]:
    """The attributes that measure these items, by name; for each the items' values in the unit that most have.

    An attribute by which no two items differ is left out.
    """
    quantities: dict[str, dict[str, list[tuple[float, str]]]] = {}
    for item in items:
        for name, value in _values(item):
            if quantity := _quantity(value, name):
                quantities.setdefault(name, {}).setdefault(item.id, []).append(quantity)
    by_name = {name: _in_one_unit(values) for name, values in quantities.items()}
    return {name: values for name, values in by_name.items() if len(set(values.values())) > 1}


def _values(item: Item) -> Iterable[tuple[str, str]]:
    pairs = ((name, str(value)) for name, value in item.attributes.items() if isinstance(value, str | int | float))
    return [*pairs, *variant_values(item)]


def _quantity(value: str, name: str) -> tuple[float, str] | None:
    """A number and its unit, where the value is that alone."""
    match = _QUANTITY.fullmatch(value_key(value, name).strip())
    return (float(match[1]), match[2].strip()) if match else None


def _in_one_unit(quantities: Mapping[str, Sequence[tuple[float, str]]]) -> dict[str, Range]:
    [(unit, _)] = Counter(
        unit for values in quantities.values() for unit in {value_unit for _, value_unit in values}
    ).most_common(1)
    in_unit = {
        item_id: [number for number, value_unit in values if value_unit == unit]
        for item_id, values in quantities.items()
    }
    return {item_id: (min(numbers), max(numbers)) for item_id, numbers in in_unit.items() if numbers}


def in_order(ids: Sequence[str], values: Mapping[str, Range], *, descending: bool) -> list[str]:
    """The ids of what has a value, best first; among equals the order stays."""
    ids_with_value = [item_id for item_id in ids if item_id in values]
    return sorted(ids_with_value, key=lambda item_id: -values[item_id][1] if descending else values[item_id][0])


def superlative(clauses: Sequence[str], names: Sequence[str], encoder: TextEncoder) -> Order | None:
    """The order that one of the clauses asks for; None where none clearly does.

    Args:
        clauses: what is wanted, clause by clause.
        names: the attributes by which the items could be ordered.
    """
    short_clauses = [clause for clause in clauses if len(clause) <= LONGEST_CLAUSE][-MOST_CLAUSES:]
    if not short_clauses:
        return None
    compared_names = tuple(names[:MOST_COMPARED])
    orders = [_order_of_clause(row, compared_names, encoder) for row in encoder.encode(short_clauses, purpose="query")]
    best = max((order for order in orders if order), key=lambda order: order[0], default=None)
    return best[1] if best else None


def _order_of_clause(
    row: NDArray[np.float32], names: tuple[str, ...], encoder: TextEncoder
) -> tuple[float, Order] | None:
    """The order that one clause asks for, and how clearly."""
    compared = (*dict.fromkeys((*names, *_ALWAYS)), *_MEASURES)
    prototypes = _prototypes(encoder, compared)
    high, low = prototypes.highest @ row, prototypes.lowest @ row
    cosines = np.maximum(high, low)
    best = int(cosines[: len({*names, *_ALWAYS})].argmax())
    rivals = np.delete(cosines, [best, *prototypes.same(best, len(compared) - len(_MEASURES))])
    lead = float(cosines[best] - (prototypes.plain[best] @ row).max())
    clear = cosines[best] - rivals.max() >= CLEAR and abs(high[best] - low[best]) >= DIRECTED
    if compared[best] not in (*names, PRICE) or lead < LEAD or cosines[best] < LEAST_COSINE or not clear:
        return None
    return lead, Order(attribute=compared[best], descending=bool(high[best] > low[best]))


class _Prototypes(NamedTuple):
    """Rows for each name: those of its highest and lowest in the mean, of the name without them, and of the name."""

    highest: NDArray[np.float32]
    lowest: NDArray[np.float32]
    plain: NDArray[np.float32]

    def same(self, index: int, first: int) -> list[int]:
        """The places of the measures, from ``first`` on, that the name at this place means: the nearest of them."""
        rows, measure_rows = self.plain[:, 0], self.plain[first:, 0]
        return [first + int((measure_rows @ rows[index]).argmax())]


@lru_cache(maxsize=64)
def _prototypes(encoder: TextEncoder, names: tuple[str, ...]) -> _Prototypes:
    rows = [_of_name(encoder, name) for name in names]
    return _Prototypes(*(np.stack([row[part] for row in rows]) for part in range(3)))


@lru_cache(maxsize=1_000)
def _of_name(encoder: TextEncoder, name: str) -> tuple[NDArray[np.float32], ...]:
    forms = (_HIGHEST_CJK, _LOWEST_CJK, _PLAIN_CJK) if has_cjk(name) else (_HIGHEST, _LOWEST, _PLAIN)
    words = name.replace("_", " ")
    rows = encoder.encode_once([form.format(words) for group in forms for form in group], purpose="query")
    return rows[:2].mean(axis=0), rows[2:4].mean(axis=0), rows[4:]
