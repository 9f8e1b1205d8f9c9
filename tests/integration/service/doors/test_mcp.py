"""MCP as the official SDK's client and LangChain's adapter speak it, over HTTP and over standard input and output."""

import asyncio
import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_mcp_adapters.client import MultiServerMCPClient
from mcp import ClientSession, McpError, StdioServerParameters, types
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from PIL import Image
from pydantic import AnyUrl

from assistant.service.mcp.resources import item_uri
from tests.fakes.openai_server import EVERY_STEP_VARIABLES, FakeOpenAIServer
from tests.integration.bad_input.conftest import purpose
from tests.integration.service.doors.conftest import LAMP, Serve, Served, new_key, png, slow
from tools.toolbox import TOOLS, Engines

DATA_URL = f"data:image/png;base64,{base64.b64encode(png()).decode()}"


@asynccontextmanager
async def connected(served: Served, key: str | None = None) -> AsyncIterator[ClientSession]:
    """A client over HTTP."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with (
        httpx.AsyncClient(headers=headers, timeout=60) as http,
        streamable_http_client(f"{served.url}/mcp", http_client=http) as (reading, writing, _),
        ClientSession(reading, writing) as client,
    ):
        await client.initialize()
        yield client


def sentence(result: types.CallToolResult) -> str:
    """What a call that failed says."""
    assert result.isError
    (block,) = result.content
    assert isinstance(block, types.TextContent)
    return block.text


def data(result: types.CallToolResult) -> dict[str, Any]:
    """What a call gave, which must stand in its text too."""
    assert not result.isError, result
    assert result.structuredContent is not None
    block, *images = result.content
    assert isinstance(block, types.TextContent)
    assert all(isinstance(image, types.ImageContent) for image in images)
    assert json.loads(block.text) == result.structuredContent
    return result.structuredContent


def pictured(result: types.CallToolResult) -> list[str]:
    """The items whose pictures a result has; each is checked to be a small one for people."""
    images = [block for block in result.content if isinstance(block, types.ImageContent)]
    for image in images:
        assert image.mimeType == "image/jpeg"
        assert Image.open(BytesIO(base64.b64decode(image.data))).width <= 320
        assert image.annotations
        assert image.annotations.audience == ["user"]
    return [(image.meta or {})["item_id"] for image in images]


async def read(client: ClientSession, uri: str) -> Any:  # noqa: ANN401 - JSON
    (content,) = (await client.read_resource(AnyUrl(uri))).contents
    assert isinstance(content, types.TextResourceContents)
    assert content.mimeType == "application/json"
    return json.loads(content.text)


# Over HTTP -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [b"\xff\xfe", b'{\x00"id": 1}', b"[" * 20_000, b"[" * 500 + b"]" * 500, b'{"id": ' + b"9" * 5_000 + b"}", b""],
    ids=["no text", "half UTF-16", "too deep", "deep", "too long a number", "empty"],
)
def test_a_body_that_is_no_json_is_a_parse_error(served: Served, body: bytes) -> None:
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    with served.client() as client:
        answer = client.post("/mcp", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == types.PARSE_ERROR


async def test_the_tools_are_listed_with_schemas_of_what_they_take_and_give(served: Served) -> None:
    async with connected(served) as client:
        listed = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert list(listed) == ["recommend", *(tool.name for tool in TOOLS)]
    assert listed["recommend"].outputSchema
    assert "recommendations" in listed["recommend"].outputSchema["properties"]
    assert listed["browse"].annotations
    assert listed["browse"].annotations.readOnlyHint
    assert "data: URL" in listed["describe_image"].inputSchema["properties"]["image"]["description"]


async def test_tools_answer_with_data_that_keeps_their_schema(served: Served, http: httpx.Client) -> None:
    uploaded = http.post("/api/uploads", files={"file": png()}).json()["id"]
    async with connected(served) as client:  # the client holds every result against the tool's schema
        found = data(await client.call_tool("search_by_text", {"query": "red chair", "k": 2}))
        assert [item["item_id"] for item in found["items"]][:1] == ["chair-0"]
        for image in (uploaded, DATA_URL):
            assert data(await client.call_tool("describe_image", {"image": image}))["width"] == 24
        compared = data(await client.call_tool("compare_items", {"item_ids": ["chair-0", "chair-1"]}))
        assert compared["price"]["difference"] == 10


async def test_a_recommendation_and_its_follow_up(served: Served, wav: bytes) -> None:
    async with connected(served) as client:
        asked = {"text": "chairs under 65 dollars", "images": [DATA_URL], "top_n": 2}
        first = data(await client.call_tool("recommend", asked))
        assert len(first["recommendations"]) == 2
        assert first["query"]["pictures"][0]["labels"][0]["label"] == "folding chair"
        second = data(await client.call_tool("recommend", {"text": "cheaper", "session_id": first["session_id"]}))
        assert second["session_id"] == first["session_id"]
        dearest = max(item["price"] for item in first["recommendations"])
        assert all(item["price"] < dearest for item in second["recommendations"])
        voice = f"data:audio/wav;base64,{base64.b64encode(wav).decode()}"
        spoken = data(await client.call_tool("recommend", {"audio": [voice]}))
        assert spoken["recommendations"][0]["item_id"] == "chair-0"
    left = served.settings.data_folder / "uploads" / ".incoming"
    assert list(left.glob("*")) == []


async def test_errors_are_tool_errors_in_one_sentence(served: Served) -> None:
    refused = [
        ("nothing", {}, "There is no tool 'nothing'; known: transcribe_audio,"),
        ("search_by_text", {}, "search_by_text needs the argument 'query'."),
        ("get_item", {"item_id": "none"}, "The catalogue has no item 'none'."),
        ("describe_image", {"image": "/etc/passwd"}, "There is no upload '/etc/passwd';"),
        ("recommend", {}, "The message is empty:"),
        ("recommend", {"words": "a"}, "words is wrong: extra inputs are not permitted."),
        ("recommend", {"text": "a", "session_id": "none"}, "There is no session 'none'."),
        ("recommend", {"images": ["data:,a"]}, "A data: URL has to look like"),
    ]
    async with connected(served) as client:
        for tool, arguments, beginning in refused:
            said = sentence(await client.call_tool(tool, arguments))
            assert said.startswith(beginning)
            assert "\n" not in said


async def test_the_catalogue_as_resources(served: Served) -> None:
    async with connected(served) as client:
        listed = [str(resource.uri) for resource in (await client.list_resources()).resources]
        assert listed == ["catalogue://stats", "catalogue://items", "ui://recommendation-assistant/items.html"]
        templates = (await client.list_resource_templates()).resourceTemplates
        assert [each.uriTemplate for each in templates] == ["catalogue://items/{id}", "catalogue://items/{id}/picture"]
        stats = await read(client, "catalogue://stats")
        assert (stats["items"], stats["min_price"]) == (5, 20.0)
        assert "folder" not in stats
        items = await read(client, "catalogue://items")
        assert (items["total"], len(items["items"])) == (5, 5)
        for item_id in ("chair-2", str(LAMP["id"])):
            assert (await read(client, item_uri(item_id)))["id"] == item_id
        (picture,) = (await client.read_resource(AnyUrl(f"{item_uri('chair-2')}/picture"))).contents
        assert isinstance(picture, types.BlobResourceContents)
        assert Image.open(BytesIO(base64.b64decode(picture.blob))).format == "JPEG"
        without_picture = f"{item_uri(str(LAMP['id']))}/picture"
        nowhere = ("catalogue://items/none", "catalogue://nothing", "catalogue://items/none/picture", "ui://other/x")
        for uri in (*nowhere, without_picture):
            with pytest.raises(McpError) as caught:
                await client.read_resource(AnyUrl(uri))
            assert caught.value.error.code == -32002


async def test_tools_have_titles_and_the_server_says_how_to_use_them(served: Served) -> None:
    async with connected(served) as client:
        titles = {tool.name: tool.title for tool in (await client.list_tools()).tools}
        assert titles["recommend"] == "Recommend"
        assert titles["search_by_text"] == "Search by text"
        assert all(titles.values())
    async with (
        streamable_http_client(f"{served.url}/mcp") as (reading, writing, _),
        ClientSession(reading, writing) as client,
    ):
        told = await client.initialize()
    assert "`session_id`" in (told.instructions or "")
    assert told.capabilities.prompts is not None
    named = set(re.findall(r"`(\w+)`", told.instructions or ""))
    assert {name for name in named if name in titles} >= {"recommend", "search_by_text", "compare_items"}
    assert named <= {*titles, "session_id", "question", "relaxed", "degraded", "url"}


async def test_results_bring_pictures_of_their_first_items(serve: Serve) -> None:
    with serve() as served:
        async with connected(served) as client:
            ids = ["chair-2", "chair-0", "chair-1", "chair-3", str(LAMP["id"])]
            assert pictured(await client.call_tool("compare_items", {"item_ids": ids})) == ids[:4]
            assert pictured(await client.call_tool("get_item", {"item_id": "chair-0"})) == ["chair-0"]
            assert pictured(await client.call_tool("get_item", {"item_id": LAMP["id"]})) == []
            assert pictured(await client.call_tool("describe_image", {"image": DATA_URL})) == []
            said = await client.call_tool("recommend", {"text": "a red chair"})
            first = data(said)["recommendations"][0]
            assert pictured(said)[0] == first["item_id"] == "chair-0"
            assert first["image_url"].startswith(f"{served.url}/pictures/")
            assert first["url"] == "https://shop.example/chairs/red?a=1&b=(2)"
    with serve(service={"mcp_pictures": 0}) as served:
        async with connected(served) as client:
            assert pictured(await client.call_tool("get_item", {"item_id": "chair-0"})) == []


async def test_prompts_for_what_people_come_for(served: Served) -> None:
    async with connected(served) as client:
        listed = {prompt.name: prompt for prompt in (await client.list_prompts()).prompts}
        assert [(name, prompt.title) for name, prompt in listed.items()] == [
            ("find_something", "Find something"), ("compare", "Compare items"), ("by_photo", "Find by photo"),
        ]  # fmt: skip
        wish, budget = listed["find_something"].arguments or []
        assert (wish.name, wish.required, budget.name, budget.required) == ("wish", True, "budget", False)
        tools = {tool.name for tool in (await client.list_tools()).tools}
        for name, arguments in (
            ("find_something", {"wish": "a {{ 7 * 7 }} 椅子", "budget": "60 EUR"}),
            ("compare", {"items": "red chair, blue chair"}),
            ("by_photo", {}),
        ):
            (message,) = (await client.get_prompt(name, arguments)).messages
            assert message.role == "user"
            assert isinstance(message.content, types.TextContent)
            assert all(value in message.content.text for value in arguments.values())
            assert tools & set(re.findall(r"`(\w+)`", message.content.text))
        for name, arguments, sentence in (
            ("nothing", {}, "There is no prompt 'nothing'; known: find_something, compare, by_photo."),
            ("find_something", {"wish": " "}, "find_something needs the argument 'wish'."),
            ("find_something", {"wish": "x", "prize": "1"}, "find_something has no argument 'prize';"),
            ("find_something", {"wish": "x" * 2_001}, "The argument 'wish' is longer than 2,000 characters."),
        ):
            with pytest.raises(McpError) as caught:
                await client.get_prompt(name, arguments)
            assert caught.value.error.code == types.INVALID_PARAMS
            assert caught.value.error.message.startswith(sentence)


async def test_objects_and_lists_written_as_strings_are_read(served: Served) -> None:
    async with connected(served) as client:
        cheap = {"query": "chair", "filters": '{"max_price": 45, "categories": "[\\"Chairs\\"]"}', "k": None}
        found = data(await client.call_tool("search_by_text", cheap))
        assert [item["item_id"] for item in found["items"]] == ["chair-0"]
        data(await client.call_tool("compare_items", {"item_ids": '["chair-0", "chair-1"]'}))
        data(await client.call_tool("recommend", {"text": "a red chair", "images": "[]", "session_id": None}))
        for filters in ("max_price 45", '["max_price"]', '{"max_prize": 45}'):
            said = sentence(await client.call_tool("search_by_text", {"query": "chair", "filters": filters}))
            assert "filters" in said


async def test_steps_are_told_as_progress_to_those_who_ask(served: Served) -> None:
    steps: list[str] = []

    async def told(progress: float, total: float | None, message: str | None) -> None:
        steps.append(message or "")

    async with connected(served) as client:
        await client.call_tool("recommend", {"text": "a red chair"}, progress_callback=told)
    assert steps.index("search_by_text") < steps.index("plan")


async def test_each_user_has_own_uploads_and_sessions(serve: Serve) -> None:
    with serve(needs_key=True) as served:
        ann, bob = new_key(served, "ann"), new_key(served, "bob")
        with served.client(ann) as http:
            uploaded = http.post("/api/uploads", files={"file": png()}).json()["id"]
        async with connected(served, ann) as client:
            session_id = data(await client.call_tool("recommend", {"images": [uploaded]}))["session_id"]
        async with connected(served, bob) as client:
            said = sentence(await client.call_tool("recommend", {"images": [uploaded]}))
            assert said.startswith(f"There is no upload '{uploaded}'")
            said = sentence(await client.call_tool("recommend", {"text": "why?", "session_id": session_id}))
            assert said == f"There is no session '{session_id}'."
        with served.client(ann) as http:
            assert [each["session_id"] for each in http.get("/api/sessions").json()["sessions"]] == [session_id]


def test_the_guard_stands_before_it(serve: Serve) -> None:
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    accept = {"Accept": "application/json, text/event-stream"}
    with serve() as served, served.client() as http:
        assert http.post("/mcp", json=ping, headers=accept).status_code == 200
        assert http.post("/mcp", json=ping, headers={**accept, "Host": "example.org"}).status_code == 421
        assert http.post("/mcp", json=ping, headers={**accept, "Origin": "http://example.org"}).status_code == 403
        assert http.get("/mcp", headers=accept).status_code == 405
    with serve(needs_key=True) as served, served.client() as http:
        assert http.post("/mcp", json=ping, headers=accept).status_code == 401


def with_key(served: Served) -> httpx.Client:
    """A client with a key, which requests for another name than this machine's own need."""
    return served.client(new_key(served, "ann"))


