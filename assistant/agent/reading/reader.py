"""From a message to its understanding: constraints, wishes, references and intent.

The classifiers say what the message wants done and which role each word plays; names, amounts and attribute values are
found by code and take the role of their words. What has a role with certainty becomes a constraint, what is likely a
preference, and nothing else is held against an item.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, partial
from itertools import pairwise
from typing import Any, Final, Literal, NamedTuple

from assistant.agent.reading.amounts import Amount, find_amounts
from assistant.agent.reading.heads import Classification, Heads
from assistant.agent.reading.kinds import leaves_open
from assistant.agent.reading.labels import ROLES
from assistant.agent.reading.picking import is_about_shown, pick_item
from assistant.agent.reading.questions import Ask, settled
from assistant.agent.reading.referring import MOST_FOUND, MOST_POINTERS, Pointed, Referring
from assistant.agent.reading.spans import RoleSpan, TaggedTokens
from assistant.agent.reading.untrained import read_untrained
from assistant.privacy.masking import unmarked
from assistant.records import Constraint, Intent, Memory, Recommendation
from assistant.understanding import CENT, Understanding, Utterance, Wish, to_filters
from assistant.understanding.attributes import attribute_constraints
from assistant.understanding.joining import clauses, has_mark, joint
from assistant.understanding.language import detect_language
from assistant.understanding.names import NameMatch, longest, name_index
from assistant.understanding.phrases import asks_why, is_accompaniment, is_exclusive
from assistant.understanding.superlatives import superlative
from tools.engines.text import TextEncoder
from tools.errors import ProductError
from tools.rank_fusion import WEIGHTS
from tools.records import Filters, Hit, Item, Vocabulary
from tools.search import search_by_text
from tools.sentences import sentence_places
from tools.store import Catalogue

CERTAIN: Final = 0.6
"""Probability from which a role makes a constraint that holds."""

LIKELY: Final = 0.45
"""Probability from which it makes a preference, which moves the ranking and hides nothing."""

HARMFUL: Final = 0.7
"""Probability from which a wish is refused (`assistant eval heads` prints precision and recall there)."""

OPERATION_FROM: Final = 0.5
"""Probability from which an operation counts."""

UNLIKELY: Final = 0.05
"""Probability below which an operation is not looked for by other means."""

BY_TEXT: Final = {signal: WEIGHTS[signal] for signal in ("dense", "keyword")}
"""What items are looked up by when a message names them."""

PRICES: Final = ("min_price", "max_price")
AROUND: Final = 0.25
"""How far "around 50" reaches to either side, as a share."""

NAMED_ITEM_FROM: Final = 6.0
"""z-score from which a message that seems to leave open what to recommend is about an item all the same.

"Surprise me", "推荐点东西" and their like reach 5.9 over three catalogues, needs that are told in a story 6.5 and more.
"""

MOST_COMPARED: Final = 16
"""How many words of a message are compared with the catalogue's names by the encoder."""

WELCOME: Final = {"exclude_brands": "brands", "exclude_categories": "categories", "exclude_terms": "include_terms"}
"""What is preferred when an exclusion is taken back."""

MOST_OTHERS: Final = 4
"""How many things that are not wanted the items found are compared with."""

WHOLE_MESSAGE: Final = -1
"""The place of a constraint that is about the whole message, and so about each of its wishes."""

CONTEXT_CHARACTERS: Final = 20
"""How many characters before a number are looked at for the name of what it measures."""

SENTENCE_CHARACTERS: Final = 600
"""How much of the sentences that hold the wish is searched for, the last of them first."""

_LETTER, _DIGIT = re.compile(r"[^\W\d_]"), re.compile(r"\d")
_WORD_BEFORE, _WORD_AFTER = re.compile(r"[^\W\d]{1,15}[\s:]*$"), re.compile(r"\s?[^\W\d]{1,6}")
WANTED_ROLES, UNWANTED_ROLES = ("thing", "prop"), ("not",)
_NO_PROPERTY: Final = ("thing", "for", "said", "not", "back", "item", "max", "min", "near")
"""What superlatives are not part of: "the best phone" is about no battery, though one makes one think of the other."""

_INTENTS: dict[str, Intent] = {
    "item": "details", "compare": "compare", "shop": "shop", "cart": "cart", "chat": "chat",
}  # fmt: skip
_GOES_ON = ("refine", "more", "undo")
_ABOUT_ITEMS = ("item", "compare", "cart")
_PICKS = (*_ABOUT_ITEMS, "refine", "find")
SURELY_CHAT = 0.9
"""The probability from which a message in a conversation about items is small talk whoever plans."""

_STEERS = ("cheapest", "dearest", "likes", "rejects", "free_limit")
"""Operations on the list that was shown, which need nothing but that list."""

_TELLS = ("thing", "prop", "for", "said", "max", "min", "near")
"""Roles of words that say more than what to do with the list."""

_OTHER_ITEM_OPERATIONS = ("cheaper", "dearer", "similar", "likes", "rejects")
"""Operations that ask for other items than the one that is named."""


