"""The catalogue over the Universal Commerce Protocol, over real HTTP.

`PUBLISHED` says in few words what the published schemas of version 2026-08-25 require of answers (profile.json,
shopping/catalog_search.json, shopping/catalog_lookup.json and the types that they name): written from their text, and
stricter in one thing, that nothing is there which they do not name.
"""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from assistant.ingest import Encoders, IngestOptions, ingest
from assistant.service.ucp.products import minor_units
from tests.fakes import catalogues
from tests.integration.service.doors.conftest import Ears, Eyes, Serve, Text, new_key
from tools.media import MediaLimits
from tools.store import Catalogue
from tools.toolbox import Engines

VERSION = "2026-08-25"
ITEMS: list[dict[str, Any]] = [
    {"id": "lamp", "title": "Desk lamp", "description": "A lamp.", "price": 20.5, "currency": "EUR", "brand": "Glow",
     "category": "Home > Lamps", "url": "https://shop.example/lamp", "in_stock": True, "images": ["images/lamp.png"]},
    {"id": "trail?x=1", "title": "Trail shoe", "price": 60, "currency": "EUR", "category": "Shoes", "variants": [
        {"size": "42", "color": "red", "price": 70, "in_stock": False},
        {"size": "43", "color": "red", "price": 99.9, "in_stock": True},
        {"size": "43", "color": "blue ü", "price": 89.9, "in_stock": True}]},
    {"id": "free", "title": "Leaflet", "price": 0, "currency": "EUR", "category": "Paper"},
    {"id": "unpriced", "title": "Unpriced lamp", "category": "Home > Lamps"},
    {"id": "dear", "title": "Dear thing", "price": 1e15, "currency": "EUR"},
]  # fmt: skip
RED_43 = "trail?x=1?color=red&size=43"


