"""Ingestion does what the files say, and only what has changed."""

import csv
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from assistant.errors import BadInput
from assistant.ingest import Encoders, reindex
from assistant.ingest.export import catalogue_line
from tests.fakes.catalogues import lines, picture, write
from tests.fakes.encoders import HashPictures, HashText
from tests.integration.ingest.conftest import Bench, assert_searchable, contents
from tools.errors import EncoderMismatch
from tools.media import MediaLimits
from tools.store import Catalogue


def test_everything_goes_in_and_the_second_time_nothing_happens(bench: Bench) -> None:
    path = write(bench.folder, lines(300, pictures=2))
    first = bench(path)
    assert (first.lines, first.new, first.changed, first.unchanged, first.rejected) == (300, 300, 0, 0, 0)
    assert (first.texts_embedded, first.pictures_embedded, bench.rejections) == (300, 600, [])
    assert_searchable(bench.catalogue, 300)
    item = bench.catalogue.get("item-3")
    assert item is not None
    assert item.images == [str(bench.folder / "images" / f"3-{n}.png") for n in (0, 1)]
    assert bench.catalogue.image_path(item, 1) == bench.folder / "images" / "3-1.png"
    version = bench.catalogue.version()
    second = bench(path)
    assert (second.new, second.changed, second.unchanged) == (0, 0, 300)
    assert (second.texts_embedded, second.pictures_embedded) == (0, 0)
    assert bench.catalogue.version() == version


def _reprice(row: dict[str, Any], folder: Path) -> None:
    row["price"] = 999


def _retitle(row: dict[str, Any], folder: Path) -> None:
    row["title"] = "Quite another thing"


def _repaint(row: dict[str, Any], folder: Path) -> None:
    picture(folder / row["images"][0], 123_456)


def _add_picture(row: dict[str, Any], folder: Path) -> None:
    row["images"].append("images/more.png")
    picture(folder / "images/more.png", 99)


def _drop_picture(row: dict[str, Any], folder: Path) -> None:
    row["images"].pop(0)


def _swap_pictures(row: dict[str, Any], folder: Path) -> None:
    row["images"].reverse()


def _touch(row: dict[str, Any], folder: Path) -> None:
    os.utime(folder / row["images"][0], (1, 1))


@pytest.mark.parametrize(
    ("change", "changed", "texts", "pictures"),
    [
        (_reprice, 1, 0, 0),
        (_retitle, 1, 1, 0),
        (_repaint, 1, 0, 1),
        (_add_picture, 1, 0, 1),
        (_drop_picture, 1, 0, 0),
        (_swap_pictures, 1, 0, 0),
        (_touch, 0, 0, 0),
    ],
)
def test_only_what_has_changed_is_embedded(bench: Bench, change: Any, changed: int, texts: int, pictures: int) -> None:  # noqa: ANN401
    rows = lines(40, pictures=2)
    bench(write(bench.folder, rows))
    change(rows[7], bench.folder)
    path = write(bench.folder, rows)
    summary = bench(path)
    assert (summary.changed, summary.unchanged) == (changed, 40 - changed)
    assert (len(bench.text.encoded), bench.pictures.encoded) == (texts, pictures)
    assert bench(path).unchanged == 40
    assert_searchable(bench.catalogue, 40)
    with Catalogue.open(bench.folder.parent / "clean") as clean:
        fresh = Bench(bench.folder, clean)
        fresh(path)
        assert contents(bench.catalogue) == contents(clean)


def test_equal_texts_and_pictures_are_embedded_once(bench: Bench) -> None:
    rows = [{"id": str(n), "title": "Same", "images": [f"{n}.png"]} for n in range(30)]
    for n in range(30):
        picture(bench.folder / f"{n}.png", 5)
    summary = bench(write(bench.folder, rows))
    assert (summary.new, summary.texts_embedded, summary.pictures_embedded) == (30, 1, 1)
    assert len(bench.catalogue.nearest("visual", bench.catalogue.vectors_of("visual", ["3"])["3"][0], 50)) == 30


