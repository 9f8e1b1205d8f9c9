"""What the page shows of the user: likes become preferences, are corrected, and are forgotten."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.web.conftest import say

pytestmark = pytest.mark.models


def test_what_is_liked_is_shown_corrected_and_forgotten(page: Page) -> None:
    say(page, "a ball under 50 dollars")
    first = page.locator("li[data-item]").first
    title = first.get_by_role("heading").inner_text()
    with page.expect_response(re.compile("/feedback$")):
        first.get_by_role("button", name=f"I like {title}").click()

    page.get_by_role("link", name="You").click()
    expect(page.get_by_role("heading", name="What you liked lately")).to_be_visible()
    expect(page.get_by_role("link", name=title)).to_be_visible()
    value = page.get_by_role("button", name=re.compile("^I do not like ")).first
    name = (value.get_attribute("aria-label") or "").removeprefix("I do not like ")
    value.click()
    row = page.get_by_role("listitem").filter(has=page.get_by_role("button", name=f"Forget what I said of {name}"))
    expect(row).to_contain_text("strongly avoided")
    row.get_by_role("button", name=f"Forget what I said of {name}").click()
    expect(page.get_by_text("you said so")).to_have_count(0)

    page.get_by_role("button", name="Forget me").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Forget me").click()
    expect(page.get_by_role("textbox", name="Message")).to_be_visible()
    expect(page.locator("li[data-status]")).to_have_count(0)
    page.get_by_role("link", name="You").click()
    expect(page.get_by_text("Nothing yet.")).to_be_visible()


def test_an_item_s_page_counts_as_looked_at(page: Page) -> None:
    with page.expect_response(re.compile("/api/me/events$")) as told:
        page.goto("/#/catalogue/ball")
    assert told.value.status == 204