def of(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    """A schema of an object with these properties alone."""
    return {
        "type": "object", "required": list(required), "properties": required | (optional or {}),
        "additionalProperties": False,
    }  # fmt: skip


def listed(schema: dict[str, Any], least: int = 0) -> dict[str, Any]:
    return {"type": "array", "items": schema, "minItems": least}


TEXT: dict[str, Any] = {"type": "string"}
URI = {"type": "string", "pattern": "^https?://[^\\s]+$"}
DATE = {"const": VERSION}
PRICE = of({"amount": {"type": "integer", "minimum": 0, "maximum": 2**53 - 1}, "currency": {"pattern": "^[A-Z]{3}$"}})
RANGE = of({"min": PRICE, "max": PRICE})
DESCRIPTION = of({"plain": TEXT})
CHOSEN = of({"name": TEXT, "label": TEXT})
INPUTS = listed(of({"id": TEXT}, {"match": {"enum": ["exact", "featured"]}}), 1)
STATUS = {"enum": ["in_stock", "backorder", "preorder", "out_of_stock", "discontinued"]}
VARIANT_FURTHER = {
    "url": URI, "options": listed(CHOSEN), "availability": of({}, {"available": {"type": "boolean"}, "status": STATUS}),
}  # fmt: skip
VARIANT = {"id": TEXT, "title": TEXT, "description": DESCRIPTION, "price": PRICE}
MEDIA = of({"type": {"enum": ["image", "video", "model_3d"]}, "url": URI}, {"alt_text": TEXT})
FURTHER = {
    "url": URI, "categories": listed(of({"value": TEXT}, {"taxonomy": TEXT})), "media": listed(MEDIA),
    "options": listed(of({"name": TEXT, "values": listed(of({"label": TEXT}), 1)})), "metadata": {"type": "object"},
}  # fmt: skip
SIGNALS = {"available": {"type": "boolean"}, "exists": {"type": "boolean"}}
DETAILS = {
    "selected": listed(CHOSEN),
    "options": listed(of({"name": TEXT, "values": listed(of({"label": TEXT}, SIGNALS), 1)})),
}
MESSAGES = listed(
    {"oneOf": [
        of({"type": {"const": "info"}, "content": TEXT}, {"code": TEXT}),
        of({"type": {"const": "error"}, "code": TEXT, "content": TEXT, "severity": {"const": "unrecoverable"}}),
    ]}
)  # fmt: skip
CAPABILITIES = {"type": "object", "additionalProperties": listed(of({"version": DATE}), 1)}
ABOUT = of({"version": DATE, "capabilities": CAPABILITIES}, {"status": {"const": "success"}})
PAGE: dict[str, Any] = {
    **of({"has_next_page": {"type": "boolean"}}, {"cursor": TEXT, "total_count": {"type": "integer", "minimum": 0}}),
    "if": {"properties": {"has_next_page": {"const": True}}}, "then": {"required": ["cursor"]},
}  # fmt: skip


def product_schema(variant: dict[str, Any], further: dict[str, Any]) -> dict[str, Any]:
    required = {"id": TEXT, "title": TEXT, "description": DESCRIPTION, "price_range": RANGE}
    return of(required | {"variants": listed(variant, 1)}, further)


ENTITY = {"version": DATE, "spec": URI, "schema": URI}
SERVICE = of(ENTITY | {"transport": {"const": "rest"}, "endpoint": URI})
PROFILE = of(
    {"ucp": of(
        {
            "version": DATE, "payment_handlers": {"const": {}},
            "services": of({"dev.ucp.shopping": listed(SERVICE, 1)}),
            "capabilities": {"type": "object", "additionalProperties": listed(of(ENTITY), 1)},
        },
        {"status": {"const": "success"}},
    )}
)  # fmt: skip
PUBLISHED = {
    "search": of(
        {"ucp": ABOUT, "products": listed(product_schema(of(VARIANT, VARIANT_FURTHER), FURTHER))},
        {"pagination": PAGE, "messages": MESSAGES},
    ),
    "lookup": of(
        {"ucp": ABOUT, "products": listed(product_schema(of(VARIANT | {"inputs": INPUTS}, VARIANT_FURTHER), FURTHER))},
        {"messages": MESSAGES},
    ),
    "product": of(
        {"ucp": ABOUT, "product": product_schema(of(VARIANT, VARIANT_FURTHER), FURTHER | DETAILS)},
        {"messages": MESSAGES},
    ),
    "error": of(
        {"ucp": of({"version": DATE, "status": {"const": "error"}, "capabilities": CAPABILITIES}), "messages": MESSAGES}
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory, ears: Ears) -> Iterator[Engines]:
    """A catalogue with variants, and with items that the protocol cannot say."""
    folder = tmp_path_factory.mktemp("ucp")
    text, eyes = Text(), Eyes()
    with Catalogue.open(folder / "data") as catalogue:
        lines = catalogues.write(folder, ITEMS)
        ingest(catalogue, [lines], Encoders(text, eyes), IngestOptions(), reject=lambda _: None)
        yield Engines(catalogue, text, eyes, ears, MediaLimits())  # type: ignore[arg-type]


def ask(http: httpx.Client, call: str, schema: str = "", **body: Any) -> Any:  # noqa: ANN401 - JSON
    """An answer, held against the published schema."""
    answer = http.post(f"/api/ucp/catalog/{call}", json=body)
    assert answer.status_code == 200, answer.text
    Draft202012Validator(PUBLISHED[schema or call]).validate(answer.json())
    return answer.json()


def ids(answer: Any) -> list[str]:  # noqa: ANN401
    return [product["id"] for product in answer["products"]]


def test_the_profile_says_what_there_is_to_everybody(serve: Serve) -> None:
    with serve(needs_key=True) as served, served.client() as http:
        answer = http.get("/.well-known/ucp")
        Draft202012Validator(PROFILE).validate(answer.json())
        assert answer.headers["cache-control"] == "public, max-age=3600"
        told = answer.json()["ucp"]
        assert set(told["capabilities"]) == {"dev.ucp.shopping.catalog.search", "dev.ucp.shopping.catalog.lookup"}
        (service,) = told["services"]["dev.ucp.shopping"]
        assert service["endpoint"] == f"{served.url}/api/ucp"
        refused = http.post(f"{service['endpoint']}/catalog/search", json={"query": "lamp"})
        assert refused.status_code == 401
        assert refused.json()["code"] == "unauthorized"
        with served.client(new_key(served, "ann")) as known:
            assert ids(ask(known, "search", query="lamp")) == ["lamp"]


def test_a_search_by_words_gives_products(http: httpx.Client) -> None:
    context = {"address_country": "DE", "currency": None}
    answer = ask(http, "search", query="desk lamp", context=context, signals={"x": 1}, filters=None, pagination=None)
    (lamp,) = answer["products"]
    assert lamp["price_range"]["min"] == {"amount": 2050, "currency": "EUR"}
    assert lamp["categories"] == [{"value": "Home > Lamps", "taxonomy": "merchant"}]
    assert (lamp["url"], lamp["metadata"]) == ("https://shop.example/lamp", {"brand": "Glow"})
    assert http.get(lamp["media"][0]["url"]).headers["content-type"] == "image/jpeg"
    (variant,) = lamp["variants"]
    assert (variant["id"], variant["availability"]) == ("lamp", {"available": True, "status": "in_stock"})
    assert list(answer["ucp"]["capabilities"]) == ["dev.ucp.shopping.catalog.search"]


def test_a_list_by_filters_and_pages(http: httpx.Client) -> None:
    assert ids(ask(http, "search", filters={"categories": ["Lamps"]})) == ["lamp"]
    assert ids(ask(http, "search", filters={"price": {"max": 0}})) == ["free"]
    assert ids(ask(http, "search", filters={"price": {"min": 9000, "max": 9999}})) == ["trail?x=1"]
    assert ask(http, "search", filters={"categories": ["Boats"], "color": "red"})["products"] == []
    seen, cursor = [], {}
    while True:
        page = ask(http, "search", filters={}, pagination={"limit": 1, **cursor})
        seen += ids(page)
        if not page["pagination"]["has_next_page"]:
            break
        cursor = {"cursor": page["pagination"]["cursor"]}
    assert sorted(seen) == ["free", "lamp", "trail?x=1"], "what has no price that can be said is left out"


def test_a_price_in_another_currency_is_not_compared(http: httpx.Client) -> None:
    answer = ask(http, "search", filters={"price": {"max": 1}}, context={"currency": "USD"})
    assert len(answer["products"]) == 3
    assert answer["messages"][0]["code"] == "price_filter_ignored"
    answer = ask(http, "search", filters={"price": {"max": 100}}, context={"currency": "EUR"})
    assert ids(answer) == ["free"]


def test_a_lookup_finds_products_and_variants(http: httpx.Client) -> None:
    answer = ask(http, "lookup", ids=["lamp", "none", "trail?x=1", RED_43, "lamp", "unpriced", "trail?x=1?size=50"])
    by_id = {product["id"]: product for product in answer["products"]}
    assert set(by_id) == {"lamp", "trail?x=1"}
    assert by_id["lamp"]["variants"][0]["inputs"] == [{"id": "lamp", "match": "exact"}]
    best, other = by_id["trail?x=1"]["variants"]
    assert (best["price"]["amount"], best["inputs"]) == (8990, [{"id": "trail?x=1", "match": "featured"}])
    assert (other["id"], other["inputs"]) == (RED_43, [{"id": RED_43, "match": "exact"}])
    assert by_id["trail?x=1"]["price_range"]["max"]["amount"] == 9990
    assert [message["content"] for message in answer["messages"]] == ["none", "trail?x=1?size=50"]


def test_filters_of_a_lookup_take_variants_away(http: httpx.Client) -> None:
    cheap = {"price": {"max": 9000}}
    assert ask(http, "lookup", ids=[RED_43], filters=cheap)["products"] == []
    (shoe,) = ask(http, "lookup", ids=["trail?x=1", RED_43], filters=cheap)["products"]
    assert [variant["price"]["amount"] for variant in shoe["variants"]] == [8990]
    assert ask(http, "lookup", ids=["lamp"], filters={"categories": ["shoes"]})["products"] == []
    assert ids(ask(http, "lookup", ids=["lamp"], filters={"categories": ["home"]})) == ["lamp"]


def test_one_product_with_a_selection(http: httpx.Client) -> None:
    shoe = ask(http, "product", id="trail?x=1")["product"]
    assert shoe["selected"] == [{"name": "size", "label": "43"}, {"name": "color", "label": "blue ü"}]
    asked = [{"name": "Color", "label": "RED"}]
    shoe = ask(http, "product", id="trail?x=1", selected=asked)["product"]
    assert shoe["selected"] == [{"name": "color", "label": "red"}]
    assert [variant["price"]["amount"] for variant in shoe["variants"]] == [9990, 7000]
    sizes = next(option for option in shoe["options"] if option["name"] == "size")["values"]
    assert {size["label"]: (size["available"], size["exists"]) for size in sizes} == {
        "42": (False, True), "43": (True, True),
    }  # fmt: skip
    nowhere = [{"name": "color", "label": "blue ü"}, {"name": "size", "label": "42"}]
    for preferences, kept in ((["color", "size"], "color"), (["size"], "size")):
        shoe = ask(http, "product", id="trail?x=1", selected=nowhere, preferences=preferences)["product"]
        assert [option["name"] for option in shoe["selected"]] == [kept]
    shoe = ask(http, "product", id=RED_43, selected=nowhere)["product"]
    assert (shoe["variants"][0]["id"], len(shoe["selected"])) == (RED_43, 2)
    assert "selected" not in ask(http, "product", id="lamp")["product"]


@pytest.mark.parametrize("item_id", ["none", "unpriced", "dear", "trail?x=1?size=50", "?", "a?b=c&b=d"])
def test_an_unknown_product_is_an_outcome(http: httpx.Client, item_id: str) -> None:
    (message,) = ask(http, "product", "error", id=item_id)["messages"]
    assert (message["code"], message["severity"]) == ("not_found", "unrecoverable")


@pytest.mark.parametrize(
    ("call", "body", "code"),
    [
        ("search", {}, "invalid_request"),
        ("search", {"query": " "}, "invalid_request"),
        ("search", {"query": 5}, "invalid_request"),
        ("search", {"query": "x" * 3_000}, "invalid_request"),
        ("search", {"query": "lamp", "pagination": {"limit": 0}}, "invalid_request"),
        ("search", {"query": "lamp", "pagination": {"cursor": "٣"}}, "invalid_request"),
        ("search", {"query": "lamp", "pagination": {"cursor": "-1"}}, "invalid_request"),
        ("search", {"filters": {"price": {"max": -1}}}, "invalid_request"),
        ("search", {"filters": {"price": {"max": 1e300}}}, "invalid_request"),
        ("lookup", {"ids": []}, "invalid_request"),
        ("lookup", {"ids": [""]}, "invalid_request"),
        ("lookup", {"ids": [str(n) for n in range(51)]}, "request_too_large"),
        ("product", {"id": "lamp", "selected": "red"}, "invalid_request"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_a_400_in_the_protocol_s_form(
    http: httpx.Client, call: str, body: dict[str, Any], code: str
) -> None:
    answer = http.post(f"/api/ucp/catalog/{call}", json=body)
    assert answer.status_code == 400, answer.text
    assert set(answer.json()) == {"code", "content"}
    assert answer.json()["code"] == code


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"ids": ["\xff"]}', b"[" * 5_000])
def test_a_body_that_is_no_request_is_a_400(http: httpx.Client, body: bytes) -> None:
    answer = http.post("/api/ucp/catalog/lookup", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("price", "currency", "amount"), [(12.5, "USD", 1250), (100, "JPY", 100), (1.234, "KWD", 1234), (0.285, "EUR", 28)]
)
def test_prices_are_in_the_currency_s_minor_unit(price: float, currency: str, amount: int) -> None:
    assert minor_units(price, currency) == amount


def test_the_page_of_a_large_limit_is_cut(http: httpx.Client) -> None:
    assert len(ask(http, "search", filters={}, pagination={"limit": 10**9})["products"]) == 3
