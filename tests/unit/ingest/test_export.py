"""What is exported is what was ingested."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from assistant.ingest.export import catalogue_line
from assistant.ingest.validate import LineError, validate
from tools.records import Item

names = st.sampled_from(["color", "Price", "URL", "size", "attributes", "id ", "Größe"]) | st.text(max_size=6)
values = st.recursive(
    st.booleans() | st.integers(-5, 5) | st.text(max_size=10) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


def as_item(record: dict[str, Any]) -> Item:
    line = validate(record, description_characters=1000)
    fields = {name: getattr(line, name) for name in Item.model_fields if name != "images"}
    return Item(**fields, images=list(line.images))


@given(st.dictionaries(names, values, max_size=4), st.text(max_size=20), st.sampled_from([None, 5, "$7.50"]))
def test_export_and_ingestion_are_inverse(attributes: dict[str, Any], title: str, price: object) -> None:
    record = {"id": "x", "title": title, "description": "Words.", "price": price, "attributes": attributes}
    try:
        item = as_item(record)
    except LineError:
        return
    assert as_item(json.loads(catalogue_line(item))) == item
