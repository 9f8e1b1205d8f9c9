"""The evidence ledger: every fact an answer may rest on, as entries that code can check again.

An entry is about one item, has an id that is unique in the turn (e1, e2, ...), the facts as data, and the same facts
in words. Explanations cite entries; `assistant.claims` holds them to it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any

from assistant.agent.fusion import FusedHit
from assistant.agent.relevance import NEAR
from assistant.agent.stems import content_stems as _stems
from assistant.claims import PriceLimit, denied_words
from assistant.records import CitedEvidence, Evidence, PictureWords
from assistant.understanding.phrases import gives_orders
from prompts import say, sentence_keys
from tools.calibration import JOINT_FITTING, SOUNDS_ALIKE, SOUNDS_NEAR
from tools.records import Filters, Item, Moment, Signal, Variant
from tools.store.offers import NOT_PROPERTIES, PICTURE_WORDS, said_in, variant_with

QUOTE_CHARACTERS = 160
_SENTENCE = re.compile(r"(?<=[.!?。！？])\s+|\n+")
_MAX_VALUES = 4
_MAX_ATTRIBUTES = 8
_LOOKS_LIKE = 3.5
"""The z-score from which two photos may be said to look alike; below, they do so somewhat."""

TASTE = ("session", "collaborative", "profile", "imported", "popular")
"""Sources that say something of the user or of other people, and nothing of the item itself."""

_SAID_BESIDE = ("picture", "picture_text", "picture_words", "sound", *TASTE)
"""Sources whose entries are clauses of their own in an explanation."""

_SAID_AS_WELL = ("evidence_sold_out", "evidence_said")

_WORDS_AND_PICTURES = ("picture_text", "text_picture")
"""Sources that have a z-score in a joint space of its own; else their scores are about 0 for unrelated pairs (CSLS)."""


_LEADING = ("picture", "picture_words", "sound", "keyword", *TASTE)
"""Sources whose entries come first."""


class EvidenceBuilder:
    """Makes the entries of one turn."""

    def __init__(
        self,
        filters: Filters,
        wish: str,
        transcripts: dict[str, str] | None = None,
        *,
        limit: PriceLimit | None = None,
        numbers: Iterator[int] | None = None,
        asked: str | None = None,
        read: Iterable[PictureWords] = (),
    ) -> None:
        """
        Args:
            wish: the words searched for; they choose which sentence of a description is quoted.
            limit: the highest price that the customer named; prices in another currency are not compared with it.
                Without it, ``filters.max_price`` is taken as an amount in the catalogue's own currency.
            numbers: what the entries are numbered by, where several ledgers of a turn share them; else 1, 2, ...
            asked: the attribute that the items are in order of.
            read: what was searched for because it stands in a picture of the user.
        """
        maximum = filters.max_price
        self._limit = limit or (PriceLimit(maximum) if maximum is not None else None)
        self._filters = filters
        self._order_attribute = asked
        terms = [value for values in filters.attributes.values() for value in values]
        terms += [*filters.include_terms, *filters.brands, *filters.categories]
        self._wish = _stems(" ".join([wish, *terms]))
        self._transcript_stems = {attachment: _stems(text) for attachment, text in (transcripts or {}).items()}
        self._read = {one.words: one for one in reversed([*read])}
        self._numbers = count(1) if numbers is None else numbers

    def entries(self, fused: FusedHit, item: Item) -> list[Evidence]:
        """Everything known for one candidate, what says most about this wish first."""
        read = [pair for pair in fused.signals if pair[0] in self._read and pair[1].source == "keyword"]
        others = [pair for pair in fused.signals if pair not in read]
        signals = [self._signal(fused.hit.item_id, query, signal) for query, signal in _best(others)]
        signals = [self._in_picture(fused.hit.item_id, query, signal) for query, signal in _best(read)] + signals
        leading = [entry for entry in signals if entry and entry.source in _LEADING]
        attributes = list(self._attributes(item))
        offer = fused.hit.variant or item
        telling = [entry for entry in attributes if self._is_telling(entry)]
        entries = [
            *(_without_denied(entry, item) for entry in leading),
            self._quote(item),
            self._said(item),
            self._variant(item, fused.hit.variant),
            *telling,
            self._price(item, offer),
            self._stock(item, offer),
            *(entry for entry in signals if entry not in leading),
            *(entry for entry in attributes if entry not in telling),
        ]
        return [entry.model_copy(update={"id": self._next_id()}) for entry in entries if entry is not None]

    def _is_telling(self, entry: Evidence) -> bool:
        """True when an attribute is what a constraint or the wish speaks of."""
        return entry.facts["name"] == self._order_attribute or bool(self._wish & _stems(str(entry.facts["value"])))

    def _next_id(self) -> str:
        return f"e{next(self._numbers)}"

    def _entry(self, item_id: str, source: str, key: str, score: float | None = None, **facts: object) -> Evidence:
        detail = say(key, "en", **facts, **({"score": score} if score is not None else {}))
        return Evidence(
            id="",
            item_id=item_id,
            source=source,
            detail=detail,
            score=score,
            key=key,
            facts=facts,
        )

    def _signal(self, item_id: str, query: str, signal: Signal) -> Evidence | None:
        if signal.source == "keyword":
            words = [word for word in signal.matched if any(map(str.isalpha, word))]  # "5" may be part of a code
            if not words:
                return None
            attachments = [name for name, stems in self._transcript_stems.items() if stems & _stems(" ".join(words))]
            facts = {"words": ", ".join(words), "attachments": attachments}
            return self._entry(item_id, "keyword", "evidence_keyword", signal.score, **facts)
        if signal.source in TASTE:
            return self._taste(item_id, signal)
        if signal.source in _WORDS_AND_PICTURES and (
            signal.score < 0.0 if signal.z is None else signal.z < JOINT_FITTING
        ):
            return None
        if signal.source == "dense" and signal.z is not None and signal.z < NEAR:
            return None
        if signal.source == "sound" and signal.z is not None and signal.z < SOUNDS_NEAR:
            return None
        key = f"evidence_{signal.source}"
        if signal.source == "sound" and signal.z is not None and signal.z < SOUNDS_ALIKE:
            key = "evidence_sound_somewhat"
        if signal.source == "picture" and signal.z is not None and signal.z < _LOOKS_LIKE:
            key = "evidence_picture_somewhat"
        return self._entry(item_id, signal.source, key, signal.score, query=query, **_places(signal))

    def _in_picture(self, item_id: str, query: str, signal: Signal) -> Evidence | None:
        """What the item's text shares with the words in a picture, as they are written there."""
        matched = {word.casefold() for word in signal.matched}
        words = [word for word in query.split() if word.casefold() in matched] or signal.matched
        if not words:
            return None
        read = self._read[query]
        facts: dict[str, object] = {"words": " ".join(words), "attachment": read.attachment}
        if read.second is not None:
            facts |= _place("shown", Moment(video=read.attachment, second=read.second))
        return self._entry(item_id, "picture_words", "evidence_picture_words", signal.score, **facts)

    def _taste(self, item_id: str, signal: Signal) -> Evidence | None:
        """What the user liked that speaks for the item, and how many people chose it, never who."""
        titles, user_count = [reason.title for reason in signal.because], signal.people
        facts: dict[str, Any]
        if signal.source == "popular":
            return self._entry(item_id, "popular", "evidence_popular", people=user_count) if user_count else None
        if signal.source == "imported":
            facts = {"catalogue": signal.catalogue}
            return self._entry(item_id, "imported", "evidence_imported", **facts) if signal.catalogue else None
        if not titles or (signal.source == "collaborative" and not user_count):
            return None
        facts = {"titles": titles, "items": [reason.item_id for reason in signal.because]}
        if signal.source == "collaborative":
            facts |= {"people": user_count, "each": [reason.people for reason in signal.because]}
        return self._entry(item_id, signal.source, f"evidence_{signal.source}", None, **facts)

    def _quote(self, item: Item) -> Evidence | None:
        """The sentence of the description that shares most words with the wish; none when no sentence does."""
        sentences = [part.strip() for part in _SENTENCE.split(item.description) if part.strip()]
        best = max(sentences, key=lambda part: len(self._wish & _stems(part)), default="")
        if not self._wish & _stems(best):
            return None
        return self._entry(item.id, "attribute", "evidence_quote", quote=_clip(best))

    def _said(self, item: Item) -> Evidence | None:
        """What is said in the item's recordings or videos that shares most words with the wish; else None."""
        lines = [line for line in said_in(item.attributes) if not gives_orders(line.text)]
        best = max(lines, key=lambda line: len(self._wish & _stems(line.text)), default=None)
        if best is None or not self._wish & _stems(best.text):
            return None
        place = Moment(video=best.video, second=best.second)
        facts: dict[str, Any] = {"quote": _clip(best.text), "moment": clock(best.second)}
        return self._entry(item.id, "attribute", "evidence_said", **facts, moment_at=place.model_dump())

    def _attributes(self, item: Item) -> Iterable[Evidence]:
        values = {"category": item.category, "brand": item.brand}
        values |= {name: _values(value) for name, value in item.attributes.items() if name not in NOT_PROPERTIES}
        pairs = [(name, str(value)) for name, value in values.items() if value]
        for name, value in [*pairs[:_MAX_ATTRIBUTES], *self._read_in_its_picture(item)]:
            yield self._entry(item.id, "attribute", "evidence_attribute", name=name, value=value)

    def _read_in_its_picture(self, item: Item) -> list[tuple[str, str]]:
        """The line in the item's pictures that shares most words with the wish; none when no line does."""
        lines = map(str, _as_list(item.attributes.get(PICTURE_WORDS)))
        best = max(lines, key=lambda line: len(self._wish & _stems(line)), default="")
        return [(PICTURE_WORDS, best)] if self._wish & _stems(best) else []

    def _variant(self, item: Item, variant: Variant | None) -> Evidence | None:
        if variant is None:
            return None
        facts = {**variant.model_dump(), "currency": item.currency}
        return _with_detail(self._entry(item.id, "attribute", "evidence_variant", **facts))

    def _price(self, item: Item, offer: Item | Variant) -> Evidence | None:
        if offer.price is None:
            return None
        facts: dict[str, Any] = {"price": offer.price, "currency": item.currency, **_options(offer)}
        limit = self._limit
        if limit is None or offer.price > limit.amount or (limit.currency and limit.currency != item.currency):
            return self._entry(item.id, "price", "evidence_price", **facts)
        facts |= {"limit": limit.amount, "limit_currency": limit.currency}
        return self._entry(item.id, "price", "evidence_price_within", **facts)

    def _stock(self, item: Item, offer: Item | Variant) -> Evidence | None:
        if isinstance(offer, Variant) and offer.in_stock is False:
            return self._entry(item.id, "stock", "evidence_sold_out", **_options(offer))
        if not (offer.in_stock and self._filters.in_stock):
            return None
        return self._entry(item.id, "stock", "evidence_stock", **_options(offer))


