"""search_by_text: items that fit words."""

from collections.abc import Mapping
from typing import Final

from pydantic import Field, field_validator

from tools import search
from tools.engines.parts import Engines
from tools.engines.pictures import PictureEncoder
from tools.errors import IndexAway, ServerMissing, ServiceMissing
from tools.rank_fusion import WEIGHTS
from tools.records import Filters, ItemsResult
from tools.tool import Arguments, Context, Count, Tool

WORDS_ONLY: Final = "Only words were searched."
"""How the reason begins where the server that encodes texts, or the one with the vectors, did not answer."""


class SearchByText(Arguments):
    """Arguments of search_by_text."""

    query: str = Field(min_length=1, max_length=2000, description="what to look for, in words")
    k: Count = 10
    filters: Filters | None = Field(None, description="conditions that every item must meet")
    sentences: bool = Field(False, description="the query is whole sentences: their meaning counts, not their words")

    @field_validator("query")
    @classmethod
    def _not_blank(cls, query: str) -> str:
        if not query.strip():
            raise ValueError("it is blank")
        return query.strip()


def search_by_text(context: Context, arguments: SearchByText) -> ItemsResult:
    """Find items by words: by meaning, by the words themselves, and by what items' pictures show."""
    engines = context.engines
    weights = engines.weights or WEIGHTS
    pictures, missing = (None, []) if arguments.sentences else _pictures(engines)
    if arguments.sentences:
        weights = {"dense": weights.get("dense", 0.0)}

    def found(
        weights: Mapping[str, float], pictures: PictureEncoder | None, *, without_index: bool = False
    ) -> ItemsResult:
        return search.search_by_text(
            engines.catalogue,
            engines.text,
            pictures,
            arguments.query,
            k=arguments.k,
            filters=arguments.filters,
            pool=max(search.POOL, arguments.k),
            weights=weights,
            without_index=without_index,
        )

    try:
        result = found(weights, pictures)
    except IndexAway as exc:
        result, missing = found(weights, None, without_index=True), [f"{WORDS_ONLY} {exc}"]
    except ServerMissing as exc:
        if arguments.sentences:
            raise
        result, missing = found({"keyword": weights.get("keyword", 0.0)}, None), [f"{WORDS_ONLY} {exc}"]
    return result.model_copy(update={"missing": missing})


def _pictures(engines: Engines) -> tuple[PictureEncoder | None, list[str]]:
    """The picture encoder, or None and why: words can be searched without it."""
    try:
        encoder = engines.pictures
        encoder.joint_identity  # noqa: B018 - this loads a CLIP model, and tells whether it can be had
    except ServiceMissing as exc:
        return None, [f"Pictures were not searched. {exc}"]
    return encoder, []


TOOL = Tool(SearchByText, search_by_text, candidates="search", proposes_filters=True)
