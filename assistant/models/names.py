"""Which model the settings ask for."""

from typing import Final

from assistant.errors import ConfigError
from assistant.settings import Settings

DEFAULT_MODELS: Final = {"cpu": "qwen2.5-coder-0.5b-instruct", "gpu": "Qwen/Qwen3-4B-Instruct-2507"}


def model_name(settings: Settings) -> str:
    """The model that the settings ask for.

    Raises:
        ConfigError: the remote profile names no model.
    """
    llm = settings.llm
    if llm.model:
        return llm.model
    if llm.profile == "remote":
        raise ConfigError("The remote profile needs a model name: set ASSISTANT_LLM__MODEL (or llm.model).")
    return DEFAULT_MODELS[llm.profile]
