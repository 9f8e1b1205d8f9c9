"""The catalogue browser and the map."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.web.conftest import OpenPage, wait_for_answer

pytestmark = pytest.mark.models


def test_items_are_searched_filtered_and_opened(open_page: OpenPage) -> None:
    page = open_page("catalogue")
    expect(page.get_by_text("12 items")).to_be_visible()
    page.get_by_role("button", name=re.compile("Category")).click()
    page.get_by_role("option", name=re.compile("Lighting")).click()
    expect(page.get_by_text("2 items")).to_be_visible()
    page.get_by_role("textbox", name="Highest price").fill("40")
    page.keyboard.press("Tab")
    expect(page.get_by_text("One item")).to_be_visible()
    page.get_by_role("button", name="Clear all").click()
    page.get_by_role("searchbox", name="Search the catalogue").fill("desk lamp")
    page.get_by_role("link", name=re.compile("Desk Lamp")).first.click()
    expect(page.get_by_role("heading", name="Desk Lamp", level=1)).to_be_visible()
    expect(page.get_by_role("region", name="Closest by text").get_by_role("link").first).to_be_visible()
    expect(page.get_by_role("region", name="Closest by picture").get_by_role("link").first).to_be_visible()


def test_a_conversation_begins_from_an_item(open_page: OpenPage) -> None:
    page = open_page("catalogue/lamp")
    page.get_by_role("button", name="Ask for something like this").click()
    expect(page.get_by_role("paragraph").filter(has_text="Something like Desk Lamp")).to_be_visible()
    wait_for_answer(page)


def test_the_map_leads_from_dot_to_dot_to_an_item(open_page: OpenPage) -> None:
    page = open_page("map")
    stage = page.get_by_role("application", name="Map of 12 items")
    expect(stage).to_be_visible()
    stage.focus()
    page.keyboard.press("ArrowRight")
    shown = page.get_by_role("status")
    expect(shown).not_to_be_empty()
    title = str(shown.text_content()).split(",")[0]
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()


def test_the_map_shows_chosen_categories(open_page: OpenPage) -> None:
    page: Page = open_page("map")
    page.get_by_role("button", name=re.compile("Lighting")).click()
    expect(page.get_by_role("application", name="Map of 2 items")).to_be_visible()
