"""Products that saved pages state as schema.org JSON-LD, as rows of a feed."""

import html
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urljoin

from lxml import etree
from lxml.html import HTMLParser, document_fromstring

from assistant.ingest.prices import PriceError, read_price
from tools.bounds import DEFAULT, OutOfBounds, depth_of

MOST_BYTES: Final = 10 * 2**20
"""Of one page."""
MOST_PRODUCTS: Final = 1_000
"""Of one page."""
MOST_DEPTH: Final = 40
_KINDS: Final = ("Product", "ProductGroup", "IndividualProduct", "ProductModel", "SomeProducts", "Vehicle", "Book")
_SCHEMA: Final = re.compile(r"^https?://schema\.org/", re.IGNORECASE)
_WRAPPING: Final = re.compile(r"^\s*(?:<!--|//\s*<!\[CDATA\[|<!\[CDATA\[|/\*\s*<!\[CDATA\[\s*\*/)|"
                              r"(?:-->|//\s*\]\]>|\]\]>|/\*\s*\]\]>\s*\*/|;)\s*$")  # fmt: skip
_NAMED: Final = {
    "@context", "@id", "@type", "additionalProperty", "aggregateRating", "audience", "brand", "category", "description",
    "file", "hasMerchantReturnPolicy", "hasVariant", "image", "inProductGroupWithID", "isRelatedTo", "isSimilarTo",
    "isVariantOf", "mainEntityOfPage", "manufacturer", "name", "offers", "page", "potentialAction", "productGroupID",
    "productID", "review", "reviews", "shippingDetails", "sku", "subjectOf", "url", "variesBy",
}  # fmt: skip
"""Properties that are read here, or that say nothing of the product."""
_LENIENT: Final = json.JSONDecoder(strict=False)
_IDS: Final = ("sku", "productID", "gtin13", "gtin", "gtin14", "gtin12", "gtin8", "mpn", "@id", "url")


def products(content: bytes, name: str) -> list[dict[str, Any]]:
    """The products of a page as they stand in its JSON-LD, each with the page's address as ``page`` if it states one.

    Parts that are no JSON, or nested too deeply, are passed over.

    Args:
        name: the page's, by which its only product is called if nothing identifies it; it is added as ``file``.
    """
    try:
        root = document_fromstring(content, parser=HTMLParser(encoding="utf-8" if _is_utf8(content) else None))
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return []
    links = root.xpath("//link[@rel='canonical']/@href | //meta[@property='og:url']/@content")
    address = next((str(link) for link in links if re.match("https?://", str(link))), "")
    scripts = root.xpath("//script[contains(@type, 'ld+json')]/text()")
    found = [product for script in scripts for product in _products(_json(str(script)))]
    called = {"file": name} if len(found) == 1 else {}
    return [{**product, "page": address, **called} for product in found[:MOST_PRODUCTS]]


def _is_utf8(content: bytes) -> bool:
    """Whether a page is in UTF-8, whatever it declares of itself."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\0" not in content


def in_document(document: object) -> list[dict[str, Any]]:
    """The products of a JSON-LD document."""
    return list(_products(document))[:MOST_PRODUCTS] if depth_of(document) <= MOST_DEPTH else []


def _json(script: str) -> Any:  # noqa: ANN401 - any JSON value
    """The value of a script; line feeds in texts are let pass, as page programs write them."""
    text = script
    for _ in range(3):
        text = _WRAPPING.sub("", text)
    with suppress(ValueError, RecursionError, OutOfBounds):
        value = _LENIENT.decode(text.strip())
        return value if depth_of(value) <= MOST_DEPTH else None
    return None


def _products(value: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - any JSON value
    """Every product in a value, those inside another product left out."""
    if isinstance(value, list):
        for part in value:
            yield from _products(part)
    elif isinstance(value, dict):
        if _is_product(value):
            yield value
            return
        for name in ("@graph", "mainEntity", "itemListElement", "item"):
            if isinstance(value.get(name), list | dict):
                yield from _products(value[name])


def _is_product(value: dict[str, Any]) -> bool:
    has_more = len(value.keys() - {"@type", "@id", "@context"}) > 0
    return has_more and any(kind in _KINDS for kind in map(_name, _list(value.get("@type"))))


def rows(product: dict[str, Any]) -> list[dict[str, Any]]:
    """The product's row; of a group its own row and one for each variant."""
    variants = [variant for variant in _list(product.get("hasVariant")) if isinstance(variant, dict)]
    page, group = str(product.get("page", "")), _group_id(product)
    if not variants:
        parent = next((part for part in _list(product.get("isVariantOf")) if isinstance(part, dict)), {})
        group = _group_id(parent) or _text(product.get("inProductGroupWithID"))
        return [{**_row(product, page), "item_group_id": group if group != _id(product, page) else None}]
    own_id = group or _id(product, page)
    own = {**_row({**product, "offers": product.get("offers")}, page), "id": own_id}
    varying = {_key(name) for name in map(_name, _list(product.get("variesBy"))) if name}
    result = [own]
    for n, variant in enumerate(variants, start=1):
        row = _row(variant, page)
        row["variant_dict"] = {name: row[name] for name in sorted(varying) if isinstance(row.get(name), str)}
        variant_id = row["id"] if row["id"] not in (None, own_id) else f"{own_id}/{n}"
        result.append({**row, "id": variant_id, "item_group_id": own_id})
    return result


