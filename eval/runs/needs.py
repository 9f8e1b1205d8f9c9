"""What a variant needs before anything is asked."""

from assistant.errors import LLMUnavailable
from assistant.front import check_prompts
from assistant.llm import server
from assistant.llm.profiles import CPU_STREAMS, mending_command
from assistant.models import ensure_present, needed
from assistant.settings import Settings
from eval.runs.records import EvalVariant

WITH_MODEL = {"assistant", "unfused", "stock-agent"}
"""Answerers that ask the language model."""

PARALLEL_WITH_MODEL = 4
PARALLEL_WITHOUT = 8


def needs_model(variant: EvalVariant) -> bool:
    """Whether the variant asks the language model."""
    return variant.answerer in WITH_MODEL


def side_by_side(variant: EvalVariant, settings: Settings, requested: int | None) -> int:
    """How many conversations are held at one time: no more than the managed server decodes together."""
    if not needs_model(variant):
        return requested or PARALLEL_WITHOUT
    most = CPU_STREAMS if settings.llm.profile == "cpu" else PARALLEL_WITH_MODEL
    return requested or min(PARALLEL_WITH_MODEL, most)


def check_needs(variant: EvalVariant, settings: Settings) -> None:
    """Look for what the variant needs, so that no run fails in its middle for want of it.

    Raises:
        LLMUnavailable: the language model does not answer; with the command that starts it.
        ModelMissing: a model file is not there.
        ConfigError: the folder of prompts cannot stand in for the product's own.
    """
    check_prompts(settings.prompts)
    elsewhere = settings.llm.model_copy(update={"profile": "remote"})  # the language model is looked at on its own
    for name in needed(settings.model_copy(update={"llm": elsewhere})):
        ensure_present(settings, name)
    if needs_model(variant):
        check_model(settings)


def check_model(settings: Settings) -> None:
    """Raises `LLMUnavailable` unless the language model that the settings name answers."""
    state = server.status(settings)
    if not state.serves:
        why = f" ({state.detail.rstrip('.')})" if state.detail else ""
        where = f"The language model {state.model} at {state.base_url}"
        raise LLMUnavailable(f"{where} does not answer{why}; {mending_command(settings)}")
