"""The page of MCP Apps in Chromium: in a web host's two frames, with a real server behind the host."""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from mcp import ClientSession, types
from playwright.async_api import FrameLocator, Page, Route, async_playwright, expect
from pydantic import AnyUrl

from assistant.service.mcp.view import VIEW
from tests.e2e.web.conftest import AXE, FLAGS, chromium
from tests.fakes.openai_server import FakeOpenAIServer
from tests.integration.bad_input.conftest import asking
from tests.integration.service.doors.conftest import LAMP, Served
from tests.integration.service.doors.test_mcp import connected

HOST, SANDBOX = "http://host.test", "http://sandbox.test"
FILES = Path(__file__).parent / "host"
EVERYTHING = {"openLinks": {}, "serverTools": {}, "serverResources": {}, "updateModelContext": {"text": {}}}


def policy(csp: dict[str, list[str]]) -> str:
    """The policy that a host has to make of what the resource declares (SEP-1865, "Content Security Policy")."""
    resources, connect = " ".join(csp["resourceDomains"]), " ".join(csp["connectDomains"])
    frames, bases = " ".join(csp["frameDomains"]) or "'none'", " ".join(csp["baseUriDomains"]) or "'self'"
    return (
        f"default-src 'none'; script-src 'self' 'unsafe-inline' {resources}; style-src 'self' 'unsafe-inline' "
        f"{resources}; connect-src 'self' {connect}; img-src 'self' data: {resources}; font-src 'self' {resources}; "
        f"media-src 'self' data: {resources}; frame-src {frames}; object-src 'none'; base-uri {bases}"
    )


class Host:
    """The host's page with the view in it."""

    def __init__(self, page: Page, complaints: list[str]) -> None:
        self.page = page
        self.complaints = complaints
        self.view: FrameLocator = page.frame_locator("iframe").frame_locator("iframe")

    async def call(self, tool: str, arguments: dict[str, Any]) -> None:
        """Call a tool as the host's model does and give the view its result."""
        await self.page.evaluate("([tool, given]) => call(tool, given)", [tool, arguments])

    async def send(self, message: dict[str, Any]) -> None:
        """Send the view a message."""
        await self.page.evaluate("(message) => send(message)", message)

    async def said(self, method: str) -> list[dict[str, Any]]:
        """The parameters of what the view has said with a method."""
        found: list[dict[str, Any]] = await self.page.evaluate(
            "(method) => log.filter((each) => each.method === method).map((each) => each.params)", method
        )
        return found


Tool = Callable[[str, dict[str, Any]], Awaitable[types.CallToolResult]]


