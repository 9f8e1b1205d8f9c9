"""Items that words describe."""

from pydantic import BaseModel, ConfigDict, Field

from tools.records import Filters, ItemsResult
from tools.search import search_by_text
from tools.toolbox import Engines, Resolve, ToolSpec


class Arguments(BaseModel):
    """The words and what the items must be."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field(min_length=1, max_length=1000, description="words that describe the item, no prices")
    k: int = Field(10, ge=1, le=100, description="how many items")
    filters: Filters | None = Field(None, description="what the items must be; leave out for all")


def run(engines: Engines, resolve: Resolve, arguments: Arguments) -> ItemsResult:
    """Meaning, words and photos together.

    Raises:
        EncoderMismatch: the catalogue was indexed by another encoder.
    """
    filters = arguments.filters or Filters()
    return search_by_text(engines.catalogue, engines.text, engines.pictures, arguments.query, arguments.k, filters)


SPEC = ToolSpec("search_by_text", "Find items that words describe.", Arguments, run)
