"""Addresses of pictures, as far as a client can open them."""

from pathlib import Path
from typing import cast

import pytest

from assistant.records import Recommendation
from assistant.service.item_links import ItemLinks, is_picture_token
from assistant.settings import Settings, load_settings
from tests.unit.service.test_markdown import reply
from tools.engines.parts import Engines

STORED = "/api/catalogue/items/x/images/0"
ELSEWHERE = "https://shop.example/x.jpg"


def settings_of(folder: Path) -> Settings:
    return load_settings(data=folder / "data", privacy={"key_file": folder / "users.key"})


def absolute(folder: Path, base: str | None, image_url: str | None, item_id: str = "a/b ü") -> str | None:
    """The address in an answer."""
    item = Recommendation(
        rank=1, item_id=item_id, title="x", price=1, score=1, explanation="", evidence=[], image_url=image_url
    )
    links = ItemLinks(settings_of(folder), base, cast(Engines, None))  # which addresses of replies do not need
    return links.absolute(reply(recommendations=[item])).recommendations[0].image_url


def test_a_stored_picture_gets_an_address_of_its_own(tmp_path: Path) -> None:
    first = absolute(tmp_path, "https://shop.example", STORED)
    assert first is not None
    assert first == absolute(tmp_path, "https://shop.example", STORED)
    begin, token, name = first.rsplit("/", 2)
    assert (begin, name) == ("https://shop.example/pictures", "a%2Fb%20%C3%BC")
    settings = settings_of(tmp_path)
    assert is_picture_token(settings, "a/b ü", token)
    assert not is_picture_token(settings, "a/b", token)
    assert not is_picture_token(settings, "a/b ü", "ü")


@pytest.mark.parametrize(
    ("base", "stored", "expected"),
    [(None, STORED, None), (None, ELSEWHERE, ELSEWHERE), ("http://h", ELSEWHERE, ELSEWHERE), ("http://h", None, None)],
)
def test_other_addresses_stay_and_what_nobody_can_open_is_left_out(
    tmp_path: Path, base: str | None, stored: str | None, expected: str | None
) -> None:
    assert absolute(tmp_path, base, stored) == expected


def test_without_the_key_of_the_pseudonyms_an_answer_has_no_picture(tmp_path: Path) -> None:
    assert absolute(tmp_path, "http://h", STORED)
    (tmp_path / "users.key").unlink()
    assert absolute(tmp_path, "http://h", STORED) is None
