"""Pages are stored by name, embedded once, searched by words, and read whole in any thread or process."""

from pathlib import Path

import pytest

from tests.fakes.encoders import WordText
from tools.errors import BadInput, StoreError
from tools.store import pages as module
from tools.store.pages import DATABASE, Page, PageStore, Passage


def page(name: str, *texts: str, heading: str = "Delivery") -> Page:
    return Page(name=name, title=name.title(), passages=[Passage(heading=heading, text=text) for text in texts])


@pytest.fixture
def store(tmp_path: Path) -> PageStore:
    return PageStore(tmp_path / "data")


def test_a_folder_without_pages_is_empty_and_stays_as_it_is(store: PageStore) -> None:
    assert (store.pages(), store.index().passages, store.keyword("delivery", 3), store.drop()) == ([], (), [], 0)
    assert not store.path.exists()


def test_the_same_page_again_changes_nothing_and_embeds_nothing(store: PageStore) -> None:
    encoder, delivery_page = WordText(), page("a", "Three days.", "Free.")
    assert store.put([delivery_page], encoder) == {"a": "new"}
    version, embedded = store.index().version, len(encoder.encoded)
    assert store.put([delivery_page], encoder) == {"a": "unchanged"}
    assert (store.index().version, len(encoder.encoded)) == (version, embedded)


def test_a_page_replaces_the_one_of_its_name(store: PageStore) -> None:
    encoder = WordText()
    store.put([page("a", "Three days.", "Free."), page("b", "Cash only.")], encoder)
    assert store.put([page("a", "Four days.")], encoder) == {"a": "changed"}
    assert [passage.text for passage in store.index().passages] == ["Four days.", "Cash only."]
    assert [info.passages for info in store.pages()] == [1, 1]
    assert store.keyword("free", 3) == []


def test_another_store_of_the_folder_sees_changes(store: PageStore) -> None:
    other = PageStore(store.path.parent)
    store.put([page("a", "Three days.")], WordText())
    assert len(other.index().passages) == 1
    store.put([page("b", "Cash only.")], WordText())
    assert len(other.index().passages) == 2


def test_keywords_find_passages_by_stem_heading_and_title(store: PageStore) -> None:
    store.put([page("returns", "Send it back."), page("b", "We deliver in 3 days.", heading="")], WordText())
    texts = {passage.key: passage.text for passage in store.index().passages}
    assert next(texts[key] for key, _ in store.keyword("delivered in how many days?", 5)) == "We deliver in 3 days."
    assert [texts[key] for key, _ in store.keyword("return", 5)] == ["Send it back."]
    assert store.keyword('"; drop table pages --', 5) == []


def test_another_encoder_embeds_every_page_anew(store: PageStore) -> None:
    store.put([page("a", "Three days."), page("b", "Cash only.")], WordText("old"))
    new = WordText("new")
    assert store.put([], new) == {}
    assert store.index().encoder == new.identity
    assert [passage.page for passage in store.index().passages] == ["a", "b"]
    assert store.put([page("a", "Three days.")], new) == {"a": "unchanged"}


def test_dropped_pages_are_gone_from_lists_words_and_the_file(store: PageStore) -> None:
    store.put([page("a", "Three days."), page("b", "Xylophones only.")], WordText())
    assert store.drop(["b", "unknown"]) == 1
    assert [info.name for info in store.pages()] == ["a"]
    assert store.keyword("xylophone", 3) == []
    assert b"Xylophones" not in store.path.read_bytes()
    assert store.drop() == 1
    assert store.put([page("a", "Three days.")], WordText("new")) == {"a": "new"}


def test_too_many_passages_are_refused_and_nothing_is_kept(store: PageStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put([page("a", "Three days.")], WordText())
    monkeypatch.setattr(module, "MOST_PASSAGES", 3)
    with pytest.raises(BadInput, match="more than 3 passages"):
        store.put([page("b", "1", "2", "3")], WordText())
    assert [info.name for info in store.pages()] == ["a"]


@pytest.mark.parametrize("content", [b"no database at all, but long enough to be read as one" * 20, b""])
def test_a_damaged_file_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / DATABASE).write_bytes(content)
    with pytest.raises(StoreError, match="damaged") as error:
        PageStore(tmp_path).pages()
    assert "\n" not in str(error.value)
