"""Conversations in the browser: sending, watching, steering, coming back."""

import contextlib
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from assistant.agent.reading import constraints
from tests.e2e.web.conftest import OpenPage, as_developer, axe, cards, say, session_of, wait_for_answer
from tests.fakes.openai_server import FakeOpenAIServer, Reply, Request
from tests.integration.bad_input.conftest import ASKED, CHOICES, asking, obliging, purpose
from tests.integration.service.conftest import Running

pytestmark = pytest.mark.models


def endless_plan(body: Request) -> Reply:
    """A model that never plans."""
    return Reply(hang=True) if purpose(body) == "plan" else obliging(body)


@contextlib.contextmanager
def planning_held(model: FakeOpenAIServer) -> Iterator[None]:
    """The model plans nothing before the end of the block."""
    goes_on = threading.Event()

    def held_plan(body: Request) -> Reply:
        if purpose(body) == "plan":
            goes_on.wait()
        return obliging(body)

    model.script(held_plan)
    try:
        yield
    finally:
        goes_on.set()


def test_a_message_with_a_photo_is_answered_with_evidence(page: Page, photo: Path) -> None:
    page.get_by_test_id("files").set_input_files(photo)
    expect(page.get_by_role("img", name="ball.jpg")).to_be_visible()
    say(page, "a ball like this under 50 dollars")
    assert cards(page)[0] == "ball"
    first = page.locator("li[data-item=ball]")
    expect(first.get_by_role("heading", name="Soccer Ball")).to_be_visible()
    expect(first.get_by_text("$25.00")).to_be_visible()
    first.get_by_role("button", name="Why?").click()
    expect(first.get_by_text("Your picture", exact=True)).to_be_visible()
    expect(first.get_by_role("img", name="ball.jpg")).to_be_visible()
    expect(first.locator("mark").filter(has_text="ball")).to_be_visible()


def test_evidence_speaks_the_language_of_the_answer(open_page: OpenPage) -> None:
    page = open_page(locale="zh-CN")
    say(page, "我想要一盏台灯")
    first = page.locator("li[data-item]").first
    first.get_by_role("button", name="为什么").click()
    price = first.get_by_role("definition").get_by_text("价格为")
    expect(price).to_be_visible()
    expect(price).to_have_attribute("lang", "zh")


def test_one_line_says_what_is_done_now_and_an_answer_can_be_stopped(page: Page, model: FakeOpenAIServer) -> None:
    as_developer(page)
    model.script(endless_plan)
    page.get_by_role("textbox", name="Message").fill("a desk lamp")
    page.get_by_role("button", name="Send").click()
    turn = page.locator("li[data-status]")
    expect(turn.get_by_text("Considering the finds")).to_be_visible()
    expect(turn.get_by_text("Searching by words")).to_have_count(0)
    expect(turn.get_by_role("button", name="How this was made")).to_have_count(0)
    stops: list[Route] = []
    page.route(
        "**/messages/*", lambda route: stops.append(route) if route.request.method == "DELETE" else route.continue_()
    )
    page.get_by_role("button", name="Stop").click()
    expect(turn).to_have_attribute("data-status", "stopped")
    expect(turn.get_by_role("button", name="How this was made")).to_be_visible()
    model.script(obliging)
    page.get_by_role("button", name="Send again").click()
    expect(turn).to_have_attribute("data-status", "running")
    page.wait_for_timeout(300)  # time enough to send it before the service has stopped the first
    stops.pop().continue_()
    wait_for_answer(page)
    assert cards(page)[0] == "lamp"


def test_the_steps_of_an_answer_are_one_line_that_opens(page: Page) -> None:
    as_developer(page)
    say(page, "a desk lamp")
    fold = page.get_by_role("button", name="How this was made")
    expect(page.get_by_role("list", name="How this was made")).to_be_hidden()
    fold.press("Enter")
    steps = page.get_by_role("list", name="How this was made").get_by_role("listitem")
    expect(steps.filter(has_text="Searching by words").first).to_be_visible()
    expect(fold).to_have_attribute("aria-expanded", "true")
    assert axe(page) == []


