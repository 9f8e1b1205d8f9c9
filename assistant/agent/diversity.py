"""Orders of the ranked candidates that show what is unlike each other first: by texts, or by categories."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from assistant.agent.fusion import FusedHit
from tools.store import Catalogue

DIVERSITY = 0.5
"""0: relevance alone; 1: likeness alone."""

MOST_RELEVANT = 0.5
"""The relevance of the best candidate in MMR. It is carried as one more dimension of the vectors, so that likeness of
two items is raised by the product of their relevances: 0.25 at most."""


def diverse(entries: Sequence[FusedHit], catalogue: Catalogue, *, count: int) -> list[FusedHit]:
    """The candidates with ``count`` of them chosen for relevance and for being unlike each other in front.

    Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998), over the items' texts; relevance is the fused
    score.

    Args:
        entries: best first.
        catalogue: where the texts' vectors stand; an item without one is like no other.
        count: how many are chosen so; the others follow in their order.
    """
    if len(entries) < 3:
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
    selected_rows = maximal_marginal_relevance(query, rows, lambda_mult=1.0 - DIVERSITY, k=min(count, len(rows)))
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
