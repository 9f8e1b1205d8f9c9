"""The feeds and exports of other programs that are known, as columns.yaml describes them."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Final

import yaml

from assistant.ingest.validate import CONTRACT
from tools.records import Record

PREFIX: Final = "g:"
"""Before the names of a feed for Google."""
MAPPED: Final = CONTRACT - {"attributes"} | {"list_price", "sale_price"}
"""Fields that a column can be named for."""


class SaleColumns(Record):
    """The columns of a sale price and of when it holds: two dates, or a period."""

    price: list[str]
    starts: list[str] = []
    ends: list[str] = []
    period: list[str] = []

    @property
    def columns(self) -> list[str]:
        """All of them."""
        return [*self.price, *self.starts, *self.ends, *self.period]


class StockColumns(Record):
    """The columns of a quantity that does not always decide; ``oversell`` with the value that lets it not."""

    quantity: list[str]
    tracker: list[str]
    oversell: dict[str, str]

    @property
    def columns(self) -> list[str]:
        """All of them."""
        return [*self.quantity, *self.tracker, *self.oversell]


class Export(Record):
    """One entry of columns.yaml."""

    title: str
    when: list[list[str]]
    fields: dict[str, list[str]]
    underscored: bool = False
    sale: SaleColumns | None = None
    split: dict[str, str] = {}
    first: list[str] = []
    group: list[str] = []
    alias: str | None = None
    options: list[tuple[str, str]] = []
    option_map: str | None = None
    choices: list[str] = []
    stock: StockColumns | None = None
    variant_image: list[str] = []
    unpublished: dict[str, list[str]] = {}
    leave_out: list[str] = []

    def key(self, name: str) -> str:
        """The name of a column as this file has it."""
        key = name.strip().lower().removeprefix(PREFIX)
        return key.replace(" ", "_") if self.underscored else key

    def with_mapping(self, mapping: Mapping[str, str]) -> "Export":
        """The same with columns that somebody has named for fields."""
        fields = {name: [self.key(column)] for name, column in mapping.items() if name != "sale_price"}
        sale = SaleColumns(price=[self.key(mapping["sale_price"])]) if "sale_price" in mapping else self.sale
        if "sale_price" in mapping:
            fields.setdefault("price", self.fields.get("price", ["price"]))
        return self.model_copy(update={"fields": {**self.fields, **fields}, "sale": sale})

    def has(self, names: Sequence[str]) -> bool:
        """Whether these columns are enough to know it by."""
        keys = {self.key(name) for name in names}
        return any(keys.issuperset(columns) for columns in self.when)


def export_of(names: Iterable[str]) -> Export:
    """The known feed that has these columns; `other` where none has."""
    given = list(names)
    return next(export for export in exports().values() if export.has(given))


@cache
def exports() -> dict[str, Export]:
    """The feeds of columns.yaml by their names."""
    table = yaml.safe_load(files("assistant.ingest").joinpath("columns.yaml").read_text("utf-8"))
    return {name: Export.model_validate(entry) for name, entry in table.items()}
