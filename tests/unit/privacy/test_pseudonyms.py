"""Pseudonyms: steady, keyed, and loud when the key is not what it was."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from assistant.errors import ConfigError
from assistant.privacy.pseudonyms import CHECK, Pseudonyms, pseudonym
from assistant.settings import Settings, load_settings


def settings_in(folder: Path, key: str = "secrets/users.key") -> Settings:
    return load_settings(data=folder / "data", privacy={"key_file": folder / key})


def test_a_pseudonym_is_steady_and_tells_nothing_of_the_id(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    first = pseudonym(settings, "ann@example.org")

    assert first == pseudonym(settings, "ann@example.org")
    assert first != pseudonym(settings, "Ann@example.org")
    assert len(first) == 32
    assert int(first, 16)
    assert first != pseudonym(settings_in(tmp_path / "other"), "ann@example.org")


def test_the_user_of_the_terminal_is_nobody_in_particular_and_needs_no_key(tmp_path: Path) -> None:
    assert pseudonym(settings_in(tmp_path), "local") == "local"
    assert not (tmp_path / "secrets").exists()


@pytest.mark.parametrize("raw", ["", " ", "a 'b' \"c\"", "🙂", "\ud800", "x" * 10_000])
def test_any_id_has_one(tmp_path: Path, raw: str) -> None:
    assert len(pseudonym(settings_in(tmp_path), raw)) == 32


def test_the_key_is_for_its_owner_s_eyes_only(tmp_path: Path) -> None:
    pseudonym(settings_in(tmp_path), "u")
    key = tmp_path / "secrets" / "users.key"

    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    assert list(key.parent.iterdir()) == [key]
    assert key.read_text().strip() not in (tmp_path / "data" / CHECK).read_text()


def test_the_key_shows_in_no_representation(tmp_path: Path) -> None:
    pseudonyms = Pseudonyms.open(settings_in(tmp_path))

    assert repr(pseudonyms.key) not in repr(pseudonyms)


def test_processes_that_begin_together_agree_on_one_key(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(lambda _: pseudonym(settings, "u"), range(32)))

    assert len(found) == 1


def test_a_lost_key_is_not_replaced_in_silence(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    pseudonym(settings, "u")
    (tmp_path / "secrets" / "users.key").unlink()

    with pytest.raises(ConfigError, match=r"is gone.*Put it back.*delete .*users\.check"):
        pseudonym(settings, "u")
    assert not (tmp_path / "secrets" / "users.key").exists()

    (tmp_path / "data" / CHECK).unlink()
    assert pseudonym(settings, "u")


def test_another_key_than_the_data_s_is_refused(tmp_path: Path) -> None:
    pseudonym(settings_in(tmp_path), "u")
    (tmp_path / "another.key").write_text("ab" * 32)

    with pytest.raises(ConfigError, match="not the key that the data was written with"):
        pseudonym(settings_in(tmp_path, "another.key"), "u")


@pytest.mark.parametrize("content", ["", "hello", "ab" * 31, "zz" * 32, "é" * 64])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "users.key").write_text(content)

    with pytest.raises(ConfigError, match="64 hexadecimal digits"):
        pseudonym(settings_in(tmp_path, "users.key"), "u")


def test_a_key_within_the_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="protects nobody"):
        pseudonym(settings_in(tmp_path, "data/users.key"), "u")


def test_a_key_that_cannot_be_written_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(ConfigError, match="cannot be used"):
        pseudonym(settings_in(tmp_path, "file/users.key"), "u")
