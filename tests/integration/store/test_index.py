"""The Chroma index gives the right neighbours whatever happens to it."""

import shutil
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.fakes.catalogues import entry, fill, vectors_of
from tests.fakes.encoders import hash_vector, identity
from tests.integration.store.conftest import Shop, make_entries, queries
from tools.errors import StoreError
from tools.records import Filters, Item
from tools.store import Catalogue, NewVector, chroma_index
from tools.store.chroma_index import EF_SEARCH
from tools.store.vector_index import IndexFailedError

FILTERS = [
    None,
    Filters(max_price=5),
    Filters(categories=["C1"], max_price=400),
    Filters(exclude_ids=["i1"]),
    Filters(include_terms=["nothing has this"]),
]


def assert_right(shop: Shop, *, least: float = 0.98) -> None:
    """Neighbours equal the exact ones (approximate search may miss a few of the unfiltered)."""
    hits = total = 0
    for query in queries():
        for filters in FILTERS:
            for space in ("text", "visual"):
                exact, found = shop.exact(space, query, 8, filters), shop.found(space, query, 8, filters)
                assert len(found) == len(exact)
                hits += len(set(exact) & set(found))
                total += len(exact)
    assert hits / total >= least


def test_neighbours_with_and_without_filters(shop: Shop) -> None:
    assert_right(shop)
    assert shop.told == []


def test_an_item_counts_once_by_its_best_picture(shop: Shop) -> None:
    each = shop.entries[3]
    for (space, _), digest in each.places().items():
        if space == "visual":
            (best, score), *rest = shop.catalogue.nearest("visual", hash_vector(digest), 10)
            assert best == each.item.id
            assert score == pytest.approx(1, abs=1e-5)
            assert each.item.id not in [item_id for item_id, _ in rest]


def test_nothing_that_lay_in_memory_reaches_its_files(tmp_path: Path) -> None:
    for n in range(5):
        freed = [b"a word of somebody's message " * size for size in range(10, 2_000)]
        del freed
        with closing(Catalogue.open(tmp_path / str(n))) as catalogue:
            fill(catalogue, [entry(Item(id="i1", title="Chair"))])  # few vectors: Chroma has their log, not their graph
    files = [path for name in ("data_level0.bin", "length.bin") for path in tmp_path.rglob(name)]
    assert len(files) >= 10
    assert {byte for path in files for byte in path.read_bytes()} == {0}


def test_odd_questions(shop: Shop) -> None:
    query = queries()[0]
    assert shop.catalogue.nearest("text", query * 0, 5) == []
    assert shop.catalogue.nearest("text", query * float("nan"), 5) == []
    assert shop.catalogue.nearest("text", query, 0) == []
    assert shop.catalogue.nearest("joint_text", query, 5) == []
    assert len(shop.catalogue.nearest("text", query, 10_000)) == len(shop.entries)
    assert shop.found("text", query * 5, 5) == shop.found("text", query, 5)


def test_a_picture_taken_away_twice_before_the_index_follows(tmp_path: Path) -> None:
    """The catalogue notes the place twice, and Chroma refuses an id that it is given twice."""
    with closing(Catalogue.open(tmp_path)) as catalogue:
        item = Item(id="i1", title="Chair")
        fill(catalogue, [entry(item, pictures=2)])
        with catalogue.writing() as writer:
            for pictures in (1, 2, 1):
                each = entry(item, pictures=pictures)
                writer.put([each], vectors_of([each]))
            writer.tidy()
        hidden = hash_vector(entry(item, pictures=2).places()["visual", 1])
        [(_, score)] = catalogue.nearest("visual", hidden, 5)
        assert score < 0.99


def test_changes_are_found_before_the_index_has_followed(shop: Shop) -> None:
    shop.catalogue.nearest("text", queries()[0], 1)
    changed = entry(Item(id="i7", title="Thing with another name", price=7, category="C0"), pictures=2)
    added = [entry(Item(id=f"new{n}", title=f"New {n}", price=1), pictures=1) for n in range(30)]
    with shop.catalogue.writing() as writer:
        places = {(space, digest) for each in [changed, *added] for (space, _), digest in each.places().items()}
        vectors = [NewVector(space, digest, hash_vector(digest)) for space, digest in places if space != "joint_text"]
        writer.put([changed, *added], vectors)
        writer.remove(["i3", "i100"])
    kept = [each for each in shop.entries if each.item.id not in ("i3", "i7", "i100")]
    shop.entries = [*kept, changed, *added]
    assert_right(shop)
    gone = hash_vector(make_entries()[100].text_hash or b"")
    assert "i100" not in shop.found("text", gone, 5)
    with shop.catalogue.writing() as writer:
        writer.tidy()
    assert_right(shop)


