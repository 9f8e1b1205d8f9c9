"""The widget and the client on the pages of another web site, in Chromium."""

import contextlib
import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from assistant.service.app import WEB
from tests.e2e.web.conftest import AXE, SECONDS
from tests.integration.service.conftest import Running, Serve

pytestmark = pytest.mark.models

STRICT = "default-src 'none'; script-src {service}; frame-src {service}; connect-src {service}; style-src 'self'"
"""A shop's content security policy: no inline styles or scripts, not even its own."""

SHOP = """<!doctype html><html lang="{lang}"><head><title>Shop</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><main><h1>Our shop</h1><p>Lamps and balls.</p><div id="here"></div></main>
<script src="{service}/widget.js" {options}></script></body></html>"""


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files with a content security policy, and logs nothing."""

    policy = ""

    def log_message(self, *_: Any) -> None:  # noqa: ANN401
        """Nothing."""

    def end_headers(self) -> None:
        """With the policy."""
        self.send_header("Content-Security-Policy", self.policy)
        super().end_headers()


@dataclass
class ForeignSite:
    """Another web site, and the service that it may show."""

    folder: Path
    url: str
    service: Running
    browser: Browser
    requests: list[str] = field(default_factory=list)

    def open(self, options: str = "", lang: str = "en", **context: Any) -> Page:  # noqa: ANN401
        """A page of the site with the script tag."""
        page = self.browser.new_context(locale="en-US", reduced_motion="reduce", **context).new_page()
        page.set_default_timeout(SECONDS * 1000)
        page.on("request", lambda request: self.requests.append(request.url))
        text = SHOP.format(service=self.service.url, options=options, lang=lang)
        (self.folder / "index.html").write_text(text, "utf-8")
        page.goto(self.url)
        return page


@contextlib.contextmanager
def web_site(folder: Path) -> Iterator[tuple[str, type[QuietHandler]]]:
    """A server of a folder's files on a free port: its address, and the handler whose policy may be set."""
    handler = type("Handler", (QuietHandler,), {})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", handler
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def site(browser: Browser, serve: Serve, tmp_path: Path) -> Iterator[ForeignSite]:
    """A web site that the service lists in ``service.cors``."""
    with web_site(tmp_path) as (url, handler), serve(cors=[f"{url}/"]) as service:
        handler.policy = STRICT.format(service=service.url)
        yield ForeignSite(tmp_path, url, service, browser)
        for context in browser.contexts:
            context.close()


def assistant_in(page: Page) -> FrameLocator:
    """The assistant's page in the widget."""
    return page.frame_locator("recommendation-assistant iframe")


def ask(frame: FrameLocator, text: str) -> None:
    """Send a message in the widget and wait for cards."""
    frame.get_by_role("textbox", name="Message").fill(text)
    frame.get_by_role("textbox", name="Message").press("Enter")
    expect(frame.locator("li[data-status]").last).to_have_attribute("data-status", "done")


def test_the_bubble_opens_answers_and_closes_by_keyboard(site: ForeignSite) -> None:
    page = site.open()
    bubble = page.get_by_role("button", name="Shopping assistant")
    expect(bubble).to_have_attribute("aria-expanded", "false")
    loaded = [url for url in site.requests if url.startswith(site.service.url)]
    assert loaded == [f"{site.service.url}/widget.js"], "nothing else before it is opened"
    assert len((WEB / "widget.js").read_bytes()) < 30_000

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Shopping assistant")
    expect(dialog).to_be_visible()
    ask(assistant_in(page), "a lamp under 50 dollars")
    expect(assistant_in(page).locator("li[data-item]").first).to_be_visible()
    assistant_in(page).get_by_role("textbox", name="Message").press("Escape")
    expect(dialog).to_be_hidden()
    expect(bubble).to_be_focused()

    page.keyboard.press("Enter")
    expect(assistant_in(page).locator("li[data-item]").first).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(site: ForeignSite, scheme: str) -> None:
    site.folder.joinpath("axe.js").write_text(AXE.read_text("utf-8"), "utf-8")
    page = site.open(color_scheme=scheme)
    page.get_by_role("button", name="Shopping assistant").click()
    expect(assistant_in(page).get_by_role("textbox", name="Message")).to_be_visible()
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []


