"""The protocol's addresses: the shop's profile, which anybody may read, and search, lookup and product.

Platforms name their own profile with each request (``UCP-Agent``). It is not fetched: nothing here depends on it, and
the service fetches nothing that a request names.
"""

import asyncio
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from assistant.service.context import Service, TheService
from assistant.service.http.problems import Problem, Refused
from assistant.service.http.roles import EVERYBODY, KEY_HOLDERS, allow
from assistant.service.item_links import ItemLinks
from assistant.service.routes import catalogue_reading as reading
from assistant.service.ucp.products import Options, Sale, detailed, looked_up, major_units, product, resolved
from assistant.service.ucp.records import (
    LOOKUP,
    SEARCH,
    VERSION,
    UcpContext,
    UcpEntity,
    UcpFilters,
    UcpLookupRequest,
    UcpMessage,
    UcpMetadata,
    UcpPage,
    UcpProductAnswer,
    UcpProductRequest,
    UcpProducts,
    UcpProfile,
    UcpSearchRequest,
)
from tools.records import Filters, Item
from tools.store import Catalogue

PREFIX: Final = "/api/ucp"
"""Errors at addresses that begin so have the protocol's form."""
MOST_IDS: Final = 50
MOST_PRODUCTS: Final = 50
"""Of one page."""
MOST_SKIPPED: Final = 100_000
_SPECIFICATION: Final = f"https://ucp.dev/{VERSION}"
_CODES: Final = {413: "request_too_large", 401: "unauthorized", 403: "forbidden", 404: "not_found", 429: "rate_limited"}

profile_router = APIRouter(prefix="/.well-known", tags=["ucp"], dependencies=[allow(EVERYBODY)])
"""Open to everybody: it says what there is, and nothing of it."""
router = APIRouter(prefix=PREFIX, tags=["ucp"], dependencies=[allow(KEY_HOLDERS)])


@profile_router.get("/ucp", response_model_exclude_none=True)
async def profile(request: Request, response: Response) -> UcpProfile:
    """What this shop offers over the Universal Commerce Protocol: to search and to look up its catalogue."""
    response.headers["Cache-Control"] = "public, max-age=3600"
    endpoint = f"{str(request.base_url).rstrip('/')}{PREFIX}"
    overview, rest = f"{_SPECIFICATION}/specification/overview", f"{_SPECIFICATION}/services/shopping/rest.openapi.json"
    service = UcpEntity(spec=overview, transport="rest", schema=rest, endpoint=endpoint)
    capabilities = {
        name: [
            UcpEntity(
                spec=f"{_SPECIFICATION}/specification/shopping/catalog/{page}",
                schema=f"{_SPECIFICATION}/schemas/shopping/catalog_{page}.json",
            )
        ]
        for name, page in ((SEARCH, "search"), (LOOKUP, "lookup"))
    }
    services = {"dev.ucp.shopping": [service]}
    return UcpProfile(ucp=UcpMetadata(services=services, capabilities=capabilities, payment_handlers={}))


@router.post("/catalog/search", response_model_exclude_none=True)
async def search(request: Request, service: TheService, asked: UcpSearchRequest) -> UcpProducts:
    """Products by words and filters; without words, all that pass, newest first."""
    if not (asked.query and asked.query.strip()) and asked.filters is None:
        raise Refused(HTTPStatus.BAD_REQUEST, "A search needs a query or filters.")
    return await asyncio.to_thread(_search, service, asked, ItemLinks.of(request, service))


@router.post("/catalog/lookup", response_model_exclude_none=True)
async def lookup(request: Request, service: TheService, asked: UcpLookupRequest) -> UcpProducts:
    """Products by the ids of products and variants; unknown ids are named in ``messages``."""
    if len(asked.ids) > MOST_IDS:
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"At most {MOST_IDS} ids are looked up at once.")
    return await asyncio.to_thread(_lookup, service, asked, ItemLinks.of(request, service))


@router.post("/catalog/product", response_model_exclude_none=True)
async def one_product(request: Request, service: TheService, asked: UcpProductRequest) -> UcpProductAnswer:
    """One product in full: the variants of a selection, and which other values there are."""
    return await asyncio.to_thread(_product, service, asked, ItemLinks.of(request, service))


def ucp_error(problem: Problem) -> tuple[int, dict[str, Any]]:
    """A problem as the protocol tells it: the status and the body."""
    status = HTTPStatus.BAD_REQUEST if problem.status in (413, 422) else problem.status
    fallback = "internal_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request"
    return status, {"code": _CODES.get(problem.status, fallback), "content": problem.detail}


