"""What people and machines type: by kinds of writing, in one message and over a conversation."""

import json
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from eval.fuzzing.values import MOST, NAMES, mostly, repeated, texts

digits = st.characters(categories=["Nd", "Nl", "No"])
cjk_numerals = st.sampled_from("〇零一二两三四五六七八九十百千万亿兆京壹贰叁肆伍陆柒捌玖拾佰仟萬億廿卅①⑳㊿")
currency_signs = st.characters(categories=["Sc"])
brackets = st.characters(categories=["Ps", "Pe", "Pi", "Pf", "Po", "Pd", "Pc"])
spaces = st.one_of(st.characters(categories=["Zs", "Zl", "Zp"]), st.sampled_from("\t\n\r\x0b\x0c\x85\u200b\u200d"))
marks = st.characters(categories=["Mn", "Me", "Mc"])
right_to_left = st.one_of(
    st.characters(min_codepoint=0x590, max_codepoint=0x8FF), st.sampled_from("\u200e\u200f\u202a\u202e\u2066\u2069")
)
emoji = st.one_of(
    st.characters(min_codepoint=0x1F300, max_codepoint=0x1FAFF), st.sampled_from(["👩‍👧", "🏳️‍🌈", "1️⃣", "🇩🇪"])
)

BOUNDS = (
    "under", "below", "over", "at most", "no more than", "less than", "more than", "between", "from", "to", "up to",
    "around", "unter", "höchstens", "mehr als", "zwischen", "bis", "menos de", "entre", "hasta", "moins de",
    "plus de", "低于", "不超过", "以上", "以下", "到", "之间", "至少",
)  # fmt: skip
CURRENCIES = (
    "$", "€", "£", "¥", "USD", "EUR", "dollars", "bucks", "euros", "cents", "pounds", "yuan", "元", "块", "美元",
    "人民币", "kr", "CHF", "R$", "₹", "zł", "k", "grand", "mil", "Mio", "hundred", "thousand", "million", "trillion",
    "eintausend", "quinientos",
)  # fmt: skip
NEGATIONS = (
    "not", "no", "without", "except", "but not", "nothing", "anything but", "never", "avoid", "kein", "ohne",
    "nicht", "sin", "nada de", "sans", "pas de", "不要", "别", "不含", "除了", "不是", "without any", "neither", "nor",
    "and not", "、",
)  # fmt: skip
THINGS = (
    "shoes", "chair", "lamp", "Stuhl", "zapatos", "chaussures", "鞋", "椅子", "手机", "black", "white", "red", "blue",
    "noir", "rojo", "weiß", "黑色", "白色", "红色", "leather", "oak", "木", "size 40", "cheap", "in stock", "有货",
    "gift for my father", "for 2 people", "waterproof",
)  # fmt: skip
FOLLOW_UPS = (
    "cheaper", "dearer", "more expensive", "not that one", "not the first", "the second one", "more like the first",
    "others", "anything else", "in black", "in stock only", "why?", "how much is it?", "I like the third",
    "the last one is too dark", "forget that", "start over", "thanks", "compare the first two", "günstiger",
    "nicht das", "más barato", "moins cher", "便宜一点", "不要这个", "第二个", "还有别的吗", "less than the first one",
    "not black, not white and not red", "without leather", "不要黑色、白色、红色的", "for my mother instead",
    "surprise me", "the cheapest", "贵一点",
)  # fmt: skip

numbers = st.one_of(
    st.integers(-10, 100_000).map(str),
    st.floats(0, 1e6).map(lambda value: f"{value:,.2f}"),
    st.text(digits, min_size=1, max_size=6),
    st.text(cjk_numerals, min_size=1, max_size=6),
    st.sampled_from(
        ["0", "-1", "1e400", "1.299", "1.299,00", "1,29,999", "½", "1/0", "∞", "NaN", "९९", "٩٩٩", "𝟗𝟗", "Ⅻ"]
    ),
    repeated(st.one_of(digits, cjk_numerals, st.sampled_from(["9", "1.", "1,", "1 ", "hundred "]))),
)
words = st.one_of(
    st.sampled_from(BOUNDS),
    st.sampled_from(CURRENCIES),
    st.sampled_from(NEGATIONS),
    st.sampled_from(THINGS),
    st.sampled_from(NAMES),
)
odd = st.one_of(currency_signs, brackets, spaces, marks, right_to_left, emoji)
others = st.one_of(numbers, st.lists(odd, min_size=1, max_size=4).map("".join), st.text(max_size=8))
fragments = mostly(words, others, one_in=3)


def _joined(parts: list[str], joint: str) -> str:
    return joint.join(parts)[:MOST]


sentences = st.builds(
    _joined, st.lists(fragments, min_size=1, max_size=14), st.sampled_from([" ", " ", " ", "", ", ", "\n"])
)
wishes = st.builds(
    " ".join,
    st.tuples(
        st.sampled_from(THINGS),
        st.sampled_from([*BOUNDS, *NEGATIONS]),
        numbers | st.sampled_from([*THINGS, *NAMES]),
        st.sampled_from(CURRENCIES),
    ),
).map(lambda text: text[:MOST])
exclusions = st.lists(
    st.tuples(st.sampled_from(NEGATIONS), st.sampled_from([*THINGS, *NAMES])).map(" ".join), min_size=1, max_size=25
).map(", ".join)
floods = st.one_of(
    repeated(st.one_of(digits, cjk_numerals, odd, words, spaces)),
    repeated(st.lists(fragments, min_size=1, max_size=3).map("".join)),
    st.tuples(words, repeated(st.one_of(odd, spaces, digits), MOST - 40), words).map("".join),
    st.tuples(
        words, repeated(st.lists(words, min_size=1, max_size=3).map(" ".join).map(lambda text: text + " "), MOST - 40)
    ).map(" ".join),
).map(lambda text: text[:MOST])

messages: st.SearchStrategy[str] = st.one_of(
    sentences, wishes, exclusions, floods, texts(200), st.sampled_from(FOLLOW_UPS)
)
"""One message, at most 8,000 characters."""


@dataclass(frozen=True)
class FuzzMessage:
    """One message of a conversation, as the service takes it."""

    text: str
    drop: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> str:
        """The body of a request."""
        return json.dumps({"text": self.text, "drop_constraints": self.drop} if self.drop else {"text": self.text})


FIELDS = (
    "max_price", "min_price", "brands", "categories", "exclude_brands", "exclude_terms", "include_terms", "in_stock",
    "exclude_ids", "x",
)  # fmt: skip
dropped = st.fixed_dictionaries(
    {
        "field": st.one_of(st.sampled_from(FIELDS), texts(8)),
        "value": st.one_of(
            st.booleans(),
            st.floats(allow_nan=False, allow_infinity=False),
            st.sampled_from([*THINGS, *NAMES]),
            texts(8),
        ),
    }
)
_turns = st.builds(
    FuzzMessage,
    mostly(st.sampled_from(FOLLOW_UPS), messages, one_in=3),
    mostly(st.just([]), st.lists(dropped, max_size=3), one_in=3),
)

conversations: st.SearchStrategy[list[FuzzMessage]] = st.tuples(
    st.builds(FuzzMessage, st.one_of(wishes, sentences, exclusions, messages)), st.lists(_turns, max_size=4)
).map(lambda parts: [parts[0], *parts[1]])
"""A first message and up to four that follow it up."""