class MessageReader(NamedTuple):
    """Reads messages with a text encoder, the classifiers that belong to it, and the catalogue that it has encoded.

    Where there is no encoder, or it has no classifiers, what a message names is all that is read of it.
    """

    encoder: TextEncoder | None
    heads: Heads | None
    catalogue: Catalogue
    ask: Ask | None = None
    """Asks the language model about words of which the classifiers are unsure."""
    led: bool = False
    """Whether a planning model sees what is found, and answers small talk: it is left what is not surely small talk."""

    def understand(
        self, utterances: Sequence[Utterance], memory: Memory, vocabulary: Vocabulary, *, attached: bool
    ) -> Understanding:
        """Read everything the user said in this turn; outside the event loop, as the encoder computes.

        Args:
            utterances: the typed text and the transcripts, in order.
            memory: the session so far.
            vocabulary: the catalogue's names and values.
            attached: the message brings a picture.
        """
        language = detect_language("\n".join(part.text for part in utterances), default=memory.language)
        if not utterances:
            return _nothing_said(memory, language)
        if self.encoder is None or self.heads is None:
            return read_untrained(utterances, vocabulary, language)
        referring = Referring(self.encoder, partial(find_items, self.catalogue, self.encoder))
        items = partial(_items, self.catalogue)
        parts = []
        for part in utterances:
            states = self.encoder.token_states(part.text, purpose="classification")
            classification = self.heads.read(part.text, states, shown=_goes_on(memory))
            if self.led and memory.shown:
                classification = classification.unless_sure("chat", SURELY_CHAT)
            if self.ask and not _operates(classification, classification.tagged.spans(), memory):
                classification = classification._replace(
                    tagged=settled(classification.tagged, vocabulary, language, CERTAIN, self.ask)
                )
            parts.append(_Part(part, classification, memory, vocabulary, language, referring, items, attached=attached))
        return _join_parts(parts, memory, language, attached=attached)

    def of_kind(self, words: str, filters: Filters) -> list[Hit]:
        """The items of the very kind that the words name; none without an encoder."""
        if self.encoder is None:
            return []
        return Referring(self.encoder, partial(find_items, self.catalogue, self.encoder)).of_kind(words, filters)

    def referring(self) -> Referring | None:
        """What compares words with the catalogue's names; None without an encoder that has classifiers."""
        if self.encoder is None or self.heads is None:
            return None
        return Referring(self.encoder, partial(find_items, self.catalogue, self.encoder))


def find_items(catalogue: Catalogue, encoder: TextEncoder, words: str, filters: Filters | None = None) -> list[Hit]:
    """Items for words; none where the catalogue cannot be searched, which the turn's own search reports."""
    try:
        return search_by_text(catalogue, encoder, None, words, k=MOST_FOUND, filters=filters, weights=BY_TEXT).items
    except ProductError:
        return []


def _items(catalogue: Catalogue, recommendations: Sequence[Recommendation]) -> dict[str, Item]:
    """The catalogue's records of shown items; none where it cannot be read."""
    try:
        return catalogue.get_many([recommendation.item_id for recommendation in recommendations])
    except ProductError:
        return {}


def _nothing_said(memory: Memory, language: str) -> Understanding:
    return Understanding(
        language=language,
        intent=None,
        constraints=[],
        currency=None,
        references=[],
        topic="",
        refines=_goes_on(memory),
    )