def test_a_customer_sees_no_machinery(page: Page) -> None:
    say(page, "a lamp under 50 dollars")
    expect(page.get_by_role("row", name="under $50")).to_be_visible()
    page.locator("li[data-item]").first.get_by_role("button", name="Why?").click()
    shown = page.get_by_role("main").inner_text()
    for word in ("How this was made", "token", "evidence", "49.99", " s ·", "language model"):
        assert word not in shown, word
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("menuitemcheckbox", name="Details for developers").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="How this was made")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="How this was made")).to_be_visible()


def opposed(body: Request) -> Reply:
    """A model that ranks in the opposite order."""
    answer = obliging(body)
    return Reply(json={"ranking": answer.json["ranking"][::-1]}) if purpose(body) == "rank" else answer


def test_a_card_that_moved_says_why(page: Page, service: Running, model: FakeOpenAIServer) -> None:
    as_developer(page)
    model.script(opposed)
    say(page, "something for the desk or the kitchen")
    (message,) = service.client.get(f"/api/sessions/{session_of(page)}").json()["messages"]
    changes = message["reply"]["changes"]
    assert changes
    for change in changes:
        place = (
            page.locator(f"li[data-item={change['item_id']}]")
            if change["rank"]
            else page.get_by_label("No longer shown")
        )
        expect(place.get_by_text(change["reason"])).to_be_visible()
    assert axe(page) == []
    page.reload()
    expect(page.get_by_text(changes[0]["reason"]).first).to_be_visible()


def test_a_question_back_has_its_answers_as_buttons(page: Page, model: FakeOpenAIServer) -> None:
    model.script(asking)
    say(page, "a chair")
    expect(page.get_by_text(ASKED, exact=True)).to_be_visible()
    assert axe(page) == []
    model.script(obliging)
    page.get_by_role("button", name=CHOICES[0]).click()
    expect(page.locator("li[data-status]")).to_have_count(2)
    wait_for_answer(page)
    expect(page.get_by_role("article", name="You").last).to_contain_text(CHOICES[0])
    expect(page.get_by_role("button", name=CHOICES[0])).to_have_count(0)


def test_a_question_back_is_shown_before_the_answer_is_done(page: Page, model: FakeOpenAIServer) -> None:
    goes_on = threading.Event()

    def held(body: Request) -> Reply:
        if purpose(body) == "text":
            goes_on.wait()
        return asking(body)

    model.script(held)
    page.get_by_role("textbox", name="Message").fill("a chair")
    page.keyboard.press("Enter")
    try:
        running = page.locator("li[data-status=running]")
        expect(running.get_by_text(ASKED, exact=True)).to_be_visible()
        expect(running.get_by_role("button", name=CHOICES[0])).to_be_disabled()
    finally:
        goes_on.set()
    wait_for_answer(page)
    expect(page.get_by_role("button", name=CHOICES[0])).to_be_enabled()


def test_a_page_loaded_anew_shows_the_session_and_goes_on_with_its_answer(
    page: Page, model: FakeOpenAIServer, photo: Path
) -> None:
    say(page, "a desk lamp")
    before = cards(page)
    page.reload()
    wait_for_answer(page)
    assert cards(page) == before
    page.get_by_test_id("files").set_input_files(photo)
    page.get_by_role("textbox", name="Message").fill("a chair")
    with planning_held(model):
        page.keyboard.press("Enter")
        expect(page.get_by_text("Considering the finds").last).to_be_visible()
        page.reload()
        running = page.locator("li[data-status=running]")
        expect(running.get_by_role("article", name="You")).to_contain_text("a chair")
        expect(running.get_by_role("img", name="ball.jpg")).not_to_have_js_property("naturalWidth", 0)
    wait_for_answer(page)
    expect(page.locator("li[data-status]")).to_have_count(2)


