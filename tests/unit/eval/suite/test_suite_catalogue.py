"""A suite's catalogue: changes laid over it by id, ingested once, and again only when something is different."""

import json
import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from assistant.engines import page_store
from assistant.errors import BadInput, ServiceMissing
from assistant.ingest import Encoders, SilentProgress
from assistant.settings import Settings
from eval.suite.catalogue import READY, suite_items, suite_pages, suite_settings
from eval.suite.load import load_suite
from eval.suite.records import Suite
from tests.fakes.catalogues import lines, picture, write
from tests.fakes.encoders import HashPictures, HashText
from tests.unit.eval.suite.conftest import WriteSuite
from tools.store import Catalogue


@pytest.fixture
def suite(write_suite: WriteSuite, tmp_path: Path) -> Suite:
    """Over three items, the second of which costs 1.50."""
    write(tmp_path, lines(3), "items.jsonl")
    return load_suite(str(write_suite()))


def with_changes(suite: Suite, *changes: dict[str, Any]) -> Suite:
    folder = Path(suite.folder) / "changes"
    folder.mkdir(exist_ok=True)
    (folder / "changes.jsonl").write_text("".join(json.dumps(change) + "\n" for change in changes), "utf-8")
    return suite.model_copy(update={"changes": "changes/changes.jsonl"})


def hashing(name: str = "hash-text") -> Encoders:
    return Encoders(HashText(name), HashPictures())


def ingested(suite: Suite, settings: Settings, encoders: Encoders | None = None) -> Settings:
    return suite_settings(suite, settings, encoders=encoders or hashing(), progress=SilentProgress())


def test_changes_replace_keys_and_null_takes_them_away(suite: Suite, settings: Settings) -> None:
    before = suite_items(suite, settings)
    after = suite_items(with_changes(suite, {"id": "item-1", "price": 9, "brand": None, "color": "pink"}), settings)
    expected = {"price": 9.0, "brand": None, "attributes": {"color": "pink"}}
    assert after["item-1"] == before["item-1"].model_copy(update=expected)
    assert {key: after[key] for key in ("item-0", "item-2")} == {key: before[key] for key in ("item-0", "item-2")}


