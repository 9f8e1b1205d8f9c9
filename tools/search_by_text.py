"""search_by_text: items that fit words."""

from pydantic import Field, field_validator

from tools.records import Filters, ItemsResult
from tools.tool import Arguments, Context, Count, Tool


class SearchByText(Arguments):
    """Arguments of search_by_text."""

    query: str = Field(min_length=1, max_length=2000, description="what to look for, in words")
    k: Count = 10
    filters: Filters | None = Field(None, description="conditions that every item must meet")

    @field_validator("query")
    @classmethod
    def _not_blank(cls, query: str) -> str:
        if not query.strip():
            raise ValueError("it is blank")
        return query.strip()


def search_by_text(context: Context, arguments: SearchByText) -> ItemsResult:
    """Find items by words: by meaning, by the words themselves, and by what items' pictures show."""
    from tools import search

    return search.search_by_text(context.engines, arguments.query, arguments.k, arguments.filters)


TOOL = Tool(SearchByText, search_by_text)
