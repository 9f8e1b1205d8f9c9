"""Questions about the catalogue that the HTTP API answers: pages of items, and the neighbours of one."""

from typing import Literal

from assistant.agent.relevance import best_scores, relevant_ids
from assistant.errors import UnknownItem
from assistant.service.routes.catalogue_views import ItemCards, Neighbours, card_of, cards
from tools.engines.parts import Engines
from tools.records import Filters, Hit, Item
from tools.search import search_by_text
from tools.store import Catalogue, Space

MOST_HITS = 300
"""How many items each signal of a search brings; the same for every page, so that pages fit together."""
NEIGHBOURED_PICTURES = 8
"""Of so many of an item's pictures the neighbours are looked for."""

Sort = Literal["relevance", "price", "-price", "title", "newest"]


def the_item(catalogue: Catalogue, item_id: str) -> Item:
    """One item.

    Raises:
        UnknownItem: the catalogue has no such item.
    """
    item = catalogue.get(item_id)
    if item is None:
        raise UnknownItem(f"The catalogue has no item {item_id!r}.")
    return item


def browsed(catalogue: Catalogue, filters: Filters, sort: Sort, limit: int, offset: int) -> ItemCards:
    """A page of all items that pass; without a question the most relevant are the newest."""
    order = "newest" if sort == "relevance" else sort
    hits = [card_of(item, filters) for item in catalogue.browse(filters, order, limit, offset)]
    total = catalogue.total(filters, at_least=offset + limit + 1)
    return ItemCards(items=cards(catalogue, hits), total=total.items, has_more=total.has_more)


def searched(engines: Engines, query: str, filters: Filters, sort: Sort, limit: int, offset: int) -> ItemCards:
    """A page of the items that pass and have to do with the query, by words and by meaning.

    What has to do with it is measured against the whole catalogue, as a turn does it.

    Raises:
        ServiceMissing: the text encoder is not there.
        EncoderMismatch: the catalogue was made with another one.
    """
    best = best_scores((query, hit) for hit in _search(engines, query, None))
    hits = _search(engines, query, None if filters.is_empty() else filters)
    relevant = set(relevant_ids(query, hits, best))
    hits = _sorted([hit for hit in hits if hit.item_id in relevant], sort)
    return ItemCards(items=cards(engines.catalogue, hits[offset : offset + limit]), total=len(hits))


def _search(engines: Engines, query: str, filters: Filters | None) -> list[Hit]:
    everything = 2 * MOST_HITS
    return search_by_text(
        engines.catalogue, engines.text, None, query, k=everything, filters=filters, pool=MOST_HITS
    ).items


def _sorted(hits: list[Hit], sort: Sort) -> list[Hit]:
    """Hits in an order that can be read off them."""
    match sort:
        case "price" | "-price":
            sign = 1 if sort == "price" else -1
            return sorted(hits, key=lambda hit: (hit.price is None, sign * (hit.price or 0.0)))
        case "title":
            return sorted(hits, key=lambda hit: hit.title.casefold())
    return hits


def neighbours(catalogue: Catalogue, item_id: str, by: Literal["text", "picture"], k: int) -> Neighbours:
    """The k items nearest to one by its text or by its pictures, the best pair of pictures counting.

    Raises:
        UnknownItem: the catalogue has no such item.
    """
    item = the_item(catalogue, item_id)
    space: Space = "text" if by == "text" else "visual"
    vectors = catalogue.vectors_of(space, [item_id]).get(item_id, [])[:NEIGHBOURED_PICTURES]
    scores: dict[str, float] = {}
    for vector in vectors:
        for other, score in catalogue.nearest(space, vector, k + 1):
            scores[other] = max(score, scores.get(other, score))
    scores.pop(item_id, None)
    nearest = sorted(scores, key=lambda other: (-scores[other], other))[:k]
    items = catalogue.get_many(nearest)
    hits = [
        card_of(items[other]).model_copy(update={"score": round(scores[other], 4)})
        for other in nearest
        if other in items
    ]
    missing = [] if vectors else [_why_none(item, by)]
    return Neighbours(item_id=item_id, by=by, items=cards(catalogue, hits), missing=missing)


def _why_none(item: Item, by: str) -> str:
    if by == "text":
        return f"{item.title} has no text vector: the catalogue holds no words about it."
    reason = "none of its pictures could be read" if item.images else "it has no picture"
    return f"{item.title} has no picture vector: {reason}."
