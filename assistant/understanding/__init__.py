"""What a message says for certain: constraints, references, intent and topic, found by code before any model runs.

A stated constraint must hold whatever a model makes of it, so it is read by rules (``lexicon.yaml``); a model may add
constraints only where the user's own words carry them (`grounded`).
"""

import math
import re
from collections import Counter
from functools import cache
from typing import Literal

from pydantic import Field

from assistant.records import Constraint, Intent, Memory, Recommendation, Regard
from assistant.understanding.exclusions import LONGEST_WORD, find_exclusions, is_ruled_out, without
from assistant.understanding.intents import (
    asks_price,
    intent_of,
    is_accompaniment,
    is_refinement,
    is_refused,
    small_talk,
)
from assistant.understanding.interest import NEAR, asks_for_others, find_opinions, open_wishes, recipient
from assistant.understanding.language import detect_language
from assistant.understanding.lexicon import alternatives, has_cjk, load_lexicon
from assistant.understanding.names import Kind, NameMatch, attribute_values, lexicon_index, longest, name_index
from assistant.understanding.normalise import normalise
from assistant.understanding.prices import CENT, find_price_bounds
from assistant.understanding.references import find_references
from tools.records import Filters, Record, Vocabulary

Span = tuple[int, int]


class Said(Record):
    """One stretch of what the user said: the typed text, or a transcript."""

    source: str
    text: str


class Wish(Record):
    """One of several wishes of a message."""

    topic: str
    sentence: str = Field("", description="as in `Understanding`")
    constraints: list[Constraint] = Field([], description="those of this wish alone")


class Understanding(Record):
    """What the words settle."""

    language: str
    intent: Intent | None
    constraints: list[Constraint]
    currency: str | None
    references: list[Recommendation]
    topic: str
    head: str = Field("", description="the topic without what it is for")
    sentence: str = Field("", description="the wish as it was said, without what is held as constraints")
    unread: str = Field("", description="the part of the message that was too long to be read")
    vague: bool = Field(False, description="no kind of thing is named")
    refines: bool
    sort: Literal["price", "-price"] | None = Field(None, description="cheapest or dearest first, where that is asked")
    accompanies: bool = Field(False, description="what is wished is to go with what the picture shows")
    refused: bool = Field(False, description="a wish that no shop helps with: it is declined, and nothing is searched")
    liked: list[Recommendation] = Field([], description="earlier recommendations that the user speaks well of")
    rejected: list[Recommendation] = Field([], description="earlier recommendations that the user does not want")
    recalled: list[str] = Field([], description="ids of items rejected before that are asked for by name")
    recipient: str | None = Field(None, description='for whom: "for my father"; "": for the user; None: not said')
    open_wish: bool = Field(False, description="what to recommend is left to the assistant")
    wishes: list[Wish] = Field([], description="several wishes, each with its own; ``constraints`` hold for all")
    preferences: list[Constraint] = Field([], description="what is likely wanted: it moves the ranking, hides nothing")
    dropped: list[Constraint] = Field([], description="earlier constraints and preferences that are taken back")
    assortment: bool = Field(False, description="the question is what there is at all: which brands, kinds and prices")
    asks_item: bool = Field(False, description="the question is about an item that is yet to be found")
    properties: str = Field("", description="the words that say which variant is meant: a color, a size, 16 GB")
    question: str = Field("", description="the text with the titles of items that it names; empty where it names none")
    unshown: list[str] = Field([], description="what is asked about though it was not shown: several items")
    each_picture: bool = Field(False, description="each of the pictures asks for an item of its own")


