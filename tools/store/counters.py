"""How many items have each category, brand, currency ...: the table ``counts``, kept by triggers.

They run in the transaction of whoever changes the tables that are counted, so the counts are always those of the state
that a reader sees. ``INSERT OR REPLACE`` fires what counts the replaced row only with the connection's pragma
``recursive_triggers`` on. A value that nothing has any more stays with 0 until `tidy`. Hidden items are counted, too.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

TABLE: Final = (
    "CREATE TABLE counts (kind TEXT NOT NULL, name NOT NULL, items INTEGER NOT NULL, PRIMARY KEY (kind, name)) "
    "WITHOUT ROWID"
)


@dataclass(frozen=True)
class CountedColumn:
    """A column whose values are counted.

    ``once``: the key's columns that tell rows of one item and value apart; it is counted once for all of them.
    """

    kind: str
    table: str
    column: str
    once: str = ""
    condition: str = ""

    def triggers(self) -> Iterator[str]:
        """What counts one more for a new row and one less for one that is gone; for a changed value both."""
        more = (
            f"INSERT INTO counts VALUES ('{self.kind}', NEW.{self.column}, 1) "  # noqa: S608 - constants
            "ON CONFLICT (kind, name) DO UPDATE SET items = items + 1"
        )
        less = f"UPDATE counts SET items = items - 1 WHERE kind = '{self.kind}' AND name = OLD.{self.column}"  # noqa: S608
        for event, row, change in (("INSERT", "NEW", more), ("DELETE", "OLD", less)):
            yield self._trigger(event.lower(), event, self._when(row), change)
            if self.table == "items":  # rows of other tables are never changed in what is counted
                is_changed = f"{self._when(row)} AND OLD.{self.column} IS NOT NEW.{self.column}"
                yield self._trigger(f"update {row.lower()}", f"UPDATE OF {self.column}", is_changed, change)

    def _trigger(self, name: str, event: str, when: str, change: str) -> str:
        trigger = f'TRIGGER IF NOT EXISTS "counts {self.kind} {name}" AFTER {event} ON {self.table}'
        return f"CREATE {trigger} WHEN {when} BEGIN {change}; END"

    def _when(self, row: str) -> str:
        when = f"{row}.{self.column} IS NOT NULL"
        if self.condition:
            when += f" AND {row}.{self.condition}"
        if self.once:
            same = " AND ".join(f"t.{column} = {row}.{column}" for column in (self.column, "item"))
            others = f"SELECT 1 FROM {self.table} t WHERE {same} AND t.{self.once} <> {row}.{self.once}"  # noqa: S608
            when += f" AND NOT EXISTS ({others})"
        return when

    def fill(self) -> str:
        """Count all that is there."""
        count = "count(DISTINCT item)" if self.once else "count(*)"
        condition = f" AND {self.condition}" if self.condition else ""
        return (
            f"INSERT INTO counts SELECT '{self.kind}', {self.column}, {count} FROM {self.table} "  # noqa: S608 - constants
            f"WHERE {self.column} IS NOT NULL{condition} GROUP BY {self.column}"
        )


COUNTED: Final = (
    CountedColumn("category", "items", "category"),
    CountedColumn("brand", "items", "brand"),
    CountedColumn("brand key", "items", "brand_key"),
    CountedColumn("currency", "items", "currency"),
    CountedColumn("level", "categories", "name"),
    CountedColumn("in stock", "offers", "in_stock", once="ordinal", condition="in_stock = 1"),
    CountedColumn("pictures", "pictures", "state"),
    CountedColumn("places", "places", "space"),
    CountedColumn("space", "places", "space", once="position"),
)
"""category and brand: as written; brand key and level: as compared; in stock: as any offer; pictures by their
state; places and items of each space."""


def make(connection: sqlite3.Connection) -> None:
    """Begin to count, or count anew, with what is there."""
    connection.execute("DROP TABLE IF EXISTS counts")
    for statement in (TABLE, *(one.fill() for one in COUNTED), *(t for one in COUNTED for t in one.triggers())):
        connection.execute(statement)


def tidy(connection: sqlite3.Connection) -> None:
    """Forget values that nothing has any more."""
    connection.execute("DELETE FROM counts WHERE items = 0")


def counts(connection: sqlite3.Connection, kind: str) -> dict[str, int]:
    """Every value that occurs, most frequent first."""
    rows = connection.execute("SELECT name, items FROM counts WHERE kind = ? AND items > 0 ORDER BY 2 DESC, 1", (kind,))
    return dict(rows.fetchall())


def count(connection: sqlite3.Connection, kind: str, name: str | int) -> int:
    """How many have the value."""
    row = connection.execute("SELECT items FROM counts WHERE kind = ? AND name = ?", (kind, name)).fetchone()
    return int(row[0]) if row else 0