def test_a_condition_is_shown_as_a_chip_and_can_be_taken_back_without_a_model(
    page: Page, model: FakeOpenAIServer
) -> None:
    say(page, "a chair, at most 90 dollars")
    assert "cafe" not in cards(page)
    model.requests.clear()
    page.get_by_role("row", name="at most $90").get_by_role("button", name="Remove").click()
    expect(page.locator("li[data-status]")).to_have_count(2)
    wait_for_answer(page)
    assert "cafe" in cards(page)
    expect(page.get_by_role("row", name="at most $90")).to_have_count(0)
    assert model.requests == []


def test_a_preference_is_a_chip_of_its_own_and_can_be_removed(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constraints, "CERTAIN", 1.1)  # nothing is read with certainty
    say(page, "a chair, at most 90 dollars")
    assert "cafe" in cards(page)
    preferred = page.get_by_role("grid", name="Preferred, not required")
    assert axe(page) == []
    preferred.get_by_role("row", name="at most $90").get_by_role("button", name="Remove").click()
    expect(page.locator("li[data-status]")).to_have_count(2)
    wait_for_answer(page)
    expect(preferred).to_have_count(0)


def test_thumbs_are_noted_without_a_model_and_still_pressed_after_coming_back(
    page: Page, service: Running, model: FakeOpenAIServer
) -> None:
    say(page, "a desk lamp")
    model.requests.clear()
    page.get_by_role("button", name="I like Desk Lamp").click()
    expect(page.get_by_role("button", name="I like Desk Lamp")).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(page.get_by_role("button", name="I like Desk Lamp")).to_have_attribute("aria-pressed", "true")
    told = service.client.get(f"/api/sessions/{session_of(page)}").json()["feedback"]
    assert [(entry["item_id"], entry["event"]) for entry in told] == [("lamp", "like")]
    assert model.requests == []


def test_two_items_are_compared_side_by_side(page: Page) -> None:
    say(page, "a lamp")
    first, second = cards(page)[:2]
    for item in (second, first):
        page.locator(f"li[data-item={item}]").get_by_role("button", name=re.compile("^Compare")).click()
    page.get_by_role("button", name="Compare these two").click()
    expect(page.get_by_role("paragraph").filter(has_text="Compare the first and the second one")).to_be_visible()
    table = page.get_by_role("table")
    expect(table.get_by_role("columnheader")).to_have_count(2)
    expect(table.get_by_role("rowheader", name="Category")).to_be_visible()


@pytest.mark.parametrize(
    ("locale", "button", "sent"),
    [("en-US", "Not this", "Not the first one"), ("zh-CN", "不要这个", "不要第一个")],
)
def test_an_item_is_ruled_out_in_the_language_of_the_page_without_a_model(
    open_page: OpenPage, model: FakeOpenAIServer, locale: str, button: str, sent: str
) -> None:
    page = open_page(locale=locale)
    expect(page.locator("html")).to_have_attribute("lang", locale)
    say(page, "lamp")
    ruled_out, *others = cards(page)
    model.requests.clear()
    page.locator(f"li[data-item={ruled_out}]").get_by_role("button", name=re.compile(button)).click()
    expect(page.get_by_role("paragraph").filter(has_text=sent)).to_be_visible()
    wait_for_answer(page)
    assert ruled_out not in cards(page)
    assert {*others} <= {*cards(page)}
    assert model.requests == []
    expect(page.get_by_role("row")).to_have_count(1)


def test_a_comparison_says_what_speaks_for_which(page: Page, service: Running) -> None:
    say(page, "a lamp")
    first, second = cards(page)[:2]
    for item in (first, second):
        page.locator(f"li[data-item={item}]").get_by_role("button", name=re.compile("^Compare")).click()
    page.get_by_role("button", name="Compare these two").click()
    wait_for_answer(page)
    prices = [service.client.get(f"/api/catalogue/items/{item}").json()["item"]["price"] for item in (first, second)]
    assert prices[0] != prices[1]
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="What speaks for it"))
    expect(row.get_by_role("cell").nth(prices.index(min(prices)))).to_contain_text("cheaper")
    expect(row.get_by_role("cell").nth(prices.index(max(prices)))).not_to_contain_text("cheaper")
    assert axe(page) == []