def test_on_a_phone_it_takes_the_whole_screen_in_the_language_of_the_page(site: ForeignSite) -> None:
    page = site.open(lang="de", viewport={"width": 360, "height": 640})
    page.get_by_role("button", name="Beratung").click()
    box = page.get_by_role("dialog").bounding_box()
    assert box == {"x": 0, "y": 0, "width": 360, "height": 640}
    frame = assistant_in(page)
    expect(frame.get_by_role("textbox")).to_be_in_viewport()
    assert frame.locator("html").evaluate("html => html.scrollWidth") <= 360
    page.get_by_role("button", name="Schließen").click()
    expect(page.get_by_role("heading", name="Our shop")).to_be_in_viewport()


def test_a_box_stands_where_it_is_told_to_in_the_colours_and_language_it_is_given(site: ForeignSite) -> None:
    page = site.open('data-mode="box" data-target="#here" data-theme="dark" data-lang="zh" data-height="500px"')
    frame = assistant_in(page)
    expect(frame.locator("html")).to_have_attribute("data-theme", "dark")
    expect(frame.locator("html")).to_have_attribute("lang", "zh-CN")
    box = page.locator("#here recommendation-assistant").bounding_box()
    assert box is not None
    assert box["height"] == 500


def test_whoever_has_no_key_is_a_visitor_in_the_frame_and_meets_the_conversation_again(
    browser: Browser, serve: Serve, tmp_path: Path
) -> None:
    with web_site(tmp_path) as (url, _), serve(cors=[url], require_key=True, visitors=True) as service:
        page = ForeignSite(tmp_path, url, service, browser).open()
        page.get_by_role("button", name="Shopping assistant").click()
        ask(assistant_in(page), "a lamp under 50 dollars")
        [cookie] = page.context.cookies()
        assert (cookie["name"], cookie["httpOnly"]) == ("assistant_visitor", True)
        page.goto(service.url)
        expect(page.get_by_role("link", name="a lamp under 50 dollars")).to_be_visible()
        page.context.close()


def test_a_site_that_is_not_listed_sees_no_page(browser: Browser, serve: Serve, tmp_path: Path) -> None:
    with web_site(tmp_path) as (url, _), serve(cors=["https://shop.example"]) as service:
        page = ForeignSite(tmp_path, url, service, browser).open()
        page.get_by_role("button", name="Shopping assistant").click()
        frame = page.locator("recommendation-assistant iframe").element_handle().content_frame()
        assert frame is not None
        page.wait_for_load_state("networkidle")
        assert frame.query_selector("#root") is None
        page.context.close()


def test_the_client_asks_and_shows_pictures_from_another_site(site: ForeignSite) -> None:
    page = site.open()
    answer = page.evaluate(
        """async ([service, text]) => {
            const { connect } = await import(`${service}/recommender.js`);
            const recommender = connect();
            const types = [];
            for await (const event of recommender.events(text)) types.push(event.type);
            const reply = await recommender.ask(text);
            const [first] = reply.recommendations;
            await recommender.feedback(reply.session_id, first.item_id, "like");
            const picture = await recommender.picture(first.item_id);
            const refused = await recommender.item("no such item").catch((error) => error.problem.status);
            const { total } = await recommender.items({ max_price: "50" });
            return { types, first: first.title, picture: picture.type, refused, total };
        }""",
        [site.service.url, "a lamp under 50 dollars"],
    )
    assert answer["types"][0] == "accepted"
    assert answer["types"][-1] == "done"
    assert answer["first"]
    assert answer["picture"].startswith("image/")
    assert answer["refused"] == 404
    assert answer["total"] > 0
    assert "export declare function connect" in (WEB / "recommender.d.ts").read_text("utf-8")


NODE = """
import { connect } from "FILE";
const recommender = connect({ url: process.argv[1] });
const first = await recommender.ask("a lamp under 50 dollars");
const next = await recommender.ask("cheaper", { session: first.session_id });
console.log(JSON.stringify([first.recommendations[0].title, next.session_id === first.session_id]));
"""


def test_the_client_runs_in_node_and_goes_on_with_a_conversation(serve: Serve) -> None:
    node = Path(sys.executable).parent / "node"
    script = NODE.replace("FILE", (WEB / "recommender.js").as_uri())
    with serve() as service:
        command = [node, "--input-type=module", "-e", script, service.url]
        run = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
    title, same = json.loads(run.stdout)
    assert title
    assert same
