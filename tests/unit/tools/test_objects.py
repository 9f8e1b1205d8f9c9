"""Files that several machines share through object storage."""

import logging
import os
import stat
import time
from pathlib import Path

import pytest

from tests.object_storage import SECRET, Bucket, S3Server, bucket, s3, s3_server
from tools.errors import StoreError
from tools.objects import SharedFiles

__all__ = ["bucket", "s3", "s3_server"]


@pytest.fixture
def here(tmp_path: Path, bucket: Bucket) -> SharedFiles:
    return SharedFiles(tmp_path / "a", bucket.url, 1_000)


@pytest.fixture
def there(tmp_path: Path, bucket: Bucket) -> SharedFiles:
    return SharedFiles(tmp_path / "b", bucket.url, 1_000)


def written(path: Path, content: bytes = b"a photo") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_file_that_one_machine_puts_is_fetched_by_another(
    tmp_path: Path, bucket: Bucket, here: SharedFiles, there: SharedFiles
) -> None:
    mine, theirs = written(tmp_path / "a/uploads/s1/f"), tmp_path / "b/uploads/s1/f"
    here.put(mine)
    assert bucket.held() == {"uploads/s1/f": b"a photo"}
    assert there.fetch(theirs)
    assert theirs.read_bytes() == b"a photo"
    assert theirs.stat().st_mtime_ns == mine.stat().st_mtime_ns  # ingestion takes a file of another time for another
    assert stat.S_IMODE(theirs.stat().st_mode) == 0o600
    assert stat.S_IMODE(theirs.parent.stat().st_mode) == 0o700
    assert not there.fetch(tmp_path / "b/uploads/s1/other")
    assert sorted(path.name for path in theirs.parent.iterdir()) == ["f"]


def test_what_is_deleted_is_deleted_everywhere(
    tmp_path: Path, bucket: Bucket, here: SharedFiles, there: SharedFiles
) -> None:
    mine = [written(tmp_path / "a/uploads" / name) for name in ("s1/f", "s1/g", "s10/f", ".tools/u/f")]
    for path in mine:
        here.put(path)
    theirs = tmp_path / "b/uploads/s1/f"
    assert there.fetch(theirs)
    there.delete(theirs)
    assert not theirs.exists()
    assert not here.holds(mine[0])
    assert not mine[0].exists()
    there.delete(theirs)  # once more
    assert set(there.sizes(tmp_path / "b/uploads/s1")) == {tmp_path / "b/uploads/s1/g"}
    there.delete_folder(tmp_path / "b/uploads/s1")
    there.delete_folder(tmp_path / "b/uploads/s1")
    assert set(bucket.held()) == {"uploads/s10/f", "uploads/.tools/u/f"}
    assert {path.name for path in there.folders(tmp_path / "b/uploads")} == {"s10", ".tools"}


@pytest.mark.parametrize("name", ["uploads/../secret", "secret", "uploads/link/secret", "other/f", "../b/uploads/f"])
def test_no_name_leads_out_of_the_shared_folders(
    tmp_path: Path, bucket: Bucket, here: SharedFiles, there: SharedFiles, name: str
) -> None:
    written(bucket.folder / "secret")
    written(bucket.folder / "uploads/link/secret")
    written(tmp_path / "a/uploads/f")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "a/uploads/link").symlink_to(tmp_path / "elsewhere")
    path = tmp_path / "a" / name
    assert not here.fetch(path)
    with pytest.raises(StoreError, match="does not lie in a folder that is shared"):
        here.put(path, tmp_path / "a/uploads/f")
    assert not list((tmp_path / "elsewhere").iterdir())


def test_an_object_that_is_too_large_is_not_fetched(tmp_path: Path, bucket: Bucket, here: SharedFiles) -> None:
    written(bucket.folder / "uploads/s/f", bytes(1_001))
    with pytest.raises(StoreError, match="larger than 1,000 bytes"):
        here.fetch(tmp_path / "a/uploads/s/f")
    assert not (tmp_path / "a/uploads/s/f").exists()