def _places(signal: Signal) -> dict[str, object]:
    """Where in videos a signal comes from: as data, and in minutes and seconds as sentences say it."""
    places = {"shown": signal.shown, "moment": signal.moment}
    return {key: value for name, place in places.items() if place for key, value in _place(name, place).items()}


def _place(name: str, moment: Moment) -> dict[str, object]:
    return {name: clock(moment.second), f"{name}_at": moment.model_dump()}


def clock(seconds: float) -> str:
    """Seconds as a player shows them: 0:14, 1:02:03."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def _options(offer: Item | Variant) -> dict[str, Any]:
    """What says of a fact which variant it is about; nothing where it is about the item."""
    return {"options": offer.options} if isinstance(offer, Variant) else {}


def _with_detail(entry: Evidence) -> Evidence:
    """The entry of a variant with its detail."""
    return entry.model_copy(update={"detail": in_words(entry, "en")})


def as_of_now(entries: Iterable[Evidence], item: Item) -> list[Evidence]:
    """The entries as the item is now: with its present price, and without what it no longer says."""
    return [current for entry in entries if (current := _of_now(entry, item)) is not None]


def _of_now(entry: Evidence, item: Item) -> Evidence | None:
    options = entry.facts.get("options")
    offer = variant_with(item, options) if options else item
    if offer is None:
        return None
    if entry.key == "evidence_variant":
        facts = entry.facts | {"price": offer.price, "in_stock": offer.in_stock}
        return _with_detail(entry.model_copy(update={"facts": facts}))
    if entry.source == "price":
        return _priced_now(entry, offer, item.currency)
    if entry.source == "stock":
        return entry if offer.in_stock is (entry.key == "evidence_stock") else None
    if entry.key == "evidence_quote":
        return entry if str(entry.facts["quote"]).removesuffix(" …") in re.sub(r"\s+", " ", item.description) else None
    if entry.key == "evidence_said":
        place, quote = entry.facts["moment_at"], str(entry.facts["quote"]).removesuffix(" …")
        lines = [line for line in said_in(item.attributes) if line.video == place["video"]]
        return entry if any(quote in re.sub(r"\s+", " ", line.text) for line in lines) else None
    if entry.key == "evidence_attribute":
        values = {"category": item.category, "brand": item.brand, **item.attributes}
        if entry.facts["name"] == PICTURE_WORDS:
            return entry if entry.facts["value"] in _as_list(values.get(PICTURE_WORDS)) else None
        return entry if _values(values.get(str(entry.facts["name"]))) == entry.facts["value"] else None
    return entry


def _priced_now(entry: Evidence, offer: Item | Variant, item_currency: str | None) -> Evidence | None:
    if offer.price is None:
        return None
    limit, currency = entry.facts.get("limit"), entry.facts.get("limit_currency")
    within = limit is not None and offer.price <= limit and currency in (None, item_currency)
    key = "evidence_price_within" if within else "evidence_price"
    facts = entry.facts | {"price": offer.price, "currency": item_currency}
    return entry.model_copy(update={"key": key, "facts": facts, "detail": say(key, "en", **facts)})


def in_words(entry: Evidence, language: str) -> str:
    """An entry in the user's language, from its facts."""
    if entry.key == "evidence_attribute":
        return attribute_in_words(entry.facts["name"], entry.facts["value"], language)
    if entry.key == "evidence_variant":
        return say(entry.key, language, **entry.facts | {"options": options_in_words(entry.facts["options"], language)})
    return say(entry.key, language, **entry.facts, **({"score": entry.score} if entry.score is not None else {}))


