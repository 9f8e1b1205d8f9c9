"""Texts of catalogue files."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.ingest.texts import embedded_text, strip_markup
from tools.records import Item


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>Soft &amp; warm</p><p>Wool</p>", "Soft & warm\n\nWool"),
        ("<b>Bold</b> lamp<br>for you", "Bold lamp\nfor you"),
        ("<script>alert('x')</script>Chair<style>p{}</style>", "Chair"),
        ("&lt;script&gt;alert(1)&lt;/script&gt; Table", "Table"),
        ("5 < 6 and 7 > 3 & so on", "5 < 6 and 7 > 3 & so on"),
        ("<ul><li>one<li>two</ul>", "one\ntwo"),
        ("<a href='javascript:x()'>click</a>", "click"),
        ("a <3 b, broken <b", "a <3 b, broken <b"),
        ("<!-- hidden -->shown", "shown"),
        ("a\x00b\x07c\ud800d", "a b c\ufffdd"),
        ("R&D at AT&T", "R&D at AT&T"),
    ],
)
def test_markup_becomes_plain_text(markup: str, text: str) -> None:
    assert strip_markup(markup) == text


@given(st.text(st.sampled_from("<>&;/ab=lgtmpscrip\"'!-#x3 \n"), max_size=60))
def test_a_second_pass_changes_nothing(markup: str) -> None:
    once = strip_markup(markup)
    assert strip_markup(once) == once


@pytest.mark.parametrize("piece", ["<a ", "<a", "<!--", "<!", "</", "&lt;", "<script>", "<p>x", "<?", "<a b='", "&#x"])
def test_a_megabyte_of_anything_is_quick(piece: str) -> None:
    start = time.monotonic()
    strip_markup(piece * (1_000_000 // len(piece)))
    assert time.monotonic() - start < 10


def test_an_item_is_embedded_by_its_words_not_its_codes() -> None:
    item = Item(
        id="x1",
        title="Desk",
        description="Oak desk.",
        category="Home > Office",
        brand="Woody",
        attributes={"color": ["brown", "black"], "sku": "DSK-99812-B", "width": 120, "foldable": True, "vegan": False},
    )
    assert embedded_text(item) == "Desk. Home, Office. Woody. color brown, color black, foldable. Oak desk"


def test_an_item_without_words_is_not_embedded() -> None:
    assert embedded_text(Item(id="SKU-1", title="SKU-1", attributes={"color": "red"})) == ""
