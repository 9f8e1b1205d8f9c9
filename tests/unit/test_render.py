import io
from typing import Any

import pytest
from rich.console import Console

from assistant.records import Group, Query, Recommendation, Reply, Timings, UsageNote
from assistant.render import reply_view
from assistant.service.markdown import as_markdown


def item(rank: int, item_id: str) -> Recommendation:
    title = f"Title of {item_id}"
    return Recommendation(rank=rank, item_id=item_id, title=title, price=1, score=1, explanation="Good.", evidence=[])


def in_terminal(reply: Reply) -> str:
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(reply_view(reply))
    return console.export_text()


def reply(**given: Any) -> Reply:  # noqa: ANN401
    whole = {
        "session_id": "s", "query": Query(text=""), "intent": "recommend", "language": "en", "constraints": {},
        "relaxed": [], "recommendations": [item(1, "oak"), item(2, "lamp")], "steps": [], "message": "For you.",
        "degraded": [], "models": {}, "timings": Timings(), "usage": UsageNote(),
    }  # fmt: skip
    return Reply.model_validate(whole | given)


@pytest.mark.parametrize("shown", [in_terminal, as_markdown])
def test_groups_are_shown_under_headings_with_what_is_said_of_them(shown: Any) -> None:  # noqa: ANN401
    groups = [
        Group(wish="a chair", item_ids=["oak"]),
        Group(wish="a violin", message="Nothing fits."),
        Group(wish="a lamp", item_ids=["lamp"]),
    ]
    text = shown(reply(groups=groups))
    places = [text.index(part) for part in ("a chair", "of oak", "a violin", "Nothing fits", "a lamp", "of lamp")]
    assert places == sorted(places)


@pytest.mark.parametrize("shown", [in_terminal, as_markdown])
def test_a_single_wish_has_its_items_and_the_question_behind_them(shown: Any) -> None:  # noqa: ANN401
    text = shown(reply(question="What do you like?"))
    places = [text.index(part) for part in ("For you.", "of oak", "of lamp", "What do you like?")]
    assert places == sorted(places)
