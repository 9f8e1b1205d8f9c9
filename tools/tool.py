"""What a tool is: a name, arguments with a schema, and a function over the engines."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tools.engines.parts import Engines
from tools.errors import BadInput
from tools.records import Record

Count = Annotated[int, Field(ge=1, le=100, description="how many items at most")]


class Arguments(BaseModel):
    """Base of all tools' arguments: unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


A = TypeVar("A", bound=Arguments)


@dataclass(frozen=True)
class Context:
    """What a tool works with: the engines, how an attachment's name becomes a file, and for whom it is called.

    ``user`` is a pseudonym, or None where nobody is known. It is no argument, so that no model can ask for another.
    """

    engines: Engines
    resolve: Callable[[str], Path]
    user: str | None = None


@dataclass(frozen=True)
class Tool(Generic[A]):
    """One ability. The function's docstring is what the model reads; the schema comes from ``arguments``.

    Attributes:
        for_planner: whether the language model may call it in a turn; the API and MCP offer every tool.
        candidates: whether the items that it finds join the candidates: those of a ``search`` are compared with what
            was asked, those of a ``list`` join where the message names no wish, all others are only read.
        proposes_filters: whether the model is told of its filters; every call gets those in force.
    """

    arguments: type[A]
    run: Callable[[Context, A], Record]
    for_planner: bool = True
    candidates: Literal["search", "list"] | None = None
    proposes_filters: bool = False

    @property
    def name(self) -> str:
        """The function's name."""
        return self.run.__name__

    @property
    def result(self) -> type[Record]:
        """What the function returns."""
        returned: type[Record] = self.run.__annotations__["return"]
        return returned

    @property
    def description(self) -> str:
        """The function's docstring in one line."""
        return " ".join((self.run.__doc__ or "").split())


@dataclass(frozen=True)
class BoundTool:
    """A tool together with what it works with."""

    tool: Tool[Any]
    context: Context

    def answer(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Check the arguments and run; the result is JSON-able.

        Raises:
            BadInput: an argument is missing, unknown or wrong.
            ProductError: what the tool raises on purpose.
        """
        try:
            checked = self.tool.arguments.model_validate(arguments)
        except ValidationError as exc:
            raise BadInput(wrong_argument(self.tool, exc)) from exc
        return self.tool.run(self.context, checked).model_dump(mode="json")


def wrong_argument(tool: Tool[Any], exc: ValidationError) -> str:
    """The first thing that is wrong with a tool's arguments, in one sentence."""
    first = exc.errors()[0]
    location = ".".join(str(part) for part in first["loc"])
    argument_names = ", ".join(tool.arguments.model_fields)
    if first["type"] == "extra_forbidden" and len(first["loc"]) == 1:
        return f"{tool.name} has no argument {location!r}; it takes: {argument_names}."
    if first["type"] == "missing":
        return f"{tool.name} needs the argument {location!r}."
    reason = str(first["msg"]).removeprefix("Value error, ")
    return f"The argument {location!r} of {tool.name} is wrong: {reason[:1].lower()}{reason[1:]}."
