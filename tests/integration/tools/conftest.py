"""The real models, loaded once for all tests here."""

from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.models import ensure_present
from assistant.settings import Settings, load_settings
from tools.engines.conse import ConseEncoder
from tools.engines.text import TextEncoder

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(scope="session")
def settings() -> Settings:
    """The settings of whoever runs the tests; only their models are used."""
    return load_settings()


@pytest.fixture(scope="session")
def model_folder(settings: Settings) -> Callable[[str], Path]:
    """A model's folder; the test fails, saying how to fetch it, when it is not there."""
    return lambda name: ensure_present(settings, name)


@pytest.fixture(scope="session")
def text_encoder(model_folder: Callable[[str], Path], settings: Settings) -> TextEncoder:
    return TextEncoder(model_folder(settings.text.model))


@pytest.fixture(scope="session")
def conse(model_folder: Callable[[str], Path], text_encoder: TextEncoder) -> ConseEncoder:
    return ConseEncoder(model_folder("efficientnet-lite2"), text_encoder)
