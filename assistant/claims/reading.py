"""Reads a text into spans: words with their roles, numbers with what they measure, each with its polarity and place."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from assistant.claims.lexicon import Role, load
from assistant.claims.numerals import FRACTION, digits_for_words, values_of
from assistant.claims.tokens import Token, is_grammatical, is_measure_word, is_word, plain, stem_of, tokenise, word_keys
from assistant.understanding.lexicon import has_cjk

CONTENT = ("colour", "material", "quality", "noun")
_STOPS = frozenset(",;.:!?()[]{}，；。：！？（）、—–…|/·《》【】")
_BREAKS = frozenset(";.!?；。！？")


class Mark(NamedTuple):
    """A stretch of a text that is one thing, whatever its words are: a title, a brand or a quotation."""

    start: int
    end: int
    kind: str
    name: str


@dataclass(slots=True, eq=False)
class Span:
    """One entry or word of a text.

    ``clause`` counts stretches between marks, ``segment`` stretches between marks and joining words; ``head`` is the
    noun that a word describes, where there is one.
    """

    text: str
    kind: str
    roles: frozenset[Role] = frozenset()
    parts: tuple[frozenset[str], ...] = ()
    values: tuple[float, ...] = ()
    name: str = ""
    negative: bool = False
    argument: bool = False
    """What a denied word is about ("not safe for cats"): not denied itself."""
    clause: int = 0
    sentence: int = 0
    segment: int = 0
    head: "Span | None" = None
    degree: str = ""
    glued: bool = False

    def has(self, *roles: str) -> bool:
        """True when the span plays one of the roles."""
        return any(role in roles for role, _ in self.roles)

    def of(self, role: str) -> list[str]:
        """Which ones of that role the span may be."""
        return [name for own_role, name in self.roles if own_role == role]

    @property
    def concepts(self) -> frozenset[str]:
        return frozenset(name for role, name in self.roles if role in CONTENT)

    @property
    def keys(self) -> frozenset[str]:
        """The word's own keys; an entry of several words has none as a whole."""
        return self.parts[0] if len(self.parts) == 1 else frozenset()

    @property
    def is_content(self) -> bool:
        """True when the span says something about an item."""
        if self.kind == "code":
            return True
        return self.kind == "word" and (bool(self.concepts) or not self.roles)


def read(text: str, language: str, find_marks: Callable[[str], Iterable[Mark]] = lambda text: ()) -> list[Span]:
    """The text's spans in order."""
    text = digits_for_words(plain(text, language), language)
    marks = sorted(find_marks(text), key=lambda mark: (mark.start, -mark.end))
    spans: list[Span] = []
    offset = 0
    for mark in marks:
        if mark.start < offset:
            continue
        spans += _spans(text[offset : mark.start], language)
        spans.append(Span(text[mark.start : mark.end], mark.kind, name=mark.name))
        offset = mark.end
    spans += _spans(text[offset:], language)
    _number_clauses(spans)
    _set_polarity(spans)
    _set_degrees(spans)
    _set_heads(spans, first=language in ("fr", "es"))
    return spans


def _spans(text: str, language: str) -> list[Span]:
    tokens = _split_compounds(_join_codes(tokenise(text, language)))
    runs: list[Span] = []
    start = 0
    while start < len(tokens):
        end = start
        current = _language_of(tokens[start], language)
        while end < len(tokens) and tokens[end].kind != "number" and _language_of(tokens[end], language) == current:
            end += 1
        runs += _entries(tokens[start:end], current) if end > start else [_number(tokens[start], language)]
        start = max(end, start + 1)
    return runs


def _language_of(token: Token, language: str) -> str:
    """Chinese words are read as Chinese, Latin words of a Chinese text as English."""
    if has_cjk(token.text):
        return "zh"
    return language if language != "zh" or token.kind != "word" else "en"


def _join_codes(tokens: list[Token]) -> list[Token]:
    """Codes such as "a5" or "i7" as one token; "2tb" stays a number and its unit."""
    result: list[Token] = []
    for token in tokens:
        before = result[-1] if result else None
        if (
            before
            and before.end == token.start
            and token.kind == "number"
            and before.kind in ("word", "code")
            and before.text.isascii()
        ) or (
            before
            and before.kind == "code"
            and before.end == token.start
            and token.kind == "word"
            and token.text.isascii()
        ):
            result[-1] = Token(before.text + token.text, before.start, token.end, "code")
        else:
            result.append(token)
    return result