def _delete(chroma: Path) -> None:
    shutil.rmtree(chroma)


def _empty(chroma: Path) -> None:
    shutil.rmtree(chroma)
    chroma.mkdir()


def _delete_segments(chroma: Path) -> None:
    for path in chroma.glob("index-*/*"):
        if path.is_dir():
            shutil.rmtree(path)


def _write(pattern: str, content: bytes) -> Callable[[Path], None]:
    def harm(chroma: Path) -> None:
        paths = list(chroma.rglob(pattern))
        assert paths
        for path in paths:
            path.write_bytes(content)

    return harm


def _middle(pattern: str) -> Callable[[Path], None]:
    def harm(chroma: Path) -> None:
        for path in chroma.rglob(pattern):
            content = bytearray(path.read_bytes())
            half = len(content) // 2
            content[half : half + 3000] = b"\xa5" * len(content[half : half + 3000])
            path.write_bytes(bytes(content))

    return harm


HARMS = {
    "folder deleted": _delete,
    "folder emptied": _empty,
    "segments deleted": _delete_segments,
    "database garbage": _write("chroma.sqlite3", b"garbage" * 1000),
    "database empty": _write("chroma.sqlite3", b""),
    "database harmed": _middle("chroma.sqlite3"),
    "seals deleted": lambda chroma: [path.unlink() for path in chroma.glob("*.json")] and None,
    "seals garbage": _write("*.json", b"{]"),
}
HNSW_HARMS = {
    "vectors truncated": _write("data_level0.bin", b""),
    "vectors harmed": _middle("data_level0.bin"),
    "header harmed": _middle("header.bin"),
    "header cut": _write("header.bin", b"x" * 40),
    "ids gone": _write("index_metadata.pickle", b"\x80"),
}


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS)
def test_a_harmed_folder_is_made_anew(shop: Shop, harm: Callable[[Path], None]) -> None:
    folder = shop.catalogue.folder
    shop.catalogue.close()
    harm(folder / "chroma")
    with Catalogue.open(folder, notify=shop.told.append) as catalogue:
        shop.catalogue = catalogue
        assert_right(shop)
        assert len(list((folder / "chroma").glob("index-*/"))) == 1


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Large enough that Chroma writes its HNSW files."""
    folder = tmp_path_factory.mktemp("large") / "data"
    with Catalogue.open(folder) as catalogue:
        fill(catalogue, make_entries(2100))
    assert list((folder / "chroma").rglob("header.bin"))
    return folder


@pytest.mark.parametrize("harm", HNSW_HARMS.values(), ids=HNSW_HARMS)
def test_harmed_neighbour_files_are_noticed_before_they_are_read(
    large: Path, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    shutil.copytree(large, tmp_path / "data")
    harm(tmp_path / "data" / "chroma")
    told: list[str] = []
    with Catalogue.open(tmp_path / "data", notify=told.append) as catalogue:
        assert_right(Shop(catalogue, make_entries(2100), told), least=0.95)
    assert "making it anew" in told[0]


def test_files_that_were_copied_are_compared_by_content(large: Path, tmp_path: Path) -> None:
    shutil.copytree(large, tmp_path / "data", copy_function=shutil.copyfile)
    told: list[str] = []
    with Catalogue.open(tmp_path / "data", notify=told.append) as catalogue:
        assert_right(Shop(catalogue, make_entries(2100), told), least=0.95)
    assert told == []


def test_a_search_writes_nothing_to_the_index(large: Path, tmp_path: Path) -> None:
    shutil.copytree(large, tmp_path / "data")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "data" / "chroma").rglob("*.*")}
    for _ in range(2):
        with Catalogue.open(tmp_path / "data") as catalogue:
            assert catalogue.nearest("text", queries()[0], 5)
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "data" / "chroma").rglob("*.*")}
    assert {path: at for path, at in after.items() if "sqlite3" not in path.name} == {
        path: at for path, at in before.items() if "sqlite3" not in path.name
    }


def test_a_folder_harmed_while_it_is_open_is_made_anew(shop: Shop) -> None:
    assert_right(shop)
    _delete(shop.catalogue.folder / "chroma")
    assert_right(shop)
    fill(shop.catalogue, [late := entry(Item(id="late", title="Late"), pictures=1)])
    shop.entries.append(late)
    assert_right(shop)


def test_an_item_without_its_vector_is_no_obstacle(shop: Shop) -> None:
    with shop.catalogue.writing() as writer:
        writer.put([entry(Item(id="bare", title="Bare"))], [])
        writer.follow()
    assert_right(shop)
    assert shop.told == []


def test_an_older_index_follows_and_a_newer_one_is_thrown_away(shop: Shop, tmp_path: Path) -> None:
    folder = shop.catalogue.folder
    shop.catalogue.close()
    shutil.copytree(folder, tmp_path / "old")
    with Catalogue.open(folder) as catalogue:
        fill(catalogue, [entry(Item(id="new", title="New", price=3), pictures=1)])
    shutil.copytree(folder, tmp_path / "new")
    for index, items in (("old", "new"), ("new", "old")):
        mixed = tmp_path / f"{index} index"
        shutil.copytree(tmp_path / items, mixed, ignore=shutil.ignore_patterns("chroma"))
        shutil.copytree(tmp_path / index / "chroma", mixed / "chroma")
        with Catalogue.open(mixed) as catalogue:
            added = [entry(Item(id="new", title="New", price=3), pictures=1)] if items == "new" else []
            assert_right(Shop(catalogue, [*make_entries(), *added], []))


def test_a_failure_in_the_middle_of_a_search_is_mended_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    query, real, failures = shop.catalogue._index.query, shop.catalogue._index.query, 2

    def failing(*arguments: object) -> list[tuple[str, float]]:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise IndexFailedError("Error executing plan")
        return real(*arguments)  # type: ignore[arg-type]

    assert query == real
    monkeypatch.setattr(shop.catalogue._index, "query", failing)
    assert shop.found("text", queries()[0], 5) == shop.exact("text", queries()[0], 5)
    assert shop.told == ["The Chroma index failed (Error executing plan); making it anew from the catalogue."]
    failures = 99
    with pytest.raises(StoreError, match=r"cannot be used, not even after making it anew: Error executing plan\."):
        shop.found("text", queries()[0], 5)


def test_an_index_of_an_earlier_version_is_searched_as_a_new_one(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kept(catalogue: Catalogue) -> set[int]:
        catalogue.nearest("text", hash_vector(b"any"), 3)
        collections = catalogue._index._ready.list_collections()  # type: ignore[attr-defined]
        return {one.configuration_json["hnsw"]["ef_search"] for one in collections}

    assert kept(shop.catalogue) == {EF_SEARCH}
    with monkeypatch.context() as patch, closing(Catalogue.open(tmp_path / "old")) as catalogue:
        patch.setattr(chroma_index, "EF_SEARCH", 100)
        fill(catalogue, shop.entries)
        assert kept(catalogue) == {100}
    with closing(Catalogue.open(tmp_path / "old")) as catalogue:
        assert kept(catalogue) == {EF_SEARCH}


def test_many_threads_read_while_one_writes(shop: Shop) -> None:
    stop, errors = threading.Event(), list[BaseException]()

    def search() -> None:
        while not stop.is_set():
            try:
                for query in queries(3):
                    found = shop.catalogue.nearest("text", query, 5, Filters(max_price=300))
                    assert len(found) == 5
                    assert shop.catalogue.keyword("thing", 5)
                    shop.catalogue.vocabulary()
            except BaseException as exc:
                errors.append(exc)
                return

    threads = [threading.Thread(target=search) for _ in range(6)]
    for thread in threads:
        thread.start()
    for n in range(6):
        fill(shop.catalogue, [entry(Item(id=f"w{n}-{m}", title=f"W {n} {m}", price=1), pictures=1) for m in range(20)])
        with shop.catalogue.writing() as writer:
            writer.remove([f"w{n}-0"])
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []


def test_another_encoder_gets_an_index_of_its_own(shop: Shop) -> None:
    spaces = {space: stats.encoder for space, stats in shop.catalogue.stats().spaces.items() if stats.encoder}
    with shop.catalogue.writing() as writer:
        writer.stage(spaces | {"text": identity("another")})
        assert len(writer.unfinished("text", 10_000)) == len(shop.entries)
        digests = [each.text_hash for each in shop.entries if each.text_hash]
        writer.put(shop.entries, [NewVector("text", digest, hash_vector(b"other" + digest)[:12]) for digest in digests])
        assert writer.unfinished("text", 10) == []
        assert shop.found("text", queries()[0], 5) == shop.exact("text", queries()[0], 5)
        writer.switch(spaces)
        writer.tidy()
    digest = shop.entries[5].text_hash or b""
    assert shop.found("text", hash_vector(b"other" + digest)[:12], 1) == ["i5"]
    assert shop.catalogue.stats().spaces["text"].vectors == len(shop.entries)
    assert shop.found("visual", queries()[0], 5) == shop.exact("visual", queries()[0], 5)
