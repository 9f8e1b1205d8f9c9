"""An independent check of what explanations and messages claim, from the reply and the catalogue alone.

It shares no code with the product's own verification, so that a fault there does not excuse itself. Rules cut a text
into claims: prices, numbers with their units, quotations, brands and other names, colours, materials, features, letter
sizes, other items' titles, price superlatives, stock, limits, discounts and other promises. Each is held against the
item's own data and the cited evidence; what the user said, showed or limited grounds a claim only where the text speaks
of the wish ("your limit of 60", "no leather"). Evidence that states facts of the item is held to the catalogue itself,
so that a wrong entry does not ground a wrong text.

Covered are English, Chinese, German, French and Spanish; in other languages numbers, quotations, brands and titles.
A claim in words that no rule knows ("comfortable") is not found: what is counted here is a lower bound.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise

from assistant.records import Recommendation, Reply
from eval.measures.claim_ground import ECHOES, TASTE, Ground, Shelf, named_in
from eval.measures.claim_words import (
    Amount,
    Spellings,
    amounts,
    holds,
    load_claim_words,
    pattern,
    plain,
    spelt_out,
    words_in,
)
from eval.measures.language import written_in
from tools.records import Item, Record

_QUOTED = re.compile(r"[“„«「『]([^“”„«»「」『』]{2,})[”“»」』]|(?<![\d\w])\"([^\"]{2,})\"")
_CLAUSE_END = re.compile(r"[.,;:!?](?=\s|$|[\u3400-\u9fff])|[。、\n]")
_CODE = re.compile(r"(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[a-z])[a-z0-9][a-z0-9-]*(?![\w-])", re.ASCII)
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th|er|e|ª|º)?(?:-[a-z]+)*")
_CAPITALISED = re.compile(r"(?<![\w.'’-])(?!I['’](?:d|ll|m|ve)\b)[A-Z][\w&'’-]+")
_LATIN = re.compile(r"[A-Za-z][A-Za-z0-9&'’-]+")
_LETTER_SIZE = re.compile(r"\s*:?\s*(X{0,3}[SL]|M)(?![\w'’])")
_SENTENCE_START = re.compile(r"(?:^|[.!?:…。！？：(\n]|[“\"„«])\s*$")
_CATALOGUE = re.compile(r"catalog|katalog|catálogo|目录|全部|store|shop")
_PIECE_START = r"(?:^|(?<=[.。!?！？\n])|(?<=[.。!?！？] )|(?<=推荐 ))"
_ROUNDED = 0.05
"""How far "about 45" may be from the price, as a share."""


Found = Iterator[tuple[str, str, bool]]
"""Kind, words, whether the ground holds it."""

Finder = Callable[[str, Ground], Found]


class Claim(Record):
    """One thing that a text says, and whether the data hold it."""

    kind: str
    words: str
    supported: bool


class HeldText(Record):
    """One text of a reply with its claims; ``place`` is message, explanation, or evidence and its id."""

    place: str
    item_id: str | None
    text: str
    claims: list[Claim]

    @property
    def supported(self) -> list[str]:
        """The claims that the data hold, each as its kind and words."""
        return [f"{claim.kind} “{claim.words}”" for claim in self.claims if claim.supported]

    @property
    def unsupported(self) -> list[str]:
        """The claims that nothing holds, each as its kind and words."""
        return [f"{claim.kind} “{claim.words}”" for claim in self.claims if not claim.supported]


def held_texts(reply: Reply, shelf: Shelf, catalogue_language: str = "en") -> list[HeldText]:
    """Every text of the reply with its claims: the message in pieces, each explanation, each entry that states a fact.

    An item that is not in the catalogue grounds nothing.
    """
    texts = list(_message(reply, shelf, catalogue_language))
    for entry in reply.recommendations:
        items = _known(entry.item_id, shelf)
        for fact in entry.evidence:
            if fact.source not in ECHOES:
                ground = Ground(reply, shelf, items, "en", catalogue_language)
                texts.append(_held(f"evidence {fact.id}", entry.item_id, fact.detail, ground))
            elif fact.source in TASTE:
                texts.append(_history(f"evidence {fact.id}", entry.item_id, fact.detail, shelf))
        ground = Ground(reply, shelf, items, reply.language, catalogue_language, entry.evidence)
        texts.append(_held("explanation", entry.item_id, entry.explanation, ground))
    return texts


def claims_in(text: str, ground: Ground) -> list[Claim]:
    """The claims of one text, each held to its ground; inside a quotation nothing more is looked for."""
    text = ground.without_named(text)
    bare = _QUOTED.sub(" ", text)
    low = plain(spelt_out(bare, ground.language))
    texts: tuple[tuple[str, tuple[Finder, ...]], ...] = (
        (text, (_quotations,)),
        (low, (_terms, _titles, _amounts, _codes, _superlatives, _stock, _limits)),
        (bare, (_brands, _names, _letter_sizes)),
    )
    return [
        Claim(kind=kind, words=words, supported=ok)
        for form, finders in texts
        for find in finders
        for kind, words, ok in find(form, ground)
    ]


def _held(place: str, item_id: str | None, text: str, ground: Ground) -> HeldText:
    """The text's claims, read in English where it is not in the language that it should be in."""
    if not written_in(text, ground.language, names=(item.title for item in ground.items)):
        ground = replace(ground, language="en")
    return HeldText(place=place, item_id=item_id, text=text, claims=claims_in(text, ground))


