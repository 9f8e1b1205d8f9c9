"""Presets: what their files hold, and what `assistant init` writes, refuses and takes in."""

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import pytest
from typer.testing import CliRunner, Result

from assistant import presets
from assistant.cli import app
from assistant.errors import BadInput, StoreError
from assistant.ingest.pages import read_page
from assistant.ingest.validate import validate
from assistant.settings import load_settings
from assistant.shop import FILE, Kind, ShopProfile, shop_profile
from prompts import counted, languages, nouns, say
from tests.fakes.catalogues import entry, fill
from tests.fakes.encoders import HashPictures, HashText
from tools.engines.sounds import LogMel
from tools.rank_fusion import WEIGHTS
from tools.records import Item
from tools.store import Catalogue
from tools.store.pages import PageStore

KINDS: tuple[Kind, ...] = get_args(Kind)
FOLDER = Path(presets.__file__).parent


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("ASSISTANT_CONFIG", "ASSISTANT_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ASSISTANT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def init(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["init", *map(str, words)])


# The files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_texts_are_there_in_every_language_and_the_contact_is_to_be_replaced(kind: Kind) -> None:
    profile = ShopProfile.model_validate_json((FOLDER / kind / FILE).read_bytes())
    assert profile.kind == kind
    assert set(profile.greeting) == set(profile.examples) == set(profile.languages) == set(languages())
    assert all(len(set(wishes)) == 4 for wishes in profile.examples.values())
    assert profile.contact.startswith("[REPLACE:")


@pytest.mark.parametrize("kind", KINDS)
def test_the_sample_is_taken_whole(kind: Kind) -> None:
    rows = [json.loads(line) for line in (FOLDER / kind / "items.jsonl").read_text("utf-8").splitlines()]
    assert 30 <= len({row["id"] for row in rows}) == len(rows) <= 40
    assert not any(validate(row).unread for row in rows)


@pytest.mark.parametrize("kind", KINDS)
def test_pages_can_be_read_and_say_that_they_are_samples(kind: Kind) -> None:
    files = sorted((FOLDER / kind / "pages").iterdir())
    assert len(files) == 2
    for file in files:
        assert read_page(file).passages
        assert "This is sample text." in file.read_text("utf-8")
    assert any("[REPLACE:" in file.read_text("utf-8") for file in files)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", languages())
def test_items_have_a_noun_in_every_language(kind: Kind, language: str) -> None:
    assert all(form.count("{}") == 1 for form in nouns(kind)[language])
    words = counted(1234, kind, language)
    assert "1234" in words
    facts = {"count": 1234, "categories": [], "brands": [], "lowest": None, "highest": None, "currency": None}
    assert words in say("assortment", language, counted=words, **facts)
    assert ("shop" in say("shop_unknown", "en", contact="", kind=kind)) == (kind == "shop")


def test_one_item_has_its_own_form_and_unknown_languages_are_english() -> None:
    assert counted(1, "learning", "en") == "1 course"
    assert counted(2, "learning", "de") == "2 Kurse"
    assert counted(1, "social", "fi") == "1 post"


# The command ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_in_force(kind: Kind, home: Path) -> None:
    done = init("--preset", kind)
    assert done.exit_code == 0, done.output
    settings = load_settings()
    assert (home / "config.toml").is_file()
    assert shop_profile(settings).kind == kind
    assert set(settings.turn.weights) == set(WEIGHTS)
    assert not (home / "data" / "catalogue.sqlite").exists()
    assert f"assistant ingest {home / f'preset-{kind}' / 'items.jsonl'}" in done.stdout


def test_a_folder_of_its_own_holds_everything_and_is_named_in_the_next_command(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / 'a "folder" ü 家'
    monkeypatch.setenv("ASSISTANT_DATA", str(tmp_path / "elsewhere"))
    done = init("--preset", "content", "--folder", folder)
    assert done.exit_code == 0, done.output
    assert not home.exists()
    assert not (tmp_path / "elsewhere").exists()
    assert "unset ASSISTANT_DATA" in done.stdout
    (line,) = [line.strip() for line in done.stdout.splitlines() if "ASSISTANT_CONFIG" in line]
    with os.popen(f'{line}; printf %s "$ASSISTANT_CONFIG"') as shell:
        monkeypatch.setenv("ASSISTANT_CONFIG", shell.read())
    monkeypatch.delenv("ASSISTANT_DATA")
    assert load_settings().data_folder == folder / "data"
    assert shop_profile(load_settings()).kind == "content"


def test_nothing_is_replaced_without_force(home: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text("threads = 1\n")
    refused = init("--preset", "shop")
    assert isinstance(refused.exception, BadInput)
    assert str(home / "config.toml") in str(refused.exception)
    assert [path.name for path in home.iterdir()] == ["config.toml"]
    assert (home / "config.toml").read_text() == "threads = 1\n"
    assert init("--preset", "shop", "--force").exit_code == 0
    assert load_settings().threads is None


def test_a_shop_s_own_texts_are_not_replaced_either(home: Path) -> None:
    (home / "data").mkdir(parents=True)
    (home / "data" / FILE).write_text('{"name": "Oak & Co"}')
    assert isinstance(init("--preset", "social").exception, BadInput)
    assert not (home / "config.toml").exists()


@pytest.mark.parametrize("words", [[], ["--preset", "health"], ["--preset", ""], ["--preset", "Shop"], ["shop"]])
def test_an_unknown_preset_is_wrong_usage(words: list[str], home: Path) -> None:
    assert init(*words).exit_code == 2
    assert not home.exists()


def test_a_folder_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = init("--preset", "shop", "--folder", tmp_path / "file")
    assert isinstance(refused.exception, StoreError)
    assert "\n" not in str(refused.exception)


# The sample ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def encoders(monkeypatch: pytest.MonkeyPatch) -> None:
    engines = SimpleNamespace(text=HashText(), pictures=HashPictures(), sounds=LogMel())
    monkeypatch.setattr("assistant.engines.open_engines", lambda _: engines)


@pytest.mark.usefixtures("encoders")
def test_the_sample_and_the_pages_are_taken_in(tmp_path: Path, home: Path) -> None:
    done = init("--preset", "learning", "--folder", tmp_path / "x", "--sample")
    assert done.exit_code == 0, done.output
    with Catalogue.open(tmp_path / "x" / "data", read_only=True) as catalogue:
        assert catalogue.stats().items == 36
    assert len(PageStore(tmp_path / "x" / "data").pages()) == 2
    assert "assistant ingest" not in done.stdout
    assert not home.exists()


@pytest.mark.usefixtures("encoders")
def test_the_sample_is_not_added_to_a_shop_s_items(home: Path) -> None:
    with Catalogue.open(home / "data") as catalogue:
        fill(catalogue, [entry(Item(id="a", title="A chair"))])
    assert isinstance(init("--preset", "shop", "--sample").exception, BadInput)
    assert not (home / "config.toml").exists()


def test_files_stand_and_the_next_commands_are_told_where_a_model_is_missing(home: Path) -> None:
    done = init("--preset", "shop", "--sample")
    assert done.exception is not None
    assert (home / "config.toml").is_file()
    assert "assistant ingest" in done.stdout
