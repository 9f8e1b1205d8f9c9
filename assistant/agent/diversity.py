"""Which of the ranked candidates are shown together: unlike each other, and now and then one that few have seen.

Both are settings (``taste.diversity``, ``taste.exploration``) and do nothing at 0. docs/taste.md says what they cost.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from assistant.agent.fusion import FusedHit
from tools.store import Catalogue

MOST_RELEVANT = 0.5
"""The relevance of the best candidate in MMR. It is carried as one more dimension of the vectors, so that likeness of
two items is raised by the product of their relevances: 0.25 at most."""


def diverse(entries: Sequence[FusedHit], catalogue: Catalogue, *, diversity: float, count: int) -> list[FusedHit]:
    """The candidates with ``count`` of them chosen for relevance and for being unlike each other in front.

    Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998), over the items' texts; relevance is the fused
    score.

    Args:
        entries: best first.
        catalogue: where the texts' vectors stand; an item without one is like no other.
        diversity: 0: relevance alone, which changes nothing; 1: likeness alone.
        count: how many are chosen so; the others follow in their order.
    """
    if not diversity or len(entries) < 3:
        return list(entries)
    from langchain_core.vectorstores.utils import maximal_marginal_relevance

    vectors = catalogue.vectors_of("text", [entry.hit.item_id for entry in entries])
    width = max((len(rows[0]) for rows in vectors.values()), default=1)
    best, least = entries[0].score, min(entry.score for entry in entries)
    rows = []
    for entry in entries:
        relevance = MOST_RELEVANT * (entry.score - least) / ((best - least) or 1.0)
        text = vectors.get(entry.hit.item_id, [np.zeros(width, np.float32)])[0]
        rows.append([relevance, *(math.sqrt(1.0 - relevance**2) * text)])
    query = np.array([1.0, *np.zeros(width)])
    selected_rows = maximal_marginal_relevance(query, rows, lambda_mult=1.0 - diversity, k=min(count, len(rows)))
    other_rows = [row for row in range(len(entries)) if row not in selected_rows]
    return [entries[row] for row in [*selected_rows, *other_rows]]


def category_by_category(entries: Sequence[FusedHit]) -> list[FusedHit]:
    """The entries in turns: the first of each category, then the second of each; categories in order of their best."""
    turns: Counter[str | None] = Counter()
    placed = []
    for entry in entries:
        placed.append((turns[entry.hit.category], entry))
        turns[entry.hit.category] += 1
    return [entry for _, entry in sorted(placed, key=lambda pair: pair[0])]


def places_to_explore(fraction: float, count: int, *, session_id: str, turn: int) -> int:
    """How many of ``count`` shown places go to items that few have seen: ``share`` of them over many turns.

    Whether a turn gets the part of a place that is left over follows from its session and number, so that the same
    turn asked again is answered alike.
    """
    full_places, remainder = divmod(fraction * count, 1.0)
    digest = hashlib.sha256(f"{session_id} {turn}".encode()).digest()
    return int(full_places) + (int.from_bytes(digest[:4], "big") / 2**32 < remainder)


def explored(order: Sequence[str], user_counts: Mapping[str, int], *, count: int, places: int) -> list[str]:
    """The order with the last ``places`` of its ``count`` first given to the candidates that fewest people chose.

    Args:
        order: item ids, best first; all of them have to do with the wish.
        user_counts: how many people chose each.
        count: how many are shown.
        places: how many of them to give away; those that give way follow at once.
    """
    visible_ids, hidden_ids = list(order[:count]), list(order[count:])
    promoted_ids = sorted(hidden_ids, key=lambda item_id: user_counts.get(item_id, 0))[: min(places, max(0, count - 1))]
    remaining_ids = visible_ids[: count - len(promoted_ids)] if len(visible_ids) == count else visible_ids
    following_ids = [item_id for item_id in order if item_id not in {*remaining_ids, *promoted_ids}]
    return [*remaining_ids, *promoted_ids, *following_ids]