def _history(place: str, item_id: str, detail: str, shelf: Shelf) -> HeldText:
    """What an entry says of the user's history: only items of the catalogue can have been liked."""
    titles = {item.title for item in shelf.items.values()}
    claims = [Claim(kind="title", words=title, supported=title in titles) for title in named_in(detail)]
    return HeldText(place=place, item_id=item_id, text=detail, claims=claims)


def _known(item_id: str, shelf: Shelf) -> list[Item]:
    return [shelf.items[item_id]] if item_id in shelf.items else []


def _message(reply: Reply, shelf: Shelf, catalogue_language: str) -> Iterator[HeldText]:
    """The message cut where a sentence begins with a recommended item's title: from there it speaks of that item."""
    for entry, text in _pieces(reply):
        items = _known(entry.item_id, shelf) if entry else []
        ground = Ground(
            reply, shelf, items, reply.language, catalogue_language, entry.evidence if entry else (), entry is None
        )
        if entry is None:
            ground = Ground(reply, shelf, ground.shown, reply.language, catalogue_language, (), True)
        yield _held("message", entry.item_id if entry else None, text, ground)


def _pieces(reply: Reply) -> Iterator[tuple[Recommendation | None, str]]:
    starts: dict[int, Recommendation] = {}
    for entry in sorted(reply.recommendations, key=lambda entry: len(entry.title)):
        for match in re.finditer(_PIECE_START + re.escape(entry.title), reply.message):
            starts[match.start()] = entry
    places = [0, *sorted(starts), len(reply.message)]
    for begin, end in pairwise(places):
        if text := reply.message[begin:end].strip():
            yield starts.get(begin), text


# What the words around a claim make of it ----------------------------------------------------------------------------


def _clause_before(low: str, start: int) -> str:
    """The clause up to a place."""
    ends = [match.end() for match in _CLAUSE_END.finditer(low, 0, start)]
    return low[ends[-1] if ends else 0 : start]


def _near(table: Spellings, before: str, ground: Ground, room: int) -> bool:
    """True when one of the words ends at most ``room`` characters before the claim."""
    words = pattern(words_in(table, ground.language))
    return any(match.end() >= len(before) - room for match in words.finditer(before))


def _after(table: Spellings, text: str, ground: Ground, room: int) -> bool:
    match = pattern(words_in(table, ground.language)).search(text)
    return match is not None and match.start() <= room


def _grounded(before: str, ground: Ground, *, owned: bool, wished: bool) -> bool:
    """A property is the item's own; where the text denies it, it is not; where it speaks of the wish, it is wished."""
    words = load_claim_words()
    before = pattern(words_in(words.affirmation, ground.language)).sub(" ", before)
    if _near(words.negation, before, ground, 14):
        return not owned or (ground.lenient and wished)
    about_wish = ground.lenient or bool(pattern(words_in(words.wish, ground.language)).search(before))
    return owned or (wished and about_wish)


# The kinds of claims -------------------------------------------------------------------------------------------------