class _Part:
    """One stretch of what was said, read."""

    def __init__(
        self,
        utterance: Utterance,
        classification: Classification,
        memory: Memory,
        vocabulary: Vocabulary,
        language: str,
        referring: Referring,
        items: Callable[[Sequence[Recommendation]], dict[str, Item]],
        *,
        attached: bool,
    ) -> None:
        self.source, self.text, self.read = utterance.source, utterance.text, classification
        self.memory, self.vocabulary, self.language = memory, vocabulary, language
        self.tagged: TaggedTokens = classification.tagged
        self.amounts = find_amounts(utterance.text, language, currencies=vocabulary.currencies)
        self.constraints: list[tuple[Constraint, int]] = []
        self.preferences: list[tuple[Constraint, int]] = []
        self.consumed: list[tuple[int, int]] = []
        self.values: list[RoleSpan] = []
        self.readmitted: list[Constraint] = []
        self.unread = self.tagged.unread()
        self.spans = _shown_by_picture(self.tagged.spans()) if attached else self.tagged.spans()
        self.referring = referring
        self.pointed = self._pick(self._pointed(), items)
        self.references = self.pointed.items
        self._prices()
        self._brands()
        self._unwanted()
        self._categories()
        self._attributes()
        self._operations()
        self.taken_back = self._taken_back()
        self.dropped = [*self.taken_back, *self._superseded()]
        self._welcomed()

    def _pointed(self) -> Pointed:
        """What the message points at: by its pointers, or in a question about an item by the thing that it names."""
        roles = ("item", "not") if self.asks("rejects") else ("item",)  # "not the second one"
        pointers = [self._of(span) for span in self.spans if span.role in roles]
        if not pointers and self.read.act == "item":
            pointers = [self._of(span) for span in self.spans if span.role == "thing"]
        titles = self.text if self.read.act in _ABOUT_ITEMS else ""
        return self.referring.resolve(pointers, titles, self.memory, alone=self.read.act == "item")

    def _pick(self, pointed: Pointed, items: Callable[[Sequence[Recommendation]], dict[str, Item]]) -> Pointed:
        """What is pointed at; of several shown items the one that a superlative picks: "the lightest of these"."""
        among = pointed.items if len(pointed.items) > 1 else self.memory.shown
        pointers = [self._of(span) for span in self.spans if span.role == "item"]
        one_meant = len(pointed.items) == 1 and not any(map(self.referring.means_all, pointers))
        about_others = self.read.act not in _ABOUT_ITEMS and any(map(self.asks, _OTHER_ITEM_OPERATIONS))
        if pointed.picked or one_meant or len(among) < 2 or self.read.act not in _PICKS or self.things or about_others:
            return pointed
        encoder = self.referring.encoder
        choice = pick_item(self.clauses(), among, items(among), encoder)
        if choice is None or not (self.read.act in _ABOUT_ITEMS or pointed.items or is_about_shown(self.text, encoder)):
            return pointed
        return pointed._replace(items=[choice[0]], picked=True, by=choice[1])

    def _taken_back(self) -> list[Constraint]:
        """Earlier constraints and preferences that the message takes back."""
        phrases = [self._of(span) for span in self.spans if span.role == "back"]
        is_undo = phrases or self.read.act == "undo"
        if self.readmitted and not phrases:
            return self.readmitted
        return self.referring.taken_back(phrases, self.memory.conditions) if is_undo else []

    def _superseded(self) -> list[Constraint]:
        """Earlier price limits that no longer count, and what was wanted of another kind of thing."""
        fields = [*PRICES] if self.asks("free_limit") else []
        kinds = [self._of(span).casefold() for span in self.things]
        if kinds and not any(kind in self.memory.topic.casefold() for kind in kinds):
            fields += ["brands", "categories", "attributes"]
        return [constraint for constraint in self.memory.conditions if constraint.field in fields]

    def _welcomed(self) -> None:
        """What the message names as no longer ruled out goes first."""
        is_named = self.readmitted or any(span.role == "back" for span in self.spans)
        exclusions = [constraint for constraint in self.taken_back if constraint.field in WELCOME] if is_named else []
        self.preferences += [
            (constraint.model_copy(update={"field": WELCOME[constraint.field]}), WHOLE_MESSAGE)
            for constraint in exclusions
        ]

    def asks(self, operation: str) -> bool:
        """Whether the message asks for this operation."""
        return self.read.operations[operation] >= OPERATION_FROM

    def _of(self, span: RoleSpan | tuple[int, int]) -> str:
        return self.text[span[0] : span[1]]

    def _hold(self, position: int, probability: float, constraint: Constraint) -> None:
        if probability >= CERTAIN:
            self.constraints.append((constraint, position))
        elif probability >= LIKELY:
            self.preferences.append((constraint, position))

    def _constraint(self, field: str, value: float | bool | str, words: str, **fields: Any) -> Constraint:  # noqa: ANN401 - fields of the record
        return Constraint(field=field, value=value, source=self.source, words=words.strip(), **fields)

    def _prices(self) -> None:
        start, end = self.unread
        amounts = [amount for amount in self.amounts if not start <= amount.start < end]
        roles = [(amount, *self._number_role(amount)) for amount in amounts]
        for amount, role, probability in roles:
            if role == "num":
                continue
            start, end = amount.span_with_currency
            words = self.text[start:end]
            currency = amount.currency or _only(self.vocabulary.currencies)
            self.consumed.append((start, end))
            bounds = {"max_price": amount.value, "min_price": amount.value}
            if role == "near":
                bounds = {
                    "min_price": round(amount.value * (1 - AROUND), 2),
                    "max_price": round(amount.value * (1 + AROUND), 2),
                }
            strict = (
                role == "max"
                and amount.value >= CENT
                and is_exclusive(self.text[max(0, start - CONTEXT_CHARACTERS) : start])
            )
            for field, value in bounds.items():
                if role == "near" or field.startswith(role):
                    value = round(value - CENT, 2) if strict else value
                    bound = self._constraint(field, value, words, currency=currency, exclusive=strict)
                    self._hold(amount.start, probability, bound)

    def _number_role(self, amount: Amount) -> tuple[str, float]:
        """Whether a number is a price, and which; one beside a currency is no size."""
        distribution = self.tagged.distribution(amount.start, amount.end)
        role, probability = self.tagged.role_of(amount.start, amount.end, number=True)
        if role == "num" or amount.is_money:
            return role, probability
        numbers = float(distribution[-4:].sum())
        return role, probability * min(1.0, numbers + 0.2)

    def _brands(self) -> None:
        for name in longest(name_index(self.vocabulary).find_all(self.text), ["brand"]):
            self._brand(name.name, name.start, name.end)
        unnamed = [span for span in self.spans if span.role in ("prop", "not") and not self._has_name(span)]
        unnamed = unnamed[:MOST_COMPARED]
        self.referring.prepare([self._of(span) for span in unnamed])
        for span in unnamed:
            if brand := self.referring.brand(self._of(span), self.vocabulary):
                self._brand(brand, span.start, span.end)
                self.consumed.append((span.start, span.end))

    def _has_name(self, span: RoleSpan) -> bool:
        return bool(name_index(self.vocabulary).find_all(self._of(span)))

    def _brand(self, brand: str, start: int, end: int) -> None:
        """Hold a brand that is wanted or not; one that was ruled out before is welcome again, with the others."""
        wanted_probability, unwanted_probability = (
            self._probability(start, end, WANTED_ROLES),
            self._probability(start, end, UNWANTED_ROLES),
        )
        words = self.text[start:end]
        if unwanted_probability > wanted_probability:
            self._hold(start, unwanted_probability, self._constraint("exclude_brands", brand, words))
            return
        ruled_out = [c for c in self.memory.constraints if c.field == "exclude_brands" and c.value == brand]
        if ruled_out:
            self.readmitted += ruled_out
        else:
            self._hold(start, wanted_probability, self._constraint("brands", brand, words))

    def _probability(self, start: int, end: int, roles: Sequence[str]) -> float:
        distribution = self.tagged.distribution(start, end)
        return float(sum(distribution[ROLES.index(role)] for role in roles))

    def _unwanted(self) -> None:
        """Things and properties that are not wanted; brands have been read."""
        pointers = [span for span in self.spans if span.role == "not" and self._points_at_place(span)]
        self.consumed += [(span.start, span.end) for span in pointers]
        unwanted = [span for span in self.spans if span.role == "not" and not self._is_consumed(span)]
        for index, span in enumerate(unwanted):
            self.consumed.append((span.start, span.end))
            names = longest(name_index(self.vocabulary).find_all(self._of(span)))
            if any(name.kind == "brand" for name in names):
                continue
            if index < MOST_POINTERS and (item := self._owned_item(span, names)):
                self._not_again([item])
            else:
                self._hold(span.start, span.probability, self._exclusion(self._of(span), names))

    def _points_at_place(self, span: RoleSpan) -> bool:
        """Whether the words are a pointer that says nothing of the item that is not wanted: "the second one"."""
        return self.asks("rejects") and bool(self.memory.shown) and self.referring.form(self._of(span)) is not None

    def _owned_item(self, span: RoleSpan, names: Sequence[NameMatch]) -> Hit | None:
        """The item that the wish is for, where that is what is not wanted: "a case for my Pixel, not the phone"."""
        purpose = " ".join(self._of(other) for other in self.spans if other.role == "for")
        if not purpose or any(name.kind == "term" for name in names):
            return None
        return self.referring.alone(f"{self._of(span)} {purpose}", among=purpose)

    def _categories(self) -> None:
        """Categories that a wish names as such: "footwear", "photo", and not "lamps", which its items are called."""
        for span in self.spans:
            if span.role == "thing" and not self._is_consumed(span):
                names = longest(name_index(self.vocabulary).find_all(self._of(span)), ["category"])
                category = next((name.name for name in names if name.end - name.start == span.end - span.start), None)
                if category and self.referring.is_group(category):
                    self._hold(span.start, span.probability, self._constraint("categories", category, self._of(span)))

    def _exclusion(self, words: str, names: Sequence[NameMatch]) -> Constraint:
        named_category = next((name.name for name in names if name.kind == "category"), None)
        category = named_category if named_category and len(words) <= len(named_category) + 3 else None
        if not names:
            category = self.referring.category(words, self.vocabulary)
        if category:
            return self._constraint("exclude_categories", category, words)
        term = next((name.name for name in names if name.kind in ("term", "noun")), words)
        return self._constraint("exclude_terms", term[:100], words)

    def _attributes(self) -> None:
        """Values of attributes that the catalogue has, where the message wants them or asks about them."""
        for span in self.spans:
            if span.role in ("prop", "num") and not self._is_consumed(span):
                pairs = self._values(span)
                self.values += [span] if pairs else []
                for name, value in pairs:
                    constraint = self._constraint("attributes", value, self._of(span), attribute=name)
                    self._hold(span.start, span.probability, constraint)
                if span.role == "prop" and not pairs:
                    self._attribute_meant(span)

    def _values(self, span: RoleSpan) -> list[tuple[str, str]]:
        """The attributes and values that a span names: by itself, with the words beside it, or in another language."""
        words = self._of(span)
        texts = [self._around(span), *([words] if span.role == "prop" or not words.isdecimal() else [])]
        for text in texts:
            mentions = attribute_constraints(text, self.vocabulary)
            if pairs := [
                (mention.name, mention.value) for mention in mentions if self._can_have(mention.name, mention.value)
            ]:
                return pairs
        return []

    def _can_have(self, name: str, value: str) -> bool:
        """Whether the catalogue has the attribute, and what it measures in numbers is not named by a word alone."""
        values = self.vocabulary.attribute_values.get(name)
        if values is None:
            return False
        return value in values or _DIGIT.search(value) is not None or not all(map(_DIGIT.search, values))

    def _attribute_meant(self, span: RoleSpan) -> None:
        """Prefer the values that a property means in other words than the catalogue's."""
        if span.probability >= LIKELY and not self._has_name(span):
            for name, value in self.referring.attribute(self._of(span), self.vocabulary):
                preference = self._constraint("attributes", value, self._of(span), attribute=name)
                self.preferences.append((preference, span.start))

    def _around(self, span: RoleSpan) -> str:
        """A property as it stands; a number with what is written on either side ("size 43", "43码")."""
        if span.role == "prop":
            return self._of(span)
        word_before = _WORD_BEFORE.search(self.text, max(0, span.start - CONTEXT_CHARACTERS), span.start)
        word_after = _WORD_AFTER.match(self.text, span.end)
        return self.text[
            word_before.start() if word_before else span.start : word_after.end() if word_after else span.end
        ]

    def _operations(self) -> None:
        """Cheaper or dearer than what was shown or is named, only what is in stock, and what is said of shown items."""
        compares = (self.asks("cheaper") or self.asks("dearer")) and not self.is_bounded and not self._is_other_kind()
        if compares and self.asks("cheaper"):
            self._beyond("max_price", 1)
        elif compares:
            self._beyond("min_price", -1)
        if self.asks("stock"):
            self.constraints.append((self._constraint("in_stock", True, self.text[:60]), WHOLE_MESSAGE))
        if self.read.act == "more" and not (self.asks("rejects") and self.references):
            self._not_again(self.memory.shown)

    def _is_other_kind(self) -> bool:
        """Whether the message names things of which nothing was shown: their prices compare with nothing."""
        words = [self._of(span) for span in self.things]
        if self.references or not words:
            return False
        ids = {hit.item_id for hit in self.referring.of_kind(" ".join(words))}
        return bool(ids) and not any(item.item_id in ids for item in self.memory.shown)

    @property
    def is_bounded(self) -> bool:
        """Whether the message names a limit: "less than 200" compares with nothing shown."""
        return any(constraint.field in PRICES for constraint, _ in self.constraints)

    def _beyond(self, field: str, sign: int) -> None:
        """A bound at the price of what is named; or of the shown items of the wish's kind, first the one furthest out.

        That one gives way to the next where nothing of the kind lies beyond it.

        Args:
            sign: 1 for lower prices, -1 for higher ones.
        """
        kind = [] if self.references else self.referring.of_kind(self.memory.topic, self._kept_filters())
        ids = {hit.item_id for hit in kind}
        items = self.references or [item for item in self.memory.shown if item.item_id in ids] or self.memory.shown
        prices = sorted(sign * item.price for item in items if item.price is not None)
        if not prices:
            return
        kind_prices = [sign * hit.price for hit in kind if hit.price is not None]
        price = sign * next(
            (limit for limit in prices if any(kind_price < limit for kind_price in kind_prices)), prices[0]
        )
        self._bound(field, max(round(price - sign * CENT, 2), 0.0))
        self._not_again(item for item in items if item.price is None or sign * item.price >= sign * price)

    def _kept_filters(self) -> Filters:
        """What holds of the earlier messages beside prices."""
        return to_filters([constraint for constraint in self.memory.constraints if constraint.field not in PRICES])

    def _not_again(self, items: Iterable[Recommendation | Hit]) -> None:
        self.constraints += [
            (self._constraint("exclude_ids", item.item_id, item.title), WHOLE_MESSAGE) for item in items
        ]

    def _bound(self, field: str, value: float) -> None:
        currency = _only(self.vocabulary.currencies)
        bound = self._constraint(field, value, self.text[:60], currency=currency, exclusive=True)
        self.constraints.append((bound, WHOLE_MESSAGE))

    @property
    def things(self) -> list[RoleSpan]:
        """The kinds of things that are wanted."""
        return [span for span in self.spans if span.role == "thing" and not self._is_consumed(span)]

    @cached_property
    def kinds(self) -> list[RoleSpan]:
        """The things that say which kind is wanted: not "a gift", "something". A pointer at nothing shown is one."""
        roles = ("thing",) if self.references else ("thing", "item")
        spans = [span for span in self.spans if span.role in roles and not self._is_consumed(span)]
        is_open = leaves_open([self._of(span) for span in spans], self.referring.encoder)
        return [span for span, opens in zip(spans, is_open, strict=True) if not opens]

    def _is_consumed(self, span: RoleSpan) -> bool:
        return any(span.overlaps(*stretch) for stretch in self.consumed)

    def topic(self, start: int = 0, end: int | None = None, *, purpose: bool = True) -> str:
        """What to search for, from a stretch of the message: what is wanted and for what, in the order of the words.

        Where no word has such a role, what is left of the message is searched for.

        Args:
            purpose: with what or whom it is for.
        """
        end = len(self.text) if end is None else end
        roles = {"thing", "prop", *(("for",) if purpose else ()), *(() if self.references else ("item",))}
        wanted_spans = [s for s in self.spans if s.role in roles and not self._is_consumed(s)]
        if wanted_spans:
            return unmarked(" ".join(self._of(span) for span in wanted_spans if start <= span.start < end))
        excluded = [(s.start, s.end) for s in self.spans if s.role != "for"]
        places = sentence_places(self.text, start, end)
        mentioned = _among(places, self._other_starts)
        excluded += mentioned if len(mentioned) < len(places) else []
        remainder = _without(self.text, [*self.consumed, *excluded])[start:end].strip()
        return unmarked(remainder) if purpose and _LETTER.search(unmarked(remainder)) else ""

    def sentence(self, start: int = 0, end: int | None = None) -> str:
        """The sentences of a stretch that say what is wanted; all of it where none does.

        What is not wanted and what is held as constraints, kinds aside, is left out: "a keyboard by Sony" is no camera.
        """
        end = len(self.text) if end is None else end
        left_out = [(span.start, span.end) for span in self.spans if span.role in ("not", "back")]
        in_force = [
            (constraint, position)
            for constraint, position in self.constraints
            if position >= 0 and constraint.field != "categories"
        ]
        left_out += [(position, position + len(constraint.words)) for constraint, position in in_force]
        text = _without(self.text, [*self.consumed, *left_out])
        wanted_starts = [s.start for s in self.spans if s.role in ("thing", "prop", "for") and not self._is_consumed(s)]
        places = sentence_places(self.text, start, end)
        stretches = (
            _among(places, wanted_starts)
            or [stretch for stretch in places if stretch not in _among(places, self._other_starts)]
            or places
        )
        sentences, room = list[str](), SENTENCE_CHARACTERS
        for first, last in reversed(stretches):
            words = " ".join(unmarked(text[first:last]).split())
            if sentences and len(words) > room:
                break
            sentences.append(words[:room])
            room -= len(words)
        return " ".join(reversed(sentences))

    def kind(self, start: int = 0, end: int | None = None) -> str:
        """The words of a stretch for the kind of thing that is wanted."""
        end = len(self.text) if end is None else end
        return unmarked(" ".join(self._of(span) for span in self.kinds if start <= span.start < end))

    def clauses(self, start: int = 0, end: int | None = None) -> list[str]:
        """What a stretch of the message says beside the kind of thing, and of nothing else, clause by clause."""
        end = len(self.text) if end is None else end
        certain = [s for s in self.spans if s.role != "thing" or s.probability >= CERTAIN]  # "手机屏幕" names both
        left_out = [(s.start, s.end) for s in certain if s.role in _NO_PROPERTY]
        return clauses(unmarked(_without(self.text, left_out)[start:end]))

    @property
    def properties(self) -> str:
        """The properties and measures that are named, each with the words beside its number."""
        spans = [span for span in self.spans if span.role in ("prop", "num") and not self._is_consumed(span)]
        return ", ".join(self._around(span) for span in spans)

    @property
    def _other_starts(self) -> list[int]:
        """Where things begin that are only mentioned or not wanted."""
        return [span.start for span in self.spans if span.role in ("said", "not")]

    @property
    def other_things(self) -> list[str]:
        """What is only mentioned, not wanted, or what a thing that is named is for; brands aside.

        Without a thing, what it is for is all that says what is wanted: "something for running".
        """
        roles = ("said", "not", *(("for",) if self.kinds else ()))
        spans = [span for span in self.spans if span.role in roles]
        words = [
            self._of(span) for span in spans if not _is_brand(name_index(self.vocabulary).find_all(self._of(span)))
        ]
        return [] if self.asks("similar") or self.references else list(dict.fromkeys(map(unmarked, words)))

    @property
    def names_more(self) -> bool:
        """Whether any word says what is wanted beside values of attributes, which are held as constraints."""
        return any(span.role in ("thing", "prop", "for") and span not in self.values for span in self.spans)

    @property
    def names_item(self) -> bool:
        """Whether the catalogue has something that is clearly meant, though no word says what is wanted."""
        return bool(self.referring.of_kind(unmarked(self.text)[-SENTENCE_CHARACTERS:], least=NAMED_ITEM_FROM))

    def is_to_be_had(self, kind: str, limits: Filters) -> bool:
        """Whether something of the very kind has a price within these limits."""
        prices = [hit.price for hit in self.referring.of_kind(kind) if hit.price is not None]
        lowest, highest = limits.min_price or 0.0, limits.max_price or float("inf")
        return any(lowest <= price <= highest for price in prices)

    @property
    def says_what(self) -> bool:
        """Whether any word says what is wanted or for what."""
        return any(span.role in ("thing", "prop", "for") for span in self.spans)

    @property
    def steers(self) -> bool:
        """Whether only what to do with the list is said: not this one, cheapest first, more of the same.

        Where something is taken back and nothing shows what, there is more to understand than the classifiers do.
        """
        is_steering = self.read.act == "more" or bool(self.taken_back) or any(map(self.asks, _STEERS))
        begins = (self.asks("similar") and bool(self.references)) or self.asks("gift") or self.asks("open")
        has_constraint = any(position != WHOLE_MESSAGE for _, position in (*self.constraints, *self.preferences))
        return is_steering and _operates(self.read, self.spans, self.memory) and not (begins or has_constraint)


