"""What a message says for certain: constraints, references, intent and topic, found by code before any model runs.

A stated constraint must hold whatever a model makes of it, so it is read by rules (``lexicon.yaml``); a model may add
constraints only where the user's own words carry them (`grounded`).
"""

import re
from typing import Literal

from pydantic import Field

from assistant.records import Constraint, Intent, Memory, Recommendation, Regard
from assistant.understanding.exclusions import find_exclusions, is_ruled_out, without
from assistant.understanding.intents import (
    asks_price,
    intent_of,
    is_accompaniment,
    is_refinement,
    is_refused,
    small_talk,
)
from assistant.understanding.interest import asks_for_others, find_opinions, open_wish, recipient
from assistant.understanding.language import detect_language
from assistant.understanding.lexicon import alternatives, has_cjk, load_lexicon
from assistant.understanding.normalise import normalise
from assistant.understanding.prices import CENT, find_price_bounds
from assistant.understanding.references import find_references
from tools.records import Filters, Record, Vocabulary

Span = tuple[int, int]


class Said(Record):
    """One stretch of what the user said: the typed text, or a transcript."""

    source: str
    text: str


class Understanding(Record):
    """What the words settle."""

    language: str
    intent: Intent | None
    constraints: list[Constraint]
    currency: str | None
    references: list[Recommendation]
    topic: str
    refines: bool
    sort: Literal["price", "-price"] | None = Field(None, description="cheapest or dearest first, where that is asked")
    accompanies: bool = Field(False, description="what is wished is to go with what the picture shows")
    refused: bool = Field(False, description="a wish that no shop helps with: it is declined, and nothing is searched")
    liked: list[Recommendation] = Field([], description="earlier recommendations that the user speaks well of")
    rejected: list[Recommendation] = Field([], description="earlier recommendations that the user does not want")
    recalled: list[str] = Field([], description="ids of items rejected before that are asked for by name")
    recipient: str | None = Field(None, description='for whom: "for my father"; "": for the user; None: not said')
    open_wish: bool = Field(False, description="what to recommend is left to the assistant")