def attribute_in_words(name: str, value: object, language: str) -> str:
    """An attribute and its value; the names of the common ones are translated."""
    return say("evidence_attribute", language, name=attribute_name(name, language), value=value)


def options_in_words(options: Mapping[str, str], language: str) -> list[str]:
    """What was chosen of a variant: ["size 43", "color red"]."""
    return [
        say("constraint_attributes", language, name=attribute_name(name, language), value=value)
        for name, value in options.items()
    ]


def attribute_name(name: str, language: str) -> str:
    """An attribute's name; those of the common ones are translated."""
    key = f"name_{name.casefold()}"
    return say(key, language) if key in sentence_keys(language) else name


def cited(entry: Evidence, language: str) -> CitedEvidence:
    """An entry as an answer in this language carries it."""
    return CitedEvidence(
        id=entry.id,
        source=entry.source,
        detail=entry.detail,
        sentence=in_words(entry, language),
        score=entry.score,
        shown=entry.facts.get("shown_at"),
        moment=entry.facts.get("moment_at"),
    )


def template_explanation(title: str, entries: list[Evidence], language: str, evidence_language: str = "en") -> str:
    """A sentence built from the title and the entries alone: what the item is and costs, then what speaks for it.

    Values of the catalogue are quoted where the sentence is in another language than they are.
    """
    if not entries:
        return ""
    same_language = language == evidence_language
    attributes = {str(e.facts["name"]): str(e.facts["value"]) for e in entries if e.key == "evidence_attribute"}
    for entry in entries:
        if entry.key == "evidence_variant":
            attributes |= entry.facts["options"]
    price = next((e for e in entries if e.source == "price"), None)
    also = [in_words(e, language) for e in entries if e.source in _SAID_BESIDE or e.key in _SAID_AS_WELL]
    brand = attributes.pop("brand", "")
    facts = {
        "brand": "" if brand.casefold() in title.casefold() else brand,
        "color": _value(attributes.pop("color", ""), language, same_language=same_language),
        "attributes": [
            _attribute(name, value, language, same_language=same_language)
            for name, value in attributes.items()
            if name != "category"
        ],
        "price": price.facts["price"] if price else None,
        "currency": (price.facts.get("currency") if price else None) or "",
        "within": price is not None and price.key == "evidence_price_within",
        "in_stock": any(e.key == "evidence_stock" for e in entries),
        "quote": next((_inside(str(e.facts["quote"])) for e in entries if e.key == "evidence_quote"), ""),
    }
    if not (any(facts.values()) or also):
        also = [_quoted_in_words(e, language, same_language=same_language) for e in entries if e.source != "dense"]
    return say("reason", language, title=title, also=also, **facts)


