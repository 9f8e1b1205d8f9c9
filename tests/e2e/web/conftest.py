"""Chromium on the page that a real service serves: a real small catalogue, the real encoders, a scripted model."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, expect, sync_playwright

from assistant.service.app import WEB
from tests.integration.service.conftest import Running, model, serve, service, shop_data, shop_engines, shop_file

__all__ = ["model", "serve", "service", "shop_data", "shop_engines", "shop_file"]

AXE = WEB.parent / "node_modules" / "axe-core" / "axe.min.js"
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-audio-output",  # a machine without a sound card: the web audio clock then runs on its own
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]
SECONDS = 30
"""How long an answer may take here; the encoders are real and the machine may be busy."""

MESSAGE = "Message|Nachricht|Mensaje|消息"
"""The name of the message field in the languages of the page."""

OpenPage = Callable[..., Page]


def chromium() -> str:
    """The system's Chromium; tests that want it are skipped where there is none."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("Chromium is not installed; give: apt install chromium")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium, with a camera and a microphone that make test pictures and beeps.

    Of one module: while Playwright is there it keeps an event loop running, beside which no asynchronous test can run.
    """
    if not (WEB / "index.html").is_file() or not AXE.is_file():
        pytest.fail("The web page is not built; give: make web", pytrace=False)
    expect.set_options(timeout=SECONDS * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, service: Running) -> Iterator[OpenPage]:
    """Opens the page; keywords are those of a browser context. What the console complains about fails the test."""
    complaints: list[str] = []
    contexts = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    def crashed(error: Error) -> None:
        complaints.append(str(error))

    def open_(path: str = "", **context: Any) -> Page:  # noqa: ANN401
        made = browser.new_context(
            **{"base_url": service.url, "locale": "en-US", "reduced_motion": "reduce", **context}
        )
        contexts.append(made)
        page = made.new_page()
        page.set_default_timeout(SECONDS * 1000)
        page.on("console", note)
        page.on("pageerror", crashed)
        page.goto(f"/#/{path}")
        expect(page.get_by_role("main")).to_be_visible()
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """The page on a desktop, in English."""
    return open_page(viewport={"width": 1280, "height": 900})


@pytest.fixture
def photo(shop_file: Path) -> Path:
    """The shop's own picture of its ball."""
    return shop_file.parent / "images" / "ball.jpg"


def as_developer(page: Page) -> None:
    """Show how answers are made."""
    page.goto("/?dev=1#/")
    expect(page.get_by_role("main")).to_be_visible()


def say(page: Page, text: str) -> None:
    """Send a message and wait for the end of its answer."""
    answers = page.locator("li[data-status]")
    before = answers.count()
    page.get_by_role("textbox", name=re.compile(MESSAGE)).fill(text)
    page.keyboard.press("Enter")
    expect(answers).to_have_count(before + 1)
    wait_for_answer(page)


def wait_for_answer(page: Page) -> None:
    """Wait until the last message is answered."""
    expect(page.locator("li[data-status]").last).to_have_attribute("data-status", "done")


def cards(page: Page) -> list[str]:
    """The ids of the last answer's items, in their order."""
    shown = page.locator("li[data-status]").last.locator("li[data-item]")
    return [card.get_attribute("data-item") or "" for card in shown.all()]


def session_of(page: Page) -> str:
    """The id of the session that the page shows."""
    found = re.search(r"#/s/(\w+)", page.url)
    assert found is not None, page.url
    return found[1]


def axe(page: Page) -> list[str]:
    """What axe-core objects to seriously, a line each."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{violation['id']} ({violation['impact']}): {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
