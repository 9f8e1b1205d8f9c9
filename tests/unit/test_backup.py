"""A backup holds everything that cannot be made again, and a restore brings it back whole or changes nothing."""

import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
import time
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from assistant.backup import MANIFEST, back_up, restore
from assistant.errors import BadInput
from assistant.migration import move
from assistant.service.keys import KeyStore
from assistant.sessions import SessionLog
from assistant.settings import Settings, load_settings
from assistant.storage import KEYS, SESSIONS
from tests.fakes.catalogues import entry, fill
from tests.fakes.encoders import WordText, hash_vector
from tests.postgres import Postgres
from tools.place import StateServer
from tools.records import Item
from tools.store import Catalogue
from tools.store.pages import Page, PageStore, Passage
from tools.taste.events import EventStore
from tools.taste.records import Interaction

PROGRAM = "from assistant.cli import main; main()"
SLOW = "import time\nfrom assistant import backup\ncopy = backup._copy\n"


@dataclass(frozen=True)
class Shop:
    """A home folder with data, and the commands over it."""

    home: Path

    @property
    def data(self) -> Path:
        return self.home / "data"

    def start(self, *words: str | Path, before: str = "") -> subprocess.Popen[str]:
        program = f"{textwrap.dedent(before)}\n{PROGRAM}"
        environment = {**os.environ, "ASSISTANT_HOME": str(self.home), "NO_COLOR": "1"}
        environment.pop("ASSISTANT_PRIVACY__KEY_FILE")
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", program, *map(str, words)]
        return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)

    def __call__(self, *words: str | Path, before: str = "") -> tuple[int, str, str]:
        process = self.start(*words, before=before)
        out, errors = process.communicate(timeout=120)
        assert "Traceback" not in errors, errors
        return process.returncode, out, errors

    def refused(self, *words: str | Path, code: int = 2) -> str:
        ended, out, errors = self(*words)
        assert (ended, out, errors.count("\n")) == (code, "", 1), (ended, out, errors)
        return errors

    def files(self) -> dict[str, bytes]:
        paths = [path for path in self.home.rglob("*") if path.is_file() and not path.name.endswith(("-shm", "-wal"))]
        return {str(path.relative_to(self.home)): path.read_bytes() for path in paths}


def filled(home: Path, items: int = 12) -> Shop:
    shop = Shop(home)
    with Catalogue.open(shop.data) as catalogue:
        chairs = [
            Item(id=f"i{n}", title=f"Oak chair {n}", description="", category="Furniture > Chairs", price=n)
            for n in range(items)
        ]
        fill(catalogue, [entry(chair, pictures=1) for chair in chairs])
    SessionLog(shop.data / SESSIONS).create("s1", "ann", "Chairs")
    with closing(EventStore.open(shop.data)) as events:
        events.add([Interaction(user="ann", item_id="i1", event="like", at=1.0)])
    PageStore(shop.data).put([Page(name="a", title="A", passages=[Passage(text="Three days.")])], WordText())
    KeyStore(shop.data / KEYS).create("shop")
    write(shop.data / "uploads/s1/img1.png", b"photo" * 3_000)
    write(shop.data / "taste/current.json", b"{}")
    write(shop.data / "thumbnails/a.jpg", b"made again")
    write(shop.data / "uploads/.incoming/x", b"half a request")
    write(home / "secrets/users.key", b"00" * 32)
    write(home / "probed.json", b"{}")
    write(home / "models/large/weights", b"fetched again")
    text = '# ours\n[llm]\nprofile = "remote"\nmodel = "m"\nbase_url = "http://x/v1"\napi_key = "sk-hidden"\n'
    write(home / "config.toml", text.encode())
    return shop


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return filled(tmp_path / "home")


@pytest.fixture
def archive(shop: Shop, tmp_path: Path) -> Path:
    code, _, errors = shop("backup", tmp_path / "b.zip", "--secrets")
    assert (code, errors) == (0, "")
    return tmp_path / "b.zip"


