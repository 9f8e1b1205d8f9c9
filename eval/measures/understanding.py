"""How well a turn was understood: intent, tools and their arguments, constraints, speech, language.

A turn that failed was not understood: it counts 0 where something was expected, and its recording as unheard. A
baseline that only ranks is not asked.
"""

from eval.measures import expectations
from eval.measures.speech import ErrorRate, error_rate
from eval.measures.tools import is_called
from eval.measures.turns import ScoredTurn

_SHARES = {
    "intent_accuracy": expectations.intent,
    "constraint_accuracy": expectations.constraints,
    "language_accuracy": expectations.language,
}
_EXPECTATION_FIELDS = {
    "intent_accuracy": "intent",
    "constraint_accuracy": "constraints",
    "language_accuracy": "language",
}


def understanding(turn: ScoredTurn) -> dict[str, float]:
    """The measures of one turn that apply to it; shares from 0 to 1."""
    if turn.only_ranks:
        return {}
    values = {
        name: float(bool((check := right(turn)) and check.ok))
        for name, right in _SHARES.items()
        if getattr(turn.expect, _EXPECTATION_FIELDS[name]) is not None
    }
    return values | _tool_choice(turn) | _speech(turn)


def _tool_choice(turn: ScoredTurn) -> dict[str, float]:
    """Precision and recall of the tools by name, and the share of called ones whose arguments are exactly right."""
    expected, called = {expectation.tool for expectation in turn.expect.tools}, {step.tool for step in turn.called}
    values = {}
    if expected:
        values["tool_recall"] = len(expected & called) / len(expected)
    if turn.expect.further_tools is not None and called:
        values["tool_precision"] = len(called & {*expected, *turn.expect.further_tools}) / len(called)
    with_arguments = [
        expectation for expectation in turn.expect.tools if expectation.arguments and expectation.tool in called
    ]
    if with_arguments:
        values["argument_exactness"] = sum(is_called(turn, expectation) for expectation in with_arguments) / len(
            with_arguments
        )
    return values


def _speech(turn: ScoredTurn) -> dict[str, float]:
    rate = transcript_errors(turn)
    return {} if rate is None else {_error_name(turn): rate.rate}


def transcript_errors(turn: ScoredTurn) -> ErrorRate | None:
    """The errors of the turn's transcripts; None where no recording has a reference."""
    if turn.expect.hears is None or turn.only_ranks:
        return None
    notes = turn.reply.query.transcripts if turn.reply else []
    return error_rate(turn.expect.hears, " ".join(note.text for note in notes), turn.spoken_language)


def error_totals(turns: list[ScoredTurn]) -> dict[str, float]:
    """Word and character error rates over all words of a run: every word counts the same, not every recording."""
    totals: dict[str, ErrorRate] = {}
    for turn in turns:
        rate = transcript_errors(turn)
        if rate is not None:
            sofar = totals.get(_error_name(turn), ErrorRate(0, 0))
            totals[_error_name(turn)] = ErrorRate(sofar.errors + rate.errors, sofar.words + rate.words)
    return {name: rate.rate for name, rate in totals.items()}


def _error_name(turn: ScoredTurn) -> str:
    """Characters are counted in languages without spaces between words."""
    return "cer" if turn.spoken_language in {"zh", "ja", "th"} else "wer"
