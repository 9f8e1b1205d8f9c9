"""What a measurement brings, and how it is printed."""

import os
import platform
import re
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable

PACKAGES = (
    "torch", "transformers", "sentence-transformers", "timm", "faster-whisper", "chromadb", "langchain",
    "langchain-openai", "langgraph",
)  # fmt: skip


@dataclass
class Table:
    """A small table; cells are text already."""

    title: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)

    def add(self, *cells: object) -> None:
        """One more row; None shows as a dash, fractions with two digits."""
        self.rows.append([cell_text(cell) for cell in cells])


@dataclass
class Result:
    """One measurement: what is shown, and the numbers for programs."""

    name: str
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    numbers: dict[str, Any] = field(default_factory=dict)
    failed: bool = False

    def as_json(self) -> dict[str, Any]:
        """All of it, for programs."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Result":
        """The other way round."""
        tables = [Table(**table) for table in data["tables"]]
        return cls(data["name"], tables, data["notes"], data["numbers"], data["failed"])


def cell_text(cell: object) -> str:
    """A cell as it is shown."""
    if cell is None:
        return "–"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return f"{cell:,.2f}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def percent(fraction: float | None) -> str:
    """0.125 as "12.5 %"."""
    return "–" if fraction is None else f"{100 * fraction:.1f} %"


def show(result: Result, console: Console) -> None:
    """Print a measurement's tables and notes."""
    for table in result.tables:
        rich_table = RichTable(title=table.title, title_justify="left", title_style="bold", header_style="bold")
        for position, column in enumerate(table.columns):
            rich_table.add_column(column, justify="left" if position == 0 else "right", overflow="fold")
        for row in table.rows:
            rich_table.add_row(*row)
        console.print(rich_table)
    for note in result.notes:
        console.print(f"  {note}", highlight=False, markup=False, style="dim")
    console.print()


def describe_run() -> dict[str, Any]:
    """The machine, the date and the versions that the numbers are of."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
    }


def machine() -> dict[str, Any]:
    """Processor, usable cores and memory."""
    import psutil

    from tools.cores import usable_cores  # a measured process loads no more than it measures

    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _cpuinfo("model name") or platform.processor(),
        "vector_instructions": [flag for flag in ("avx2", "avx512f", "amx_tile") if flag in _cpuinfo("flags").split()],
        "cores": usable_cores(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load_before": round(os.getloadavg()[0], 2),
    }


def in_one_line(run: dict[str, Any]) -> str:
    """The machine as a sentence above the tables."""
    box = run["machine"]
    vectors = ", ".join(box["vector_instructions"]) or "no vector extensions known"
    return (
        f"{run['date']} · {box['cores']} cores ({vectors}) of {box['processor']} · {box['memory_gib']} GiB · "
        f"load before {box['load_before']}"
    )


def gib(size: float) -> str:
    """Bytes in GiB."""
    return f"{size / 2**30:.2f} GiB"


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cpuinfo(key: str) -> str:
    try:
        match = re.search(rf"^{key}\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        return ""
    return match[1] if match else ""
