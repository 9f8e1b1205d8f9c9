"""A tool is offered to the language model, the API and MCP by registration alone."""

from collections.abc import Iterator

import pytest

from assistant.agent.calls import Scope, check, functions, round_schema
from assistant.llm.client import ToolCall
from assistant.service.tool_service import ToolService, described
from tools.records import Filters, Record
from tools.tool import Arguments, Context, Tool
from tools.toolbox import TOOLS, register

SCOPE = Scope({"k1": None}, [], Filters(), 50, frozenset(), [], True)


class Weather(Arguments):
    """Arguments of weather."""

    place: str


class Forecast(Record):
    """What the weather will be."""

    words: str


def weather(_: Context, arguments: Weather) -> Forecast:
    """Say what the weather will be somewhere."""
    return Forecast(words=f"Rain in {arguments.place}.")


@pytest.fixture
def registered() -> Iterator[Tool[Weather]]:
    tool = Tool(Weather, weather)
    register(tool)
    yield tool
    TOOLS.remove(tool)


def test_a_registered_tool_is_offered_to_the_model_and_its_calls_are_checked(registered: Tool[Weather]) -> None:
    assert [tool["function"]["name"] for tool in functions()].count("weather") == 1
    calls = round_schema(SCOPE)["properties"]["calls"]["items"]["anyOf"]
    assert "weather" in [call["properties"]["tool"]["const"] for call in calls]
    checked = check(ToolCall("c1", "weather", {"place": "Oslo"}), SCOPE)
    assert checked.run is not None
    assert checked.run.arguments == {"place": "Oslo"}
    assert "'place'" in check(ToolCall("c1", "weather", {}), SCOPE).answer


def test_a_registered_tool_is_offered_by_the_api_and_mcp(registered: Tool[Weather]) -> None:
    assert described(registered) in ToolService.tools.fget(None)  # type: ignore[attr-defined]  # both read it from there


def test_a_name_stands_for_one_tool(registered: Tool[Weather]) -> None:
    with pytest.raises(ValueError, match="'weather'"):
        register(registered)
    assert "weather" not in [tool.name for tool in TOOLS if tool is not registered]
