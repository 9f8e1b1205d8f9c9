"""The shop's settings in their file: what may stand in it, and what becomes of a file that is wrong."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from assistant.errors import ConfigError
from assistant.settings import Settings, load_settings
from assistant.shop import FILE, ShopProfile, item_url, shop_in_force, shop_profile, write_profile


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data=tmp_path, shop={"contact": "help@old.example", "cart_link": "http://old.example/?a={id}"})


def test_without_a_file_the_configuration_counts(settings: Settings) -> None:
    assert shop_profile(settings) == ShopProfile(contact="help@old.example")
    assert shop_in_force(settings) == settings.shop
    assert item_url(settings, "a", "https://shop.example/a") == "https://shop.example/a"


def test_what_is_written_is_in_force_at_once(settings: Settings) -> None:
    write_profile(settings, ShopProfile(contact="new", cart_link="https://shop.example/cart?add={id}"))
    assert shop_in_force(settings).contact == "new"
    assert shop_in_force(settings).cart_link == "https://shop.example/cart?add={id}"
    write_profile(settings, ShopProfile(item_link="https://shop.example/p/{id}#top", name="Möbel 家具"))
    assert shop_profile(settings).name == "Möbel 家具"
    assert shop_in_force(settings) == settings.shop
    assert item_url(settings, "a/b ü", None) == "https://shop.example/p/a%2Fb%20%C3%BC#top"


@pytest.mark.parametrize(
    "link",
    [
        "http://shop.example/{id}", "javascript:alert({id})", "https://{id}.example/", "https://shop.example/",
        "https://shop.example/{id}/{id}", "https://shop.example/{id}{x}", "https://u:p@shop.example/{id}",
        "https://shop.example/{id}\n", "https:///{id}", "//shop.example/{id}", "https://shop.example:x/{id}",
        "https://localhost/{id}", "https://shop.example\\@evil.example/{id}", "", "https://[/{id}",
        "https://shop.example/" + "x" * 1000 + "{id}", "https://shop.example{id}/",
    ],
)  # fmt: skip
def test_links_are_https_with_one_place_for_the_id(link: str) -> None:
    for field in ("item_link", "cart_link"):
        with pytest.raises(ValidationError):
            ShopProfile.model_validate({field: link})


@pytest.mark.parametrize(
    "wrong",
    [
        {"colours": {"light": "red"}}, {"colours": {"light": "#12345"}}, {"currency": "ZZZ"}, {"currency": "€"},
        {"languages": ["English"]}, {"greeting": {"en": "x" * 301}}, {"name": "a\x00b"}, {"name": "a\u202eb"},
        {"examples": {"en": ["a"] * 9}}, {"pages": [{"title": "", "url": "https://shop.example/"}]},
        {"pages": [{"title": "Home", "url": "http://shop.example/"}]}, {"unknown": 1}, {"contact": "x" * 301}, [], 1,
    ],
)  # fmt: skip
def test_other_wrong_values_are_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        ShopProfile.model_validate(wrong)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"currency": "zzz"}', "\ufeff{}", "\udcff"])
def test_a_wrong_file_is_one_sentence_and_the_last_good_one_stays(settings: Settings, content: str) -> None:
    path = settings.data_folder / FILE
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError) as told:
        shop_profile(settings)
    assert str(path) in str(told.value)
    assert "\n" not in str(told.value)
    write_profile(settings, ShopProfile(name="good"))
    assert shop_profile(settings).name == "good"
    path.write_bytes(content.encode("utf-8", "surrogateescape") + b" ")
    assert shop_profile(settings).name == "good"


def test_the_file_holds_only_what_was_set(settings: Settings) -> None:
    write_profile(settings, ShopProfile(name="A", greeting={"de": "Guten Tag"}))
    assert json.loads((settings.data_folder / FILE).read_text()) == {"name": "A", "greeting": {"de": "Guten Tag"}}
