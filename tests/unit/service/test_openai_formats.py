"""The answer's text as JSON: which schemas a reply can meet, and what it then holds."""

import json
from typing import Any

import pytest

from assistant.records import Query, Recommendation, Reply, Timings, UsageNote
from assistant.service.http.problems import Refused
from assistant.service.openai.formats import MOST_NODES, read_format

REPLY = Reply(
    session_id="s",
    query=Query(text="a chair"),
    intent="recommend",
    language="en",
    constraints={"max_price": 50.0},
    relaxed=[],
    recommendations=[
        Recommendation(rank=1, item_id="a", title="Chair", price=None, score=0.5, explanation="It fits.", evidence=[])
    ],
    steps=[],
    message="Here is 1.",
    degraded=[],
    models={},
    timings=Timings(),
    usage=UsageNote(),
)


def schema(properties: dict[str, Any], **further: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"type": "object", "properties": properties, "required": list(properties), **further}


def chat_form(asked: dict[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": asked}}


def answered(asked: dict[str, Any]) -> Any:  # noqa: ANN401
    chat = read_format(chat_form(asked)).text(REPLY)
    assert read_format({"type": "json_schema", "name": "x", "schema": asked}).text(REPLY) == chat
    return json.loads(chat)


def test_text_and_the_whole_reply() -> None:
    assert read_format(None).text(REPLY) == read_format({"type": "text"}).text(REPLY)
    assert "1. **Chair**" in read_format(None).text(REPLY)
    assert Reply.model_validate_json(read_format({"type": "json_object"}).text(REPLY)) == REPLY
    assert answered({"type": "object"})["message"] == "Here is 1."


def test_what_the_schema_names_is_picked() -> None:
    item = schema({"item_id": {"type": "string"}, "price": {"anyOf": [{"type": "number"}, {"type": "null"}]}})
    asked = schema({"message": {"type": "string"}, "recommendations": {"type": "array", "items": item}})
    expected = {"message": "Here is 1.", "recommendations": [{"item_id": "a", "price": None}]}
    assert answered(asked) == expected
    assert answered({**asked, "additionalProperties": False}) == expected
    named = schema(
        {"recommendations": {"type": "array", "items": {"$ref": "#/$defs/Item"}}}, **{"$defs": {"Item": item}}
    )
    assert answered(named) == {"recommendations": expected["recommendations"]}
    old = schema({"recommendations": {"items": {"$ref": "#/definitions/Item"}}}, definitions={"Item": item})
    assert answered(old) == {"recommendations": expected["recommendations"]}
    either = schema(
        {"question": {"anyOf": [{"$ref": "#/$defs/Text"}, {"type": "null"}]}}, **{"$defs": {"Text": {"type": "string"}}}
    )
    assert answered(either) == {"question": None}
    assert answered(schema({"message": {"type": "string"}}, additionalProperties=True))["language"] == "en"
    assert answered(schema({"constraints": {"type": "object"}})) == {"constraints": {"max_price": 50.0}}


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (schema({"products": {}}), "no 'products'.*it has session_id, query"),
        (schema({"recommendations": {"items": schema({"name": {}})}}), "no 'recommendations.name'.* has rank, item_id"),
        ({"type": "object", "patternProperties": {"(a+)+$": {}}}, "'patternProperties'"),
        ({"type": "object", "properties": {"message": {"pattern": "(a+)+$"}}}, "'pattern'"),
        ({"$ref": "https://example.org/schema"}, r"\$ref"),
        ({"$ref": "#/$defs/none"}, r"\$ref"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}}}, r"\$ref"),
        ({"type": "thing"}, "no JSON schema"),
        ({"type": "object", "required": "message"}, "no JSON schema"),
        ({"properties": []}, "no JSON schema"),
        ("object", "no JSON schema"),
        (None, "no JSON schema"),
        ({"anyOf": {"a": {}}}, "no JSON schema"),
    ],
)  # fmt: skip
def test_a_schema_that_no_reply_can_meet_is_refused(asked: Any, sentence: str) -> None:  # noqa: ANN401
    with pytest.raises(Refused, match=sentence):
        read_format(chat_form(asked))


def test_schemas_that_grow_without_end_are_refused() -> None:
    levels = {f"a{n}": {"anyOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(14)}
    with pytest.raises(Refused, match="too large"):
        read_format(chat_form({"$ref": "#/$defs/a0", "$defs": {**levels, "a14": {}}}))
    with pytest.raises(Refused, match="too large"):
        read_format(chat_form({"properties": {f"a{n}": {} for n in range(MOST_NODES)}}))


@pytest.mark.parametrize("given", [{"type": "grammar"}, {}, {"type": "json_schema"}, {"type": ["text"]}])
def test_other_formats_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        read_format(given)


def test_a_reply_that_does_not_fit_is_an_error() -> None:
    form = read_format(chat_form(schema({"question": {"type": "string"}})))
    with pytest.raises(Refused, match="does not fit the schema: question breaks 'type'"):
        form.text(REPLY)