def _operates(classification: Classification, spans: Sequence[RoleSpan], memory: Memory) -> bool:
    """Whether something is asked of the list that was shown, and no word says what else is wanted or told about."""
    roles = {span.role for span in spans}
    is_operation = (
        classification.act in ("more", "undo")
        or "back" in roles
        or any(classification.operations[o] >= OPERATION_FROM for o in _STEERS)
    )
    return bool(memory.shown) and is_operation and roles.isdisjoint(_TELLS)


def _join_parts(parts: Sequence[_Part], memory: Memory, language: str, *, attached: bool) -> Understanding:
    """The understanding of a turn: a typed text decides what kind of request it is, where there is one."""
    lead = next((part for part in parts if part.source == "text"), parts[0])
    has_shown = bool(memory.shown)
    like_picture = attached and lead.asks("similar")  # "like this" points at what the message brings
    pointed = [] if like_picture else [item for part in parts for item in part.references]
    references = list({item.item_id: item for item in pointed}.values())
    refused = lead.read.acts["harm"] >= HARMFUL
    intent = _intent(lead, references, has_shown=has_shown, attached=attached)
    is_gift = lead.asks("gift")
    left_open = lead.asks("open") or (is_gift and not lead.says_what)
    is_open = left_open and not (attached or (lead.kinds if is_gift else lead.says_what or lead.names_item))
    wishes = [] if intent or len(parts) > 1 else _wishes(lead)
    wish_constraint_ids = {id(c) for wish in wishes for c in wish.constraints}
    constraints = [c for part in parts for c, _ in part.constraints if id(c) not in wish_constraint_ids]
    rejected = references if lead.asks("rejects") else []
    liked = references if lead.asks("likes") or lead.asks("similar") else []
    excluded = [*rejected, *(references if lead.asks("similar") else [])]
    constraints += [
        Constraint(field="exclude_ids", value=item.item_id, source=lead.source, words=item.title) for item in excluded
    ]
    silent = (is_open and not is_gift) or (attached and not any(part.names_more for part in parts))
    topic, head = (
        "" if silent else " ".join(filter(None, (part.topic(purpose=purpose) for part in parts)))
        for purpose in (True, False)
    )
    steers = not attached and all(part.steers for part in parts)
    goes_on = _goes_on(memory) and not is_open and (lead.read.act in _GOES_ON or steers or _completes(memory, lead))
    if steers or (lead.read.act in ("more", "undo") and not lead.things):
        topic = head = ""
    asks_item = lead.read.act == "item" and intent is None and not attached
    compared = bool(lead.things) and (lead.asks("cheaper") or lead.asks("dearer"))
    only_others = lead.read.act == "more" and not liked
    kept_references = [] if compared or only_others or (rejected and not liked) else references
    return Understanding(
        language=language,
        intent="chat" if refused else intent,
        sort=_price_order(lead),
        accompanies=attached and is_accompaniment(lead.text.casefold()),
        refused=refused,
        liked=liked,
        rejected=rejected,
        recalled=[
            feedback.item_id for feedback in memory.rejected if feedback.title.casefold() in lead.text.casefold()
        ],
        recipient=_recipient(lead),
        open_wish=is_open,
        assortment=lead.read.act == "assortment",
        asks_item=asks_item,
        properties=lead.text if asks_item else "" if wishes else ", ".join(part.properties for part in parts),
        constraints=constraints,
        preferences=[c for part in parts for c, _ in part.preferences],
        dropped=[c for part in parts for c in part.dropped],
        currency=next((a.currency for part in parts for a in part.amounts if a.currency), None),
        references=kept_references,
        question=_question(lead),
        other_things=[words for part in parts for words in part.other_things][:MOST_OTHERS],
        unshown=[words for part in parts for words in part.pointed.unshown]
        if has_shown and not (kept_references or intent)
        else [],
        topic=topic,
        head=head,
        sentence="" if silent else " ".join(part.sentence() for part in parts),
        kind=" ".join(filter(None, (part.kind() for part in parts))),
        clauses=[] if silent else [clause for part in parts for clause in part.clauses()],
        unread=next((part.text[slice(*part.unread)].strip() for part in parts if part.unread[1]), ""),
        vague=not (references or any(part.kinds for part in parts)),
        refines=goes_on,
        steers=steers,
        wishes=wishes,
    )


