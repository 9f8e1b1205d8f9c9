"""One question back, where a message leaves open what to recommend and nothing is known of the taste it is for."""

from assistant.agent.personalization import UserContext
from assistant.agent.state import Plan
from assistant.records import Memory, Question
from assistant.understanding import Understanding
from prompts import say


def is_open(understanding: Understanding, plan: Plan, memory: Memory, user_context: UserContext) -> bool:
    """True when neither the message nor what is known says what to look for: a spread over categories is shown."""
    is_left_open = understanding.open_wish or bool(memory.for_other)
    filters = plan.filters
    names_something = (
        plan.topic or plan.pictures or plan.references or plan.sort or filters.categories or filters.brands
    )
    return is_left_open and not names_something and not (user_context.knows_taste or user_context.item_feedback)


def spreads(understanding: Understanding, plan: Plan) -> bool:
    """Whether the nearest of each category are shown where nothing found has to do with the wish.

    So it is for a gift, or within a limit, where no kind of thing is named: what is wanted is not known.
    """
    limited = plan.filters.max_price is not None or plan.filters.min_price is not None
    return plan.vague and bool(plan.topic) and (limited or bool(understanding.recipient))


def question(understanding: Understanding, plan: Plan, memory: Memory) -> Question | None:
    """What is asked back where a spread is shown, or a gift is left open; None where what is wanted is known."""
    if not plan.spread and not (plan.open_wish and understanding.recipient):
        return None
    priced = plan.filters.max_price is not None or plan.filters.min_price is not None
    return Question(text=say("question", memory.language, other=bool(memory.for_other), priced=priced))