def holds_everything(shop: Shop, items: int = 12) -> None:
    with Catalogue.open(shop.data) as catalogue:
        assert catalogue.count() == items
        assert len(catalogue.keyword("chair", 50)) == items
        assert len(catalogue.nearest("text", hash_vector(b"any"), 50)) == items  # from an index made anew
    assert [session.title for session in SessionLog(shop.data / SESSIONS).of_owner("ann")] == ["Chairs"]
    with closing(EventStore.open(shop.data)) as events:
        assert events.count_of("ann") == 1
    assert PageStore(shop.data).keyword("days", 1)
    assert [key.name for key in KeyStore(shop.data / KEYS).list()] == ["shop"]
    assert (shop.data / "uploads/s1/img1.png").read_bytes() == b"photo" * 3_000


def test_what_is_backed_up_is_restored(shop: Shop, archive: Path, tmp_path: Path) -> None:
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    other = Shop(tmp_path / "other")
    code, out, errors = other("restore", archive)
    assert (code, errors) == (0, "")
    assert "forgotten after that time" in out
    holds_everything(other)
    assert not (other.data / "thumbnails").exists()
    assert not (other.home / "models").exists()
    for name in ("secrets/users.key", "config.toml", "probed.json"):
        assert (other.home / name).read_bytes() == (shop.home / name).read_bytes()
    ages = [(each.data / "uploads/s1/img1.png").stat().st_mtime_ns for each in (shop, other)]
    assert ages[0] == ages[1]
    assert not [path.name for path in other.home.iterdir() if path.name.startswith(".")]
    assert stat.S_IMODE(other.data.stat().st_mode) == 0o700


def test_state_on_a_server_is_named_as_missing_and_its_url_is_a_secret(shop: Shop, tmp_path: Path) -> None:
    (shop.home / "config.toml").write_text('[state]\nurl = "postgresql://u:sesame@db.internal/shop"\n')
    code, out, errors = shop("backup", tmp_path / "b.zip", "--no-state")
    assert code == 0, errors
    assert "Not in it: the state in PostgreSQL at db.internal/shop; back it up with pg_dump." in out
    assert b"sesame" not in (tmp_path / "b.zip").read_bytes()