def test_a_photo_opens_large_and_closes_with_escape(page: Page) -> None:
    say(page, "a soccer ball")
    opener = page.get_by_role("button", name="Enlarge the photo of Soccer Ball")
    opener.press("Enter")
    dialog = page.get_by_role("dialog", name="Soccer Ball")
    expect(dialog.get_by_role("img", name="Photo of Soccer Ball")).not_to_have_js_property("naturalWidth", 0)
    expect(dialog).to_be_focused()
    assert axe(page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(opener).to_be_focused()
    opener.click()
    dialog.get_by_role("button", name="Larger").click()
    expect(dialog.get_by_role("button", name="Smaller")).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)


def test_more_of_an_answer_is_shown_sorted_and_filtered(page: Page, service: Running) -> None:
    say(page, "something for the home")
    (message,) = service.client.get(f"/api/sessions/{session_of(page)}").json()["messages"]
    ranked, further = [item["item_id"] for item in message["reply"]["recommendations"]], message["reply"]["further"]
    assert further
    page.get_by_role("button", name="Show more").click()
    expect(page.locator("li[data-item]")).to_have_count(len(ranked) + min(6, len(further)))
    assert cards(page)[: len(ranked)] == ranked
    assert axe(page) == []
    page.get_by_role("button", name=re.compile("^Best match|Order")).click()
    page.get_by_role("option", name="Cheapest first").click()
    items = {item: service.client.get(f"/api/catalogue/items/{item}").json()["item"] for item in cards(page)}
    prices = [items[item]["price"] for item in cards(page) if items[item]["price"] is not None]
    assert prices == sorted(prices)
    page.get_by_role("button", name="In stock only").click()
    shown = {item for item in items if items[item]["in_stock"]}
    expect(page.locator("li[data-item]")).to_have_count(len(shown))
    assert {*cards(page)} == shown


def test_a_wish_of_the_catalogue_is_sent_with_one_press(page: Page) -> None:
    wishes = page.get_by_role("list", name="Examples").get_by_role("button")
    expect(wishes.first).to_be_visible()
    wish = wishes.first.inner_text()
    wishes.first.click()
    wait_for_answer(page)
    expect(page.get_by_role("article", name="You")).to_contain_text(wish)
    assert cards(page)


def test_the_last_message_is_edited_and_its_conditions_go_with_it(page: Page, photo: Path) -> None:
    page.get_by_test_id("files").set_input_files(photo)
    say(page, "a ball under 50 dollars")
    expect(page.get_by_role("row", name="under $50")).to_be_visible()
    page.get_by_role("button", name="Edit the message").click()
    field = page.get_by_role("textbox", name="Message")
    expect(field).to_have_value("a ball under 50 dollars")
    expect(page.get_by_role("list", name="Attachments").get_by_role("img")).to_have_count(1)
    page.get_by_role("button", name="Cancel").click()
    expect(field).to_have_value("")
    expect(page.get_by_role("list", name="Attachments")).to_have_count(0)
    page.get_by_role("button", name="Edit the message").click()
    expect(field).to_have_value("a ball under 50 dollars")
    say(page, "a ball")
    expect(page.get_by_role("row", name="under $50")).to_have_count(0)


def test_an_answer_is_copied_on_request(open_page: OpenPage) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    say(page, "a desk lamp")
    page.get_by_role("button", name="Share").click()
    page.get_by_role("menuitem", name="Copy this answer").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "“a desk lamp”" in copied
    assert re.search(r"1\. Desk Lamp – \$\d", copied)


def test_conversations_are_searched(page: Page) -> None:
    say(page, "a desk lamp")
    expect(page.get_by_role("link", name="a desk lamp")).to_be_visible()  # until then it is a "New conversation", too
    page.get_by_role("link", name="New conversation").click()
    say(page, "a soccer ball")
    page.get_by_role("searchbox", name="Search conversations").fill("LAMP")
    expect(page.get_by_role("link", name="a desk lamp")).to_be_visible()
    expect(page.get_by_role("link", name="a soccer ball")).to_have_count(0)
    page.get_by_role("searchbox", name="Search conversations").fill("zzz")
    expect(page.get_by_text("No conversation has these words.")).to_be_visible()


