"""How well a turn was understood: intent, tools and their arguments, constraints, speech, language.

A turn that failed was not understood: it counts 0 where something was expected, and its recording as unheard. A
baseline that only ranks is not asked.
"""

from eval.measures import expectations
from eval.measures.speech import ErrorRate, error_rate
from eval.measures.tools import is_called
from eval.measures.turns import HeldTurn

_SHARES = {
    "intent_accuracy": expectations.intent,
    "constraint_accuracy": expectations.constraints,
    "language_accuracy": expectations.language,
}
_ASKED = {"intent_accuracy": "intent", "constraint_accuracy": "constraints", "language_accuracy": "language"}


def understanding(held: HeldTurn) -> dict[str, float]:
    """The measures of one turn that apply to it; shares from 0 to 1."""
    if held.only_ranks:
        return {}
    found = {
        name: float(bool((check := right(held)) and check.ok))
        for name, right in _SHARES.items()
        if getattr(held.expect, _ASKED[name]) is not None
    }
    return found | _tool_choice(held) | _speech(held)


def _tool_choice(held: HeldTurn) -> dict[str, float]:
    """Precision and recall of the tools by name, and the share of called ones whose arguments are exactly right."""
    wanted, called = {one.tool for one in held.expect.tools}, {step.tool for step in held.called}
    found = {}
    if wanted:
        found["tool_recall"] = len(wanted & called) / len(wanted)
    if held.expect.further_tools is not None and called:
        found["tool_precision"] = len(called & {*wanted, *held.expect.further_tools}) / len(called)
    with_arguments = [one for one in held.expect.tools if one.arguments and one.tool in called]
    if with_arguments:
        found["argument_exactness"] = sum(is_called(held, one) for one in with_arguments) / len(with_arguments)
    return found


def _speech(held: HeldTurn) -> dict[str, float]:
    rate = heard(held)
    return {} if rate is None else {_error_name(held): rate.rate}


def heard(held: HeldTurn) -> ErrorRate | None:
    """The errors of the turn's transcripts; None where no recording has a reference."""
    if held.expect.hears is None or held.only_ranks:
        return None
    notes = held.reply.query.transcripts if held.reply else []
    return error_rate(held.expect.hears, " ".join(note.text for note in notes), held.spoken)


def error_totals(turns: list[HeldTurn]) -> dict[str, float]:
    """Word and character error rates over all words of a run: every word counts the same, not every recording."""
    found: dict[str, ErrorRate] = {}
    for held in turns:
        rate = heard(held)
        if rate is not None:
            sofar = found.get(_error_name(held), ErrorRate(0, 0))
            found[_error_name(held)] = ErrorRate(sofar.errors + rate.errors, sofar.words + rate.words)
    return {name: rate.rate for name, rate in found.items()}


def _error_name(held: HeldTurn) -> str:
    """Characters are counted in languages without spaces between words."""
    return "cer" if held.spoken in {"zh", "ja", "th"} else "wer"
