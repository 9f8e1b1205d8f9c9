"""Without classifiers a message is searched for as it stands, and what it names is preferred."""

import pytest
from hypothesis import given, settings

from assistant.agent.reading.reader import MessageReader
from assistant.records import Memory
from assistant.understanding import Understanding, Utterance, to_filters, usable
from eval.bench.messages import NAMED_FLOODS
from tests.fakes.reading import PhraseEncoder
from tests.strategies.messages import messages
from tools.records import Filters, Vocabulary
from tools.store import Catalogue

VOCABULARY = Vocabulary(
    brands=["Nike", "Apple"], currencies=["EUR"], attribute_values={"size": ["42", "43"], "color": ["red", "black"]}
)


def read(text: str, memory: Memory | None = None) -> Understanding:
    reader = MessageReader(PhraseEncoder(), None, Catalogue.__new__(Catalogue))
    return reader.understand([Utterance(source="text", text=text)], memory or Memory(), VOCABULARY, attached=False)


@pytest.mark.parametrize(
    ("text", "preferred", "topic"),
    [
        ("red shoes by Nike", [("brands", "Nike"), ("attributes", "red")], "red shoes by Nike"),
        ("shoes, size 43, 60 euros", [("max_price", 60.0), ("attributes", "43")], "shoes, size 43,"),
        ("20 to 60 € shoes", [("max_price", 60.0), ("min_price", 20.0)], "to shoes"),
        ("4 chairs", [], "4 chairs"),
    ],
)
def test_names_values_and_sums_of_money_are_preferences(text: str, preferred: list[object], topic: str) -> None:
    understanding = read(text)
    assert [(constraint.field, constraint.value) for constraint in understanding.preferences] == preferred
    assert (understanding.topic, understanding.constraints, understanding.intent) == (topic, [], None)


def test_a_message_of_files_alone_goes_on_with_the_topic() -> None:
    reader = MessageReader(None, None, Catalogue.__new__(Catalogue))
    assert reader.understand([], Memory(topic="chair"), VOCABULARY, attached=True).refines


@settings(max_examples=40, deadline=None)
@given(messages())
def test_every_message_gives_preferences_that_a_filter_can_hold(text: str) -> None:
    preferences = read(text).preferences
    assert all(usable(constraint) for constraint in preferences)
    filters = to_filters(preferences)
    assert Filters.model_validate_json(filters.model_dump_json()) == filters


@pytest.mark.parametrize("text", NAMED_FLOODS, ids=lambda text: repr(text[:8]))
def test_a_flood_is_read(text: str) -> None:
    assert read(text).constraints == []
