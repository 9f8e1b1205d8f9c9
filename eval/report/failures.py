"""Failed cases as plain text: what was said, what was shown, and what is wrong with it."""

from collections.abc import Iterator

from eval.report.cases import CaseView, TurnView, case_views
from eval.runs.reading import Run


def failures(run: Run) -> str:
    """Each failed case of a run, in the order of the run; empty where none failed."""
    return "\n\n".join("\n".join(_case(view)) for view in case_views(run) if not view.passed)


def _case(view: CaseView) -> Iterator[str]:
    yield f"{view.id} [{', '.join(view.tags)}] {view.because}"
    for turn in view.turns:
        yield from _turn(turn)


def _turn(turn: TurnView) -> Iterator[str]:
    yield f"  > {' + '.join([turn.text, *turn.attachments]) if turn.text else ' + '.join(turn.attachments)}"
    if turn.answer.error:
        yield f"  error: {turn.answer.error}"
    if (reply := turn.answer.reply) is not None:
        yield f"  < {reply.message}"
        yield from (f"    {item.item_id}: {item.title}, {item.price} {item.currency}" for item in reply.recommendations)
        yield f"    intent {reply.intent}, constraints {reply.constraints}"
    yield from (f"  ! {check.kind}: {check.detail}" for check in turn.checks if not check.ok)