def _intent(part: _Part, references: list[Recommendation], *, has_shown: bool, attached: bool) -> Intent | None:
    """The act as an intent; None for everything that searches."""
    act = part.read.act
    if act == "item":
        if has_shown and not attached and asks_why(part.text.casefold()):
            return "why"
        return "details" if references or (has_shown and not part.pointed.unshown) else None
    if part.pointed.picked and (
        act == "compare" or (act in ("find", "refine") and not any(map(part.asks, _OTHER_ITEM_OPERATIONS)))
    ):
        return "details"
    if act == "compare" and not (has_shown or len(references) > 1):
        return None
    if act == "chat" and (attached or part.things):
        return None
    if act == "cart" and part.things and not (has_shown or references):
        return None
    if act in ("find", "more", "undo", "refine") and (part.asks("rejects") or part.asks("open")):
        return "recommend"
    return _INTENTS.get(act)


def _price_order(part: _Part) -> Literal["price", "-price"] | None:
    """The order of price that is asked for; where the classifiers are not sure the encoder says."""
    likely = max(part.read.operations[operation] for operation in ("cheapest", "dearest"))
    if part.asks("cheapest") or part.asks("dearest"):
        return "price" if part.asks("cheapest") else "-price"
    if likely < UNLIKELY or part.asks("cheaper") or part.asks("dearer") or part.is_bounded:
        return None
    order = superlative(part.clauses(), (), part.referring.encoder)
    return None if order is None else "-price" if order.descending else "price"


