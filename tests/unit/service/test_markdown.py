"""Texts of items, users and models make no markup in what is given out as Markdown."""

import html
import time
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from assistant.records import Query, Recommendation, Reply, Timings, TranscriptNote, UsageNote
from assistant.service.routes.markdown import as_markdown, escaped, session_as_markdown
from assistant.sessions import StoredTurn

PIECES = [
    "[click](javascript:alert(1))", "![p](https://evil.example/p.png)", "<img src=x onerror=alert(1)>", "<b>", "&lt;",
    "&#106;avascript", "`rm`", "```", "~~~", "**now**", "__x__", "~~x~~", "# Head", "===", "---", "- list", "+ list",
    "1. one", "2) two", "> quote", "    code", "\t", "| a | b |\n|---|---|", "[x]: https://evil.example", "\\", "\n",
    "\n\n", "\r", "<https://evil.example>", "https://evil.example", "www.evil.example", "a@b.example", "$x^2$", "12:30",
    "44.95 USD", "don't", "Schrank für 4 Personen", "黑色的鞋",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=12).map(" ".join)
PLAIN = {"paragraph_open", "paragraph_close", "inline", "text", "softbreak", "hardbreak", "text_special"}


def rendered(markdown: str) -> tuple[set[str], str]:
    """What a renderer with tables, HTML and strikethrough finds in it: the kinds of markup, and the visible text."""
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    blocks = reader.parse(markdown)
    kinds = {token.type for block in blocks for token in (block, *(block.children or ()))}
    shown = "".join(token.content for block in blocks for token in (block.children or ()))
    return kinds, shown


@given(TEXTS)
def test_a_text_is_nothing_but_text(text: str) -> None:
    kinds, shown = rendered(escaped(text))
    assert kinds <= PLAIN
    assert [c for c in shown if not c.isspace()] == [c for c in text.replace("\0", "\ufffd") if not c.isspace()]


@given(TEXTS)
def test_a_text_is_no_html_either_where_nobody_renders_the_markdown(text: str) -> None:
    assert "<" not in escaped(text)
    assert html.unescape(escaped(text)).count("<") == text.count("<")


@pytest.mark.parametrize("address", ["https://evil.example/x", "www.evil.example", "mailto:x@evil.example", "evil.com"])
def test_an_address_is_not_written_as_renderers_look_for_it(address: str) -> None:
    assert address not in escaped(f"see {address} now")


def test_plain_sentences_stay_as_they_are() -> None:
    for text in (
        "Here are 3 for you, at most 44.95 USD (was 50).",
        "Schrank für 4 Personen; 12:30",
        "黑色的鞋，40 码。",
    ):
        assert escaped(text) == text


def reply(**given: object) -> Reply:
    whole = {
        "session_id": "s", "query": Query(text=""), "intent": "recommend", "language": "en", "constraints": {},
        "relaxed": [], "recommendations": [], "steps": [], "message": "", "degraded": [], "models": {},
        "timings": Timings(), "usage": UsageNote(),
    }  # fmt: skip
    return Reply.model_validate(whole | given)


@given(TEXTS)
def test_replies_and_sessions_have_only_their_own_markup(text: str) -> None:
    item = Recommendation(
        rank=1, item_id="x", title=text, price=1234.5, currency=text[:9] or None, score=1, explanation=text, evidence=[]
    )
    heard = Query(text=text, transcripts=[TranscriptNote(attachment="aud1", text=text, language="en", confidence=1)])
    told = reply(
        message=f"x{text}", degraded=[f"x{text}"], recommendations=[item], query=heard, question=text, choices=[text]
    )
    turn = StoredTurn(turn=1, said=text, reply=told, at=time.time())
    allowed = PLAIN | {
        "ordered_list_open", "ordered_list_close", "list_item_open", "list_item_close", "strong_open", "strong_close",
        "blockquote_open", "blockquote_close", "heading_open", "heading_close", "bullet_list_open", "bullet_list_close",
    }  # fmt: skip
    for markdown in (as_markdown(told), session_as_markdown("s", [turn])):
        kinds, _ = rendered(markdown)
        assert kinds <= allowed


ADDRESSES = [
    "https://shop.example/chair", "http://shop.example/a?b=1&copy;=2&lt=3#part", "https://shop.example/a)b(c",
    'https://shop.example/"onmouseover="alert(1)', "https://shop.example/<script>", "https://shop.example/a\\)b",
    "https://xn--bcher-kva.example/ü/黑色?q=$x^2$", "https://shop.example/a`b`|c",
]  # fmt: skip
NO_ADDRESSES = [
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,<script>alert(1)</script>", "//evil.example/x",
    "/api/catalogue/items/x/images/0", "https://", "https://[::1", "https://shop.example/a b", "https://a\nb.example",
    "", "vbscript:x", "file:///etc/passwd", " https://shop.example",
]  # fmt: skip


def links_in(markdown: str) -> list[tuple[str, str, str]]:
    """Kind, address and title of every link and picture."""
    blocks = MarkdownIt("commonmark", {"html": True}).parse(markdown)
    tokens = [token for block in blocks for token in block.children or () if token.type in ("link_open", "image")]
    return [(t.type, str(t.attrs.get("href", t.attrs.get("src"))), str(t.attrs.get("title"))) for t in tokens]


def with_item(**fields: object) -> str:
    item = Recommendation.model_validate(
        {"rank": 10, "item_id": "x", "title": "Chair", "price": 5, "score": 1, "explanation": "Fits.", "evidence": []}
        | fields
    )
    return as_markdown(reply(recommendations=[item]))


@pytest.mark.parametrize("address", ADDRESSES)
def test_titles_link_to_the_items_page_and_pictures_follow(address: str) -> None:
    (kind, href, title), (other, source, _) = links_in(with_item(url=address, image_url=address))
    assert (kind, other, title, source) == ("link_open", "image", "x", href)
    assert unquote(href) == unquote(address)


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_what_is_no_web_address_is_no_link(address: str) -> None:
    markdown = with_item(url=address, image_url=address)
    assert links_in(markdown) == []
    assert markdown.startswith("10. **Chair** (5.00) \\[x\\]: Fits.")


@given(TEXTS.filter(str.strip), TEXTS.filter(str.strip), st.sampled_from(ADDRESSES))
def test_the_title_of_the_link_is_the_items_id_and_nothing_else_is_a_link(item_id: str, text: str, url: str) -> None:
    markdown = with_item(item_id=item_id, title=text, explanation=text, url=url, image_url=url)
    links = links_in(markdown)
    assert [kind for kind, _, _ in links] == ["link_open", "image"]
    shown = " ".join(item_id.replace("\0", "\ufffd").split())
    assert [title for _, _, title in links] == [shown, shown]