def test_the_last_line_with_an_id_wins_and_the_others_are_told(bench: Bench) -> None:
    rows = [
        {"id": "a", "title": "First"},
        {"id": "b", "title": "Same"},
        {"id": "a", "title": "Second"},
        {"id": "b", "title": "Same"},
        {"id": "a", "title": {"bad": "Third"}},
    ]
    path = write(bench.folder, rows)
    other = write(bench.folder, [{"id": "b", "title": "From another file"}], "more.jsonl")
    summary = bench(path, other)
    assert (summary.new, summary.duplicates, summary.rejected) == (2, 3, 1)
    assert bench.reasons("duplicate") == {
        1: "line 3 has the same id and replaces it",
        2: f"line 1 of {other} has the same id and replaces it",
        4: f"line 1 of {other} has the same id and replaces it",
    }
    titles = {item.id: item.title for item in bench.catalogue.items()}
    assert titles == {"a": "Second", "b": "From another file"}
    again = bench(path, other)
    assert (again.changed, again.unchanged, again.texts_embedded) == (0, 2, 0)


def test_repeated_equal_lines_are_not_told(bench: Bench) -> None:
    path = write(bench.folder, [{"id": "b", "title": "Same"}] * 3)
    assert (bench(path).duplicates, bench.rejections) == (2, [])


def test_pruning_removes_what_no_line_names(bench: Bench) -> None:
    rows = lines(20)
    bench(write(bench.folder, rows))
    kept = [*rows[:5], {"id": rows[5]["id"], "price": -1}]
    path = write(bench.folder, kept)
    assert bench(path).removed == 0
    summary = bench(path, prune=True)
    assert (summary.removed, summary.unchanged, summary.rejected) == (14, 5, 1)
    assert {item.id for item in bench.catalogue.items()} == {f"item-{n}" for n in range(6)}
    assert_searchable(bench.catalogue, 6)
    write(bench.folder, [{"title": "no id"}])
    with pytest.raises(BadInput, match="None of the lines"):
        bench(path, prune=True)
    assert bench.catalogue.count() == 6


def _bad_pictures(folder: Path) -> None:
    picture(folder / "good.png", 1)
    picture(folder.parent / "outside.png", 2)
    (folder / "text.jpg").write_text("I am no picture")
    (folder / "empty.jpg").touch()
    (folder / "cut.png").write_bytes((folder / "good.png").read_bytes()[:40])
    (folder / "folder.png").mkdir(exist_ok=True)
    (folder / "link.png").symlink_to(folder.parent / "outside.png")
    Image.new("RGB", (300, 300)).save(folder / "large.png")


def test_a_bad_picture_loses_that_picture_only(bench: Bench) -> None:
    bench.folder.mkdir()
    _bad_pictures(bench.folder)
    bad = ["../outside.png", "/etc/passwd", "link.png", "gone.png", "text.jpg", "empty.jpg", "cut.png", "folder.png"]
    bad += ["large.png", "a\0b.png", "x" * 5000, "https://127.0.0.1:9/a.jpg"]
    rows = [{"id": str(n), "title": f"T{n}", "images": ["good.png", name]} for n, name in enumerate(bad)]
    path = write(bench.folder, [], "none.jsonl").with_name("a.jsonl")
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    media = MediaLimits(image_pixels=50_000)
    summary = bench(path, media=media)
    assert (summary.new, summary.rejected, summary.pictures_lost, summary.pictures_remote) == (12, 0, 10, 1)
    assert (summary.fields_unread, bench.reasons("field")) == (
        1,
        {11: "its images is neither a path nor a list of paths"},
    )
    assert summary.pictures_embedded == 1
    told = bench.reasons("picture")
    expected = ["outside the cat"] * 3 + ["no such file", "text file, not a picture", "is empty", "damaged or cut"]
    for line, words in enumerate([*expected, "folder", "50,000 are accepted"], start=1):
        assert words in told[line], told[line]
    for item in bench.catalogue.items():
        assert item.images[0] == str(bench.folder / "good.png")
        assert len(item.images) == (2 if item.id == "11" else 1)
    assert [p.state for p in bench.catalogue.pictures("4")] == ["ready", "lost"]
    again = bench(path, media=media)
    assert (again.unchanged, again.pictures_lost, bench.pictures.encoded) == (12, 10, 0)
    (bench.folder / "text.jpg").unlink()
    picture(bench.folder / "text.jpg.png", 77).rename(bench.folder / "text.jpg")
    picture(bench.folder / "gone.png", 78)
    mended = bench(path, media=media)
    assert (mended.changed, mended.pictures_embedded, mended.pictures_lost) == (2, 2, 8)
    assert bench(path, media=MediaLimits()).pictures_lost == 7