def _quoted_in_words(entry: Evidence, language: str, *, same_language: bool) -> str:
    if entry.key == "evidence_attribute":
        return _attribute(str(entry.facts["name"]), str(entry.facts["value"]), language, same_language=same_language)
    return in_words(entry, language)


def _attribute(name: str, value: str, language: str, *, same_language: bool) -> str:
    return attribute_in_words(
        re.sub(r"[_-]+", " ", name), _value(value, language, same_language=same_language), language
    )


def _value(value: str, language: str, *, same_language: bool) -> str:
    """A value as a sentence carries it: in quotation marks where it is in another language."""
    return value if same_language or not value else say("quoted", language, text=_inside(value))


_QUOTATION_MARKS = str.maketrans(dict.fromkeys('“”„«»「」『』"', "'"))


def _inside(text: str) -> str:
    """A text as it stands inside quotation marks: with marks of its own that do not end them."""
    return text.translate(_QUOTATION_MARKS)


def _best(signals: list[tuple[str, Signal]]) -> list[tuple[str, Signal]]:
    """One signal a source and query: the strongest."""
    best: dict[tuple[str, str], tuple[str, Signal]] = {}
    for query, signal in sorted(signals, key=lambda pair: pair[1].rank):
        best.setdefault((signal.source, "" if signal.source != "picture" else query), (query, signal))
    order = ("picture", "sound", "keyword", *TASTE, "dense", "picture_text", "text_picture", "pinned")
    return sorted(best.values(), key=lambda pair: order.index(pair[1].source))


def _without_denied(entry: Evidence, item: Item) -> Evidence | None:
    """A keyword entry without the words that the item's text only denies: "not waterproof"."""
    if entry.source != "keyword":
        return entry
    words = str(entry.facts["words"]).split(", ")
    parts = [item.title, *_SENTENCE.split(item.description)]
    denied = denied_words(words, "\n".join(part for part in parts if _stems(part) & _stems(" ".join(words))))
    if not denied:
        return entry
    other_words = ", ".join(word for word in words if word not in denied)
    facts = entry.facts | {"words": other_words}
    return entry.model_copy(update={"facts": facts, "detail": say(entry.key, "en", **facts)}) if other_words else None


def _as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _values(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(entry) for entry in value[:_MAX_VALUES])
    return str(value) if isinstance(value, str | int | float) else ""


def _clip(text: str) -> str:
    clean = re.sub(r"\s+", " ", text)
    return clean if len(clean) <= QUOTE_CHARACTERS else clean[:QUOTE_CHARACTERS].rsplit(" ", 1)[0] + " …"