def test_a_new_id_is_a_further_item_and_pictures_lie_beside_the_file_that_names_them(
    suite: Suite, settings: Settings
) -> None:
    folder = Path(suite.folder)
    new = picture(folder / "changes" / "new.png", 5)
    changes = [{"id": "gift", "title": "Gift", "image": "new.png"}, {"id": "item-0", "image": "new.png"}]
    items = suite_items(with_changes(suite, *changes), settings)
    assert list(items) == ["item-0", "item-1", "item-2", "gift"]
    assert items["gift"].images == items["item-0"].images == [str(new)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": "item-1", "price": "cheap"}, r"changes\.jsonl:1: its price 'cheap' is not a number"),
        ({"title": "no id"}, r"changes\.jsonl:1: it has no id"),
        ({"id": "item-1", "image": "none.png"}, r"changes\.jsonl:1: the picture 'none\.png': there is no such file"),
        ({"id": "item-1", "image": "../images/0-0.png"}, r"changes\.jsonl:1: .* outside the catalogue file's folder"),
    ],
)
def test_a_line_that_cannot_be_taken_is_told(
    suite: Suite, settings: Settings, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        suite_items(with_changes(suite, change), settings)


def test_a_broken_line_and_a_missing_file_are_told(suite: Suite, settings: Settings) -> None:
    changed = with_changes(suite)
    (Path(suite.folder) / "changes" / "changes.jsonl").write_text("{}{\n")
    with pytest.raises(BadInput, match=r"changes\.jsonl:1: not valid JSON"):
        suite_items(changed, settings)
    with pytest.raises(BadInput, match=r"names the file 'none\.jsonl', which is not in"):
        suite_items(suite.model_copy(update={"catalogue": "none.jsonl"}), settings)
    with pytest.raises(ServiceMissing, match="assistant sample fetch"):
        suite_items(suite.model_copy(update={"catalogue": "sample"}), settings)


def test_the_catalogue_holds_what_the_suite_says_and_the_users_own_is_not_touched(
    suite: Suite, settings: Settings
) -> None:
    assert settings.data_folder, "worked out before: it must not be copied along"
    changed = with_changes(suite, {"id": "item-1", "price": 9})
    own = ingested(changed, settings)
    assert own.data_folder.is_relative_to(settings.home / "eval" / "catalogues")
    assert own.keys_place.parent == own.data_folder
    assert not settings.data_folder.exists()
    with Catalogue.open(own.data_folder, read_only=True) as catalogue:
        assert {item.id: item for item in catalogue.items()} == suite_items(changed, settings)
        assert catalogue.stats().spaces["visual"].vectors == 3


def test_it_is_ingested_once_for_the_same_items_and_encoders(suite: Suite, settings: Settings) -> None:
    first, second = hashing(), hashing()
    folder = ingested(suite, settings, first).data_folder
    assert ingested(with_changes(suite, {"id": "item-1", "price": 1.5}), settings, second).data_folder == folder
    assert (len(first.text.encoded), second.text.encoded) == (3, [])  # type: ignore[attr-defined]


def test_other_items_pictures_or_encoders_get_a_folder_of_their_own(suite: Suite, settings: Settings) -> None:
    folders = [
        ingested(suite, settings).data_folder,
        ingested(with_changes(suite, {"id": "item-1", "price": 9}), settings).data_folder,
        ingested(suite, settings, hashing("other")).data_folder,
    ]
    photo = picture(Path(suite.folder) / "images" / "0-0.png", 1)
    photo.write_bytes(photo.read_bytes() + b"\0")
    assert len({*folders, ingested(suite, settings).data_folder}) == 4


class Dies(HashText):
    """Ends the ingestion in the middle, as a crash would."""

    def encode(self, texts: Any, **_: Any) -> Any:  # noqa: ANN401
        raise KeyboardInterrupt


def test_after_a_crash_the_next_call_goes_on(suite: Suite, settings: Settings) -> None:
    with pytest.raises(KeyboardInterrupt):
        ingested(suite, settings, Encoders(Dies(), HashPictures()))
    [folder] = [path for path in (settings.home / "eval" / "catalogues").iterdir() if path.is_dir()]
    assert not (folder / READY).exists()
    assert ingested(suite, settings).data_folder == folder
    with Catalogue.open(folder, read_only=True) as catalogue:
        assert catalogue.count() == 3


def _in_process(arguments: tuple[Suite, Settings]) -> str:
    return str(ingested(*arguments).data_folder)


def test_two_processes_make_one_catalogue(suite: Suite, settings: Settings) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        folders = set(pool.map(_in_process, [(suite.model_copy(), settings)] * 2, chunksize=1))
    [folder] = folders
    with Catalogue.open(Path(folder), read_only=True) as catalogue:
        assert catalogue.count() == 3


def test_pages_are_ingested_beside_the_items_and_anew_when_one_changes(suite: Suite, settings: Settings) -> None:
    page = Path(suite.folder) / "delivery.md"
    page.write_text("# Delivery\n\nIt takes three days.\n", "utf-8")
    with_pages = suite.model_copy(update={"pages": ["delivery.md"]})
    first = ingested(with_pages, settings)
    assert [(document.name, document.passages) for document in page_store(first).pages()] == [("delivery.md", 1)]
    assert first.data_folder != ingested(suite, settings).data_folder
    assert page_store(ingested(suite, settings)).pages() == []
    page.write_text("# Delivery\n\nIt takes four days.\n", "utf-8")
    assert ingested(with_pages, settings).data_folder != first.data_folder


def test_a_page_that_is_not_there_is_named(suite: Suite) -> None:
    with pytest.raises(BadInput, match=r"names the file 'returns\.md', which is not in"):
        suite_pages(suite.model_copy(update={"pages": ["returns.md"]}))
