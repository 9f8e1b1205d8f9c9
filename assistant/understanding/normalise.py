"""One form of a message for matching: composed characters, digits for numbers in words, lower case."""

import re
import unicodedata
import warnings
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from assistant.understanding.lexicon import has_cjk

if TYPE_CHECKING:
    from opencc import OpenCC

_ENGLISH_LIKE = {"en", "de", "fr", "es", "it", "pt"}

_NUMERALS = "零〇一壹幺二贰两三叁四肆五伍六陆七柒八捌九玖十拾百佰千仟万亿廿半负"
_WITHIN = _NUMERALS + "点分之年月日下摄氏度"
_NUMERAL = re.compile(f"[{_NUMERALS}][{_WITHIN}]*+")
_MEASURE = re.compile(f"[^{_WITHIN}]{{0,2}}")
_LONGEST_NUMERAL = 24
_MOST_NUMERALS = 200
"""cn2an needs a time that grows with the square of a numeral's length, and long ones are no numbers: numerals of more
characters than the first stay as they are written, and so does what follows after so many numerals as the second."""

_PART = re.compile(r".{1,1000}(?:\s|$)|.{1,1000}", re.DOTALL)
"""text2num's time grows with the square of the length of a row of number words: it reads a long text in parts."""

_SPACE = re.compile(r"\s+")


def normalise(text: str, language: str) -> str:
    """The message as the patterns read it: "Under sixty dollars" becomes "under 60 dollars", 籃球 becomes 篮球.

    White space becomes single spaces. The time taken grows with the length of the text and no faster.
    """
    plain = _SPACE.sub(" ", _composed(text).replace("’", "'"))
    if has_cjk(plain):
        plain = _NUMERAL.sub(_digits, _to_simplified().convert(plain), _MOST_NUMERALS)
    elif language in _ENGLISH_LIKE:
        from text_to_num import alpha2digit

        plain = "".join(str(alpha2digit(part, language)) for part in _PART.findall(plain))
    return plain.casefold()


def _composed(text: str) -> str:
    """Compatibility forms as plain ones; not where the text would grow, as some characters stand for whole phrases."""
    text = text.encode("utf-8", "replace").decode()  # OpenCC takes no halves of characters, as a command line may bring
    plain = unicodedata.normalize("NFKC", text)
    return plain if len(plain) <= 2 * len(text) + 100 else unicodedata.normalize("NFC", text)


def _digits(match: re.Match[str]) -> str:
    numeral = match.group()
    following = _MEASURE.match(match.string, match.end())
    return numeral if len(numeral) > _LONGEST_NUMERAL else _in_digits(numeral, following.group() if following else "")


@lru_cache(maxsize=4_096)
def _in_digits(numeral: str, following: str) -> str:
    """A Chinese numeral in digits; what follows tells a number ("两块") from a word ("两" alone)."""
    return str(_reader().transform(numeral + following, "cn2an")).removesuffix(following)


@cache
def _reader() -> Any:  # noqa: ANN401 - the package has no types
    """cn2an, which warns of every row of numerals that is no number and leaves it as it is."""
    import cn2an

    warnings.filterwarnings("ignore", category=UserWarning, module=r"cn2an\.")
    return cn2an


@cache
def _to_simplified() -> "OpenCC":
    """Traditional to simplified characters: the lexicon is written in the latter, and Whisper writes either."""
    from opencc import OpenCC

    return OpenCC("t2s")
