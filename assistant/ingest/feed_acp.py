"""The Agentic Commerce Protocol's product objects, each with its variants, as the rows of its feed files."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from babel.numbers import get_currency_precision

from tools.bounds import finite

_FLAGS: Final = ("is_eligible_search", "enable_search")


def is_row(values: Mapping[str, Any]) -> bool:
    """Whether an object has the names of the feed's files, which a line of a catalogue has not."""
    return ("item_id" in values and "id" not in values) or any(flag in values for flag in _FLAGS)


def is_product(values: Mapping[str, Any]) -> bool:
    """Whether it is an object of the protocol's schema: variants with titles, prices as objects, named options."""
    variants = values.get("variants")
    first = variants[0] if isinstance(variants, list) and variants else None
    if not isinstance(first, dict) or "id" not in first:
        return False
    return isinstance(first.get("price"), dict) or isinstance(first.get("availability"), dict) or (
        "variant_options" in first
    )  # fmt: skip


def rows(product: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The product's own row, then one for each variant; a product with one variant without options is one row."""
    variants = [variant for variant in _objects(product.get("variants")) if variant.get("id")]
    own = {**_described(product), "item_id": product.get("id")}
    if len(variants) == 1 and not variants[0].get("variant_options"):
        return [_merged(_offered(variants[0]), own)]
    return [own, *({**_offered(variant), "group_id": product.get("id")} for variant in variants)]


def _merged(variant: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    return {**variant, **{name: value for name, value in own.items() if value not in (None, [], "")}}


def _described(record: Mapping[str, Any]) -> dict[str, Any]:
    description = record.get("description")
    if isinstance(description, dict):
        description = next((description[form] for form in ("plain", "html", "markdown") if form in description), None)
    images = [medium.get("url") for medium in _objects(record.get("media")) if medium.get("type", "image") == "image"]
    categories = [category.get("value") for category in _objects(record.get("categories"))]
    named = {"title", "description", "url", "media", "categories", "id", "variants", "last_update_id"}
    further = {name: value for name, value in record.items() if name not in named | _OF_VARIANTS}
    return {
        **further,
        "title": record.get("title"),
        "description": description,
        "url": record.get("url"),
        "image_url": images,
        "product_category": categories[0] if categories else None,
    }


_OF_VARIANTS: Final = {
    "price", "list_price", "unit_price", "availability", "barcodes", "variant_options", "seller", "marketplace",
}  # fmt: skip


def _offered(variant: Mapping[str, Any]) -> dict[str, Any]:
    availability = variant.get("availability")
    stock = (
        availability.get("status", availability.get("available")) if isinstance(availability, dict) else availability
    )
    if isinstance(availability, dict) and availability.get("available") is False:
        stock = stock if stock in _LATER else False
    options = {option.get("name"): option.get("value") for option in _objects(variant.get("variant_options"))}
    codes = {str(code.get("type", "")).lower(): code.get("value") for code in _objects(variant.get("barcodes"))}
    return {
        **_described(variant),
        **{name: value for name, value in codes.items() if name and value},
        "item_id": variant.get("id"),
        "price": _money(variant.get("price")),
        "list_price": _money(variant.get("list_price")),
        "availability": stock,
        "variant_dict": {name: value for name, value in options.items() if isinstance(name, str)},
    }


_LATER: Final = ("backorder", "preorder", "pre_order")


def _money(price: object) -> object:
    """An amount in minor units with its currency as text: {"amount": 1999, "currency": "USD"} is "19.99 USD"."""
    if not isinstance(price, dict):
        return price
    amount, currency = price.get("amount"), str(price.get("currency", "")).upper()
    if finite(amount) is None:
        return None
    places = get_currency_precision(currency)
    return f"{Decimal(str(amount)).scaleb(-places):.{places}f} {currency}".strip()


def _objects(value: object) -> list[dict[str, Any]]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []
