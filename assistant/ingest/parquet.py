"""Rows of a Parquet file as records of JSON's types; pyarrow is in the extras ``parquet`` and ``ray``."""

import math
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from assistant.errors import BadInput, ServiceMissing

MAGIC: Final = b"PAR1"
ROWS: Final = 256
"""That are held at one time."""


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Every row without its empty cells.

    Raises:
        BadInput: it is damaged.
        ServiceMissing: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError as exc:
        raise ServiceMissing("Parquet files need pyarrow: pip install 'recommendation-assistant[parquet]'") from exc
    try:
        with pa.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(ROWS, use_threads=False):
                for row in batch.to_pylist():
                    yield {name: value for name, cell in row.items() if (value := _plain(cell)) is not None}
    except (pa.ArrowException, ValueError) as exc:
        reason = " ".join(str(exc).split())[:200].rstrip(".")
        raise BadInput(f"{path} is no Parquet file that can be read: {reason}.") from exc


def _plain(value: object) -> object:
    """The value as JSON has it; None for what it has no type for, such as bytes."""
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if isinstance(value, dict):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, Decimal):
        return float(value) if value.is_finite() else None
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value) if isinstance(value, timedelta) else None if isinstance(value, bytes) else value
