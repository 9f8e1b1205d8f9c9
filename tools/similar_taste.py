"""similar_taste: what people of similar taste chose, for the user of this conversation."""

from typing import TYPE_CHECKING

from pydantic import Field

from tools.records import Filters, ItemsResult
from tools.tool import Arguments, Context, Count, Tool

if TYPE_CHECKING:
    from tools.taste.recommending import Reader

UNTRAINED = "Other people's choices were not used: no model is trained yet; train one with: assistant train."
UNKNOWN = "Nothing is known yet of what this user chose."


class SimilarTaste(Arguments):
    """Arguments of similar_taste; whose taste it is is not among them."""

    k: Count = 10
    filters: Filters | None = Field(None, description="conditions that every item must meet")


def similar_taste(context: Context, arguments: SimilarTaste) -> ItemsResult:
    """Find items that people chose whose taste is like this user's, new ones by their contents."""
    history = chosen_by_user(context)
    reader = reader_of(context)
    if reader is None or not history:
        return ItemsResult(items=[], missing=[UNKNOWN if reader else UNTRAINED])
    if not reader.model.knows(history):
        return ItemsResult(items=[], missing=[UNKNOWN])
    return reader.similar_taste(history, arguments.k, arguments.filters)


def reader_of(context: Context) -> "Reader | None":
    """The trained model over the catalogue; None when there is none or taste is switched off."""
    taste, catalogue = context.engines.taste, context.engines.catalogue
    model = taste.model if taste else None
    if taste is None or model is None:
        return None
    from tools.taste.recommending import Reader  # brings scipy; only a trained model needs it

    return Reader(model, catalogue, taste.rules.least_people)


def chosen_by_user(context: Context) -> dict[str, float]:
    """Item to how much the user's events say for it, the latest first; empty where nobody is known."""
    taste = context.engines.taste
    return taste.history(context.user) if taste and context.user is not None else {}


TOOL = Tool(SimilarTaste, similar_taste, candidates="list")