def test_names_that_the_settings_add_reach_it(serve: Serve) -> None:
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    headers = {"Accept": "application/json, text/event-stream", "Host": "shop.local:8080"}
    with serve(service={"hosts": ["shop.local"], "cors": ["http://page.local"]}) as served, with_key(served) as http:
        assert http.post("/mcp", json=ping, headers=headers).status_code == 200
        assert http.post("/mcp", json=ping, headers={**headers, "Origin": "http://page.local"}).status_code == 200


async def test_a_client_that_hangs_up_ends_its_turn(serve: Serve, model: FakeOpenAIServer) -> None:
    model.script(slow)
    call = {"name": "recommend", "arguments": {"text": "something nice"}}
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    with serve(llm={"call_seconds": 60.0}) as served:
        async with httpx.AsyncClient(timeout=60) as http:
            accept = {"Accept": "application/json, text/event-stream"}
            asking = asyncio.create_task(http.post(f"{served.url}/mcp", json=request, headers=accept))
            end = time.monotonic() + 60
            while not any(purpose(body) == "plan" for body in model.requests):
                assert time.monotonic() < end
                await asyncio.sleep(0.02)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        assert await asyncio.to_thread(model.wait_for_hang_up)
        end = time.monotonic() + 10
        while served.app.state.service.turns.active and time.monotonic() < end:
            await asyncio.sleep(0.02)
        assert served.app.state.service.turns.active == 0