def test_a_folder_is_copied_to_the_storage_and_back(
    tmp_path: Path, bucket: Bucket, here: SharedFiles, there: SharedFiles
) -> None:
    shared = ["uploads/s/f", "uploads/.tools/u/picture-1", f"media/{'0f' * 16}", "media/frames/x.jpg", "media/kept/y"]
    own = ["media/shop/own.jpg", "media/own.jpg", "uploads/.incoming/x", "uploads/.turns/s.1", "catalogue.sqlite"]
    for name in (*shared, *own):
        written(tmp_path / "a" / name, name.encode())
    assert len(here.push()) == len(shared)
    assert set(bucket.held()) == set(shared)
    assert len(there.pull()) == len(shared)
    assert {path.relative_to(tmp_path / "b").as_posix() for path in (tmp_path / "b").rglob("*") if path.is_file()} == (
        set(shared)
    )
    before = {path: path.stat().st_mtime_ns for path in bucket.folder.rglob("*")}
    here.push()
    assert before == {path: path.stat().st_mtime_ns for path in bucket.folder.rglob("*")}


def test_the_folder_is_bounded_and_loses_nothing(tmp_path: Path, bucket: Bucket, here: SharedFiles) -> None:
    paths = [written(tmp_path / "a/uploads/s" / str(number), bytes(100)) for number in range(4)]
    own = written(tmp_path / "a/media/shop.jpg", bytes(1_000))
    for path in paths[:3]:
        here.put(path)
    assert here.trim(150) == 0  # all in use
    for hours, path in enumerate(paths, start=2):
        os.utime(path, (time.time() - hours * 3600, path.stat().st_mtime))
    assert here.fetch(paths[2])  # used just now
    assert here.trim(250) == 2
    assert [path.exists() for path in paths] == [False, False, True, True]  # the last one is nowhere else
    assert own.exists()
    assert here.fetch(paths[0])


def test_a_storage_that_is_away_is_told_in_one_sentence_at_once_and_comes_back(
    tmp_path: Path, s3: S3Server, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, path = SharedFiles(tmp_path / "a", s3.bucket().url), written(tmp_path / "a/uploads/s/f")
    files.put(path)
    path.unlink()
    s3.stop()
    for ask in (lambda: files.fetch(path), lambda: files.delete(path), files.check, lambda: files.holds(path)):
        with pytest.raises(StoreError, match=r"^The object storage does not answer as it should; .*storage\.$") as told:
            ask()
        assert told.value.__cause__ is None
        assert SECRET not in str(told.value)
    assert SECRET not in caplog.text
    assert "127.0.0.1" not in caplog.text
    s3.start()
    files.check(write=True)  # whoever looks after it need not wait
    assert files.fetch(path)


def test_a_bucket_or_package_that_is_not_there_is_told(tmp_path: Path, s3: S3Server, caplog: object) -> None:
    path = written(tmp_path / "a/uploads/s/f")
    with pytest.raises(StoreError, match="does not answer as it should"):
        SharedFiles(tmp_path / "a", "s3://no-such-bucket/x").put(path)
    with pytest.raises(StoreError, match="A package for dropbox:// is missing"):
        SharedFiles(tmp_path / "a", "dropbox://x/y").put(path)
    with pytest.raises(StoreError, match="is not like s3://BUCKET/FOLDER"):
        SharedFiles(tmp_path / "a", "nosuch://x/y").put(path)


def test_without_a_url_files_lie_in_the_folder_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    files, path = SharedFiles(tmp_path), written(tmp_path / "uploads/s/f")
    files.put(path)
    assert files.fetch(path)
    assert files.holds(path)
    assert files.sizes(path.parent) == {path: 7}
    assert files.folders(tmp_path / "uploads") == []
    assert files.trim(0) == 0
    files.delete_folder(path.parent)
    assert path.exists()  # the folder is the caller's
    files.delete(path)
    assert not path.exists()
    assert not files.fetch(path)


def test_a_password_in_the_url_is_not_in_its_name() -> None:
    assert SharedFiles(Path("a"), "sftp://me:sesame@host/x").name == "sftp://host/x"