def _split_compounds(tokens: list[Token]) -> list[Token]:
    """Chinese words that segmentation joined though the lexicon knows their parts: 预算内 is 预算 and 内."""
    result: list[Token] = []
    for token in tokens:
        counted = bool(result) and (result[-1].kind == "number" or result[-1].text in _DETERMINERS)
        cut = _cut_of(token.text, counted=counted) if has_cjk(token.text) else 0
        if cut:
            middle = token.start + cut
            result += [Token(token.text[:cut], token.start, middle), Token(token.text[cut:], middle, token.end)]
        else:
            result.append(token)
    return result


_DETERMINERS = frozenset("这那每各一该此")


def _cut_of(word: str, *, counted: bool) -> int:
    entries = load().dictionaries["zh"].entries
    if (word,) in entries:
        return 0
    if len(word) == 2:
        roles = entries.get((word[:1],), set())
        measure = bool({role for role, _ in roles} & {"unit", "units", "money"}) or (
            word[0] in _VAGUE_NUMBERS or is_measure_word(word[0])
        )
        return 1 if counted and measure and (word[1:],) in entries else 0
    for cut in range(len(word) - 1, 0, -1):
        left, right = word[:cut], word[cut:]
        if all(
            (piece,) in entries or is_grammatical(piece) or (len(piece) > 1 and is_word(piece))
            for piece in (left, right)
        ):
            return cut
    return 0


_VAGUE_NUMBERS = frozenset("多余来几")


def _number(token: Token, language: str) -> Span:
    return Span(token.text, "number", values=values_of(token.text))


def _entries(tokens: list[Token], language: str) -> list[Span]:
    """The longest entries of the lexicon, else single words."""
    dictionary = load().dictionaries[language]
    hyphen = [token.kind == "mark" and token.text == "-" for token in tokens]
    words = [token for token, cut in zip(tokens, hyphen, strict=True) if not cut]
    texts = [token.text for token in words]
    stems = [stem_of(token, language) for token in words]
    spans: list[Span] = []
    at = 0
    while at < len(words):
        token = words[at]
        if token.kind == "code" and token.text.startswith(FRACTION) and token.text[len(FRACTION) :].isdigit():
            value = str(int(token.text[len(FRACTION) :]) / 1000)
            spans.append(Span(token.text, "word", frozenset({("fractions", value)})))
            at += 1
            continue
        if token.kind == "code":
            spans.append(Span(token.text, "code", parts=(frozenset({token.text}),)))
            at += 1
            continue
        count, roles = dictionary.longest(texts, stems, at, len(words))
        entry = words[at : at + count]
        kind = "mark" if token.kind == "mark" and not roles else "word"
        parts = tuple(word_keys(word.text, language) for word in entry)
        text = "".join(w.text for w in entry) if language == "zh" else " ".join(w.text for w in entry)
        if not roles and language == "zh" and is_grammatical(text):
            roles = frozenset({("function", "")})
        glued = at > 0 and tokens.index(token) > 0 and hyphen[tokens.index(token) - 1]
        spans.append(Span(text, kind, roles, parts, glued=glued))
        at += count
    return spans


def _number_clauses(spans: list[Span]) -> None:
    """Numbers clauses, sentences and segments."""
    clause = sentence = segment = 0
    for span in spans:
        if span.kind == "mark" and span.text in _STOPS:
            clause, segment = clause + 1, segment + 1
            sentence += span.text in _BREAKS
        elif span.has("contrast"):
            clause, segment = clause + 1, segment + 1
        elif span.has("joint"):
            segment += 1
        span.clause, span.sentence, span.segment = clause, sentence, segment


@dataclass(slots=True)
class _Scope:
    """What a negation reaches, while a text is walked through."""

    negative: bool = False
    denied: bool = False
    """A word has been denied; what follows it without "or" is what the denial is about."""
    argument: bool = False

    def pass_joint(self, span: Span, after: Span | None) -> None:
        if span.has("joint") and span.text in _COORDINATING:
            self.argument = False
        elif self.negative and self.denied and not span.is_content:
            self.argument = True
        if span.has("joint") and self.negative and not span.has("negation") and _ends_scope(span, after):
            self.negative = False

    def take(self, span: Span) -> None:
        span.negative, span.argument = self.negative, self.argument and self.negative
        if span.argument and span.kind == "number":
            span.negative = False
        self.denied = self.denied or (self.negative and span.is_content)