def _question(part: _Part) -> str:
    """The text with titles for the words that name items: the brand in "how much is the Leica" is not what is asked.

    Where a superlative picked the item, what it is about stands in front.
    """
    text = f"{part.pointed.by}: {part.text}" if part.pointed.by else part.text
    for words, title in part.pointed.titles:
        text = text.replace(words, title)
    return text if part.pointed.titles or part.pointed.by else ""


def _recipient(part: _Part) -> str | None:
    if part.asks("self"):
        return ""
    if not part.asks("gift"):
        return None
    return next((part.text[s.start : s.end] for s in part.spans if s.role == "for"), part.text[:40])


def _wishes(part: _Part) -> list[Wish]:
    """Several things wanted, each with the constraints beside it; none where one thing is wanted."""
    kinds = [span for span in part.kinds if span.role == "thing"]
    if len(kinds) < 2 or part.read.act not in ("find", "refine"):
        return []
    spans = _apart(part.text, kinds, part.language)
    if len(spans) < 2:
        return []
    borders = _borders(part.text, spans, part.language)
    shared_limits = _shared_limits(part, spans, borders)
    wishes = [
        Wish(
            topic=part.topic(start, end),
            head=part.topic(start, end, purpose=False),
            sentence=part.sentence(start, end),
            kind=part.kind(start, end),
            clauses=part.clauses(start, end),
            constraints=[c for c, position in part.constraints if start <= position < end and c not in shared_limits],
        )
        for start, end in pairwise(borders)
    ]
    distinct = {wish.topic.casefold(): wish for wish in wishes}
    return list(distinct.values()) if len(distinct) > 1 else []


