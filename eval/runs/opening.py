"""From a variant to the one who answers."""

from assistant.settings import Settings
from eval.runs.answering import OpenAnswerer
from eval.runs.assistant_answerer import open_assistant
from eval.runs.records import EvalVariant


def open_answerer(variant: EvalVariant, settings: Settings) -> OpenAnswerer:
    """The variant's answerer over the settings of the run; models stay open inside ``async with``."""
    if variant.answerer == "assistant":
        return open_assistant(settings)
    from eval.runs.baselines import open_baseline  # only where a baseline is asked for

    return open_baseline(variant, settings)
