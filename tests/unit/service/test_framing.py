"""Which sites may show the page, and which values service.cors takes."""

import pytest

from assistant.errors import ConfigError
from assistant.service.http.guard import security_headers
from assistant.settings import load_settings


def test_nobody_may_show_the_page_unless_sites_are_listed() -> None:
    for sites in ([], ["*"]):
        headers = security_headers(sites)
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Content-Security-Policy"].endswith("frame-ancestors 'none'")


def test_listed_sites_may() -> None:
    headers = security_headers(["https://shop.example", "http://127.0.0.1:3000", "*"])
    assert "X-Frame-Options" not in headers
    assert headers["Content-Security-Policy"].endswith("frame-ancestors https://shop.example http://127.0.0.1:3000")


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://shop.example/", "https://shop.example"),
        ("HTTPS://Shop.Example:443", "https://shop.example"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("*", "*"),
    ],
)
def test_an_origin_is_kept_as_browsers_send_it(written: str, origin: str) -> None:
    assert load_settings(service={"cors": [written]}).service.cors == [origin]


@pytest.mark.parametrize(
    "value",
    ["shop.example", "https://shop.example/cart", "https://a:b@shop.example", "ftp://shop.example", "null", "",
     "https://shop.example; script-src *", "https://shop.example\r\nX: y"],
)  # fmt: skip
def test_anything_else_is_refused_in_a_sentence(value: str) -> None:
    with pytest.raises(ConfigError, match="cors"):
        load_settings(service={"cors": [value]})