def _shared_limits(part: _Part, spans: Sequence[RoleSpan], borders: Sequence[int]) -> list[Constraint]:
    """Price limits that hold for each wish: "a lamp and a rug, both under 20", "up to 20 each: a lamp and a rug".

    They stand at one end of the message. Either a mark sets them apart from the things, or they follow the last one and
    each of the things is to be had within them: in "a laptop and a mouse under 20" they are the mouse's alone.
    """
    limits = [(constraint, position) for constraint, position in part.constraints if constraint.field in PRICES]
    places = [position for _, position in limits]
    is_before = bool(places) and max(places) < spans[0].start
    is_after = bool(places) and min(places) >= spans[-1].end
    if not (is_before or is_after):
        return []
    constraints = [constraint for constraint, _ in limits]
    if has_mark(part.text[max(places) : spans[0].start] if is_before else part.text[spans[-1].end : min(places)]):
        return constraints
    kinds = [part.topic(start, end, purpose=False) for start, end in pairwise(borders)]
    return constraints if is_after and all(part.is_to_be_had(kind, to_filters(constraints)) for kind in kinds) else []


def _apart(text: str, spans: Sequence[RoleSpan], language: str) -> list[RoleSpan]:
    """The things between which something separates two wishes: a mark, or "and" in one of the languages."""
    separate = [spans[0]]
    for span in spans[1:]:
        if joint(language).search(text[separate[-1].end : span.start]):
            separate.append(span)
        else:  # "a sofa bed", "bola de futebol"
            separate[-1] = separate[-1]._replace(end=span.end)
    return separate


