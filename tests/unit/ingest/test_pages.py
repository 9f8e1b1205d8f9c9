"""Pages of the shop become a title and passages: three forms, any encoding, bounded, nothing lost or hidden."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.errors import BadInput
from assistant.ingest.pages import MOST_BYTES, PASSAGE_CHARACTERS, page_of, read_page

PAGES = Path(__file__).parents[2] / "data" / "pages"


def passages(content: str | bytes, name: str) -> list[tuple[str, str]]:
    page = page_of(content if isinstance(content, bytes) else content.encode(), name)
    return [(passage.heading, passage.text) for passage in page.passages]


def test_markdown_is_split_by_heading_and_its_front_matter_names_it() -> None:
    page = read_page(PAGES / "delivery.md")
    assert (page.name, page.title) == ("delivery.md", "Delivery and shipping")
    headings = [passage.heading for passage in page.passages]
    assert headings == ["", "How long it takes", "What it costs", "Following a parcel"]
    assert not any("layout" in passage.text for passage in page.passages)


def test_a_row_of_a_table_says_what_each_column_is() -> None:
    costs = dict(passages((PAGES / "delivery.md").read_text(), "delivery.md"))["What it costs"]
    assert "Country: Austria; Price: 8.90 EUR; Free from: 100 EUR" in costs
    assert passages("<table><tr><td>Monday</td><td>9 to 17</td></tr></table>", "h.html") == [("", "Monday: 9 to 17")]


def test_html_gives_what_a_reader_sees_and_no_menus_scripts_or_styles() -> None:
    page = read_page(PAGES / "returns.html")
    whole = "\n".join(passage.text for passage in page.passages)
    assert page.title == "Returns and refunds"
    assert "You may send back anything within 30 days" in whole
    assert not any(hidden in whole for hidden in ("Cart", "color", "99 days", "<"))


def test_plain_text_has_short_lines_by_themselves_as_headings() -> None:
    page = read_page(PAGES / "shop.txt")
    assert page.title == "Our store in Leipzig"
    assert [passage.heading for passage in page.passages] == ["Opening hours", "How to find us", "Payment"]
    assert "Saturday: 10:00 to 16:00" in page.passages[0].text


def test_headings_name_those_above_them() -> None:
    markdown = "# Delivery\n\n## Abroad\n\n### Customs\n\nYou pay customs.\n\n## At home\n\nFree."
    assert passages(markdown, "d.md") == [("Abroad > Customs", "You pay customs."), ("At home", "Free.")]


def test_questions_of_a_list_of_questions_are_headings() -> None:
    markup = "<h1>FAQ</h1><dl><dt>Do you gift wrap?</dt><dd>Yes, for 3 EUR.</dd></dl>"
    markup += "<details><summary>Is it insured?</summary>Every parcel is.</details>"
    assert passages(f"{markup}<p>Ask us.</p>", "faq.html") == [
        ("Do you gift wrap?", "Yes, for 3 EUR."), ("Is it insured?", "Every parcel is."), ("", "Ask us."),
    ]  # fmt: skip


def test_long_paragraphs_are_cut_between_sentences() -> None:
    sentences = [f"This is sentence number {n} of the terms of sale." for n in range(60)]
    found = [text for _, text in passages(" ".join(sentences), "terms.txt")]
    assert len(found) > 1
    assert all(len(text) <= PASSAGE_CHARACTERS and text.endswith("sale.") for text in found)
    assert " ".join(found) == " ".join(sentences)


def test_chinese_is_cut_between_sentences_too() -> None:
    found = [text for _, text in passages("我们在三天内发货。" * 100, "fahuo.txt")]
    assert len(found) > 1
    assert all(text.endswith("。") for text in found)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8", "Rückgabe: 30 Tage."), ("utf-8-sig", "Rückgabe: 30 Tage."), ("utf-16", "Rückgabe: 30 Tage."),
        ("cp1252", "Für Rückgaben gilt: Sie können die Ware binnen 30 Tagen zurückschicken, übrigens ohne Gebühr."),
        ("gb18030", "商品可在三十天内退货，运费由我们承担。请先在您的账户里打印退货标签，然后把包裹交给快递公司。"),
    ],
)  # fmt: skip
def test_encodings(encoding: str, text: str) -> None:
    assert passages(text.encode(encoding), "r.txt") == [("", text)]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no text"), (b"  \n\n ", "no text"), (b"<html><body><nav>Home</nav></body></html>", "no text"),
        (b"\x89PNG\r\n\x1a\n123", "PNG picture"), (b"%PDF-1.7", "PDF document"), (b"a\0b", "not a page"),
        (b"x" * (MOST_BYTES + 1), "larger than"), (b"word. " * 150_000, "passages; at most"),
    ],
)  # fmt: skip
def test_what_is_no_page_is_refused_in_one_sentence(content: bytes, says: str) -> None:
    with pytest.raises(BadInput, match=says) as refusal:
        page_of(content, "page")
    assert "\n" not in str(refusal.value)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.md", tmp_path):
        with pytest.raises(BadInput):
            read_page(path)


def test_a_file_without_an_ending_is_read_by_its_content() -> None:
    assert passages("<!doctype html><h1>A</h1><p>B &amp; C</p>", "page") == [("", "B & C")]
    assert passages("1 < 2 & *3*", "page") == [("", "1 < 2 & *3*")]


@given(st.text(max_size=2_000), st.sampled_from(["a.md", "a.html", "a.txt"]))
def test_any_text_gives_short_passages_or_is_refused(text: str, name: str) -> None:
    try:
        found = passages(text.encode("utf-8", "replace"), name)
    except BadInput:
        return
    assert found
    assert all(part.strip() and len(part) <= PASSAGE_CHARACTERS for _, part in found)


def test_markup_nested_beyond_what_people_write_is_refused() -> None:
    assert passages("<div>" * 100 + "deep", "deep.html") == [("", "deep")]
    with pytest.raises(BadInput):
        passages("<div>" * 100_000 + "deep", "deep.html")