def understand(said: list[Said], memory: Memory, vocabulary: Vocabulary, *, attached: bool) -> Understanding:
    """Read everything the user said in this turn, in milliseconds: outside the event loop all the same.

    Args:
        said: the typed text and the transcripts, in order.
        memory: the session so far.
        vocabulary: the catalogue's names and values.
        attached: the message brings a picture.
    """
    whole = "\n".join(part.text for part in said)
    language = detect_language(whole, default=memory.language)
    readings = [_Reading(part, memory, vocabulary, language) for part in said]
    topic = " ".join(part for part in (reading.topic for reading in readings) if part)
    constraints = [constraint for reading in readings for constraint in reading.constraints]
    plain = "\n".join(reading.text for reading in readings)
    # Where something was typed, no voice note decides what kind of request it is.
    typed = "\n".join(reading.text for reading in readings if reading.source == "text")
    if memory.shown and topic in load_lexicon().canonical:  # a follow-up of one colour or material asks for it outright
        value = catalogue_spelling(topic, vocabulary)
        constraints.append(Constraint(field="include_terms", value=value, source="text", words=plain.strip()))
        topic = ""
    names_category = any(constraint.field == "categories" for constraint in constraints)
    references = [item for reading in readings for item in reading.references]
    refused = is_refused(plain)
    intent = intent_of(typed or plain, shown=bool(memory.shown), attached=attached)
    if intent is None and references and asks_price(plain):
        intent = "details"
    is_open = not (topic or attached or references) and any(reading.open_wish for reading in readings)
    if refused or (intent is None and _is_small_talk(readings, topic, constraints, attached)):
        intent = "chat"
    elif intent is None and (is_open or any(reading.rejected for reading in readings)):
        intent = "recommend"
    return Understanding(
        language=language,
        intent=intent,
        sort=next((reading.sort for reading in readings if reading.sort), None),
        accompanies=attached and is_accompaniment(plain),
        refused=refused,
        liked=[item for reading in readings for item in reading.liked],
        rejected=[item for reading in readings for item in reading.rejected],
        recalled=[regard.item_id for regard in memory.rejected if regard.title.casefold() in plain],
        recipient=recipient(plain),
        open_wish=is_open,
        constraints=constraints,
        currency=next((reading.currency for reading in readings if reading.currency), None),
        references=references,
        topic=topic,
        refines=bool(memory.shown) and not is_open and (is_refinement(plain) or not (topic or names_category)),
    )


def _is_small_talk(readings: list["_Reading"], topic: str, constraints: list[Constraint], attached: bool) -> bool:
    """Greetings and thanks with nothing else that could be searched for."""
    greets = any(reading.greets for reading in readings)
    return greets and not (attached or topic or constraints or any(reading.references for reading in readings))


