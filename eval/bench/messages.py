"""Long messages of every kind that people and programs can send, put together from fragments.

The kinds come from what a reader of messages has to go through (numerals, words of price, currencies, brackets, white
space, marks, directions, emoji, negations), in every script, not from how one reader is built.
"""

import random
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

LENGTH = 8_000
"""Characters of the longest message that the assistant takes by default."""

_EVERY_SCRIPT = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) in ("Nd", "Nl", "No")]

KINDS: Mapping[str, Sequence[str]] = {
    "digits": (
        *"0123456789", "9" * 15, "1.", ",000", "1e999", "0.0", "1,000,000", "12:30", "3/4", "007", "5k",
    ),
    "numerals of every script": _EVERY_SCRIPT,
    "Chinese numerals": (
        *"零〇一二三四五六七八九十百千万亿兆两廿卅壹贰叁肆伍陆柒捌玖拾佰仟萬億點点分之几半双",
        "百分之", "十万", "二十五", "负", "一千零一", "30%", "１２",
    ),
    "spelled numbers": (
        "one ", "two ", "seven ", "twenty ", "ninety-nine ", "hundred ", "thousand ", "million ", "billion ", "and ",
        "point ", "first ", "minus ", "half ", "zwei ", "und", "zwanzig ", "hundert", "tausend ", "deux ", "quatre-",
        "vingt ", "vingts ", "cent ", "mille ", "dos ", "veinte ", "ciento ", "mil ", "millones ", "uno ", "y ",
    ),
    "words of price": (
        "under ", "below ", "less than ", "at most ", "up to ", "no more than ", "between ", "from ", "to ", "around ",
        "over ", "at least ", "or less ", "max ", "budget ", "unter ", "weniger als ", "höchstens ", "moins de ",
        "au plus ", "menos de ", "hasta ", "低于", "不超过", "以下", "以内", "左右", "到", "至少", "100", "9",
    ),
    "currencies": (
        "$", "€", "£", "¥", "￥", "₹", "₩", "₽", "₿", "¤", "usd", " dollars ", " euros", "Euro ", "pounds ", "元",
        "块钱", "美元", "欧元", "20", "1.5", "C$", "kr ", "zł ", "Fr. ",
    ),
    "brackets and marks": tuple("()[]{}<>«»„“”‘’\"'`.,;:!?¿¡-–—_/\\|+*=&%#@~^、。，！？（）【】《》「」…"),
    "white space": (
        *" \t\n\r\v\f\u00a0\u1680\u2003\u2028\u2029\u202f\u3000\u200b\u200d\u2060\ufeff", "  x", "\n\n",
    ),
    "combining marks": (
        "e\u0301", "\u0300", "\u036f", "a\u0308\u0304", "\u20dd", "\u0e34", "\u0bcd", "\u05b0", "\u064b", "\u3099",
        "Z\u0351\u036b\u0343", "नि", "ක්‍ෂ", "\u1ab0", "\ufe20", "ﷺ", "ǰ", "ΐ", "İ", "ß", "ﬃ",
    ),
    "right to left": (
        "حذاء ", "أسود ", "تحت ", "١٠٠ ", "دولار ", "נעליים ", "שחורות ", "מתחת ל", "שקל ", "₪", "\u202e", "\u200f",
        "\u2067", "۵۰", "ل", "؟", "،",
    ),
    "emoji": (
        "👟", "🖤", "👨‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "🇩🇪", "🇺🇸",
        "1️⃣", "🔟", "💯", "💵", "❤️", "\ufe0f", "\u200d", "🫠", "①", "㉑", "🅰",
    ),
    "negations": (
        "not ", "no ", "n't ", "without ", "don't want ", "anything but ", "except for ", "ohne ", "kein ", "nicht ",
        "sans ", "pas de ", "sin ", "不要", "不是", "别", "没有", "、", "和", "或", "的", ", ",
        "and ", "or ", "black ", "red ",
        "黑色", "红色", "leather ", "the ",
    ),
    "wishes": (
        "I am looking for ", "shoes ", "a chair ", "for my father ", "like the second one ", "why this one? ",
        "the cheapest ", "in black ", "ich suche ", "einen Stuhl ", "je cherche ", "une lampe ", "busco ", "una silla ",
        "我想买", "鞋子", "便宜一点", "第二个", "比", "给我", "thanks ", "hello ", "good morning ",
        "too ", "is too dark ",
    ),
    "other scripts": (
        "кроссовки ", "до ", "рублей ", "παπούτσια ", "靴を", "ください", "신발 ", "보여줘", "รองเท้า", "जूते ", "giày ",
        "ayakkabı ", "繁體", "龍", "裏", "籃球", "ꙮ", "𝟗", "𝐚", "𠀀", "ｈａｌｆ", "ⅷ", "\ue000", "\u0378", "\U000e0041",
    ),
}  # fmt: skip
"""What messages are put together from, by kind."""

NAMED_FLOODS = (
    "十" * LENGTH, "万" * LENGTH, "①" * LENGTH, "under " + "𝟗" * 7_990, "9" * 1_000, "9" * LENGTH,
    "under" + " " * 7_994 + "x",
)  # fmt: skip
"""Messages that once took seconds to minutes."""


def messages(kind: str, count: int, seed: int = 0, length: int = LENGTH) -> Iterator[str]:
    """``count`` messages of a kind (a key of `KINDS`, or "mixture"), each of ``length`` characters.

    A third repeats one fragment, a third repeats a short sequence of fragments, a third draws each fragment anew.
    """
    draw = random.Random(f"{seed} {kind}")
    everything = [fragment for other_kind, fragments in KINDS.items() if other_kind != kind for fragment in fragments]
    fragments = KINDS.get(kind) or everything
    for number in range(count):
        size = (1, draw.randint(2, 6), length)[number % 3]
        unit = "".join(draw.choice(fragments) for _ in range(size))[:length]
        yield (unit * (length // len(unit) + 1))[:length]
