"""Which models the current settings need."""

from assistant.models.names import DEFAULT_MODELS
from assistant.models.registry import load_registry
from assistant.settings import Settings


def needed(settings: Settings) -> list[str]:
    """Names of the registry's models that the settings ask for, each once, in the order of the registry.

    Paths and hub names that the settings may hold instead are left out: those files are the user's own.
    """
    names = {settings.speech.model}
    if settings.text.base_url is None:
        names.add(settings.text.model)
    if settings.llm.profile == "cpu":
        names.add(settings.llm.model or DEFAULT_MODELS["cpu"])
    if settings.vision.encoder == "conse":
        names.add(settings.vision.classifier)
    return [name for name in load_registry(settings).models if name in names]