async def test_langchain_takes_the_tools_over_http(served: Served) -> None:
    tools = await MultiServerMCPClient({"shop": {"transport": "http", "url": f"{served.url}/mcp"}}).get_tools()
    by_name = {tool.name: tool for tool in tools}
    said = await by_name["recommend"].ainvoke({"text": "a red chair"})
    assert json.loads(said[0]["text"])["recommendations"][0]["item_id"] == "chair-0"


# Over standard input and output --------------------------------------------------------------------------------------


@pytest.fixture
def command(engines: Engines, model: FakeOpenAIServer, tmp_path: Path) -> StdioServerParameters:
    """The command over a copy of the catalogue."""
    shutil.copytree(engines.catalogue.folder, tmp_path / "data")
    variables = {
        "ASSISTANT_DATA": str(tmp_path / "data"),
        "ASSISTANT_LLM__PROFILE": "remote",
        "ASSISTANT_LLM__BASE_URL": model.base_url,
        "ASSISTANT_LLM__MODEL": model.model,
        **EVERY_STEP_VARIABLES,
        "PYTHONPATH": str(Path(__file__).parents[4]),
    }
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "red.png").write_bytes(png())
    code = "from assistant.cli import main; main()"
    arguments = ["-c", code, "mcp", "--files", str(tmp_path / "photos")]
    return StdioServerParameters(command=sys.executable, args=arguments, env={**os.environ, **variables})


