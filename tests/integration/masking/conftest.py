"""The shop with its real engines and a language model that says what a test wants."""

from collections.abc import Callable
from pathlib import Path

import pytest

from assistant import Assistant
from assistant.settings import load_settings
from tests.fakes.openai_server import FakeOpenAIServer
from tests.integration.bad_input.conftest import model, shop_data, shop_engines, shop_file
from tools.toolbox import Engines

__all__ = ["Made", "assistant", "model", "shop_data", "shop_engines", "shop_file"]

Made = Callable[..., Assistant]


@pytest.fixture
def assistant(shop_engines: Engines, model: FakeOpenAIServer, tmp_path: Path) -> Made:
    """Makes an assistant with a data folder of its own, ``own``; keywords are settings of ``privacy``."""

    def made(engines: Engines = shop_engines, **privacy: object) -> Assistant:
        remote = {"profile": "remote", "base_url": model.base_url, "model": model.model}
        return Assistant(load_settings(data=tmp_path / "own", llm=remote, privacy=privacy), engines=engines)

    return made
