"""Finds personal data in what people write and say: numbers by their checksums and numbering plans, names and addresses
by the words before them.

Telephone numbers are those of Google's numbering plans (`phonenumbers`); cards, IBANs and Chinese resident ids must
have a right check digit (`python-stdnum`). No model is asked: a wish must cost no second of waiting, and a price must
never be taken for a person. What is missed is measured in docs/privacy.md.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from tools.records import Record

Kind = Literal["email", "phone", "card", "iban", "ip", "id_number", "account", "name", "address"]


class Personal(Record):
    """A stretch of personal data: characters ``start`` to ``end`` of the text, the end not included."""

    kind: Kind
    start: int
    end: int


class _Lexicon(BaseModel):
    """The content of ``personal.yaml``; its comments say what each part means."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    regions: list[str]
    labels: list[str]
    words: dict[str, str]
    patterns: dict[Kind, list[str]]


def find(text: str) -> list[Personal]:
    """All personal data that is recognised, in the order of the text; what overlaps is one stretch.

    Linear in the length of the text: 8,000 digits take milliseconds.
    """
    plain = _plain(text)
    spans = [span for finder in _FINDERS for span in finder(plain)]
    return _merge_overlaps(sorted(spans, key=lambda span: (span.start, -span.end)))


def _at(kind: Kind, span: tuple[int, int]) -> Personal:
    return Personal(kind=kind, start=span[0], end=span[1])


def _merge_overlaps(spans: list[Personal]) -> list[Personal]:
    merged: list[Personal] = []
    for span in spans:
        if merged and span.start < merged[-1].end:
            last = merged[-1]
            merged[-1] = _at(last.kind, (last.start, max(last.end, span.end)))
        else:
            merged.append(span)
    return merged


# The text as it is searched: as long as the user's, character by character --------------------------------------------

_HALF_WIDTH = {full: full - 0xFEE0 for full in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_NUMERALS = str.maketrans("零〇○一二三四五六七八九幺", "0001234567891")
_SPOKEN_DIGITS = re.compile(r"[\d零〇○一二三四五六七八九幺](?:[ ,、-]?[\d零〇○一二三四五六七八九幺]){6,}")


def _plain(text: str) -> str:
    """Half-width, and Chinese numerals as digits where at least seven stand in a row."""
    return _SPOKEN_DIGITS.sub(lambda run: run[0].translate(_NUMERALS), text.translate(_HALF_WIDTH))


# By context -----------------------------------------------------------------------------------------------------------


@cache
def _lexicon() -> _Lexicon:
    content = (files(__package__) / "personal.yaml").read_text("utf-8")
    return _Lexicon.model_validate(yaml.safe_load(content))


@cache
def _patterns() -> list[tuple[Kind, re.Pattern[str]]]:
    lexicon = _lexicon()
    return [
        (kind, re.compile(_spelled(pattern, lexicon.words)))
        for kind, all_ in lexicon.patterns.items()
        for pattern in all_
    ]


def _spelled(pattern: str, words: dict[str, str]) -> str:
    """A pattern with its ``%{pieces}`` in place."""
    while "%{" in pattern:
        pattern = re.sub(r"%\{(\w+)\}", lambda piece: f"(?:{words[piece[1]]})", pattern)
    return pattern


@cache
def _label() -> re.Pattern[str]:
    return re.compile(rf"(?:{'|'.join(_lexicon().labels)})[^\d\n]{{0,15}}$")


def _is_labelled(text: str, start: int) -> bool:
    """Whether the words before a number say that it names a thing: an order, a model, a version."""
    return bool(_label().search(text[max(0, start - 40) : start]))


def _by_context(text: str) -> Iterator[Personal]:
    for kind, pattern in _patterns():
        for match in pattern.finditer(text):
            yield _at(kind, match.span("it"))


# By numbering plan or checksum ----------------------------------------------------------------------------------------

LEAST_DIGITS = 7
_CHINESE_MOBILE = re.compile(r"(?:\+?86[ -]?)?1[3-9]\d{9}")
_DIGITS_IN_A_ROW = re.compile(r"(?<![\dA-Za-z.])\d(?:[ -]?\d){12,18}(?![\dA-Za-z])")
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}")
_IP = re.compile(
    r"(?<![A-Za-z0-9_:.])(?:\d{1,3}(?:\.\d{1,3}){3}|(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4})(?![A-Za-z0-9_:]|\.\d)"
)
_SHORTEST_IP = 7
_RESIDENT = re.compile(r"(?<![\dA-Za-z])\d{17}[\dXx](?![\dA-Za-z])")
_SOCIAL_SECURITY = re.compile(r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])")
_CARD = re.compile(r"4\d{15}(?:\d{3})?|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3[068]\d{12}|35\d{14}|6\d{15,18}")
"""The beginnings and lengths that are given out: an EAN (13 digits) and an IMEI (15) have check digits too."""

MOST_TRIES = 200
"""After so many stretches of a message that are no telephone number, no more is looked for."""


def _phones(text: str) -> Iterator[Personal]:
    """Telephone numbers: international ones, national ones written in groups, and bare ones of Chinese mobiles."""
    if sum(map(str.isdigit, text)) < LEAST_DIGITS:
        return
    from phonenumbers import Leniency, PhoneNumberMatcher

    for region in _lexicon().regions:
        for match in PhoneNumberMatcher(text, region, leniency=Leniency.VALID, max_tries=MOST_TRIES):
            if _looks_dialled(match.raw_string) and not _is_labelled(text, match.start):
                yield _at("phone", (match.start, match.end))
                text = f"{text[: match.start]}{' ' * len(match.raw_string)}{text[match.end :]}"


def _looks_dialled(number: str) -> bool:
    return number.startswith("+") or not number.isdigit() or bool(_CHINESE_MOBILE.fullmatch(number))


def _cards(text: str) -> Iterator[Personal]:
    from stdnum import luhn

    for match in _DIGITS_IN_A_ROW.finditer(text):
        digits = re.sub(r"\D", "", match[0])
        if _CARD.fullmatch(digits) and luhn.is_valid(digits):
            yield _at("card", match.span())


def _ibans(text: str) -> Iterator[Personal]:
    from stdnum import iban

    for match in _IBAN.finditer(text):
        ends = [end for end in range(match.end(), match.start() + 14, -1) if not text[end : end + 1].isalnum()]
        for end in ends:
            if iban.is_valid(text[match.start() : end]):
                yield _at("iban", (match.start(), end))
                break


def _addresses_of_machines(text: str) -> Iterator[Personal]:
    for match in _IP.finditer(text):
        if len(match[0]) >= _SHORTEST_IP and _is_ip(match[0]) and not _is_labelled(text, match.start()):
            yield _at("ip", match.span())


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _identities(text: str) -> Iterator[Personal]:
    from stdnum.cn import ric
    from stdnum.us import ssn

    checks: list[tuple[re.Pattern[str], Callable[[str], bool]]] = [
        (_RESIDENT, ric.is_valid), (_SOCIAL_SECURITY, ssn.is_valid)
    ]  # fmt: skip
    for pattern, is_valid in checks:
        for match in pattern.finditer(text):
            if is_valid(match[0]):
                yield _at("id_number", match.span())


_FINDERS: tuple[Callable[[str], Iterator[Personal]], ...] = (
    _identities, _cards, _ibans, _addresses_of_machines, _phones, _by_context
)  # fmt: skip