def understand(said: list[Said], memory: Memory, vocabulary: Vocabulary, *, attached: bool) -> Understanding:
    """Read everything the user said in this turn.

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
    plain = normalise(whole, language)
    # Where something was typed, no voice note decides what kind of request it is.
    typed = normalise("\n".join(part.text for part in said if part.source == "text"), language)
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
        self.constraints.append(
            Constraint(field=field, value=value, source=self.source, words=words or self.text[slice(*span)].strip())
        )
        self.rest = without(self.rest, [span])

    def _small_talk(self) -> None:
        spans = small_talk(self.rest)
        self.greets, self.rest = bool(spans), without(self.rest, spans)

    def _open_wish(self) -> None:
        while span := open_wish(self.rest):
            self.open_wish, self.rest = True, without(self.rest, [span])

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
            match = re.search(before, self.text[: span[0]]) or re.search("比$", self.text[: span[0]])
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

    def _prices(self) -> None:
        for bound in find_price_bounds(self.rest):
            self.currency = self.currency or bound.currency
            self._add(bound.field, bound.value, bound.span, words=bound.words)

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
            if match := re.search(before, self.rest[: span[0]]):
                self._add("exclude_ids", item.item_id, (match.start(), span[0]))
                self.liked.append(item)

    def _is_no_topic(self, item: Recommendation) -> None:
        """The item was named as a measure or ruled out: the message is not about it."""
        self.references = [other for other in self.references if other.item_id != item.item_id]

    def _exclusions(self) -> None:
        brands = {brand.casefold(): brand for brand in self.vocabulary.brands}
        categories = {category.casefold(): category for category in self.vocabulary.categories}
        for thing, words, span in find_exclusions(self.rest, sorted({*brands, *categories}, key=len, reverse=True)):
            if thing in brands:
                self._add("exclude_brands", brands[thing], span, words=words)
            elif thing in categories:
                self._add("exclude_categories", categories[thing], span, words=words)
            else:
                self._add("exclude_terms", _in_english(_spellings(thing)[0]), span, words=words)

    def _stock(self) -> None:
        if match := re.search(alternatives(load_lexicon().stock), self.rest):
            self._add("in_stock", True, match.span())

    def _wanted_attributes(self) -> None:
        """ "in black", "must be leather", "the black one": a colour or material that is asked for outright."""
        lexicon = load_lexicon()
        known = alternatives([s for word in lexicon.attributes for s in lexicon.terms[word]])
        outright = (
            rf"{alternatives(lexicon.must)}\s+(?:a\s+)?(?P<a>{known})|(?P<b>{known})\s*{alternatives(lexicon.one)}"
        )
        outright += rf"|(?:换成|要|有)(?P<c>{known})(?:的|款)?(?=$|[\s,。?的吗])"
        for match in re.finditer(outright, self.rest):
            word = match.group("a") or match.group("b") or match.group("c")
            self._add("include_terms", catalogue_spelling(word, self.vocabulary), match.span())

    def _names(self) -> None:
        """Brands anywhere; categories where the message says that it means one ("only furniture", "in Photo")."""
        aliases = load_lexicon().brands
        for brand in self.vocabulary.brands:
            spellings = [brand.casefold(), *aliases.get(brand.casefold(), [])]
            if match := re.search(alternatives(spellings), self.rest):
                self._add("brands", brand, match.span())
        names = {form: name for name in self.vocabulary.categories for form in _forms(name)}
        if not names:
            return
        glossary = load_lexicon().glossary
        names |= {word: name for form, name in list(names.items()) for word in glossary.get(form, [])}
        name = alternatives(list(names))
        only = r"(?:only|just)(?:\s+(?:want|need|like|looking for|interested in|show me))?"
        cue = rf"(?:(?:in|from|{only}|any|some|category:?|show me(?: all| some)?)\s+(?:the\s+)?)(?P<a>{name})"
        cue += r"(?:\s+(?:category|section|department))?"
        cue += rf"|(?P<b>{name})\s+(?:only|category|section|department)|^\W*(?P<c>{name})\W*$"
        cue += rf"|(?:只(?:看|要|想要|买)|类别是?)(?P<d>{name})"
        if match := re.search(cue, self.rest):
            word = next(group for group in match.groups() if group)
            self._add("categories", names[word], match.span())


def to_filters(constraints: list[Constraint]) -> Filters:
    """The constraints as one filter: bounds take the tightest value, lists gather theirs, exclusions every spelling."""
    values: dict[str, list[float | bool | str]] = {}
    for constraint in constraints:
        values.setdefault(constraint.field, []).append(constraint.value)
    merged: dict[str, object] = {}
    for field, given in values.items():
        if field == "max_price":
            merged[field] = min(float(value) for value in given)
        elif field == "min_price":
            merged[field] = max(float(value) for value in given)
        elif field == "in_stock":
            merged[field] = True
        else:
            merged[field] = list(dict.fromkeys(str(value) for value in given))
    if terms := merged.get("exclude_terms"):
        merged["exclude_terms"] = [spelling for term in terms for spelling in _spellings(term)]  # type: ignore[attr-defined]
    return Filters.model_validate(merged)


def carry_over(memory: Memory, understanding: Understanding) -> list[Constraint]:
    """The constraints in force: earlier ones that still hold, then this turn's.

    A refinement keeps what was said before; a new topic keeps only what the user ruled out. A newer bound or choice
    replaces the older one of its kind, and a thing asked for now is no longer ruled out by an earlier turn.
    """
    now = understanding.constraints
    rejected = {regard.item_id for regard in memory.rejected}
    kept = [c for c in memory.constraints if understanding.refines or _lasts(c) or c.value in rejected]
    kept += [_not_again(regard) for regard in memory.rejected if not _excludes(regard.item_id, [*kept, *now])]
    wanted_again = {*understanding.recalled, *(item.item_id for item in understanding.liked)} - {
        item.item_id for item in understanding.rejected
    }
    kept = [c for c in kept if not (c.field == "exclude_ids" and c.value in wanted_again)]
    replaced = {constraint.field for constraint in now if constraint.field not in _GATHERED}
    wanted = {str(constraint.value).casefold() for constraint in now if not constraint.field.startswith("exclude")}
    kept = [
        c for c in kept if c.field not in replaced and not (c.field in _LASTING and str(c.value).casefold() in wanted)
    ]
    if {"min_price", "max_price"} & replaced:
        kept = _without_contradiction(kept, now)
    return [*kept, *(constraint for constraint in now if constraint not in kept)]


_LASTING = frozenset({"exclude_terms", "exclude_brands", "exclude_categories"})
_GATHERED = _LASTING | {"exclude_ids"}


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
    found: list[tuple[int, str]] = []
    rest = text.casefold()
    for foreign, english in load_lexicon().translations:
        if match := re.search(alternatives([foreign]), rest):
            found.append((match.start(), english))
            rest = without(rest, [match.span()])
    return " ".join(dict.fromkeys(word for _, word in sorted(found)))


def catalogue_spelling(word: str, vocabulary: Vocabulary) -> str:
    """The spelling of a colour or material that the catalogue uses, or its canonical word."""
    values = {value.casefold() for values in vocabulary.attribute_values.values() for value in values}
    return next((spelling for spelling in _spellings(word) if spelling in values), _spellings(word)[0])


def _in_english(word: str) -> str:
    """A Chinese noun that the glossary knows, as an English catalogue spells it; else the word itself."""
    if not has_cjk(word):
        return word
    return next((english for foreign, english in load_lexicon().translations if foreign == word), word)


def _spellings(word: str) -> list[str]:
    lexicon = load_lexicon()
    canonical = lexicon.canonical.get(word)
    return list(dict.fromkeys([canonical, *lexicon.terms[canonical]])) if canonical else [word]


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