def test_state_on_a_server_is_backed_up_and_restored_to_a_server_or_to_files(
    shop: Shop, tmp_path: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    def settings_of(each: Shop, place: StateServer | None = None) -> Settings:
        monkeypatch.setenv("ASSISTANT_HOME", str(each.home))
        return load_settings(state={"url": place.url} if place else {})

    one, other, file = postgres.place(), postgres.place(), tmp_path / "b.zip"
    move(shop.data, one)
    with closing(EventStore.open(shop.data)) as unused:  # what lies there besides is not the state
        unused.add([Interaction(user="ann", item_id="i2", event="like", at=2.0)])
    manifest = back_up(settings_of(shop, one), file, with_secrets=False, done=lambda _: None)
    assert not [what for what in manifest.left_out if "PostgreSQL" in what]
    assert b"sesame" not in file.read_bytes()

    files, machine = Shop(tmp_path / "files"), Shop(tmp_path / "machine")
    assert restore(settings_of(files), file, force=False, done=lambda _: None).server is None
    holds_everything(files)

    KeyStore(other).create("theirs")
    with pytest.raises(BadInput, match="holds keys already; --force"):
        restore(settings_of(machine, other), file, force=False, done=lambda _: None)
    assert not machine.data.exists()
    restored = restore(settings_of(machine, other), file, force=True, done=lambda _: None)
    assert restored.server == other.name
    assert not [path.name for path in machine.data.iterdir() if path.name.startswith(("sessions", "keys", "inter"))]
    assert [key.name for key in KeyStore(other).list()] == ["shop"]
    assert [session.title for session in SessionLog(other).of_owner("ann")] == ["Chairs"]
    with closing(EventStore.open(other)) as events:
        assert events.count_of("ann") == 1


def test_secrets_are_left_out_unless_asked_for(shop: Shop, tmp_path: Path) -> None:
    code, out, _ = shop("backup", tmp_path / "plain.zip")
    assert code == 0
    assert "Not in it: the key of the users' pseudonyms" in out
    assert "Not in it: llm.api_key of " in out
    content = (tmp_path / "plain.zip").read_bytes()
    assert b"sk-hidden" not in content
    assert b"00" * 32 not in content
    other = Shop(tmp_path / "other")
    code, out, _ = other("restore", tmp_path / "plain.zip")
    assert code == 0
    assert f"Put your copy of the key of the users' pseudonyms at {other.home / 'secrets/users.key'}" in out
    assert (other.home / "config.toml").read_text().splitlines()[:3] == ["# ours", "[llm]", 'profile = "remote"']


@pytest.mark.parametrize(
    "text",
    ['llm = { model = "m", api_key = "sk-hidden" }\n', '[llm]\nmodel = "m"\napi_key = """\nsk-hidden"""\n'],
    ids=["inline table", "several lines"],
)
def test_a_settings_file_whose_secret_cannot_be_cut_out_is_left_out(shop: Shop, tmp_path: Path, text: str) -> None:
    (shop.home / "config.toml").write_text(text)
    code, out, _ = shop("backup", tmp_path / "plain.zip")
    assert code == 0
    assert "because its secrets cannot be taken out of it" in out
    assert b"sk-hidden" not in (tmp_path / "plain.zip").read_bytes()


def test_a_backup_beside_writers_is_of_one_moment(shop: Shop, tmp_path: Path) -> None:
    """Each write goes to sessions, then to events: no event may be in the archive without its session."""
    writing = """
        import time
        from contextlib import closing
        from pathlib import Path
        from assistant.sessions import SessionLog
        from tools.taste.events import EventStore
        from tools.taste.records import Interaction
        data = Path(__import__("os").environ["ASSISTANT_HOME"]) / "data"
        log, store = SessionLog(data / "sessions.sqlite"), EventStore.open(data)
        for n in range(10_000):
            log.create(f"w{n}", f"u{n}")
            store.add([Interaction(user=f"u{n}", item_id="i1", event="view", at=float(n))])
            if n == 20:
                print("writing", flush=True)
    """
    writer = shop.start(before=writing)
    try:
        assert writer.stdout
        assert writer.stdout.readline() == "writing\n"
        assert shop("backup", tmp_path / "b.zip")[0] == 0
    finally:
        writer.kill()
        writer.communicate()
    other = Shop(tmp_path / "other")
    assert other("restore", tmp_path / "b.zip")[0] == 0
    with closing(sqlite3.connect(other.data / SESSIONS)) as db:
        owners = {owner for (owner,) in db.execute("select owner from sessions")}
    with closing(sqlite3.connect(other.data / "interactions.sqlite")) as db:
        users = {user for (user,) in db.execute("select name from users")}
    assert len(users) > 20
    assert users <= owners


def test_nothing_is_written_over(shop: Shop, archive: Path) -> None:
    before = shop.files()
    assert "exists already" in shop.refused("backup", archive)
    assert "lies in the data folder" in shop.refused("backup", shop.data / "b.zip")
    assert "No such file or directory" in shop.refused("backup", shop.home / "missing" / "b.zip", code=3)
    assert "is not empty; with --force" in shop.refused("restore", archive)
    assert shop.files() == before
    shutil.rmtree(shop.data)
    (shop.home / "secrets/users.key").write_text("11" * 32)
    assert "users.key is there already and differs" in shop.refused("restore", archive)
    assert not shop.data.exists()


def test_with_force_earlier_data_are_kept_beside(shop: Shop, archive: Path) -> None:
    write(shop.data / "uploads/s2/img1.png", b"newer")
    code, out, _ = shop("restore", archive, "--force")
    assert code == 0
    (moved,) = shop.home.glob("data.before-*")
    assert f"The earlier data are in {moved}" in out
    assert (moved / "uploads/s2/img1.png").read_bytes() == b"newer"
    assert not (shop.data / "uploads/s2").exists()
    holds_everything(shop)


def test_a_folder_in_use_is_not_replaced(shop: Shop, archive: Path) -> None:
    holding = (
        "from contextlib import closing\nfrom pathlib import Path\nfrom tools.taste.events import EventStore\n"
        f"store = EventStore.open(Path({str(shop.data)!r}))\nprint('open', flush=True)\nimport time; time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", holding], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        assert process.stdout.readline() == "open\n"
        assert f"(process {process.pid}) uses {shop.data}" in shop.refused("restore", archive, "--force", code=3)
    finally:
        process.kill()
        process.communicate()
    holds_everything(shop)


def test_a_backup_of_nothing_is_refused(tmp_path: Path) -> None:
    assert "nothing to back up" in Shop(tmp_path / "home").refused("backup", tmp_path / "b.zip", code=3)


def test_a_damaged_database_is_not_backed_up(shop: Shop, tmp_path: Path) -> None:
    path = shop.data / SESSIONS
    with closing(sqlite3.connect(path)) as db:
        db.execute("pragma wal_checkpoint(truncate)")
    content = bytearray(path.read_bytes())
    content[4096 : 2 * 4096] = os.urandom(4096)
    path.write_bytes(content)
    assert f"{path} is damaged" in shop.refused("backup", tmp_path / "b.zip", code=3)
    assert not (tmp_path / "b.zip").exists()


# Killed --------------------------------------------------------------------------------------------------------------


def test_a_killed_backup_leaves_no_archive(shop: Shop, tmp_path: Path) -> None:
    slow = SLOW + "backup._copy = lambda *a: (print('copying', flush=True), time.sleep(60), copy(*a))[2]"
    process = shop.start("backup", tmp_path / "b.zip", before=slow)
    assert process.stdout
    assert process.stdout.readline() == "copying\n"
    process.send_signal(signal.SIGTERM)  # as Ctrl-C: also what was begun is gone
    assert process.wait(30) == 130
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


@pytest.mark.parametrize("place", ["_copy", "_beside", "_exchange"])
def test_a_killed_restore_leaves_the_old_folder(shop: Shop, archive: Path, place: str) -> None:
    write(shop.data / "uploads/s2/img1.png", b"newer")
    before = shop.files()
    kill = f"from assistant import backup\nimport os\nbackup.{place} = lambda *_: os.kill(os.getpid(), 9)"
    assert shop("restore", archive, "--force", before=kill)[0] == -signal.SIGKILL
    after = shop.files()
    assert {name: after.get(name) for name in before} == before
    assert shop("restore", archive, "--force")[0] == 0
    assert not [path.name for path in shop.home.iterdir() if path.name.startswith(".")]
    assert not (shop.data / "uploads/s2").exists()
    assert any((path / "uploads/s2/img1.png").exists() for path in shop.home.glob("data.before-*"))


def test_killed_after_the_exchange_the_earlier_data_are_not_lost(shop: Shop, archive: Path) -> None:
    write(shop.data / "uploads/s2/img1.png", b"newer")
    kill = "from assistant import backup\nimport os\nbackup._set_aside = lambda *_: os.kill(os.getpid(), 9)"
    assert shop("restore", archive, "--force", before=kill)[0] == -signal.SIGKILL
    holds_everything(shop)
    assert shop("restore", archive, "--force")[0] == 0
    assert any((path / "uploads/s2/img1.png").exists() for path in shop.home.glob("data.before-*"))


# Archives of others --------------------------------------------------------------------------------------------------

Change = Callable[[dict[str, bytes], dict[str, object]], None]


def changed(archive: Path, change: Change) -> Path:
    """The archive with other entries or another manifest."""
    with zipfile.ZipFile(archive) as source:
        entries = {name: source.read(name) for name in source.namelist()}
    manifest = json.loads(entries.pop(MANIFEST))
    change(entries, manifest)
    path = archive.with_name("changed.zip")
    with zipfile.ZipFile(path, "w") as target:
        for name, content in entries.items():
            target.writestr(name, content)
        target.writestr(MANIFEST, json.dumps(manifest))
    return path


def listed(path: str, **values: object) -> Change:
    """One more file of this path."""

    def change(entries: dict[str, bytes], manifest: dict[str, object]) -> None:
        entries[path] = b"x"
        digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
        files = manifest["files"]
        assert isinstance(files, list)
        files.append({"path": path, "bytes": 1, "sha256": digest, "mtime_ns": 1} | values)

    return change


BROKEN: dict[str, Change] = {
    "a bit flipped": lambda entries, _: entries.update({"data/uploads/s1/img1.png": b"Photo" * 3_000}),
    "a file too few": lambda entries, _: entries.pop("data/taste/current.json") and None,  # type: ignore[func-returns-value]
    "a file too many": lambda entries, _: entries.update({"data/extra": b"x"}),
    "absolute": listed("/tmp/evil"),
    "upwards": listed("data/../../evil"),
    "upwards in home": listed("home/../evil"),
    "elsewhere": listed("other/evil"),
    "backslashes": listed("data\\..\\evil"),
    "the folder itself": listed("data"),
    "an empty part": listed("data//x"),
    "a file below a file": listed("data/taste/current.json/x"),
    "a size that is not so": listed("data/x", bytes=10**15),
    "a digest that is not so": listed("data/x", sha256="0" * 64),
    "a negative time": listed("data/x", mtime_ns=-1),
    "no files": lambda _, manifest: manifest.pop("files") and None,  # type: ignore[func-returns-value]
    "an odd date": lambda _, manifest: manifest.update(created_at=1e300),
    "a long number": lambda _, manifest: manifest.update(program="9" * 10_000),
    "no version": lambda _, manifest: manifest.update(program="soon"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_archive_changes_nothing(shop: Shop, archive: Path, tmp_path: Path, case: str) -> None:
    path, before = changed(archive, BROKEN[case]), shop.files()
    code, out, errors = shop("restore", path, "--force")
    assert (out, errors.count("\n")) == ("", 1)
    assert code in (2, 3)
    assert shop.files() == before
    assert {path.name for path in tmp_path.iterdir()} == {"home", "b.zip", "changed.zip"}
    assert shop("restore", path, "--check")[0] in (2, 3) or case == "a file below a file"


def test_a_newer_version_is_refused(shop: Shop, archive: Path) -> None:
    for newer in ({"program": "99.0"}, {"format": 99}):
        path = changed(archive, lambda _, manifest, newer=newer: manifest.update(newer))  # type: ignore[misc]
        assert "update the program first" in shop.refused("restore", path, "--force")


def test_links_compressed_entries_and_other_files_are_refused(shop: Shop, archive: Path, tmp_path: Path) -> None:
    def as_link(info: zipfile.ZipInfo) -> None:
        info.external_attr = (stat.S_IFLNK | 0o777) << 16

    def packed(info: zipfile.ZipInfo) -> None:
        info.compress_type = zipfile.ZIP_DEFLATED

    for change in (as_link, packed):
        path = tmp_path / "changed.zip"
        with zipfile.ZipFile(archive) as source, zipfile.ZipFile(path, "w") as target:
            for info in source.infolist():
                content = source.read(info)
                if info.filename == "data/taste/current.json":
                    change(info)
                target.writestr(info, content)
        assert "damaged or not a backup" in shop.refused("restore", path, "--force")
    for content in (b"", b"PK\x03\x04", os.urandom(5_000), archive.read_bytes()[:-200], archive.read_bytes()[200:]):
        path.write_bytes(content)
        assert "nothing was changed" in shop.refused("restore", path, "--force")
    for device in (tmp_path, Path("/dev/zero")):
        assert "damaged or not a backup" in shop.refused("restore", device, "--force")
    assert "File name too long" in shop.refused("backup", tmp_path / ("a" * 300), code=3)
    assert "cannot be read" in shop.refused("restore", tmp_path / "missing.zip", code=3)


def test_an_archive_can_be_checked(shop: Shop, archive: Path) -> None:
    before = shop.files()
    code, out, errors = shop("restore", archive, "--check")
    assert (code, errors) == (0, "")
    assert f"{archive} is sound: " in out
    assert shop.files() == before


def test_links_and_odd_names_are_named(shop: Shop, tmp_path: Path) -> None:
    (shop.data / "media").symlink_to(tmp_path)
    (shop.data / "uploads/s1/link.png").symlink_to("/etc/hostname")
    write(shop.data / "uploads/s1" / os.fsdecode(b"\xff.png"), b"x")
    os.mkfifo(shop.data / "uploads/pipe")
    began = time.monotonic()
    code, out, _ = shop("backup", tmp_path / "b.zip")
    assert time.monotonic() - began < 60
    assert code == 0
    assert "Not in it: the link media." in out
    assert "Not in it: the link uploads/s1/link.png." in out
    assert "udcff.png', because of its name." in out
