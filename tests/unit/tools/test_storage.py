"""Deleted bytes are overwritten, also when another connection is in the way for a moment."""

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from tools.errors import StoreError
from tools.storage import SqliteFile, note_deletion

SECRET = "zanzibarine"


def vacuum(path: Path, seconds: float) -> None:
    SqliteFile(path, "notes", "Delete it.", seconds).vacuum_securely()


def connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, timeout=5, check_same_thread=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database in WAL mode with a secret in it."""
    path = tmp_path / "x.sqlite"
    with closing(connect(path)) as db:
        db.execute("pragma journal_mode = wal")
        db.execute("create table notes (text)")
        db.execute("create table others (text)")
        db.executemany("insert into notes values (?)", [(f"{SECRET} {n}" * 40,) for n in range(200)])
    return path


def delete(db: sqlite3.Connection, *, noted: bool = True) -> None:
    db.execute("begin immediate")
    if noted:
        note_deletion(db)
    db.execute("delete from notes")
    db.execute("commit")


def holds_secret(path: Path) -> bool:
    return any(SECRET.encode() in file.read_bytes() for file in path.parent.iterdir())


def test_nothing_is_left_of_what_was_deleted(path: Path) -> None:
    with closing(connect(path)) as keeper, closing(connect(path)) as db:
        keeper.execute("select count(*) from others").fetchall()
        delete(db)
        vacuum(path, 5)
        assert not holds_secret(path)


def test_a_process_that_ends_before_it_has_scrubbed_leaves_it_to_the_next(path: Path) -> None:
    with closing(connect(path)) as keeper:
        keeper.execute("select count(*) from others").fetchall()
        with closing(connect(path)) as db:
            delete(db)
        assert holds_secret(path)
        with closing(connect(path)) as db:
            vacuum(path, 5)
        assert not holds_secret(path)


def test_where_nothing_was_deleted_nothing_can_be_in_the_way(path: Path) -> None:
    with closing(connect(path)) as reader:
        reader.execute("begin")
        reader.execute("select count(*) from notes").fetchall()
        vacuum(path, 0)


def test_a_checkpoint_of_another_connection_is_waited_for(path: Path) -> None:
    """Many short connections of one process, as a service has them, each of which may checkpoint at any moment."""
    stop = threading.Event()

    def writing() -> None:
        while not stop.is_set():
            with closing(connect(path)) as other:
                other.execute("insert into others values ('x')")
                other.execute("pragma wal_checkpoint(passive)").fetchall()

    threads = [threading.Thread(target=writing) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        with closing(connect(path)) as db:
            for _ in range(5):
                db.execute("insert into notes values (?)", (SECRET,))
                delete(db)
                vacuum(path, 30)
                assert not holds_secret(path)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_reader_that_goes_is_waited_for_and_one_that_stays_is_told(path: Path) -> None:
    with closing(connect(path)) as reader, closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as db:
        reader.execute("begin")
        reader.execute("select count(*) from notes").fetchall()
        delete(db)
        with pytest.raises(StoreError, match=r"^x\.sqlite is in use"):
            vacuum(path, 0.1)
        threading.Timer(0.3, reader.rollback).start()
        began = time.monotonic()
        vacuum(path, 30)
        assert time.monotonic() - began >= 0.2
        assert not holds_secret(path)


def test_what_is_deleted_meanwhile_is_scrubbed_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tools.storage

    scrubbed, calls = tools.storage._vacuumed, []

    def with_another(db: sqlite3.Connection) -> bool:
        calls.append(1)
        done = scrubbed(db)
        if len(calls) == 1:
            with closing(connect(path)) as other:
                other.execute("insert into notes values (?)", (SECRET,))
                delete(other)
        return done

    monkeypatch.setattr(tools.storage, "_vacuumed", with_another)
    with closing(connect(path)) as db:
        delete(db)
        vacuum(path, 5)
    assert len(calls) == 2
    assert not holds_secret(path)