class _Reading:
    """One stretch of text, read step by step; each step blanks what it has understood."""

    def __init__(self, said: Said, memory: Memory, vocabulary: Vocabulary, language: str) -> None:
        self.source = said.source
        self.vocabulary = vocabulary
        self.text = normalise(said.text, language)
        self.rest = self.text
        self.names = name_index(vocabulary).find_all(self.text)
        self.language = language
        self.constraints: list[Constraint] = []
        self.currency: str | None = None
        self.sort: Literal["price", "-price"] | None = None
        self.greets = False
        self.liked: list[Recommendation] = []
        self.rejected: list[Recommendation] = []
        self.open_wish = False
        self._small_talk()
        self._open_wish()
        self._sort()
        found = find_references(self.text, memory.shown)
        self.references = [item for item, _ in found]
        self._relative_prices(found, memory.shown)
        self._prices()
        self._opinions(found, memory.shown)
        self._others_like_the_referenced(found)
        self._exclusions()
        self._stock()
        self._wanted_attributes()
        self._names()
        self.rest = without(self.rest, [span for _, span in found])
        self.topic = _content(self.rest, said.text)

    def _add(self, field: str, value: float | bool | str, span: Span, *, words: str | None = None) -> None:
        self._note(field, value, span, words=words)
        self.rest = without(self.rest, [span])

    def _note(self, field: str, value: float | bool | str, span: Span, *, words: str | None = None) -> None:
        """A constraint whose words are left in the rest."""
        self.constraints.append(
            Constraint(field=field, value=value, source=self.source, words=words or self.text[slice(*span)].strip())
        )

    def _last_is_price(self, currency: str | None, *, exclusive: bool) -> None:
        self.constraints[-1] = self.constraints[-1].model_copy(update={"currency": currency, "exclusive": exclusive})

    def _left(self, kind: Kind) -> list[NameMatch]:
        """The names of a kind in what is not yet understood."""
        found = longest(self.names, [kind])
        return [name for name in found if self.rest[name.start : name.end] == self.text[name.start : name.end]]

    def _small_talk(self) -> None:
        spans = small_talk(self.rest)
        self.greets, self.rest = bool(spans), without(self.rest, spans)

    def _open_wish(self) -> None:
        spans = open_wishes(self.rest)
        self.open_wish, self.rest = bool(spans), without(self.rest, spans)

    def _sort(self) -> None:
        """ "the cheapest", "most expensive first": an order, not a bound."""
        for order, words in load_lexicon().sort.items():
            if match := re.search(alternatives(words), self.rest):
                self.sort = order
                self.rest = without(self.rest, [match.span()])
                return

    def _relative_prices(self, found: list[tuple[Recommendation, Span]], shown: list[Recommendation]) -> None:
        """ "for less than the first one", "cheaper", "便宜一点": bounds that an earlier recommendation gives."""
        lexicon = load_lexicon()
        for item, span in found:
            before = alternatives([*lexicon.price["below"], *lexicon.price["at_most"]]) + r"\s*(?:the price of\s*)?$"
            after = r"^\s*(?:更|还)?便宜"
            near = max(0, span[0] - NEAR)
            match = _search(before, self.text, near, span[0]) or _search("比$", self.text, near, span[0])
            cheaper_after = re.search(after, self.text[span[1] :])
            if item.price is not None and match and (match.group() != "比" or cheaper_after):
                end = span[1] + (cheaper_after.end() if cheaper_after else 0)
                self._bound_by(item, "max_price", (match.start(), end))
                self._is_no_topic(item)
                return
        anchor = found[0][0] if found else next((item for item in shown if item.price is not None), None)
        if anchor is None or anchor.price is None:
            return
        for field, words in (("max_price", lexicon.cheaper), ("min_price", lexicon.pricier)):
            if match := re.search(alternatives(words), self.rest):
                if not re.match(r"\s*than\s*(?:[$€£¥]|\d)", self.text[match.end() :]):
                    self._bound_by(anchor, field, match.span())
                return

    def _bound_by(self, item: Recommendation, field: str, span: Span) -> None:
        price = item.price or 0.0
        value = round(price - CENT if field == "max_price" else price + CENT, 2)
        self._add(field, max(value, 0.0), span, words=f"{self.text[slice(*span)].strip()} ({item.title}: {price:g})")
        self._last_is_price(item.currency or _only(self.vocabulary.currencies), exclusive=value >= 0)

    def _prices(self) -> None:
        bounds = find_price_bounds(self.rest)
        for bound in bounds:
            self.currency = self.currency or bound.currency
            self._note(bound.field, bound.value, bound.span, words=bound.words)
            self._last_is_price(bound.currency or _only(self.vocabulary.currencies), exclusive=bound.exclusive)
        self.rest = without(self.rest, [bound.span for bound in bounds])

    def _opinions(self, found: list[tuple[Recommendation, Span]], shown: list[Recommendation]) -> None:
        """ "Not that one", "the first is too dark": not again, and no topic. "I like the second": more of its kind."""
        for opinion in find_opinions(self.text, found, shown):
            if opinion.stance == "rejected":
                self.rejected.append(opinion.item)
                self._add("exclude_ids", opinion.item.item_id, opinion.span)
                self._is_no_topic(opinion.item)
            else:
                self.liked.append(opinion.item)
                self.rest = without(self.rest, [opinion.span])
        if not found and shown and (span := asks_for_others(self.rest)):
            for item in shown:
                self._add("exclude_ids", item.item_id, span)

    def _others_like_the_referenced(self, found: list[tuple[Recommendation, Span]]) -> None:
        """ "more like the second one": it is what the message is about, and not itself wanted again."""
        for item, span in found:
            before = r"(?:\b(?:more|others?|another|something|anything)\s+like|\bsimilar to|类似|像)\s*(?:the\s+)?$"
            if match := _search(before, self.rest, max(0, span[0] - NEAR), span[0]):
                self._add("exclude_ids", item.item_id, (match.start(), span[0]))
                self.liked.append(item)

    def _is_no_topic(self, item: Recommendation) -> None:
        """The item was named as a measure or ruled out: the message is not about it."""
        self.references = [other for other in self.references if other.item_id != item.item_id]

    def _exclusions(self) -> None:
        fields = {"brand": "exclude_brands", "category": "exclude_categories"}
        found = find_exclusions(self.rest, longest(self.names), nouns=self.language != "en")
        for one in found:
            self._note(fields.get(one.kind or "", "exclude_terms"), one.name, one.span, words=one.words)
        self.rest = without(self.rest, [one.span for one in found])

    def _stock(self) -> None:
        if match := re.search(alternatives(load_lexicon().stock), self.rest):
            self._add("in_stock", True, match.span())

    def _wanted_attributes(self) -> None:
        """ "in black", "must be leather", "the black one": a colour or material that is asked for outright."""
        for name in self._left("term"):
            if span := _asked_outright(self.rest, name):
                value = catalogue_spelling(self.text[name.start : name.end], self.vocabulary)
                self._note("include_terms", value, span)
                self.rest = without(self.rest, [span])

    def _names(self) -> None:
        """Brands anywhere; categories where the message says that it means one ("only furniture", "in Photo")."""
        brands: dict[str, Span] = {}
        for name in self._left("brand"):
            brands.setdefault(name.name, (name.start, name.end))
        for brand, span in brands.items():
            self._note("brands", brand, span)
        self.rest = without(self.rest, brands.values())
        for name in self._left("category"):
            if meant := _meant_as_category(self.rest, name):
                self._add("categories", name.name, meant)
                return


