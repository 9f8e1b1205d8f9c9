"""A small suite in a file of its own, and settings that lead nowhere else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from assistant.settings import Settings

WriteSuite = Callable[..., Path]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", data=tmp_path / "data")


@pytest.fixture
def write_suite(tmp_path: Path) -> WriteSuite:
    """Writes a suite of one case of one turn; keywords change the turn, and ``head`` the head."""

    def write(head: dict[str, Any] | None = None, **turn: Any) -> Path:  # noqa: ANN401 - as the format allows
        case = {"id": "chair", "tags": ["text"], "because": "its price", "turns": [{"text": "a chair", **turn}]}
        path = tmp_path / "shop.yaml"
        content = {"suite": "shop", "description": "A shop.", "catalogue": "items.jsonl", **(head or {})}
        path.write_text(yaml.safe_dump({**content, "cases": [case]}, sort_keys=False), "utf-8")
        return path

    return write
