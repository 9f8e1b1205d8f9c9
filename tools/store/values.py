"""Attribute names and values in one comparable form: "32GB" and "32 GB", "1,5 l" and "1.5 L", "27 Zoll" and '27"'.

Units come from the Unicode CLDR (through Babel), in the languages of `LOCALES`, and are converted to one unit for each
quantity, so that "1 kg" is "1000 g".
"""

import re
from decimal import Decimal
from functools import cache, lru_cache
from typing import Literal

from tools.store.words import name_key

LOCALES = ("en", "de", "fr", "es", "zh", "it", "pt", "nl", "pl", "ja", "ko", "ru")

_UNITS: dict[str, dict[str, str]] = {
    "byte": {
        "digital-kilobyte": "1e3", "digital-megabyte": "1e6", "digital-gigabyte": "1e9", "digital-terabyte": "1e12",
    },
    "g": {
        "mass-milligram": "0.001", "mass-gram": "1", "mass-kilogram": "1000", "mass-ounce": "28.349523125",
        "mass-pound": "453.59237",
    },
    "mm": {
        "length-millimeter": "1", "length-centimeter": "10", "length-meter": "1000", "length-kilometer": "1e6",
        "length-inch": "25.4", "length-foot": "304.8",
    },
    "ml": {
        "volume-milliliter": "1", "volume-centiliter": "10", "volume-deciliter": "100", "volume-liter": "1000",
        "volume-fluid-ounce": "29.5735295625", "volume-gallon": "3785.411784",
    },
    "m2": {"area-square-centimeter": "0.0001", "area-square-meter": "1"},
    "W": {"power-watt": "1", "power-kilowatt": "1000"},
    "Wh": {"energy-kilowatt-hour": "1000"},
    "V": {"electric-volt": "1"},
    "A": {"electric-milliampere": "0.001", "electric-ampere": "1"},
    "Hz": {
        "frequency-hertz": "1", "frequency-kilohertz": "1e3", "frequency-megahertz": "1e6",
        "frequency-gigahertz": "1e9",
    },
    "px": {"graphics-pixel": "1", "graphics-megapixel": "1e6"},
    "lm": {"light-lumen": "1"},
    "s": {"duration-second": "1", "duration-minute": "60", "duration-hour": "3600"},
    "C": {"temperature-celsius": "1"},
}  # fmt: skip
"""For each quantity its base unit, and what one of each CLDR unit is in it."""

_FURTHER = {
    '"': ("mm", "25.4"), "''": ("mm", "25.4"), "寸": ("mm", "25.4"), "wh": ("Wh", "1"), "mah": ("Ah", "0.001"),
    "ah": ("Ah", "1"), "公斤": ("g", "1000"), "斤": ("g", "500"),
}  # fmt: skip
"""Ways to write a unit that the CLDR does not have."""

_LONGEST_NUMBER = 15
"""Digits; what is longer is an article number."""

_FRACTION = re.compile("(?<=\\d)(?=[¼½¾⅐-⅞])")
_PART = re.compile(r"(?<!\d)(\d++) ([1357])/([248])(?![\d/])")
_TIMES = re.compile(r"(?<=\d)\s*[x×*]\s*(?=\d)")
_NUMBER = r"(?<![a-z0-9.,-])\d++(?:[.,]\d++)*(?![.,]\d)"


@lru_cache(maxsize=10_000)
def attribute_key(name: str) -> str:
    """An attribute's name as it is compared: "Screen_Size" is "screen size"."""
    return name_key(re.sub(r"[_-]+", " ", name))


@lru_cache(maxsize=100_000)
def value_key(value: str, name: str = "") -> str:
    """A value as it is compared; the attribute's name before it is left out ("Size 43" of the attribute "size")."""
    text = name_key(_FRACTION.sub(" ", value.replace("″", '"').replace("”", '"')).replace("\u2044", "/"))
    if name and (key := attribute_key(name)) and (suffix := text.removeprefix(key)) != text:
        text = suffix.strip(" :=") if suffix[:1] in (" ", ":", "=") and suffix.strip(" :=") else text
    text = _PART.sub(lambda match: str(int(match[1]) + int(match[2]) / int(match[3])), text.replace("\u2044", "/"))
    return " ".join(_quantity_pattern().sub(_canonical, _TIMES.sub(" x ", text)).split())


def _canonical(match: re.Match[str]) -> str:
    number, unit = match[1], match[2]
    if len(number) > _LONGEST_NUMBER:
        return match[0]
    amount = _decimal(number)
    if unit is None:
        return _plain(amount)
    base, factor = _units()[" ".join(unit.split())]
    return f"{_plain(amount * Decimal(factor))} {base} "


def _decimal(number: str) -> Decimal:
    """A number in either writing; a comma before three digits groups thousands, a point never does unless repeated."""
    if "," in number and "." in number:
        decimal = max(number.rfind(","), number.rfind("."))
        return Decimal(re.sub("[.,]", "", number[:decimal]) + "." + number[decimal + 1 :])
    if number.count(".") > 1 or re.fullmatch(r"[1-9]\d{0,2}(,\d{3})+", number):
        return Decimal(re.sub("[.,]", "", number))
    return Decimal(number.replace(",", ".") if number.count(",") == 1 else number.replace(",", ""))


def _plain(amount: Decimal) -> str:
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@cache
def _quantity_pattern() -> re.Pattern[str]:
    """A number, and the unit after it: a unit written in Latin letters ends where no further letter follows."""
    spellings = sorted(_units(), key=len, reverse=True)
    latin = "|".join(_spaced(unit) for unit in spellings if unit[-1].isascii() and unit[-1].isalnum())
    others = "|".join(_spaced(unit) for unit in spellings if not (unit[-1].isascii() and unit[-1].isalnum()))
    return re.compile(rf"({_NUMBER})(?:[\s-]*((?:{latin})(?![a-z])|{others})\.?)?")


def _spaced(unit: str) -> str:
    return re.escape(unit).replace(r"\ ", r"\s+")


@cache
def _units() -> dict[str, tuple[str, str]]:
    """Each way to write a unit, folded, with its base unit and factor; an earlier locale goes before a later one."""
    units = [(base, unit, factor) for base, each in _UNITS.items() for unit, factor in each.items()]
    by_spelling: dict[str, tuple[str, str]] = {}
    for locale in LOCALES:
        for base, unit, factor in units:
            for spelling in _spellings(unit, locale):
                by_spelling.setdefault(spelling, (base, factor))
    return {**by_spelling, **_FURTHER}


def is_unit(word: str) -> bool:
    """Whether the word is a way to write a unit, in any of the languages."""
    return name_key(word) in _units()


def _spellings(unit: str, locale: str) -> set[str]:
    """What stands beside a number of the unit: "gigabyte", "gigabytes", "gb"."""
    from babel import Locale  # takes a while to import
    from babel.units import format_unit

    plural = Locale.parse(locale).plural_form
    amounts = {plural(amount): amount for amount in (1, 2, 5, 1.5)}.values()
    lengths: tuple[Literal["long", "short", "narrow"], ...] = ("long", "short", "narrow")
    written = {
        name_key(re.sub(r"^[\d.,]+|[\d.,]+$", "", format_unit(amount, unit, length, locale=locale))).strip(" .")
        for length in lengths
        for amount in amounts
    }
    return {each for each in written if each and each != unit}  # the unit's own id stands where the locale has no name
