"""A tool as LangChain takes it. Apart from `tools.tool`, so that calling a tool by hand need not import LangChain."""

from typing import Any

from langchain_core.tools import BaseTool, ToolException
from pydantic import PrivateAttr, ValidationError

from tools.errors import ProductError
from tools.tool import BoundTool, wrong_argument


class CatalogueTool(BaseTool):
    """A bound tool for LangChain's agents and graphs; an expected failure is one sentence for the model to read."""

    handle_tool_error: bool = True
    _bound: BoundTool = PrivateAttr()

    @classmethod
    def of(cls, bound: BoundTool) -> "CatalogueTool":
        """Wrap a bound tool."""

        def observe(exc: Any) -> str:  # noqa: ANN401 - the two generations of pydantic's error
            return wrong_argument(bound.tool, exc) if isinstance(exc, ValidationError) else str(exc)

        wrapped = cls(
            name=bound.tool.name,
            description=bound.tool.description,
            args_schema=bound.tool.arguments,
            handle_validation_error=observe,
        )
        wrapped._bound = bound
        return wrapped

    def answer(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Check the arguments and run; raises as `BoundTool.answer` does."""
        return self._bound.answer(arguments)

    def _run(self, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - LangChain passes what the schema let through
        try:
            return self.answer(arguments)
        except ProductError as exc:
            raise ToolException(str(exc)) from exc
