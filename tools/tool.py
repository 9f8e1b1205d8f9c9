"""What a tool is: a name, arguments with a schema, and a function over the engines."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

from langchain_core.tools import BaseTool, ToolException
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from tools.engines.parts import Engines
from tools.errors import BadInput, ProductError
from tools.records import Record

Count = Annotated[int, Field(ge=1, le=100, description="how many items at most")]


class Arguments(BaseModel):
    """Base of all tools' arguments: unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


A = TypeVar("A", bound=Arguments)


@dataclass(frozen=True)
class Context:
    """What a tool works with: the engines, and how an attachment's name becomes a file."""

    engines: Engines
    resolve: Callable[[str], Path]


@dataclass(frozen=True)
class Tool(Generic[A]):
    """One ability. The function's docstring is what the model reads; the schema comes from ``arguments``."""

    arguments: type[A]
    run: Callable[[Context, A], Record]

    @property
    def name(self) -> str:
        """The function's name."""
        return self.run.__name__

    @property
    def description(self) -> str:
        """The function's docstring in one line."""
        return " ".join((self.run.__doc__ or "").split())


class CatalogueTool(BaseTool):
    """A `Tool` as LangChain takes it. An expected failure becomes an observation for the model, in one sentence."""

    handle_tool_error: bool = True
    _tool: Tool[Any] = PrivateAttr()
    _context: Context = PrivateAttr()

    @classmethod
    def of(cls, tool: Tool[Any], context: Context) -> "CatalogueTool":
        """Bind a tool to what it works with."""
        bound = cls(
            name=tool.name,
            description=tool.description,
            args_schema=tool.arguments,
            handle_validation_error=lambda exc: wrong_argument(tool, exc),
        )
        bound._tool, bound._context = tool, context
        return bound

    def answer(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Check the arguments and run.

        Raises:
            BadInput: an argument is missing, unknown or wrong.
            ProductError: what the tool raises on purpose.
        """
        try:
            checked = self._tool.arguments.model_validate(arguments)
        except ValidationError as exc:
            raise BadInput(wrong_argument(self._tool, exc)) from exc
        return self._tool.run(self._context, checked).model_dump(mode="json")

    def _run(self, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - LangChain passes what the schema let through
        try:
            return self.answer(arguments)
        except ProductError as exc:
            raise ToolException(str(exc)) from exc


def wrong_argument(tool: Tool[Any], exc: Any) -> str:  # noqa: ANN401 - LangChain also passes pydantic 1's error
    """The first thing that is wrong with a tool's arguments, in one sentence."""
    first = exc.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    known = ", ".join(tool.arguments.model_fields)
    if first["type"] == "extra_forbidden" and len(first["loc"]) == 1:
        return f"{tool.name} has no argument {where!r}; it takes: {known}."
    if first["type"] == "missing":
        return f"{tool.name} needs the argument {where!r}."
    reason = str(first["msg"]).removeprefix("Value error, ")
    return f"The argument {where!r} of {tool.name} is wrong: {reason[:1].lower()}{reason[1:]}."
