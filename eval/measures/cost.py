"""What an answer cost: seconds, model calls, tokens, and how many explanations had to be rewritten."""

from eval.measures.turns import ScoredTurn

STAGE = "seconds."
"""What the names of the measures begin with that hold the seconds of one step."""


def cost(turn: ScoredTurn) -> dict[str, float]:
    """The measures of one turn that apply to it; an answer that never came has its seconds alone."""
    values = {"seconds": turn.answer.seconds}
    values |= {f"{STAGE}{step}": seconds for step, seconds in turn.answer.stages.items()}
    if turn.answer.first_event_seconds is not None:
        values["first_event_seconds"] = turn.answer.first_event_seconds
    if turn.reply is None:
        return values
    usage, recommendations = turn.reply.usage, turn.reply.recommendations
    values |= {
        "model_calls": float(usage.llm_calls),
        "prompt_tokens": float(usage.prompt_tokens),
        "completion_tokens": float(usage.completion_tokens),
        "cached_tokens": float(usage.cached_tokens),
    }
    if recommendations and turn.reply.intent == "recommend":
        values["template_share"] = sum(entry.explained_by == "template" for entry in recommendations) / len(
            recommendations
        )
    return values
