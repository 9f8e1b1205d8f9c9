"""Items back into catalogue lines, such that ingesting them elsewhere gives the same items."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from assistant.ingest.validate import CONTRACT
from tools.records import Item


def catalogue_line(item: Item) -> str:
    """The item as one JSONL line of the contract; pictures of the file system as absolute paths."""
    values: dict[str, Any] = item.model_dump(exclude={"attributes"}, exclude_defaults=True)
    clashing = {name: value for name, value in item.attributes.items() if name.strip().lower() in CONTRACT}
    values |= {name: value for name, value in item.attributes.items() if name not in clashing}
    if clashing:
        values["attributes"] = clashing
    return json.dumps(values, ensure_ascii=False)


def common_folder(references: Iterable[str]) -> Path | None:
    """The innermost folder that holds all these files; web addresses don't count."""
    folders = {str(Path(reference).parent) for reference in references if not reference.lower().startswith("http")}
    return Path(os.path.commonpath(folders)) if folders else None
