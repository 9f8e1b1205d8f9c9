"""The form of an answer's text in OpenAI's protocol: Markdown, the reply as JSON, or what a schema picks of the reply.

A schema comes from the client, so it is bounded before anything is checked against it: only keywords that cost no more
than the schema is long, references within it alone, none of them circular.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match

from assistant.records import Reply
from assistant.service.openai.records import bad
from assistant.service.routes.markdown import as_markdown

Schema = dict[str, Any]

MOST_NODES = 500
"""Schemas within a schema, each reference replaced by what it refers to."""
MOST_CHARACTERS = 20_000
_TOO_LARGE = f"The format's schema is too large: more than {MOST_CHARACTERS:,} characters or {MOST_NODES} parts."
_DEEPEST = 32
_DEFINITIONS = ("$defs", "definitions")
_NAMED, _ONE, _LISTED = {"properties"}, {"items", "additionalProperties"}, {"anyOf"}
_PLAIN = {
    "type", "required", "enum", "const", "title", "description", "default", "examples", "format", "$schema",
    "minItems", "maxItems", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
}  # fmt: skip


@dataclass(frozen=True)
class TextFormat:
    """How an answer's text is written; ``schema`` has no references and picks what is named of the reply."""

    is_json: bool = False
    schema: Schema | None = None

    def text(self, reply: Reply) -> str:
        """The reply's text in this form.

        Raises:
            Refused: 400, the reply does not fit the schema.
        """
        if not self.is_json:
            return as_markdown(reply)
        if self.schema is None:
            return reply.model_dump_json()
        return json.dumps(_fitting(reply, self.schema), ensure_ascii=False)


def read_format(given: object) -> TextFormat:
    """What ``response_format`` of a chat completion or ``text.format`` of a response asks for.

    Raises:
        Refused: 400, there is no such form, or no reply can meet its schema.
    """
    form = given if isinstance(given, dict) else {"type": "text"}
    match form.get("type"):
        case "text":
            return TextFormat()
        case "json_object":
            return TextFormat(is_json=True)
        case "json_schema":
            return TextFormat(is_json=True, schema=_readable(asked_schema(form)))
    raise bad("An answer's format is one of text, json_object and json_schema.")


def asked_schema(form: dict[str, Any]) -> object:
    """The schema of a form, which stands one level deeper in chat completions than in responses."""
    asked = form.get("json_schema", form)
    return asked.get("schema") if isinstance(asked, dict) else None


# Schemas -------------------------------------------------------------------------------------------------------------


def _readable(schema: object) -> Schema:
    if not isinstance(schema, dict):
        raise bad("The format has no JSON schema.")
    text = json.dumps(schema)
    if len(text) > MOST_CHARACTERS or text.count("{") > MOST_NODES:  # first: the check takes a while for each part
        raise bad(_TOO_LARGE)
    try:
        Draft202012Validator.check_schema(schema)
    except (SchemaError, RecursionError) as exc:
        raise bad("The format's schema is no JSON schema.") from exc
    plain: Schema = _Inlining(schema).inlined(schema)
    for name, known in _missing(plain, _own_schema()):
        raise bad(f"The reply has no {name!r}, which the schema requires; it has {', '.join(known)}.")
    return plain


class _Inlining:
    """Replaces references by what they refer to."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._nodes = 0

    def inlined(self, schema: Any, depth: int = 0) -> Any:  # noqa: ANN401 - true and false are schemas, too
        """The schema without references and definitions.

        Raises:
            Refused: 400, it has a keyword that is not read here, a reference elsewhere or in a circle, or is too large.
        """
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise bad(_TOO_LARGE)
        if not isinstance(schema, dict):
            return schema
        if "$ref" in schema:
            if depth > _DEEPEST:
                raise bad("A $ref of the format's schema goes in a circle or too deep.")
            return self.inlined(self._referred(schema["$ref"]), depth + 1)
        return {key: self._value(key, value, depth + 1) for key, value in schema.items() if key not in _DEFINITIONS}

    def _value(self, key: str, value: Any, depth: int) -> Any:  # noqa: ANN401
        if key in _NAMED:
            return {name: self.inlined(part, depth) for name, part in value.items()}
        if key in _LISTED:
            return [self.inlined(part, depth) for part in value]
        if key in _ONE:
            return self.inlined(value, depth)
        if key not in _PLAIN:
            raise bad(f"The format's schema uses {key!r}, which is not supported here.")
        return value

    def _referred(self, reference: str) -> Any:  # noqa: ANN401
        for place in _DEFINITIONS:
            named = self._root.get(place, {})
            name = reference.removeprefix(f"#/{place}/")
            if name in named and name != reference:
                return named[name]
        raise bad("A $ref of the format's schema does not name one of its own definitions.")


@cache
def _own_schema() -> Schema:
    schema = Reply.model_json_schema()
    found: Schema = _Inlining(schema).inlined(schema)
    return found


def _missing(asked: Any, own: Schema, path: str = "") -> Iterator[tuple[str, list[str]]]:  # noqa: ANN401
    """Properties that are asked for and that no reply has, each with those there are in its place."""
    own = next((part for part in own.get("anyOf", []) if part.get("type") != "null"), own)
    if not isinstance(asked, dict):
        return
    if names := own.get("properties"):
        for name in asked.get("required", []):
            if name not in names:
                yield path + name, list(names)
        for name, part in asked.get("properties", {}).items():
            if name in names:
                yield from _missing(part, names[name], f"{path}{name}.")
    if "items" in own:
        yield from _missing(asked.get("items"), own["items"], path)


# The reply in a schema's form ----------------------------------------------------------------------------------------


def _fitting(reply: Reply, schema: Schema) -> Any:  # noqa: ANN401
    value = _picked(reply.model_dump(mode="json"), schema)
    error = best_match(Draft202012Validator(schema).iter_errors(value))
    if error is not None:
        where = ".".join(str(step) for step in error.absolute_path) or "the object"
        raise bad(f"This reply does not fit the schema: {where} breaks {error.validator!r}.")
    return value


def _picked(value: Any, schema: Any) -> Any:  # noqa: ANN401
    """The value with only those properties that the schema names, unless it lets others be there on purpose."""
    if not isinstance(schema, dict):
        return value
    for part in schema.get("anyOf", []):
        picked = _picked(value, part)
        if Draft202012Validator(part).is_valid(picked):
            return picked
    if isinstance(value, list) and "items" in schema:
        return [_picked(one, schema["items"]) for one in value]
    named = schema.get("properties")
    if not isinstance(value, dict) or not named:
        return value
    others = {} if not schema.get("additionalProperties") else value
    return others | {name: _picked(value[name], part) for name, part in named.items() if name in value}