def _only(currencies: list[str]) -> str | None:
    return currencies[0] if len(currencies) == 1 else None


def _search(pattern: str, text: str, start: int, end: int) -> re.Match[str] | None:
    return re.compile(pattern).search(text, start, end)


_ASKED = 40
"""How many characters before a name may say that it is asked for."""


@cache
def _outright() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """What asks for a colour: before and after its name, and the same in Chinese, where both are needed."""
    lexicon = load_lexicon()
    before, after = rf"{alternatives(lexicon.must)}\s+(?:a\s+)?$", rf"\s*{alternatives(lexicon.one)}"
    pair = r"(?:换成|要|有)$", r"(?:的|款)?(?=$|[\s,。?的吗])"
    return re.compile(before), re.compile(after), re.compile(pair[0]), re.compile(pair[1])


def _asked_outright(text: str, name: NameMatch) -> Span | None:
    near = max(0, name.start - _ASKED)
    before, after, before_cjk, after_cjk = _outright()
    if match := before.search(text, near, name.start):
        return match.start(), name.end
    if match := after.match(text, name.end):
        return name.start, match.end()
    first, last = before_cjk.search(text, near, name.start), after_cjk.match(text, name.end)
    return (first.start(), last.end()) if first and last else None


_ONLY = r"(?:only|just)(?:\s+(?:want|need|like|looking for|interested in|show me))?"
_BEFORE_CATEGORY = re.compile(
    rf"(?<!\w)(?:in|from|{_ONLY}|any|some|category:?|show me(?: all| some)?)\s+(?:the\s+)?$"
    r"|(?:只(?:看|要|想要|买)|类别是?)$"
)
_AFTER_CATEGORY = re.compile(r"\s+(?:category|section|department)(?!\w)")
_ALONE_AFTER = re.compile(r"\s+only(?!\w)")
_NO_WORDS = re.compile(r"\W*")


def _meant_as_category(text: str, name: NameMatch) -> Span | None:
    before = _BEFORE_CATEGORY.search(text, max(0, name.start - _ASKED), name.start)
    after = _AFTER_CATEGORY.match(text, name.end) or (None if before else _ALONE_AFTER.match(text, name.end))
    alone = _NO_WORDS.fullmatch(text, 0, name.start) and _NO_WORDS.fullmatch(text, name.end)
    if not (before or after or alone):
        return None
    return before.start() if before else name.start, after.end() if after else name.end


MOST_THINGS = 50
"""How many constraints of one kind can be in force; of more, the latest are."""

_MOST = {"attributes": 20}