def _set_polarity(spans: list[Span]) -> None:
    """What a negation reaches: from it to the end of its clause, or to what is joined with a word of its own."""
    scope, clause = _Scope(), -1
    for position, span in enumerate(spans):
        if span.clause != clause:
            clause = span.clause
            goes_on = span.kind == "mark" and span.text in "、," and _goes_on(spans, position)
            scope = _Scope(negative=scope.negative and goes_on)
        if span.has("negated_suffix") and span.glued and position:
            _deny_before(spans[:position])
        elif span.has("affirmation"):
            continue
        elif span.has("negation"):
            scope = _Scope(negative=True)
            span.negative = True
        else:
            scope.pass_joint(span, spans[position + 1] if position + 1 < len(spans) else None)
            scope.take(span)


def _deny_before(spans: list[Span]) -> None:
    """Deny the compound before a suffix: "leather-free"."""
    for span in reversed(spans):
        span.negative = True
        if not span.glued:
            return


_COORDINATING = frozenset(
    {"or", "nor", "and", "und", "oder", "noch", "et", "ou", "ni", "y", "o", "e", "和", "与", "及", "或"}
)


def _goes_on(spans: list[Span], position: int) -> bool:
    """A list inside a negation goes on after its comma: "without buttons, zips or laces"; Chinese "、" always does."""
    if spans[position].text == "、":
        return True
    clause = spans[position].clause
    following = [span for span in spans[position + 1 :] if span.clause == clause]
    return (
        bool(following)
        and len(following) <= 2
        and all(span.is_content or span.text in ("or", "oder", "ou", "o") for span in following)
    )


def _ends_scope(joint: Span, after: Span | None) -> bool:
    """ "with", "and it", "and a" begin something that the negation before does not reach; "or", "and zips" do not."""
    if joint.text in (
        "or",
        "nor",
        "oder",
        "ou",
        "ni",
        "o",
        "in",
        "on",
        "to",
        "from",
        "it",
        "by",
        "any",
        "和",
        "与",
        "及",
        "或",
        "for",
        "at",
        "have",
        "has",
        "under",
        "over",
        "around",
        "有",
        "带",
        "带有",
        "采用",
        "具有",
        "配",
        "配有",
        "an",
        "auf",
        "zu",
        "de",
        "en",
    ):
        return False
    if joint.text in ("and", "und", "et", "y", "e"):
        return after is None or not after.is_content
    return True


def _set_degrees(spans: list[Span]) -> None:
    """ "More comfortable" and "lighter" are comparisons, "lightest" and 最轻 superlatives."""
    pending = ""
    for span in spans:
        if span.is_content:
            span.degree = pending or ("most" if span.has("most") else "more" if span.has("more") else "")
            pending = ""
        elif span.kind == "word" and span.has("most"):
            pending = "most"
        elif span.kind == "word" and (span.has("more") or span.has("less")):
            pending = "more"
        elif span.kind != "word" or not span.has("function"):
            pending = ""


def _main(run: list[Span], *, first: bool) -> Span:
    """The noun of a run of words: the last one, or the first in languages that put what describes behind it."""
    nouns = [span for span in run if span.has("noun") or not span.concepts] or run
    return nouns[0] if first else nouns[-1]


def _set_heads(spans: list[Span], *, first: bool) -> None:
    """The last word of a run is what the words before it describe; after "of" or "is" it is the word before that.

    ``first``: the language puts what describes behind what is described.
    """
    run: list[Span] = []
    last: Span | None = None
    linked = False
    for span in [*spans, Span("", "mark")]:
        if span.is_content:
            run.append(span)
            continue
        if span.kind == "word" and (span.has("more", "most", "less") or span.text in ("的", "very")) and run:
            continue
        if run:
            main = _main(run, first=first)
            for word in run:
                word.head = main if word is not main else None
            if linked and last is not None and last.clause == main.clause:
                main.head = last
            last, run, linked = main, [], False
        if span.kind == "name":
            last, linked = span, False
        elif span.has("link"):
            linked = True
        elif span.kind == "mark" or span.has("joint", "contrast"):
            linked = False
            last = None if span.kind == "mark" else last