RECOGNITION = """
window.SpeechRecognition = window.webkitSpeechRecognition = class extends EventTarget {
  start() { setTimeout(() => this.dispatchEvent(Object.assign(new Event("result"),
    { results: [[{ transcript: "a desk" }], [{ transcript: " lamp" }]] })), 50); }
  stop() { this.dispatchEvent(new Event("end")); }
  abort() {}
};
const voice = { lang: "en-US", localService: true, name: "Local" };
window.spoken = [];
Object.defineProperty(window, "speechSynthesis", { value: Object.assign(new EventTarget(), {
  getVoices: () => [{ lang: "en-GB", localService: false }, voice],
  cancel() {},
  speak: (said) => spoken.push(said.text),
}) });
window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } };
"""


def test_dictation_is_off_until_it_is_chosen_and_answers_are_read_aloud(open_page: OpenPage) -> None:
    page = open_page()
    page.add_init_script(RECOGNITION)
    page.reload()
    expect(page.get_by_role("textbox", name="Message")).to_be_visible()
    expect(page.get_by_role("button", name="Dictate")).to_have_count(0)
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_text("it sends what you say to the maker")).to_be_visible()
    page.get_by_role("menuitemcheckbox", name="Dictation").click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Dictate").click()
    expect(page.get_by_role("textbox", name="Message")).to_have_value("a desk lamp")
    page.get_by_role("button", name="Stop dictating").click()
    page.get_by_role("button", name="Send").click()
    wait_for_answer(page)
    page.get_by_role("button", name="Read aloud").click()
    expect(page.get_by_role("button", name="Stop reading")).to_be_visible()
    assert any("Desk Lamp" in sentence for sentence in page.evaluate("spoken"))


def test_what_a_browser_lacks_is_not_offered(open_page: OpenPage) -> None:
    page = open_page()
    page.add_init_script("delete window.webkitSpeechRecognition; delete window.SpeechRecognition")
    page.reload()
    say(page, "a desk lamp")
    page.get_by_role("button", name="Settings").click()
    expect(page.get_by_role("menuitemcheckbox", name="Dictation")).to_have_count(0)


def test_a_voice_note_is_recorded_with_a_meter_and_can_be_heard(page: Page) -> None:
    """That the meter moves with the sound is tested in assistant/web/src/composer: a machine without a sound card may
    have no clock for it."""
    page.get_by_role("button", name="Record a voice note").click()
    meter = page.get_by_role("meter", name="Loudness")
    expect(meter).to_be_visible()
    expect(meter).to_have_attribute("aria-valuemax", "100")
    expect(page.get_by_text("0:01", exact=True)).to_be_visible()
    page.get_by_role("button", name="Use this recording").click()
    recording = page.get_by_role("list", name="Attachments").locator("audio")
    expect(recording).to_have_js_property("readyState", 4)
    recording.evaluate("audio => audio.play()")
    page.get_by_role("button", name=re.compile("^Remove voice-note")).click()
    expect(recording).to_have_count(0)


def test_a_photo_is_taken_with_the_camera(page: Page) -> None:
    page.get_by_role("button", name="Add a picture").click()
    page.get_by_role("menuitem", name="Take a photo").click()
    page.get_by_role("dialog").get_by_role("button", name="Take the photo").click()
    expect(page.get_by_role("img", name="photo.jpg")).to_be_visible()


def test_a_conversation_is_renamed_and_deleted(page: Page) -> None:
    say(page, "a desk lamp")
    page.get_by_role("button", name="Actions for “a desk lamp”").click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_role("textbox", name="Title").fill("Lamps")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("link", name="Lamps")).to_be_visible()
    page.get_by_role("button", name="Actions for “Lamps”").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("link", name="Lamps")).to_have_count(0)
    expect(page.get_by_role("heading", name="What are you looking for?")).to_be_visible()


def test_a_refusal_is_one_sentence(page: Page) -> None:
    page.get_by_test_id("files").set_input_files(
        {"name": "broken.jpg", "mimeType": "image/jpeg", "buffer": b"not a picture"}
    )
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_contain_text("broken.jpg")