def _search(service: Service, asked: UcpSearchRequest, links: ItemLinks) -> UcpProducts:
    engines = service.assistant.engines
    catalogue = engines.catalogue
    low, high, messages = _price_bounds(catalogue, asked.filters, asked.context)
    categories = [category for category in asked.filters.categories if category.strip()] if asked.filters else []
    filters = Filters(min_price=low or 0.0, max_price=high, categories=categories)  # 0: what has a price
    offset, limit = _offset(asked.pagination.cursor), min(asked.pagination.limit, MOST_PRODUCTS)
    query = (asked.query or "").strip()
    if query:
        found = reading.searched(engines, query, filters, "relevance", limit, offset)
    else:
        found = reading.browsed(catalogue, filters, "relevance", limit, offset)
    items = catalogue.get_many([card.item_id for card in found.items])
    sales = [_sale(items[card.item_id], low, high) for card in found.items if card.item_id in items]
    next_offset = offset + limit
    more = next_offset < found.total
    total = None if found.has_more else found.total
    page = UcpPage(has_next_page=more, cursor=str(next_offset) if more else None, total_count=total)
    products = [product(sale, links) for sale in sales if sale]
    return UcpProducts(ucp=_about(SEARCH), products=products, pagination=page, messages=messages or None)


def _lookup(service: Service, asked: UcpLookupRequest, links: ItemLinks) -> UcpProducts:
    catalogue = service.assistant.engines.catalogue
    ids = list(dict.fromkeys(asked.ids))
    low, high, messages = _price_bounds(catalogue, asked.filters, asked.context)
    found = resolved(catalogue, ids)
    items = {item.id: item for item, _ in found.values()}
    inputs: dict[str, dict[str, Options | None]] = {item_id: {} for item_id in items}
    for name, (item, options) in found.items():
        inputs[item.id][name] = options
    sales = [_sale(item, low, high) for item in items.values() if _is_of(item, asked.filters)]
    products = [looked_up(sale, links, inputs[sale.item.id]) for sale in sales if sale]
    messages += [UcpMessage(type="info", code="not_found", content=name) for name in ids if name not in found]
    shown = [each for each in products if each]
    return UcpProducts(ucp=_about(LOOKUP), products=shown, messages=messages or None)


def _product(service: Service, asked: UcpProductRequest, links: ItemLinks) -> UcpProductAnswer:
    catalogue = service.assistant.engines.catalogue
    low, high, messages = _price_bounds(catalogue, asked.filters, asked.context)
    item, options = resolved(catalogue, [asked.id]).get(asked.id, (None, None))
    sale = _sale(item, low, high) if item and _is_of(item, asked.filters) else None
    if sale is None or (options is not None and sale.variant(options) is None):
        error = UcpMessage(
            type="error", code="not_found", content=f"Product not found: {asked.id}", severity="unrecoverable"
        )
        about = _about(LOOKUP).model_copy(update={"status": "error"})
        return UcpProductAnswer(ucp=about, messages=[error])
    selected = {option.name: option.label for option in asked.selected}
    shown = detailed(sale, links, options, selected, asked.preferences)
    return UcpProductAnswer(ucp=_about(LOOKUP), product=shown, messages=messages or None)


def _sale(item: Item, low: float | None, high: float | None) -> Sale | None:
    sale = Sale.of(item)
    return sale.within(low, high) if sale else None


def _price_bounds(
    catalogue: Catalogue, filters: UcpFilters | None, context: UcpContext
) -> tuple[float | None, float | None, list[UcpMessage]]:
    """The bounds in the catalogue's currency; none, and a message that says so, where they may be of another one."""
    price = filters.price if filters else None
    if price is None:
        return None, None, []
    currencies = catalogue.vocabulary().currencies
    if len(currencies) != 1 or context.currency not in (None, currencies[0]):
        listed = ", ".join(currencies) or "none"
        content = f"The price filter was ignored: prices are in {listed}, and nothing is converted."
        return None, None, [UcpMessage(type="info", code="price_filter_ignored", content=content)]
    low, high = (None if bound is None else major_units(bound, currencies[0]) for bound in (price.min, price.max))
    return low, high, []


def _is_of(item: Item, filters: UcpFilters | None) -> bool:
    """Whether the item is in one of the categories, or in one below."""
    wanted = {category.strip().casefold() for category in filters.categories} if filters else set()
    path = (item.category or "").casefold()
    return not wanted or bool(wanted & {path, *(part.strip() for part in path.split(">"))})


def _offset(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdecimal() and int(cursor) <= MOST_SKIPPED):
        raise Refused(HTTPStatus.BAD_REQUEST, "The cursor is not one of an earlier answer.")
    return int(cursor)


def _about(capability: str) -> UcpMetadata:
    return UcpMetadata(capabilities={capability: [UcpEntity()]})