async def test_the_same_over_standard_input_and_output(command: StdioServerParameters) -> None:
    async with stdio_client(command) as (reading, writing), ClientSession(reading, writing) as client:
        assert (await client.initialize()).serverInfo.name == "recommendation-assistant"
        assert len((await client.list_tools()).tools) == len(TOOLS) + 1
        assert data(await client.call_tool("browse", {"k": 2}))["total"] == 5
        assert sentence(await client.call_tool("get_item", {"item_id": "none"})) == "The catalogue has no item 'none'."
        assert (await read(client, "catalogue://items/chair-1"))["title"] == "blue chair"
        assert pictured(await client.call_tool("get_item", {"item_id": "chair-0"})) == ["chair-0"]


async def test_a_call_before_the_models_are_loaded_waits_and_says_for_what(command: StdioServerParameters) -> None:
    told: list[tuple[float, str]] = []

    async def tell(number: float, _: float | None, message: str | None) -> None:
        told.append((number, message or ""))

    code = (
        "import time, tools.engines.parts as parts; load = parts.Engines.load\n"
        "parts.Engines.load = lambda self, part: time.sleep(3)\n"
        "from assistant.cli import main; main()"
    )
    slow = command.model_copy(update={"args": ["-c", code, *command.args[2:]]})
    async with stdio_client(slow) as (reading, writing), ClientSession(reading, writing) as client:
        await client.initialize()
        await client.call_tool("recommend", {"text": "chairs"}, progress_callback=tell)
    assert any(message.startswith("loading: ") for _, message in told), told
    assert [number for number, _ in told] == sorted({number for number, _ in told})


