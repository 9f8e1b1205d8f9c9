"""search_pages: what the shop's own pages say."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from pydantic import Field, field_validator

from tools.errors import ServiceMissing
from tools.records import Record
from tools.search import SignalList, fuse
from tools.store import Catalogue
from tools.store.pages import PageIndex, PassageEncoder, StoredPassage, Vectors
from tools.tool import Arguments, Context, Tool

NO_PAGES = "The shop has given no pages; it does so with: assistant pages ingest FILE..."
OTHER_ENCODER = "The pages were embedded by another text encoder; embed them anew with: assistant pages reindex"
WEIGHTS: Final[Mapping[str, float]] = {"dense": 1.0, "keyword": 0.5}
POOL: Final = 20
BACKGROUND: Final = 500
"""How many item texts of the catalogue show how near a question is to what does not answer it."""
ANSWER_THRESHOLD: Final = 0.4
"""From which share of the pages' own lead on a passage answers a question.

The lead of a question is how much nearer it is to a passage than to what is unrelated. That of the pages themselves is
the lead of the words "title: heading" over their own passages, the closest that a question comes. docs/pages.md has
the measurements.
"""


class SearchPages(Arguments):
    """Arguments of search_pages."""

    query: str = Field(min_length=1, max_length=2000, description="the question to the shop, in any words")
    k: int = Field(3, ge=1, le=POOL, description="how many passages at most")

    @field_validator("query")
    @classmethod
    def _not_blank(cls, query: str) -> str:
        if not query.strip():
            raise ValueError("it is blank")
        return query.strip()


class PageHit(Record):
    """A passage of a page."""

    page: str = Field(description="the page's name")
    title: str
    heading: str
    text: str
    score: float = Field(description="how near its meaning is to the question's, 1 from where on it answers it")
    relevant: bool = Field(description="whether it is near enough to be about the question")


class PagesResult(Record):
    """Passages for a question, best first; where none is relevant the pages say nothing about it."""

    passages: list[PageHit]
    missing: list[str] = Field([], description="what was left out of the search and why, a sentence each")


def search_pages(context: Context, arguments: SearchPages) -> PagesResult:
    """Find what the shop's own pages say: delivery, returns, payment, opening hours, contact."""
    store = context.engines.pages
    index = store.index() if store else None
    if store is None or index is None or not index.passages:
        return PagesResult(passages=[], missing=[NO_PAGES])
    scores, missing = np.zeros(len(index.passages), np.float32), []
    signal_lists = [
        SignalList("keyword", [(str(key), score) for key, score in store.keyword(arguments.query, POOL)], {})
    ]
    try:
        encoder = context.engines.text
        if index.encoder == encoder.identity:
            scores = calibrated(arguments.query, index, encoder, _background(context.engines.catalogue, encoder))
            signal_lists.append(SignalList("dense", _best(index, scores), {}))
        else:
            missing = [OTHER_ENCODER]
    except ServiceMissing as exc:
        missing = [f"Only words were compared. {exc}"]
    return PagesResult(passages=_hits(index, signal_lists, scores)[: arguments.k], missing=missing)


def calibrated(query: str, index: PageIndex, encoder: PassageEncoder, background: Vectors | None) -> Vectors:
    """How near each passage is to the question (n,); 1 from where on it answers it, whatever the encoder's cosines are.

    Args:
        background: unit rows (m, d) of texts that answer no question to the shop; None: the passages themselves.
    """
    unrelated = index.vectors if background is None else background
    page_leads = np.einsum("nd,nd->n", index.questions, index.vectors) - np.median(
        index.questions @ unrelated.T, axis=1
    )
    query_vector = encoder.encode([query], purpose="query")[0]
    lead = index.vectors @ query_vector - float(np.median(unrelated @ query_vector))
    scores: Vectors = lead / max(ANSWER_THRESHOLD * float(np.median(page_leads)), 1e-6)
    return scores


def _background(catalogue: Catalogue, encoder: PassageEncoder) -> Vectors | None:
    """Some item texts of the catalogue; None where there are none by this encoder."""
    if catalogue.identity("text") != encoder.identity:
        return None
    rows = catalogue.sample("text", BACKGROUND)
    return rows if len(rows) else None


def _best(index: PageIndex, scores: Vectors) -> list[tuple[str, float]]:
    order = np.argsort(-scores, kind="stable")[:POOL]
    return [(str(index.passages[n].key), float(scores[n])) for n in order]


def _hits(index: PageIndex, signal_lists: list[SignalList], scores: Vectors) -> list[PageHit]:
    """The passages found, those that are relevant first."""
    fused, _ = fuse(signal_lists, WEIGHTS)
    positions = {str(passage.key): n for n, passage in enumerate(index.passages)}
    hits = [
        _hit(index.passages[positions[key]], float(scores[positions[key]]))
        for key in sorted(fused, key=lambda key: (-fused[key], int(key)))
        if key in positions
    ]
    return sorted(hits, key=lambda hit: not hit.relevant)


def _hit(passage: StoredPassage, score: float) -> PageHit:
    return PageHit(
        page=passage.page,
        title=passage.title,
        heading=passage.heading,
        text=passage.text,
        score=round(score, 3),
        relevant=score >= 1,
    )


TOOL = Tool(SearchPages, search_pages)