def _borders(text: str, spans: Sequence[RoleSpan], language: str) -> list[int]:
    """Where each wish begins: at what last separates two things."""
    borders = [0]
    for span, next_span in pairwise(spans):
        *_, separator = joint(language).finditer(text[span.end : next_span.start])
        borders.append(span.end + separator.start())
    return [*borders, len(text)]


def _goes_on(memory: Memory) -> bool:
    """Whether there is something that a message may go on with."""
    return bool(memory.shown or memory.topic or memory.constraints)


def _among(places: Iterable[tuple[int, int]], starts: Sequence[int]) -> list[tuple[int, int]]:
    """The stretches in which one of the positions lies."""
    return [(start, end) for start, end in places if any(start <= position < end for position in starts)]


def _is_brand(names: Iterable[NameMatch]) -> bool:
    return any(name.kind == "brand" for name in names)


def _completes(memory: Memory, part: _Part) -> bool:
    """Whether a wish completes an earlier one that named nothing: "a gift, at most 15" and then "she reads a lot"."""
    return part.read.act == "find" and not (memory.topic or memory.pictures)


def _shown_by_picture(spans: list[RoleSpan]) -> list[RoleSpan]:
    """What is told about is what the picture shows, and is wanted, where nothing else is: "the shoes in my photo"."""
    if any(span.role == "thing" for span in spans):
        return spans
    return [span._replace(role="thing") if span.role == "said" else span for span in spans]


def _only(currencies: list[str]) -> str | None:
    return currencies[0] if len(currencies) == 1 else None


def _without(text: str, spans: Sequence[tuple[int, int]]) -> str:
    characters = list(text)
    for start, end in spans:
        characters[start:end] = " " * (end - start)
    return "".join(characters)
