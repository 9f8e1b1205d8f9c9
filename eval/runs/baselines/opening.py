"""From a variant to the answerer that is meant."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from assistant.errors import BadInput
from assistant.settings import Settings
from eval.runs.answering import Answerer, OpenAnswerer
from eval.runs.baselines.rankers import RANKERS
from eval.runs.baselines.ranking import open_ranking
from eval.runs.baselines.stock import open_stock_agent
from eval.runs.baselines.turns import open_fusion, open_unfused
from eval.runs.records import EvalVariant

_OPENERS: dict[str, Callable[[Settings], OpenAnswerer]] = {
    **{name: partial(open_ranking, make=make) for name, make in RANKERS.items()},
    "fusion": open_fusion,
    "unfused": open_unfused,
    "stock-agent": open_stock_agent,
}


@asynccontextmanager
async def open_baseline(variant: EvalVariant, settings: Settings) -> AsyncIterator[Answerer]:
    """The variant's baseline over the settings' catalogue, models and server; it is there inside ``async with``.

    Args:
        variant: only its ``answerer`` is read.
        settings: those of the run, with what the variant changes changed already.

    Raises:
        BadInput: the variant's answerer is no baseline.
        ServiceMissing: a model that the baseline needs is not there.
        StoreError: the catalogue cannot be read, or was made by other encoders.
    """
    if variant.answerer not in _OPENERS:
        raise BadInput(f"{variant.answerer!r} is no baseline; known: {', '.join(_OPENERS)}.")
    async with _OPENERS[variant.answerer](settings) as answerer:
        yield answerer