def to_filters(constraints: list[Constraint]) -> Filters:
    """The constraints as one filter: bounds take the tightest value, lists gather theirs, exclusions every spelling.

    A constraint that no filter can hold (`usable`) costs itself and nothing else.
    """
    values: dict[str, list[Constraint]] = {}
    for constraint in filter(usable, constraints):
        values.setdefault(constraint.field, []).append(constraint)
    merged: dict[str, object] = {}
    for field, given in values.items():
        if field == "max_price":
            merged[field] = min(float(one.value) for one in given)
        elif field == "min_price":
            merged[field] = max(float(one.value) for one in given)
        elif field == "in_stock":
            merged[field] = True
        elif field == "attributes":
            merged[field] = _by_attribute(given)
        elif field == "exclude_ids":
            merged[field] = list(dict.fromkeys(str(one.value) for one in given))
        else:
            merged[field] = _spelled(field, given)
    return Filters.model_validate(merged)


def _by_attribute(constraints: list[Constraint]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in constraints:
        found.setdefault(str(one.attribute), []).append(str(one.value))
    return found


def _spelled(field: str, constraints: list[Constraint]) -> list[str]:
    """The last `MOST_THINGS` values of a field, an excluded one in every spelling."""
    things = {str(one.value): one for one in constraints}
    kept = list(things.values())[-MOST_THINGS:]
    if field != "exclude_terms":
        return [str(one.value) for one in kept]
    return list(dict.fromkeys(spelling for one in kept for spelling in _excluded_spellings(one)))


def _excluded_spellings(constraint: Constraint) -> list[str]:
    """A colour in every language; a noun in English and as the user said it ("keine Stiefel")."""
    word, words = str(constraint.value), constraint.words.casefold()
    said = [foreign for foreign in load_lexicon().glossary.get(word, []) if foreign in words]
    return [*_spellings(word), *said]


def usable(constraint: Constraint) -> bool:
    """Whether a filter can hold the constraint: prices are finite and not below zero, words neither blank nor long."""
    value = constraint.value
    if constraint.field in ("min_price", "max_price"):
        return isinstance(value, int | float) and math.isfinite(value) and value >= 0
    if constraint.field in ("in_stock", "exclude_ids"):
        return True
    if constraint.field == "attributes" and not (constraint.attribute and len(constraint.attribute) <= LONGEST_WORD):
        return False
    return isinstance(value, str) and bool(value.strip()) and len(value) <= LONGEST_WORD


def within_limits(constraints: list[Constraint]) -> tuple[list[Constraint], list[Constraint]]:
    """The constraints that can be in force together, each once, and those that cannot."""
    last = {(one.field, one.attribute, str(one.value)): one for one in constraints}
    kept: list[Constraint] = []
    left: list[Constraint] = [one for one in last.values() if not usable(one)]
    counts: Counter[str] = Counter()
    for one in reversed([one for one in last.values() if usable(one)]):
        counts[one.field] += 1
        within = one.field == "exclude_ids" or counts[one.field] <= _MOST.get(one.field, MOST_THINGS)
        (kept if within else left).append(one)
    return kept[::-1], left


def carry_over(memory: Memory, understanding: Understanding) -> list[Constraint]:
    """The constraints in force: earlier ones that still hold, then this turn's.

    A refinement keeps what was said before; a new topic keeps only what the user ruled out. A newer bound or choice
    replaces the older one of its kind, and a thing asked for now is no longer ruled out by an earlier turn.
    """
    now = understanding.constraints
    rejected = {regard.item_id for regard in memory.rejected}
    kept = [c for c in memory.constraints if understanding.refines or _lasts(c) or c.value in rejected]
    kept = [c for c in kept if c not in understanding.dropped]
    kept += [_not_again(regard) for regard in memory.rejected if not _excludes(regard.item_id, [*kept, *now])]
    wanted_again = {*understanding.recalled, *(item.item_id for item in understanding.liked)} - {
        item.item_id for item in understanding.rejected
    }
    kept = [c for c in kept if not (c.field == "exclude_ids" and c.value in wanted_again)]
    replaced = {_replaces(constraint) for constraint in now if constraint.field not in GATHERED}
    wanted = {str(constraint.value).casefold() for constraint in now if not constraint.field.startswith("exclude")}
    kept = [
        c
        for c in kept
        if _replaces(c) not in replaced and not (c.field in _LASTING and str(c.value).casefold() in wanted)
    ]
    if {("min_price", None), ("max_price", None)} & replaced:
        kept = _without_contradiction(kept, now)
    return list({(c.field, c.attribute, str(c.value), c.words): c for c in [*kept, *now]}.values())


def _replaces(constraint: Constraint) -> tuple[str, str | None]:
    """What a constraint takes the place of: all of its field, or all of its attribute."""
    return constraint.field, constraint.attribute


_LASTING = frozenset({"exclude_terms", "exclude_brands", "exclude_categories"})
GATHERED = _LASTING | {"exclude_ids"}
"""Fields whose newer values stand beside the older ones."""


def _not_again(regard: Regard) -> Constraint:
    return Constraint(field="exclude_ids", value=regard.item_id, source=regard.source, words=regard.title)


def _excludes(item_id: str, constraints: list[Constraint]) -> bool:
    return any(c.field == "exclude_ids" and c.value == item_id for c in constraints)


def _lasts(constraint: Constraint) -> bool:
    """A brand, colour or material that was ruled out stays so for the next topic; "no cactus" was about plants."""
    return constraint.field == "exclude_brands" or (
        constraint.field == "exclude_terms" and constraint.value in load_lexicon().canonical
    )


def _without_contradiction(kept: list[Constraint], now: list[Constraint]) -> list[Constraint]:
    filters = to_filters(now)
    return [
        c
        for c in kept
        if not (c.field == "min_price" and filters.max_price is not None and float(c.value) > filters.max_price)
        and not (c.field == "max_price" and filters.min_price is not None and float(c.value) < filters.min_price)
    ]


def grounded(field: str, value: object, said: list[Said], language: str) -> bool:
    """True when the user's own words carry a constraint that a model proposed.

    A number must have been said; a name or word must stand in the message, in any spelling the lexicon knows, and
    after a negation where it is to be ruled out.
    """
    text = normalise("\n".join(part.text for part in said), language)
    if isinstance(value, bool):
        return bool(re.search(alternatives(load_lexicon().stock), text))
    if isinstance(value, int | float):
        return any(abs(bound.value - value) <= CENT for bound in find_price_bounds(text) if bound.field == field)
    word = str(value).casefold()
    forms = {*_forms(word), *_spellings(word)}
    if field == "exclude_terms":
        return any(is_ruled_out(form, text) for form in forms)
    return any(re.search(alternatives([form]), text) for form in forms)


def glossary_query(text: str) -> str:
    """The words of a foreign message that the lexicon can put into English; empty when there are none."""
    english: dict[tuple[int, int], str] = {}
    folded = text.casefold()
    for match in lexicon_index().find(folded):
        if match.kind == "noun" or folded[match.start : match.end] != match.name:  # "cactus" is a foreign word too
            english.setdefault((match.start, match.end), match.name)
    return " ".join(dict.fromkeys(english.values()))


def catalogue_spelling(word: str, vocabulary: Vocabulary) -> str:
    """The spelling of a colour or material that the catalogue uses, or its canonical word."""
    values = attribute_values(vocabulary)
    return next((spelling for spelling in _spellings(word) if spelling in values), _spellings(word)[0])


def _spellings(word: str) -> list[str]:
    lexicon = load_lexicon()
    canonical = lexicon.canonical.get(word)
    return list(dict.fromkeys([canonical, *lexicon.terms[canonical]])) if canonical else [word]


def is_untranslated(word: str) -> bool:
    """True for a word that is neither a colour or material nor the English of a noun of the glossary."""
    return word not in load_lexicon().canonical and word not in load_lexicon().glossary


def _forms(name: str) -> set[str]:
    low = name.casefold()
    return {low, low.removesuffix("s")} if len(low) > 3 else {low}


def _content(rest: str, original: str) -> str:
    """What is left to search for: the remaining words less those that say nothing about an item."""
    if has_cjk(original):
        kept = re.sub(r"[我想要请给找帮推荐一下个些的了吗呢吧有没能可以买看点儿,。!?、\s\d]+|美元|价格", " ", rest)
        return re.sub(r"\s+", " ", kept).strip()
    words = [word for word in re.findall(r"[^\W_][\w'&/-]*", rest) if word not in load_lexicon().ignored]
    return " ".join(words)
