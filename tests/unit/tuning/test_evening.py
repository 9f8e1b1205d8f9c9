"""What is common among the examples does not drown the rest."""

import random
from collections import Counter

from assistant.tuning.examples import NO_CALLS, ORDERS, Example, ExampleMessage, Step, _evened


def example(step: Step, answer: str, number: int) -> Example:
    told = [
        ExampleMessage(role="user", content=f"{number}"),
        ExampleMessage(role="assistant", content=answer, learned=True),
    ]
    return Example(step=step, language="en", messages=told, source=f"{number}")


def test_plans_that_end_and_orders_are_fewer_and_all_else_stays() -> None:
    search = '{"calls":[{"tool":"search_by_text","arguments":{"query":"tea"}}]}'
    examples = [
        *(example("plan", NO_CALLS, number) for number in range(50)),
        *(example("plan", search, number) for number in range(20)),
        *(example("order", "{}", number) for number in range(2 * ORDERS)),
        *(example("chat", "Hello!", number) for number in range(9)),
    ]
    kept = _evened(examples, random.Random(0))
    assert Counter(one.step for one in kept) == {"plan": 30, "order": ORDERS, "chat": 9}
    assert sum(one.messages[-1].content == NO_CALLS for one in kept) == 10