def test_pictures_at_web_addresses_are_fetched_only_when_allowed(
    bench: Bench, httpserver_folder: tuple[str, Path]
) -> None:
    url, folder = httpserver_folder
    picture(folder / "a.png", 7)
    (folder / "huge.png").write_bytes(b"x" * 200_000)
    rows = [{"id": "1", "title": "A", "images": [f"{url}/a.png", f"{url}/none.png", f"{url}/huge.png"]}]
    bench.folder.mkdir()
    (path := bench.folder / "a.jsonl").write_text(json.dumps(rows[0]))
    assert bench(path).pictures_remote == 3
    media = MediaLimits(image_bytes=100_000)
    summary = bench(path, fetch_pictures=True, public_only=False, media=media)
    assert (summary.changed, summary.pictures_embedded, summary.pictures_remote) == (1, 1, 2)
    item = bench.catalogue.get("1")
    assert item is not None
    assert item.images[0] == f"{url}/a.png"
    shown = bench.catalogue.image_path(item)
    assert shown is not None
    assert shown.read_bytes() == (folder / "a.png").read_bytes()
    assert bench(path, media=media).unchanged == 1


def test_csv_and_jsonl_give_the_same_items(bench: Bench) -> None:
    rows = lines(10, pictures=2)
    path = write(bench.folder, rows)
    bench(path)
    with (bench.folder / "products.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows({**row, "images": "|".join(row["images"])} for row in rows)
    summary = bench(bench.folder / "products.csv")
    assert (summary.unchanged, summary.texts_embedded, summary.pictures_embedded) == (10, 0, 0)


def test_an_export_ingested_elsewhere_is_the_same_catalogue(bench: Bench, tmp_path: Path) -> None:
    rows = [*lines(10), {"id": "x", "title": "Odd", "attributes": {"URL": "u", "Price": [1, {"a": None}]}, "b": False}]
    bench(write(bench.folder, rows))
    (tmp_path / "elsewhere").mkdir()
    exported = tmp_path / "elsewhere" / "export.jsonl"
    exported.write_text("".join(catalogue_line(item) + "\n" for item in bench.catalogue.items()))
    with Catalogue.open(tmp_path / "other") as other:
        copy = Bench(tmp_path / "elsewhere", other)
        assert copy(exported).pictures_lost == 10
        assert copy(exported, media_root=bench.folder).pictures_lost == 0
        assert contents(other) == contents(bench.catalogue)


def test_long_descriptions_are_cut_and_counted(bench: Bench) -> None:
    rows = [{"id": "1", "title": "Novel", "description": "word " * 200_000}, {"id": "2", "title": "x" * 3_000_000}]
    summary = bench(write(bench.folder, rows))
    assert (summary.new, summary.descriptions_cut, summary.rejected) == (1, 1, 1)
    assert bench.reasons("line") == {2: "longer than 2,097,152 bytes"}
    item = bench.catalogue.get("1")
    assert item is not None
    assert 19_000 < len(item.description) <= 20_000


def test_other_encoders_are_refused_until_everything_is_made_anew(bench: Bench) -> None:
    path = write(bench.folder, lines(30))
    bench(path)
    bench.text, bench.pictures = HashText("new-text"), HashPictures("new-pictures", own_text_space=True)
    with pytest.raises(EncoderMismatch, match=r"made by hash-text .* but new-text .* assistant catalogue reindex"):
        bench(path)
    (bench.folder / "images" / "4-0.png").unlink()
    picture(bench.folder / "images" / "5-0.png", 4321)
    summary = reindex(bench.catalogue, Encoders(bench.text, bench.pictures), MediaLimits())
    assert (summary.changed, summary.texts_embedded, summary.pictures_embedded, summary.pictures_lost) == (
        30,
        30,
        28,
        2,
    )
    assert set(bench.catalogue.stats().spaces) == {"text", "visual", "joint", "joint_text"}
    assert_searchable(bench.catalogue, 30)
    assert bench(path).changed == 1  # the repainted picture; the other one is gone
    assert reindex(bench.catalogue, Encoders(bench.text, bench.pictures), MediaLimits()).changed == 0
    old = Encoders(HashText(), HashPictures())
    reindex(bench.catalogue, old, MediaLimits())
    assert set(bench.catalogue.stats().spaces) == {"text", "visual", "joint"}


class Stops(HashText):
    """Is interrupted after so many calls, as by a kill."""

    def __init__(self, name: str, calls: int) -> None:
        super().__init__(name)
        self.calls = calls

    def encode(self, texts: Sequence[str], **options: Any) -> NDArray[np.float32]:  # noqa: ANN401
        self.calls -= 1
        if self.calls < 0:
            raise KeyboardInterrupt
        return super().encode(texts, **options)


@pytest.mark.parametrize("own_text_space", [False, True])
def test_the_old_vectors_serve_until_all_new_ones_are_there(bench: Bench, own_text_space: bool) -> None:
    path = write(bench.folder, lines(150, pictures=0))
    bench(path)
    old, pictures = bench.text, HashPictures("new-pictures", own_text_space=own_text_space)
    first = Stops("new-text", 1)
    with pytest.raises(KeyboardInterrupt):
        reindex(bench.catalogue, Encoders(first, pictures), MediaLimits())
    done = len(first.encoded)
    assert 0 < done < 150
    bench.catalogue.tidy()  # as whoever opens the catalogue next does
    assert bench.catalogue.identity("text") == old.identity
    assert_searchable(bench.catalogue, 150)
    changed = [*lines(150, pictures=0)[:-1], {**lines(150, pictures=0)[-1], "title": "Written meanwhile"}]
    bench(write(bench.folder, changed))
    assert_searchable(bench.catalogue, 150)
    second = HashText("new-text")
    reindex(bench.catalogue, Encoders(second, pictures), MediaLimits())
    assert done + len(second.encoded) in (150, 151)  # the text written meanwhile may have been done before
    assert bench.catalogue.identity("text") == second.identity
    assert set(bench.catalogue.stats().spaces) == {"text", "visual", "joint"} | (
        {"joint_text"} if own_text_space else set()
    )
    assert all(space.missing == 0 for space in bench.catalogue.stats().spaces.values())
    assert_searchable(bench.catalogue, 150)


def test_another_encoder_than_the_one_begun_with_starts_anew(bench: Bench) -> None:
    bench(write(bench.folder, lines(150, pictures=0)))
    with pytest.raises(KeyboardInterrupt):
        reindex(bench.catalogue, Encoders(Stops("begun", 1), bench.pictures), MediaLimits())
    other = HashText("other")
    assert reindex(bench.catalogue, Encoders(other, bench.pictures), MediaLimits()).texts_embedded == 150
    assert bench.catalogue.identity("text") == other.identity


def test_a_file_that_grows_meanwhile_is_noticed(bench: Bench) -> None:
    path = write(bench.folder, lines(5))
    encode = bench.text.encode

    def growing(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        with path.open("a") as file:
            file.write('{"id": "late", "title": "Late"}\n')
        return encode(*arguments, **options)

    bench.text.encode = growing  # type: ignore[method-assign]
    with pytest.raises(BadInput, match="changed while it was read"):
        bench(path)
    bench.text.encode = encode  # type: ignore[method-assign]
    assert bench(path).new + bench.catalogue.count() >= 6


def test_a_moved_folder_is_only_read_again(bench: Bench, tmp_path: Path) -> None:
    bench(write(bench.folder, lines(20)))
    shutil.move(bench.folder, tmp_path / "moved")
    summary = bench(tmp_path / "moved" / "products.jsonl")
    assert (summary.changed, summary.texts_embedded, summary.pictures_embedded) == (20, 0, 0)