@asynccontextmanager
async def opened(
    client: ClientSession,
    *,
    tool: Tool | None = None,
    width: int = 760,
    **context: Any,  # noqa: ANN401 - JSON
) -> AsyncIterator[Host]:
    """The view in a host; whatever it asks the network for, and what the console says, is a complaint.

    Args:
        tool: answers the calls of tools instead of the server.
        context: of the host, besides ``capabilities``.
    """
    (resource,) = (await client.read_resource(AnyUrl(VIEW))).contents
    assert isinstance(resource, types.TextResourceContents)
    complaints: list[str] = []

    async def mcp(name: str, arguments: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        result = await (tool(name, arguments) if tool else client.call_tool(name, arguments))
        return result.model_dump(mode="json", by_alias=True, exclude_none=True)

    async def answer(route: Route) -> None:
        parts = urlsplit(route.request.url)
        if f"{parts.scheme}://{parts.netloc}" not in (HOST, SANDBOX) or not (FILES / parts.path[1:]).is_file():
            complaints.append(f"asked for {route.request.url}")
            await route.abort()
            return
        headers = {"Content-Type": "text/html"}
        if "csp" in (query := parse_qs(parts.query)):
            headers["Content-Security-Policy"] = policy(json.loads(query["csp"][0]))
        await route.fulfill(body=(FILES / parts.path[1:]).read_text("utf-8"), headers=headers)

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        page = await browser.new_page(viewport={"width": width, "height": 900})
        page.set_default_timeout(30_000)
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.route("**/*", answer)
        await page.expose_function("mcp", mcp)
        await page.goto(f"{HOST}/host.html")
        capabilities = context.pop("capabilities", EVERYTHING)
        shown = resource.model_dump(mode="json", by_alias=True)
        await page.evaluate("(given) => open_(...given)", [SANDBOX, shown, context, capabilities])
        yield Host(page, complaints)
        await browser.close()


async def test_tools_name_the_page_and_the_page_declares_that_it_asks_for_nothing(served: Served) -> None:
    async with connected(served) as client:
        tools = {tool.name: tool.meta for tool in (await client.list_tools()).tools}
        listed = {str(each.uri): each for each in (await client.list_resources()).resources}
        (page,) = (await client.read_resource(AnyUrl(VIEW))).contents
    assert tools["recommend"] == {"ui": {"resourceUri": VIEW, "visibility": ["model", "app"]}}
    assert {name for name, meta in tools.items() if meta} == {
        "recommend", "search_by_text", "search_by_image", "browse", "similar_taste", "because_you_liked", "get_item",
        "compare_items",
    }  # fmt: skip
    assert listed[VIEW].mimeType == page.mimeType == "text/html;profile=mcp-app"
    assert isinstance(page, types.TextResourceContents)
    assert page.text.startswith("<!doctype html>")
    assert "http://" not in page.text
    assert "https://" not in page.text
    csp = (page.meta or {})["ui"]["csp"]
    assert csp == {"connectDomains": [], "resourceDomains": [], "frameDomains": [], "baseUriDomains": []}
    assert listed[VIEW].meta == page.meta


async def test_cards_evidence_comparison_details_and_back(served: Served) -> None:
    async with connected(served) as client, opened(client, locale="en-US", theme="light") as host:
        await host.call("recommend", {"text": "chairs", "top_n": 3})
        cards = host.view.locator(".card")
        await expect(cards.first).to_be_visible()
        shown = await cards.count()
        assert shown >= 2
        first = cards.first
        await expect(first.locator("img")).to_have_js_property("naturalWidth", 12)
        await expect(first.locator(".price")).to_have_text(re.compile(r"^\$\d0\.00$"))
        await expect(first.get_by_role("button", name="Open in the shop")).to_be_visible()
        await first.get_by_text("Why this one?").click()
        await expect(first.locator("details li").first).to_be_visible()

        compare = host.view.get_by_role("button", name="Compare", exact=True)
        await expect(compare).to_be_disabled()
        await cards.nth(0).get_by_role("checkbox").check()
        await cards.nth(1).get_by_role("checkbox").check()
        await compare.click()
        await expect(host.view.get_by_role("heading", name="Comparison")).to_be_focused()
        assert await host.view.locator("thead img").count() == 2
        await expect(host.view.locator("tr", has_text="price").first).to_contain_text("(cheapest)")
        assert [call["name"] for call in await host.said("tools/call")] == ["compare_items"]
        told = (await host.said("ui/update-model-context"))[-1]["content"][0]["text"]
        assert re.search(r"\[chair-\d\], \$\d0\.00", told)

        await host.view.get_by_role("button", name="Back").click()
        await expect(cards).to_have_count(shown)
        await cards.first.get_by_role("button", name="Details").click()
        await expect(host.view.locator("dd", has_text="Furniture > Chairs")).to_be_visible()
        await host.view.get_by_role("button", name="Open in the shop").click()
        await expect(host.view.get_by_role("button", name="Open in the shop")).to_be_visible()
        (link,) = await host.said("ui/open-link")
        assert re.fullmatch(r"https://shop\.example/chairs/\w+\?a=1&b=\(2\)", link["url"])
        (begun,) = await host.said("ui/initialize")
        assert begun["protocolVersion"] == "2026-01-26"
        assert (await host.said("ui/notifications/size-changed"))[-1]["height"] > 100
        assert host.complaints == []


async def test_a_question_back_is_answered_by_a_button_in_the_same_session(
    served: Served, model: FakeOpenAIServer
) -> None:
    model.script(asking)
    async with connected(served) as client, opened(client) as host:
        await host.call("recommend", {"text": "a red chair"})
        await host.view.get_by_role("button", name="In the kitchen").click()
        await expect(host.view.get_by_role("button", name="Back")).to_be_visible()
        (call,) = await host.said("tools/call")
        assert (call["name"], call["arguments"]["text"]) == ("recommend", "In the kitchen")
        assert call["arguments"]["session_id"]
        assert host.complaints == []


async def test_a_failed_call_is_a_sentence_and_the_cards_stay(served: Served) -> None:
    async with connected(served) as client:

        async def tool(name: str, arguments: dict[str, Any]) -> types.CallToolResult:
            if name == "get_item":
                arguments = {"item_id": "none"}
            return await client.call_tool(name, arguments)

        async with opened(client, tool=tool) as host:
            await host.call("browse", {"k": 5})
            await expect(host.view.locator(".card")).to_have_count(5)
            details = host.view.locator('[data-item="chair-3"]').get_by_role("button", name="Details")
            await details.click()
            await expect(host.view.get_by_role("status")).to_have_text("The catalogue has no item 'none'.")
            await expect(host.view.locator(".card")).to_have_count(5)
            await expect(details).to_be_enabled()


async def test_a_host_without_tools_and_links_gets_cards_without_buttons(served: Served) -> None:
    async with connected(served) as client, opened(client, capabilities={}) as host:
        await host.call("get_item", {"item_id": "chair-0"})
        await expect(host.view.get_by_text("https://shop.example/chairs/red")).to_be_visible()
        await host.call("browse", {"k": 5})
        await expect(host.view.locator(".card")).to_have_count(5)
        assert await host.view.get_by_role("button").count() == 0


async def test_the_host_s_messages_are_answered_and_its_theme_and_language_are_taken(served: Served) -> None:
    async with connected(served) as client, opened(client, locale="de-DE", theme="dark") as host:
        await host.send({"id": "a", "method": "ping"})
        await host.send({"id": "b", "method": "tools/list"})
        await host.send({"method": "ui/notifications/unknown"})
        await host.call("browse", {"k": 2})
        await expect(host.view.get_by_role("button", name="Vergleichen")).to_be_visible()
        await expect(host.view.locator("html")).to_have_css("color-scheme", "dark")
        variables = {"styles": {"variables": {"--color-text-primary": "rgb(1, 2, 3)", "color": "red"}}}
        await host.send({"method": "ui/notifications/host-context-changed", "params": variables})
        await expect(host.view.locator("body")).to_have_css("color", "rgb(1, 2, 3)")
        await host.send({"method": "ui/notifications/tool-cancelled", "params": {"reason": "x"}})
        await expect(host.view.get_by_role("status")).to_have_text("Abgebrochen.")
        await host.send({"id": "c", "method": "ui/resource-teardown", "params": {}})
        await host.page.wait_for_function("log.some((each) => each.id === 'c')")
        answers = await host.page.evaluate("log.filter((each) => typeof each.id === 'string')")
        assert [(each["id"], each.get("result"), each.get("error", {}).get("code")) for each in answers] == [
            ("a", {}, None), ("b", None, -32601), ("c", {}, None),
        ]  # fmt: skip
        assert host.complaints == []


HOSTILE = "<img src=x onerror=parent.hacked=1> [x](javascript:alert(1)) " + "\u202e" + "長" * 300


@pytest.mark.parametrize(
    "data",
    [
        {"items": [{"item_id": '"><script>parent.hacked=1</script>', "title": HOSTILE, "price": 1e9, "currency": "$"}]},
        {"recommendations": [{"item_id": "a", "title": HOSTILE, "price": None, "url": "javascript:parent.hacked=1",
                              "explanation": HOSTILE, "evidence": [{"detail": HOSTILE, "sentence": ""}]}],
         "message": HOSTILE, "language": "xx", "degraded": [HOSTILE]},
        {"item": {"id": "a", "title": HOSTILE, "attributes": {"a": {"b": [1, None, True]}, HOSTILE: ""},
                  "description": HOSTILE, "url": "data:text/html,<script>1</script>"}, "items": []},
        {"items": []},
        {},
        None,
    ],
)  # fmt: skip
async def test_what_items_say_is_text(served: Served, data: dict[str, Any] | None) -> None:
    async def tool(_: str, __: dict[str, Any]) -> types.CallToolResult:
        block = types.TextContent(type="text", text=HOSTILE)
        image = types.ImageContent(type="image", data="x", mimeType="text/html", _meta={"item_id": "a"})
        return types.CallToolResult(content=[block, image], structuredContent=data, isError=data is None)

    async with connected(served) as client, opened(client, tool=tool) as host:
        await host.call("browse", {})
        await expect(host.view.locator("main > *").first).to_be_visible()
        assert [await frame.evaluate("window.hacked") for frame in host.page.frames] == [None] * 3
        assert await host.view.locator("main script, main iframe, main a").count() == 0
        assert await host.view.get_by_role("button", name="Open in the shop").count() == 0
        assert host.complaints == []


@pytest.mark.parametrize(("width", "theme"), [(760, "light"), (320, "dark")])
async def test_the_page_can_be_used_by_everybody_and_fits(served: Served, width: int, theme: str) -> None:
    async with connected(served) as client, opened(client, width=width, theme=theme, locale="en") as host:
        frame = host.page.frames[-1]
        for tool, arguments in (
            ("recommend", {"text": "chairs", "top_n": 3}),
            ("compare_items", {"item_ids": ["chair-0", "chair-1", LAMP["id"]]}),
            ("get_item", {"item_id": "chair-0"}),
        ):
            await host.call(tool, arguments)
            await expect(host.view.get_by_role("status")).to_have_text("")
            await frame.evaluate(AXE.read_text("utf-8"))
            found = await frame.evaluate("axe.run({ rules: { 'landmark-one-main': { enabled: false } } })")
            problems = [(each["id"], [node["html"][:90] for node in each["nodes"]]) for each in found["violations"]]
            assert problems == [], tool
            assert await frame.evaluate("document.documentElement.scrollWidth <= innerWidth"), tool
