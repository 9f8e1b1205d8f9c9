"""The labelled messages are what the classifiers can be trained on."""

from collections import Counter

from assistant.agent.reading.labels import ACTS, HELD_OUT, OPERATIONS, ROLES, LabelledSpan, messages, operations, parse


def test_inline_labels_become_spans_of_the_text() -> None:
    text, spans = parse("a [thing:lamp] under [max:60] €, not [not:Ikea]")
    assert text == "a lamp under 60 €, not Ikea"
    assert spans == (LabelledSpan(2, 6, "thing"), LabelledSpan(13, 15, "max"), LabelledSpan(23, 27, "not"))
    assert [text[start:end] for start, end, _ in spans] == ["lamp", "60", "Ikea"]


def test_every_label_of_the_data_is_known_and_every_class_has_examples() -> None:
    labelled = list(messages())
    assert len(labelled) >= 2_000
    acts, roles = (
        Counter(message.act for message in labelled),
        Counter(span.role for message in labelled for span in message.spans),
    )
    assert set(acts) == set(ACTS)
    assert set(roles) == set(ROLES) - {"other"}
    assert not [
        message.text for message in labelled if "[" in message.text and ":" in message.text and "]" in message.text
    ]
    assert {name for message in operations() for name in message.operations} == set(OPERATIONS)


def test_seven_languages_and_one_for_testing_alone() -> None:
    languages = Counter(message.language for message in messages())
    assert sum(count >= 50 for count in languages.values()) >= 7
    assert languages[HELD_OUT] >= 50