def _group_id(product: dict[str, Any]) -> str | None:
    return _text(product.get("productGroupID")) if product else None


def _id(product: dict[str, Any], page: str) -> str | None:
    """The first of the identifiers that it has; else the page's address, or its file's name."""
    texts = (_text(product.get(name)) for name in _IDS)
    return next((text for text in texts if text), page or _text(product.get("file")))


def _row(product: dict[str, Any], page: str) -> dict[str, Any]:
    offer = _offer(product.get("offers"))
    url = _text(product.get("url")) or _text(offer.get("url")) or page or None
    rating = product.get("aggregateRating")
    further = {_key(name): _plain(value) for name, value in product.items() if name not in _NAMED}
    properties = {
        text: " ".join(filter(None, (_text(part.get("value")), _text(part.get("unitText")))))
        for part in _list(product.get("additionalProperty"))
        if isinstance(part, dict) and (text := _text(part.get("name")))
    }
    return {
        **further,
        **properties,
        "id": _id(product, page),
        "title": _unescaped(product.get("name")),
        "description": _unescaped(product.get("description")),
        "url": urljoin(page, url) if url and page else url,
        "brand": _text(product.get("brand")) or _text(product.get("manufacturer")),
        "image_url": [
            urljoin(page, image) if page else image for image in map(_image, _list(product.get("image"))) if image
        ],
        "product_category": _text(product.get("category")),
        "price": _range(offer),
        "list_price": _number(offer.get("regular")),
        "currency": _text(offer.get("priceCurrency")),
        "availability": _text(offer.get("availability")),
        "rating": _plain(rating.get("ratingValue")) if isinstance(rating, dict) else None,
    }


def _range(offer: dict[str, Any]) -> Any:  # noqa: ANN401 - a number, or what was written
    low, high = _number(offer.get("price", offer.get("lowPrice"))), _number(offer.get("highPrice"))
    return low if high is None or low is None or low == high else [low, high]


def _offer(value: object) -> dict[str, Any]:
    """The offer that counts: of several the cheapest that is in stock."""
    offers = [_priced(offer) for offer in _list(value) if isinstance(offer, dict)]
    for offer in list(offers):
        offers += [_priced(part) for part in _list(offer.get("offers")) if isinstance(part, dict)]
    offers = [offer for offer in offers if "price" in offer or "lowPrice" in offer] or offers
    return min(offers, key=_preference, default={})


def _preference(offer: dict[str, Any]) -> tuple[bool, float]:
    price = _number(offer.get("price", offer.get("lowPrice")))
    sold_out = _name(offer.get("availability")) in ("OutOfStock", "SoldOut", "Discontinued")
    return sold_out, price if isinstance(price, int | float) else float("inf")


def _priced(offer: dict[str, Any]) -> dict[str, Any]:
    """The offer with the price of its price specification, and the struck-through one as ``regular``."""
    result = dict(offer)
    for part in _list(offer.get("priceSpecification")):
        if not isinstance(part, dict) or "price" not in part:
            continue
        kind = _name(part.get("priceType"))
        if kind in ("StrikethroughPrice", "ListPrice", "MSRP", "SRP", "RegularPrice"):
            result.setdefault("regular", part["price"])
        elif not part.get("referenceQuantity") and not part.get("validForMemberTier"):
            result.setdefault("price", part["price"])
        result.setdefault("priceCurrency", part.get("priceCurrency"))
    return result


def _number(value: object) -> Any:  # noqa: ANN401 - a number, or what was written
    """A price as schema.org has it, with a point before the cents, as a number; any other as it is written."""
    if isinstance(value, str) and re.fullmatch(r"\s*\d+(\.\d+)?\s*", value):
        return float(value)
    with suppress(PriceError):
        return read_price(value).amount if not isinstance(value, str) else value
    return value


def _plain(value: object) -> Any:  # noqa: ANN401 - any JSON value
    """A value without the wrapping of schema.org: an object by its name or value, an address by its last word."""
    if isinstance(value, list):
        return [part for part in map(_plain, value[: DEFAULT.values]) if part not in (None, "")]
    if isinstance(value, dict):
        unit = _text(value.get("unitText")) or _text(value.get("unitCode"))
        text = _text(value.get("name")) or _text(value.get("value"))
        return f"{text} {unit}" if text and unit else text
    return _name(value) if isinstance(value, str) else value


def _text(value: object) -> str | None:
    """A text; of an object its name, of a list its first."""
    first = next(iter(_list(value)), None)
    if isinstance(first, dict):
        first = first.get("name") or first.get("@id") or first.get("value")
    if isinstance(first, bool) or not isinstance(first, str | int | float):
        return None
    return str(first).strip() or None


def _unescaped(value: object) -> str | None:
    text = _text(value)
    return html.unescape(text) if text else None


def _image(value: object) -> str | None:
    if isinstance(value, dict):
        value = value.get("url") or value.get("contentUrl") or value.get("@id")
    return value.strip() if isinstance(value, str) else None


def _name(value: object) -> str:
    """The last part of an address of schema.org: "https://schema.org/color" is "color"."""
    return _SCHEMA.sub("", value).strip() if isinstance(value, str) else ""


def _key(name: str) -> str:
    """A property's name as columns have it: suggestedAge is suggested_age."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