def _quotations(text: str, ground: Ground) -> Found:
    held = f"{ground.own}\n{ground.wish}\n" + "\n".join(plain(entry.detail) for entry in ground.evidence)
    for match in _QUOTED.finditer(text):
        quote = match[1] or match[2]
        yield "quotation", quote, plain(quote).rstrip(" .,;!?…。，").removesuffix("...").strip() in held


def _terms(low: str, ground: Ground) -> Found:
    for kind, table in load_claim_words().terms.items():
        for spellings in table.values():
            for match in pattern(words_in(spellings, ground.language)).finditer(low):
                before = _clause_before(low, match.start())
                wished = ground.wishes(spellings) and kind != "promise"
                yield kind, match.group(), _grounded(before, ground, owned=ground.owns(spellings), wished=wished)


def _brands(text: str, ground: Ground) -> Found:
    for brand, in_lower_case in ground.shelf.brands.items():
        if brand.casefold() not in text.casefold():
            continue
        name = re.compile(rf"(?<!\w){re.escape(brand)}(?!\w)", re.IGNORECASE if in_lower_case else 0)
        owned, wished = (bool(pattern((brand,)).search(held)) for held in (ground.own, ground.wish))
        for match in name.finditer(text):
            before = plain(_clause_before(text, match.start())) + " "
            yield "brand", match.group(), _grounded(before, ground, owned=owned, wished=wished)


def _titles(low: str, ground: Ground) -> Found:
    for title, item in ground.shelf.titles.items():
        if title not in low or title in ground.own or (ground.lenient and title in ground.wish):
            continue
        for match in pattern((title,)).finditer(low):
            before = _clause_before(low, match.start())
            yield "title", item.title, _is_cheaper(before, item, ground)


def _is_cheaper(before: str, other: Item, ground: Ground) -> bool:
    """Another item may be named where this one is said to cost less, and does."""
    if not _near(load_claim_words().upper, before, ground, 6) or other.price is None:
        return False
    return all(item.price is not None and item.price < other.price for item in ground.items)


def _amounts(low: str, ground: Ground) -> Found:
    words = load_claim_words()
    for amount in amounts(low):
        before, after = _clause_before(low, amount.start), low[amount.end :]
        money = amount.unit in words.currencies
        if money or (amount.unit is None and _near(words.costs, before, ground, 8)):
            yield "price", amount.words, _price_holds(amount, before, after, ground)
        elif amount.unit is not None:
            yield "measure", amount.words, _measure_holds(amount, before, ground)
        else:
            yield "number", amount.words, _number_holds(amount, before, after, ground)


def _price_holds(amount: Amount, before: str, after: str, ground: Ground) -> bool:
    words, prices = load_claim_words(), ground.prices
    said_by_user = _near(words.bound, before, ground, 12) or _after(words.bound, after, ground, 2)
    if ground.lenient or said_by_user or _near(words.wish, before, ground, 20):
        return holds(amount.values, ground.wish_numbers) or holds(amount.values, prices)
    if _near(words.upper, before, ground, 8) or _after(words.upper, after, ground, 1):
        return any(price <= value for price in prices for value in amount.values)
    if _near(words.lower, before, ground, 8) or _after(words.lower, after, ground, 1):
        return any(price >= value for price in prices for value in amount.values)
    if amount.unit and any(item.currency not in (None, amount.unit) for item in ground.items):
        return False
    if _near(words.approximate, before, ground, 4) or _after(words.approximate, after, ground, 1):
        return any(abs(price - value) <= _ROUNDED * price for price in prices for value in amount.values)
    return holds(amount.values, prices)


def _measure_holds(amount: Amount, before: str, ground: Ground) -> bool:
    held = [value for own in ground.own_amounts if own.unit == amount.unit for value in own.values]
    if amount.unit == "percent":
        held += [float(round(entry.score * 100)) for entry in ground.evidence if entry.score is not None]
    if ground.lenient or _near(load_claim_words().wish, before, ground, 20):
        held += ground.wish_numbers
    return holds(amount.values, held)


def _room_for(ground: Ground) -> list[float]:
    """For how many people the item is by its own text: a tent for 4 persons."""
    people = pattern(words_in(load_claim_words().people, ground.catalogue_language))
    found = re.finditer(r"(\d+) (?=(\w+))", ground.own)
    return [float(match[1]) for match in found if people.fullmatch(match[2])]


