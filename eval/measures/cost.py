"""What an answer cost: seconds, model calls, tokens, and how many explanations had to be rewritten."""

from eval.measures.turns import HeldTurn

STAGE = "seconds."
"""What the names of the measures begin with that hold the seconds of one step."""


def cost(held: HeldTurn) -> dict[str, float]:
    """The measures of one turn that apply to it; an answer that never came has its seconds alone."""
    found = {"seconds": held.answer.seconds}
    found |= {f"{STAGE}{step}": seconds for step, seconds in held.answer.stages.items()}
    if held.answer.first_event_seconds is not None:
        found["first_event_seconds"] = held.answer.first_event_seconds
    if held.reply is None:
        return found
    usage, shown = held.reply.usage, held.reply.recommendations
    found |= {
        "model_calls": float(usage.llm_calls),
        "prompt_tokens": float(usage.prompt_tokens),
        "completion_tokens": float(usage.completion_tokens),
        "cached_tokens": float(usage.cached_tokens),
    }
    if shown and held.reply.intent == "recommend":
        found["template_share"] = sum(entry.explained_by == "template" for entry in shown) / len(shown)
    return found
