"""One part of a message, the typed text or a transcript, read step by step."""

from collections.abc import Callable, Sequence

from assistant.agent.reading.constraints import Conditions
from assistant.agent.reading.follow_up import add_follow_up, superseded, take_back
from assistant.agent.reading.picking import items_pointed_at
from assistant.agent.reading.search_text import SearchText
from assistant.agent.reading.utterance import ClassifiedUtterance
from assistant.records import Recommendation
from tools.records import Item


class MessagePart:
    """What one utterance points at, what it requires, prefers and takes back, and what to search for."""

    def __init__(
        self, utterance: ClassifiedUtterance, records: Callable[[Sequence[Recommendation]], dict[str, Item]]
    ) -> None:
        """``records``: the catalogue's items for recommendations."""
        self.utterance = utterance
        self.pointed = items_pointed_at(utterance, records)
        self.conditions = Conditions(utterance)
        add_follow_up(utterance, self.conditions, self.pointed.items)
        self.taken_back = take_back(utterance, self.conditions)
        self.dropped = [*self.taken_back, *superseded(utterance, self.conditions)]
        self.search_text = SearchText(utterance, self.conditions, self.pointed.items)
        self.wish = self.search_text.wish()

    @property
    def names_thing(self) -> bool:
        """Whether a thing is wanted, of whatever kind."""
        return bool(self.conditions.remaining("thing"))
