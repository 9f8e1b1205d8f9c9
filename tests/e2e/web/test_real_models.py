"""The whole product in the browser: photo, voice and text, on the real models, over the sample catalogue."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import soundfile
from playwright.sync_api import Browser, Page, expect

from assistant.demo import TEXT
from tests.e2e.conftest import RealServer
from tests.e2e.test_turn import BLACK_SHOES, Shop, shop
from tests.e2e.web.conftest import FLAGS, axe, cards, chromium, session_of
from tests.integration.service.conftest import Running, serving

__all__ = ["shop"]

pytestmark = [pytest.mark.models, pytest.mark.vllm]

SECONDS = 180
"""How long a turn may take; the model writes a few words a second here."""


@pytest.fixture
def real(shop: Shop, vllm_server: RealServer) -> Iterator[Running]:
    """The service on the real models."""
    with serving(shop.settings(**vllm_server.settings.llm.model_dump(include={"port"})), shop.engines) as running:
        running.client.timeout = SECONDS
        yield running


@pytest.fixture
def page(browser: Browser, real: Running, shop: Shop, tmp_path: Path) -> Iterator[Page]:
    """The page in a Chromium whose microphone hears the demonstration's voice note."""
    samples, rate = soundfile.read(shop.voice)
    note = tmp_path / "note.wav"
    soundfile.write(note, samples, rate, subtype="PCM_16")
    hearing = browser.browser_type.launch(
        executable_path=chromium(), args=[*FLAGS, f"--use-file-for-fake-audio-capture={note}%noloop"]
    )
    opened = hearing.new_page(base_url=real.url, locale="en-US", viewport={"width": 1280, "height": 900})
    opened.set_default_timeout(30_000)
    opened.goto("/")
    yield opened
    hearing.close()


def say(page: Page, text: str) -> None:
    """Send a message and wait for the end of its answer."""
    answers = page.locator("li[data-status]")
    before = answers.count()
    page.get_by_role("textbox", name="Message").fill(text)
    page.keyboard.press("Enter")
    expect(answers).to_have_count(before + 1)
    expect(answers.last).to_have_attribute("data-status", "done", timeout=SECONDS * 1000)


def test_a_conversation_with_photo_and_voice(page: Page, real: Running, shop: Shop) -> None:
    page.get_by_test_id("files").set_input_files(shop.photo)
    page.get_by_role("button", name="Record a voice note").click()
    page.wait_for_timeout(1000 * soundfile.info(shop.voice).duration + 1500)
    page.get_by_role("button", name="Use this recording").click()
    expect(page.get_by_role("list", name="Attachments").locator("audio")).to_have_count(1)
    say(page, TEXT)
    found = cards(page)
    reply = real.client.get(f"/api/sessions/{session_of(page)}").json()["messages"][0]["reply"]
    assert re.search("100|one hundred", reply["query"]["transcripts"][0]["text"])  # Whisper writes either
    assert reply["constraints"]["max_price"] == 100
    assert [item["item_id"] for item in reply["recommendations"]] == found
    assert found
    assert set(found) <= BLACK_SHOES, reply
    assert reply["usage"]["llm_calls"] >= 2

    first = page.locator(f"li[data-item={found[0]}]").first
    first.get_by_role("button", name="Why?").click()
    expect(first.get_by_text("Your picture", exact=True).first).to_be_visible()
    assert axe(page) == []
    page.get_by_role("button", name=re.compile("^I like ")).first.click()

    say(page, "cheaper")
    then = [shop.price(item) for item in cards(page)]
    assert then
    page.reload()
    expect(page.locator("li[data-status]")).to_have_count(2)
    assert [shop.price(item) for item in cards(page)] == then


def test_four_sessions_side_by_side(real: Running, shop: Shop) -> None:
    wishes = ["a plant under 30 dollars", "black shoes under 100 dollars", "a sofa, but no leather", "a tripod"]

    def ask(wish: str) -> dict[str, Any]:
        session = real.session()
        answer = real.say(session, wish).raise_for_status().json()
        kept = real.client.get(f"/api/sessions/{session}").json()["messages"]
        assert [message["reply"] for message in kept] == [answer]
        return dict(answer)

    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(ask, wishes))
    assert [reply["query"]["text"] for reply in replies] == wishes
    assert all(reply["recommendations"] for reply in replies)
    assert all(reply["usage"]["llm_calls"] for reply in replies)
    assert max(shop.price(item["item_id"]) or 0 for item in replies[0]["recommendations"]) < 30