def _number_holds(amount: Amount, before: str, after: str, ground: Ground) -> bool:
    words, held = load_claim_words(), list(ground.own_numbers)
    if _after(words.people, after, ground, 2):
        return holds(amount.values, [*ground.people, *_room_for(ground)])
    about_wish = _near(words.wish, before, ground, 20) or _near(words.bound, before, ground, 12)
    if ground.lenient:
        held.append(float(len(ground.reply.recommendations)))
    if ground.lenient or about_wish or _after(words.bound, after, ground, 2):
        held += ground.wish_numbers
    return holds(amount.values, held)


def _codes(low: str, ground: Ground) -> Found:
    """Model numbers and the like: "m185", "i7-8700"."""
    measured = {part for amount in amounts(low) for part in (amount.words, *amount.words.split())}
    for match in _CODE.finditer(low):
        code = match.group()
        if code not in measured and not _ORDINAL.fullmatch(code):
            yield "code", code, code in ground.own or (ground.lenient and code in ground.wish)


def _names(text: str, ground: Ground) -> Found:
    """Capitalised words inside a sentence, and Latin words in Chinese: names that the data must hold."""
    if ground.language not in {"en", "fr", "es", "zh"}:
        return
    others = [*ground.shelf.titles, *map(str.casefold, ground.shelf.brands)]  # judged as titles and brands
    judged = [name for name in others if name in plain(text)]
    catalogue = [ground.shelf.categories] if ground.lenient else []  # the message may say what the catalogue has
    cited = (plain(entry.detail) for entry in ground.evidence)
    known = "\n".join([ground.own, ground.wish, *judged, *catalogue, *cited])
    finder = _LATIN if ground.language == "zh" else _CAPITALISED
    units = load_claim_words().unit_of
    for match in finder.finditer(text):
        word = plain(match.group()).removesuffix("'s")
        if ground.language != "zh" and _SENTENCE_START.search(text[: match.start()]):
            continue
        if word not in units:
            yield "name", match.group(), word in known


def _letter_sizes(text: str, ground: Ground) -> Found:
    for named in pattern(words_in(load_claim_words().sizes, ground.language)).finditer(text.casefold()):
        if match := _LETTER_SIZE.match(text, named.end()):
            yield "size", match[1], bool(re.search(rf"(?<!\w){match[1]}(?!\w)", ground.own_raw))


def _superlatives(low: str, ground: Ground) -> Found:
    for name, spellings in load_claim_words().superlatives.items():
        for match in pattern(words_in(spellings, ground.language)).finditer(low):
            everywhere = bool(_CATALOGUE.search(low))
            yield "superlative", match.group(), _stands_out(name, ground, everywhere=everywhere)


def _stands_out(name: str, ground: Ground, *, everywhere: bool) -> bool:
    """The price is the lowest or highest of those shown; of its category where it is shown alone."""
    peers = list(ground.shelf.items.values()) if everywhere else ground.shown
    if len(peers) == 1:
        peers = [item for item in ground.shelf.items.values() if item.category == peers[0].category]
    prices = [item.price for item in peers if item.price is not None]
    own = [item.price for item in ground.items if item.price is not None]
    return bool(prices and own) and (min(prices) in own if name == "lowest" else max(prices) in own)


def _stock(low: str, ground: Ground) -> Found:
    for name, spellings in load_claim_words().stock.items():
        for match in pattern(words_in(spellings, ground.language)).finditer(low):
            yield "stock", match.group(), all(item.in_stock is (name == "there") for item in ground.items)


def _limits(low: str, ground: Ground) -> Found:
    """ "Within your limit": the price is at most what the user asked for. Later questions repeat no limit."""
    for match in pattern(words_in(load_claim_words().limit, ground.language)).finditer(low):
        later = not ground.limits and ground.reply.intent != "recommend"
        kept = bool(ground.limits) and all(
            item.price is not None and item.price <= ground.limits[0] + 0.011 for item in ground.items
        )
        yield "limit", match.group(), kept or later


__all__ = ["Claim", "HeldText", "claims_in", "held_texts"]
