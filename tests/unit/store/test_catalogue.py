"""Items, words and facts of a catalogue; nothing here needs Chroma."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.catalogues import entry
from tests.fakes.encoders import identity
from tools.errors import EncoderMismatch, StoreError
from tools.place import StateServer
from tools.records import Filters, Item
from tools.storage import SqliteFile
from tools.store import Catalogue, drop
from tools.store.entries import fetched_name

ITEMS = [
    Item(id="1", title="Red leather sofa", price=300, category="Home > Sofas", brand="Oak & Co", in_stock=True),
    Item(id="2", title="Black running shoes", price=60, category="Shoes", currency="USD", attributes={"size": ["40"]}),
    Item(id="3", title="红色外套", description="舒适的外套", price=80.5, currency="EUR", in_stock=False),
    Item(id="4", title="Shoe rack", description="Holds ten pairs of shoes", category="Home > Storage"),
    Item(id="5", title="Mystery", attributes={"code": [f"c{n}" for n in range(300)], "gift": True}),
]


@pytest.fixture
def catalogue(tmp_path: Path, state: StateServer | None) -> Iterator[Catalogue]:
    with Catalogue.open(tmp_path, state=state) as opened:
        with opened.writing() as writer:
            writer.put([entry(item) for item in ITEMS], [])
        yield opened


def test_items_come_back_as_they_went_in(catalogue: Catalogue) -> None:
    assert catalogue.get("2") == ITEMS[1]
    assert catalogue.get("nobody") is None
    assert catalogue.get_many(["1", "3", "nobody"]) == {"1": ITEMS[0], "3": ITEMS[2]}
    assert list(catalogue.items()) == ITEMS
    assert catalogue.count() == 5


def test_every_change_moves_the_version(catalogue: Catalogue) -> None:
    before = catalogue.version()
    assert catalogue.version() == before
    with catalogue.writing() as writer:
        writer.remove(["1"])
    assert catalogue.version() > before
    assert catalogue.count() == 4
    assert catalogue.keyword("sofa", 5) == []


def test_keywords_find_any_word_and_tell_which(catalogue: Catalogue) -> None:
    hits = catalogue.keyword("I want red shoes for running", 10)
    assert [(item_id, matched) for item_id, _, matched in hits] == [
        ("2", ["shoes", "running"]),
        ("1", ["red"]),
        ("4", ["shoes"]),
    ]
    assert [score for _, score, _ in hits] == sorted((score for _, score, _ in hits), reverse=True)


def test_chinese_is_found_by_parts_of_a_run(catalogue: Catalogue) -> None:
    assert [(i, matched) for i, _, matched in catalogue.keyword("有没有外套", 5)] == [("3", ["外套"])]
    assert catalogue.eligible(Filters(include_terms=["红色"])) == ["3"]


def test_keywords_obey_filters_and_may_be_nothing(catalogue: Catalogue) -> None:
    assert [i for i, _, _ in catalogue.keyword("shoes", 5, Filters(max_price=100))] == ["2"]
    assert catalogue.keyword("the of and", 5) == []
    assert catalogue.keyword("!!!", 5) == []


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("price", ["2", "3", "1", "5", "4"]),
        ("-price", ["1", "3", "2", "5", "4"]),
        ("title", ["2", "5", "1", "4", "3"]),
        ("newest", ["5", "4", "3", "2", "1"]),
    ],
)
def test_browsing_in_order(catalogue: Catalogue, sort: str, expected: list[str]) -> None:
    assert [item.id for item in catalogue.browse(sort=sort)] == expected  # type: ignore[arg-type]
    assert [item.id for item in catalogue.browse(sort=sort, k=2, offset=1)] == expected[1:3]  # type: ignore[arg-type]


def test_the_vocabulary_spells_as_the_catalogue_does(catalogue: Catalogue) -> None:
    words = catalogue.vocabulary()
    assert words.categories == ["Home", "Shoes", "Sofas", "Storage"]
    assert words.brands == ["Oak & Co"]
    assert words.attribute_values == {"size": ["40"], "gift": ["true"]}  # 300 codes say nothing
    assert words.currencies == ["EUR", "USD"]
    assert (words.min_price, words.max_price) == (60, 300)
    assert catalogue.vocabulary() is words


def test_stats_count_what_is_there(catalogue: Catalogue) -> None:
    stats = catalogue.stats()
    assert (stats.items, stats.in_stock, stats.min_price, stats.max_price) == (5, 1, 60, 300)
    assert stats.categories == {"Home > Sofas": 1, "Home > Storage": 1, "Shoes": 1}
    assert stats.bytes_on_disk > 0


def test_an_empty_catalogue_answers_everything(tmp_path: Path) -> None:
    with Catalogue.open(tmp_path / "new") as catalogue:
        assert catalogue.count() == 0
        assert catalogue.browse() == []
        assert catalogue.keyword("shoes", 3) == []
        assert catalogue.vocabulary().categories == []
        assert catalogue.stats().items == 0


def test_reading_only_makes_nothing_and_changes_nothing(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="assistant ingest FILE"):
        Catalogue.open(tmp_path / "none", read_only=True)
    assert not (tmp_path / "none").exists()
    Catalogue.open(tmp_path).close()
    with Catalogue.open(tmp_path, read_only=True) as catalogue, pytest.raises(StoreError, match="reading only"):  # noqa: SIM117
        with catalogue.writing():
            pass


def test_a_damaged_file_is_one_sentence_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "catalogue.sqlite").write_bytes(b"not a database at all" * 500)
    with pytest.raises(StoreError, match=r"damaged.*assistant catalogue drop --yes.*assistant ingest FILE"):
        Catalogue.open(tmp_path)
    drop(tmp_path)
    Catalogue.open(tmp_path).close()


def test_a_damaged_page_is_one_sentence_with_the_remedy(tmp_path: Path, catalogue: Catalogue) -> None:
    catalogue.close()
    path = tmp_path / "catalogue.sqlite"
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    with pytest.raises(StoreError, match="damaged"), Catalogue.open(tmp_path) as opened:
        list(opened.items())


def test_a_second_writer_is_sent_away(catalogue: Catalogue, tmp_path: Path) -> None:
    with Catalogue.open(tmp_path) as other, catalogue.writing():  # noqa: SIM117
        with pytest.raises(StoreError, match="Another process is writing"), other.writing():
            pass
    with Catalogue.open(tmp_path) as other, other.writing():
        pass


def test_a_full_disk_keeps_what_was_and_says_so(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = SqliteFile.connect

    def small(file: SqliteFile, *, read_only: bool = False) -> sqlite3.Connection:
        connection = connect(file, read_only=read_only)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    with catalogue.writing() as writer:
        monkeypatch.setattr(SqliteFile, "connect", small)
        many = [entry(Item(id=f"n{n}", title=f"Thing {n}", description="word " * 500)) for n in range(200)]
        with pytest.raises(StoreError, match=r"disk is full.*What was finished is kept.*same command"):
            writer.put(many, [])
        monkeypatch.undo()
        assert catalogue.count() == 5
        writer.put(many, [])
    assert catalogue.count() == 205


def test_another_encoder_is_refused_with_the_command_that_mends_it(tmp_path: Path) -> None:
    with Catalogue.open(tmp_path) as catalogue:
        catalogue.check_identity("text", identity("any"))  # nothing was embedded yet
        with catalogue.writing() as writer:
            writer.use_encoder("text", identity("first"))
            writer.use_encoder("text", identity("second"))  # still nothing to protect
            writer.put([entry(ITEMS[0])], [])
            with pytest.raises(EncoderMismatch, match=r"made by second.*but first.*assistant catalogue reindex"):
                writer.use_encoder("text", identity("first"))
        assert catalogue.identity("text") == identity("second")
        with pytest.raises(EncoderMismatch, match="assistant catalogue reindex"):
            catalogue.check_identity("text", identity("first"))
        with pytest.raises(EncoderMismatch, match="lacks 1 text vectors"):
            catalogue.check_identity("text", identity("second"))


def test_pictures_have_paths_only_while_they_exist(catalogue: Catalogue, tmp_path: Path) -> None:
    (path := tmp_path / "a.png").write_bytes(b"x")
    item = Item(id="p", title="P", images=[str(path), "https://example.com/a.png", str(tmp_path / "gone.png")])
    assert catalogue.image_path(item) == path
    assert [catalogue.image_path(item, n) for n in (1, 2, 3, -1)] == [None] * 4


def test_dropping_leaves_what_is_beside(catalogue: Catalogue, tmp_path: Path) -> None:
    media = tmp_path / "media"
    (media / "kept").mkdir(parents=True)
    own, fetched, copied = (
        media / "lamp.jpg",
        media / fetched_name("https://shop.example/lamp.jpg"),
        media / "kept" / "0.jpg",
    )
    for file in (tmp_path / "sessions.sqlite", own, fetched, copied):
        file.write_text("a file")
    catalogue.close()
    drop(tmp_path)
    assert not list(tmp_path.glob("catalogue.sqlite*"))
    assert [file.exists() for file in (tmp_path / "sessions.sqlite", own, fetched, copied)] == [
        True,
        True,
        False,
        False,
    ]
    drop(tmp_path / "never there")


def test_words_are_made_anew_when_the_language_of_the_catalogue_changes(tmp_path: Path) -> None:
    lamp = Item(
        id="lamp", title="Tischlampe mit zwei Schirmen", description="Zwei Lampen.", attributes={"farbe": "rot"}
    )
    knife = Item(id="knife", title="Chef's Knives", description="Forged.")
    with Catalogue.open(tmp_path) as catalogue:
        with catalogue.writing() as writer:
            writer.put([entry(lamp), entry(knife)], [])
        assert [catalogue.keyword(word, 5) for word in ("Lampe", "Schirm")] == [[], []]
        with catalogue.writing() as writer:
            writer.use_language("de")
        assert catalogue.language() == "de"
        ids_by_word = {
            word: [item_id for item_id, _, _ in catalogue.keyword(word, 5)] for word in ("Lampe", "Schirm", "Knives")
        }
        assert ids_by_word == {"Lampe": ["lamp"], "Schirm": ["lamp"], "Knives": ["knife"]}
        assert catalogue.eligible(Filters(include_terms=["Schirme"])) == ["lamp"]
        before = catalogue.version()
        with catalogue.writing() as writer:
            writer.use_language("de")
        assert catalogue.version() == before
    with Catalogue.open(tmp_path) as catalogue:
        assert [item_id for item_id, _, _ in catalogue.keyword("Schirm", 5)] == ["lamp"]


def test_rare_words_of_a_query_weigh_more(tmp_path: Path) -> None:
    with Catalogue.open(tmp_path) as catalogue:
        with catalogue.writing() as writer:
            writer.put([entry(Item(id=f"i{n}", title=f"chair {'oak' if n == 3 else 'pine'}")) for n in range(9)], [])
        rarity = catalogue.rarity("a chair of oak or ebony")
    assert rarity["ebony"] > rarity["oak"] > rarity["chair"] == pytest.approx(0.05, abs=0.06)
