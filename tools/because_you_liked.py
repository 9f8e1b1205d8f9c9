"""because_you_liked: what was chosen by the people who chose an item."""

from pydantic import Field

from tools.errors import UnknownItem
from tools.records import Filters, ItemsResult
from tools.similar_taste import UNKNOWN, UNTRAINED, chosen_by_user, reader_of
from tools.tool import Arguments, Context, Count, Tool


class BecauseYouLiked(Arguments):
    """Arguments of because_you_liked."""

    item_id: str | None = Field(
        None, min_length=1, max_length=500, description="the item liked; without it: those that this user liked most"
    )
    k: Count = 10
    filters: Filters | None = Field(None, description="conditions that every item must meet")


def because_you_liked(context: Context, arguments: BecauseYouLiked) -> ItemsResult:
    """Find what else was chosen by the people who chose an item, with how many they are."""
    history = chosen_by_user(context)
    if arguments.item_id is not None and context.engines.catalogue.get(arguments.item_id) is None:
        raise UnknownItem(f"The catalogue has no item {arguments.item_id!r}.")
    reader = reader_of(context)
    if reader is None:
        return ItemsResult(items=[], missing=[UNTRAINED])
    by_strength = sorted((item_id for item_id in history if history[item_id] > 0), key=lambda i: -history[i])
    liked = by_strength if arguments.item_id is None else [arguments.item_id]
    if not liked:
        return ItemsResult(items=[], missing=[UNKNOWN])
    return reader.chosen_with(liked, arguments.k, arguments.filters, exclude=history)


TOOL = Tool(BecauseYouLiked, because_you_liked, candidates="list")