async def test_an_assistant_that_cannot_be_opened_says_so_to_every_call(
    command: StdioServerParameters, tmp_path: Path
) -> None:
    (tmp_path / "data" / "sessions.sqlite").write_bytes(b"no database at all, but long enough to be one" * 50)
    async with stdio_client(command) as (reading, writing), ClientSession(reading, writing) as client:
        await client.initialize()
        assert "sessions.sqlite" in sentence(await client.call_tool("browse", {"k": 2}))
        with pytest.raises(McpError, match="sessions"):
            await client.list_tools()


def test_nothing_is_loaded_before_the_client_is_answered(command: StdioServerParameters) -> None:
    code = (
        "import sys\nfrom assistant.cli import main\n"
        "try: main()\n"
        "finally: print(*{'torch', 'langgraph', 'fastapi', 'assistant.front'} & set(sys.modules), file=sys.stderr)"
    )
    ping = b'{"jsonrpc": "2.0", "id": 7, "method": "ping"}\n'
    arguments = [sys.executable, "-c", code, *command.args[2:]]
    done = subprocess.run(arguments, input=ping, capture_output=True, env=command.env, timeout=60)
    assert (done.returncode, done.stderr.strip()) == (0, b"")


async def test_only_files_of_the_folder_can_be_named(command: StdioServerParameters, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(png())
    (tmp_path / "photos" / "link.png").symlink_to(secret)
    async with stdio_client(command) as (reading, writing), ClientSession(reading, writing) as client:
        await client.initialize()
        for name in ("red.png", str(tmp_path / "photos" / "red.png"), f"file://{tmp_path}/photos/red.png"):
            said = sentence(await client.call_tool("transcribe_audio", {"audio": name}))
            assert said == "red.png is a PNG picture, not a recording."
        for name in ("../secret.png", str(secret), "link.png", "photos"):
            said = sentence(await client.call_tool("transcribe_audio", {"audio": name}))
            assert said.startswith(f"There is no upload {name[:40]!r}"[:-1])  # long names are cut


def test_nothing_but_the_protocol_is_on_standard_output(command: StdioServerParameters) -> None:
    noisy = (
        "import sys, os; import assistant.service.mcp.server as m; first = m.over_stdio\n"
        "async def over_stdio(*arguments):\n"
        "    print('noise'); os.write(1, b'noise from C\\n'); os.system('echo noise of a child')\n"
        "    await first(*arguments)\n"
        "m.over_stdio = over_stdio\n"
        "from assistant.cli import main; main()"
    )
    ping = b'{"jsonrpc": "2.0", "id": 7, "method": "ping"}\n'
    arguments = [sys.executable, "-c", noisy, *command.args[2:]]
    done = subprocess.run(arguments, input=ping, capture_output=True, env=command.env, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"jsonrpc": "2.0", "id": 7, "result": {}}
    assert done.stderr.count(b"noise") == 3


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_it_ends_at_a_signal(command: StdioServerParameters, number: signal.Signals, code: int) -> None:
    pipe = subprocess.PIPE
    process = subprocess.Popen([command.command, *command.args], stdin=pipe, stdout=pipe, stderr=pipe, env=command.env)
    assert process.stdin
    assert process.stdout
    process.stdin.write(b'{"jsonrpc": "2.0", "id": 7, "method": "ping"}\n')
    process.stdin.flush()
    assert process.stdout.readline()
    process.send_signal(number)
    try:
        stdout, stderr = process.communicate(timeout=20)
    finally:
        process.kill()
    assert (process.returncode, stdout) == (code, b"")
    assert b"Traceback" not in stderr


def test_a_folder_that_is_not_there_is_refused(command: StdioServerParameters) -> None:
    arguments = [command.command, *command.args[:-1], "/nowhere"]
    done = subprocess.run(arguments, capture_output=True, env=command.env, timeout=60)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"/nowhere" in done.stderr


async def test_langchain_takes_the_tools_over_standard_input_and_output(command: StdioServerParameters) -> None:
    connection = {"transport": "stdio", "command": command.command, "args": command.args, "env": command.env}
    client = MultiServerMCPClient({"shop": connection})  # type: ignore[dict-item]
    by_name = {tool.name: tool for tool in await client.get_tools()}
    said = await by_name["browse"].ainvoke({"k": 1})
    assert json.loads(said[0]["text"])["total"] == 5
