import io
import re
from typing import Any

import pytest
from rich.console import Console

from assistant.records import (
    Change,
    Explained,
    Group,
    Provisional,
    Query,
    Ranked,
    Recommendation,
    Reply,
    StepFinished,
    StepStarted,
    Timings,
    UsageNote,
)
from assistant.render import EventPrinter, reply_view
from assistant.service.routes.markdown import as_markdown
from tools.records import Hit


def item(rank: int, item_id: str) -> Recommendation:
    title = f"Title of {item_id}"
    return Recommendation(rank=rank, item_id=item_id, title=title, price=1, score=1, explanation="Good.", evidence=[])


def hit(item_id: str) -> Hit:
    return Hit(item_id=item_id, title=f"Title of {item_id}", price=1, score=1)


def change(item_id: str, before: int | None, rank: int | None, reason: str) -> Change:
    title = f"Title of {item_id}"
    return Change(item_id=item_id, title=title, before=before, rank=rank, cause="ranking", reason=reason)


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


# While a turn runs ----------------------------------------------------------------------------------------------------

TURN = [
    StepStarted(step="search_by_text", arguments={"query": "chair"}, origin="anticipated"),
    StepFinished(step="search_by_text", ok=True, seconds=0.2, summary="Oak Chair"),
    Provisional(items=[hit("oak"), hit("lamp")]),
    StepStarted(step="plan", origin="model"),
    StepFinished(step="plan", ok=False, seconds=3.0, summary="too late"),
    Ranked(
        items=[hit("lamp"), hit("sofa")],
        changes=[
            change("lamp", 2, 1, "Moved up: it is better"),
            change("sofa", None, 2, "New: found"),
            change("oak", 1, None, "No longer shown: it is worse"),
        ],
    ),
    StepStarted(step="explain", origin="model"),
    Explained(item_id="lamp", rank=1, text="It shines.", explained_by="model"),
    StepFinished(step="explain", ok=True, seconds=1.0),
]  # fmt: skip
CHANGES = (
    "Final order: Title of lamp, Title of sofa\n"
    "  Title of lamp: Moved up: it is better\n"
    "  Title of sofa: New: found\n"
    "  Title of oak: No longer shown: it is worse\n"
)


def shown(*, terminal: bool, verbose: bool = False) -> str:
    file = io.StringIO()
    console = Console(file=file, width=80, force_terminal=terminal, force_interactive=terminal, color_system=None)
    with EventPrinter(console, verbose=verbose) as printer:
        for event in TURN:
            printer.show(event)
            if printer._now:
                printer._now._live.refresh()
    return file.getvalue()


@pytest.mark.parametrize("verbose", [False, True])
def test_outside_a_terminal_and_in_full_each_step_is_a_line(verbose: bool) -> None:
    text = shown(terminal=verbose, verbose=verbose)
    lines = [line.split() for line in text.splitlines() if line.startswith(("  ✓", "  ✗"))]
    assert [(line[0], line[1]) for line in lines] == [("✓", "search_by_text"), ("✗", "plan"), ("✓", "explain")]
    assert text.splitlines()[0].strip("✓ ").startswith("search_by_text")
    assert "  … plan\n" in text
    assert CHANGES in text
    assert "\r" not in text


def test_a_terminal_has_one_line_of_what_is_being_done_which_goes_away() -> None:
    text = shown(terminal=True)
    lines = on_screen(text)
    assert "Searching by words: “chair”" in text
    assert "Considering the finds" in text
    assert "Writing the reasons" in text
    assert [line for line in lines if "Searching" in line or "Considering" in line or "Working" in line] == []
    assert not any("✓" in line or "✗" in line for line in lines)
    assert "\n".join(lines).count(CHANGES.strip()) == 1
    assert any("It shines." in line for line in lines)


def on_screen(text: str) -> list[str]:
    """What stays of a terminal's output: a line that is erased is gone."""
    rows, row = [""], 0
    for part in re.split(r"(\x1b\[[0-9;?]*[A-Za-z]|\n|\r)", text):
        if part == "\n":
            row += 1
            rows += [""] * (row == len(rows))
        elif part == "\x1b[2K":
            rows[row] = ""
        elif re.fullmatch(r"\x1b\[\d*A", part):
            row -= 1
        elif part and part != "\r" and not part.startswith("\x1b"):
            rows[row] += part
    return rows


def test_what_is_searched_for_does_not_break_the_line() -> None:
    file = io.StringIO()
    console = Console(file=file, width=40, force_terminal=True, force_interactive=True, color_system=None)
    with EventPrinter(console) as printer:
        printer.show(StepStarted(step="search_by_text", arguments={"query": "[b]long[/b] " * 20}, origin="planned"))
        assert printer._now is not None
        assert len(str(printer._now.status)) <= 36
        assert "[b]long[/b]" in str(printer._now.status)
