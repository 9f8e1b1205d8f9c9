"""The page for everybody: keyboard, small screens, screen readers, both colour schemes, both languages."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.web.conftest import MESSAGE, OpenPage, axe, cards, say, wait_for_answer

pytestmark = pytest.mark.models

PAGES = ["", "catalogue", "catalogue/lamp", "map", "you"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_serious(open_page: OpenPage, scheme: str, path: str) -> None:
    page = open_page(path, color_scheme=scheme)
    page.wait_for_load_state("networkidle")
    assert axe(page) == []


@pytest.mark.parametrize(("scheme", "locale"), [("light", "en-US"), ("dark", "zh-CN")])
def test_axe_finds_nothing_serious_in_an_answer_with_its_evidence(
    open_page: OpenPage, scheme: str, locale: str
) -> None:
    page = open_page(color_scheme=scheme, locale=locale)
    say(page, "a lamp under 50 dollars")
    page.locator("li[data-item] button[aria-expanded]").first.click()
    expect(page.locator("li[data-item] dl").first).to_be_visible()
    assert axe(page) == []


def test_everything_is_done_with_the_keyboard(page: Page) -> None:
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()
    page.keyboard.type("a desk lamp")
    page.keyboard.press("Enter")
    wait_for_answer(page)
    press_until(page, "Shift+Tab", "Why?")
    page.keyboard.press("Enter")
    expect(page.locator("li[data-item] dl:visible")).to_have_count(1)
    press_until(page, "Shift+Tab", "I like")
    page.keyboard.press("Space")
    expect(page.locator("button[aria-pressed=true]")).to_have_count(1)


def press_until(page: Page, key: str, name: str) -> None:
    """Move the focus until it stands on a button of that name."""
    for _ in range(60):
        page.keyboard.press(key)
        focused = page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.innerText")
        if str(focused).startswith(name):
            return
    pytest.fail(f"{key} does not lead to {name}")


@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_cut_off_on_a_narrow_screen(open_page: OpenPage, path: str) -> None:
    page = open_page(path, viewport={"width": 320, "height": 640})
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_a_phone_shows_the_answer_and_the_conversations(open_page: OpenPage) -> None:
    page = open_page(viewport={"width": 360, "height": 740}, has_touch=True)
    say(page, "a desk lamp")
    assert cards(page)[0] == "lamp"
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("button", name="Show conversations").click()
    expect(page.get_by_role("dialog").get_by_role("link", name="a desk lamp")).to_be_visible()


@pytest.mark.parametrize(
    ("size", "scheme", "locale", "why"),
    [
        ((360, 640), "light", "en-US", "Why?"),
        ((360, 640), "dark", "de-DE", "Warum?"),
        ((390, 844), "dark", "fr-FR", "Pourquoi ?"),
        ((390, 844), "light", "es-ES", "¿Por qué?"),
    ],
)
def test_a_phone_has_name_field_and_reason_in_sight(
    open_page: OpenPage, size: tuple[int, int], scheme: str, locale: str, why: str
) -> None:
    page = open_page(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, locale=locale, has_touch=True)
    say(page, "a desk lamp under 60 dollars")
    expect(page.get_by_role("banner").get_by_role("link").first).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("textbox", name=re.compile(MESSAGE))).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("button", name=why).first).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert axe(page) == []


def test_what_happens_is_told_to_screen_readers(page: Page) -> None:
    say(page, "a desk lamp")
    expect(page.get_by_test_id("announcer")).to_contain_text("The answer is there")


def test_language_and_colours_are_chosen_and_remembered(page: Page) -> None:
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("menuitemradio", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    page.get_by_role("button", name="设置").click()
    page.get_by_role("menuitemradio", name="深色").click()
    page.reload()
    expect(page.get_by_role("heading", name="您想找什么？")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
