"""An independent check of what explanations and messages claim, from the reply and the catalogue alone.

It shares no code with the product's own verification, so that a fault there does not excuse itself. Rules cut a text
into claims: numbers, quotations, brands and other names, colours, materials, qualities, letter sizes, other items'
titles, price superlatives, stock, limits, likeness to a photo, promises. Each is held against the item's own data and
the cited evidence; what the user said, showed or limited grounds a claim only where the text speaks of the wish ("your
limit of 60", "no leather"). Evidence that states facts of the item is held to the catalogue itself, so that a wrong
entry does not ground a wrong text.

A number is typed by what it measures (price, size, similarity, people, a measure of some aspect, a count of something)
and is held only by numbers of that type. Every word that is neither closed-class nor known to present an item is a
claim of its own, with its polarity, held by the same word, a word of the same concept or a dictionary's translation.

Covered are English, Chinese, German, French and Spanish. Where a German, French or Spanish text speaks of a catalogue
in another language, only words of the tables are judged; in further languages numbers, quotations, brands and titles.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import pairwise

from assistant.records import Recommendation, Reply
from eval.measures.claim_ground import ECHOES, TASTE, AnswerGrounding, CatalogueIndex, brand_name, named_in
from eval.measures.claim_numbers import MeasuredNumber, clause_after, clause_before, follows, meets, near
from eval.measures.claim_tokens import ClaimToken, tokens
from eval.measures.claim_words import Spellings, amounts, holds, load_claim_words, pattern, plain, spelt_out, words_in
from eval.measures.language import written_in
from tools.records import Item, Record

_QUOTED = re.compile(r"[“„«「『]([^“”„«»「」『』]{2,})[”“»」』]|(?<![\d\w])\"([^\"]{2,})\"")
_CODE = re.compile(r"(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[a-z])[a-z0-9][a-z0-9-]*(?![\w-])", re.ASCII)
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th|er|e|ª|º)?(?:-[a-z]+)*")
_CAPITALISED = re.compile(r"(?<![\w.'’-])(?!I['’](?:d|ll|m|ve)\b)[A-Z][\w&'’-]+")
_SENTENCE_START = re.compile(r"(?:^|[.!?:…。！？：(\n]|[“\"„«])\s*$")
_LINK = re.compile(r"https?://\S+|www\.\S+|\S+@\S+\.\w+")
_LETTER_SIZE = re.compile(r"(?<![\w'’.-])(X{0,3}[SL]|M)(?![\w'’])")
_CATALOGUE = re.compile(r"catalog|katalog|catálogo|目录|全部|store|shop")
_TIME = re.compile(r"(?<![\d:])(?:(\d{1,2}):)?(\d{1,2}):(\d\d)(?![\d:])")
_PIECE_START = r"(?:^|(?<=[.。!?！？\n])|(?<=[.。!?！？] )|(?<=推荐 ))"
_KIND_OF = {"count": "number", "people": "number"}


RawClaims = Iterator[tuple[str, str, bool]]
"""Kind, words, whether the ground holds it."""

Finder = Callable[[str, AnswerGrounding], RawClaims]


class Claim(Record):
    """One thing that a text says, and whether the data hold it."""

    kind: str
    words: str
    supported: bool


class CheckedText(Record):
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


def checked_texts(reply: Reply, shelf: CatalogueIndex, catalogue_language: str = "en") -> list[CheckedText]:
    """Every text of the reply with its claims: the message in pieces, each explanation, each entry that states a fact.

    An item that is not in the catalogue grounds nothing.
    """
    texts = list(_message(reply, shelf, catalogue_language))
    for entry in reply.recommendations:
        items = _items_with_id(entry.item_id, shelf)
        for fact in entry.evidence:
            if fact.source not in ECHOES:
                ground = AnswerGrounding(reply, shelf, items, "en", catalogue_language)
                texts.append(_checked_text(f"evidence {fact.id}", entry.item_id, fact.detail, ground))
            elif fact.source in TASTE:
                texts.append(_history(f"evidence {fact.id}", entry.item_id, fact.detail, shelf))
        ground = AnswerGrounding(reply, shelf, items, reply.language, catalogue_language, entry.evidence)
        texts.append(_checked_text("explanation", entry.item_id, entry.explanation, ground))
    return texts


def claims_in(text: str, ground: AnswerGrounding) -> list[Claim]:
    """The claims of one text, each held to its ground; inside a quotation nothing more is looked for."""
    text = _unquoted(text, ground)
    bare = _TIME.sub(" ", _QUOTED.sub(" ", text)) if ground.seconds else _QUOTED.sub(" ", text)
    low = plain(spelt_out(bare, ground.language))
    unnamed = ground.without_others(bare)
    own = plain(spelt_out(ground.without_brands(unnamed), ground.language))
    texts: tuple[tuple[str, tuple[Finder, ...]], ...] = (
        (text, (_quotations, _times)),
        (
            own,
            (
                _links,
                partial(_words, names=_names(ground.without_brands(unnamed)), compares=unnamed != bare),
                _denials,
                _everything,
                _codes,
                _superlatives,
                _stock,
                _limits,
                _photos,
                _videos,
            ),
        ),
        (low, (_titles, _numbers)),
        (unnamed, (_brands, _letter_sizes)),
    )
    return [
        Claim(kind=kind, words=words, supported=ok)
        for form, finders in texts
        for find in finders
        for kind, words, ok in find(form, ground)
    ]


def _unquoted(text: str, ground: AnswerGrounding) -> str:
    """The text without the quotation marks around titles."""
    titles = {plain(item.title) for item in ground.shelf.items.values()}
    return _QUOTED.sub(
        lambda match: f" {match[1] or match[2]} " if plain(match[1] or match[2]) in titles else match[0], text
    )


def _checked_text(place: str, item_id: str | None, text: str, ground: AnswerGrounding) -> CheckedText:
    """The text's claims, read in English where it is not in the language that it should be in."""
    titles = [item.title for item in ground.items]
    if not written_in(text, ground.language, names=titles) and _is_english(text, ground.language):
        ground = replace(ground, language="en")
    return CheckedText(place=place, item_id=item_id, text=text, claims=claims_in(text, ground))


def _is_english(text: str, language: str) -> bool:
    """True when more words join its parts in English than in the language."""
    words = plain(text).split()
    joining = [load_claim_words().function.get(code, "").split() for code in ("en", language)]
    english, own = (sum(word in function_words for word in words) for function_words in joining)
    return english > own


def _history(place: str, item_id: str, detail: str, shelf: CatalogueIndex) -> CheckedText:
    """What an entry says of the user's history: only items of the catalogue can have been liked."""
    titles = {item.title for item in shelf.items.values()}
    claims = [Claim(kind="title", words=title, supported=title in titles) for title in named_in(detail)]
    return CheckedText(place=place, item_id=item_id, text=detail, claims=claims)


def _items_with_id(item_id: str, shelf: CatalogueIndex) -> list[Item]:
    return [shelf.items[item_id]] if item_id in shelf.items else []


def _message(reply: Reply, shelf: CatalogueIndex, catalogue_language: str) -> Iterator[CheckedText]:
    """The message cut where a sentence begins with a recommended item's title: from there it speaks of that item."""
    for entry, text in _pieces(reply):
        items = _items_with_id(entry.item_id, shelf) if entry else []
        ground = AnswerGrounding(
            reply, shelf, items, reply.language, catalogue_language, entry.evidence if entry else (), entry is None
        )
        if entry is None:
            ground = AnswerGrounding(
                reply, shelf, ground.recommended_items, reply.language, catalogue_language, (), True
            )
        yield _checked_text("message", entry.item_id if entry else None, text, ground)


def _pieces(reply: Reply) -> Iterator[tuple[Recommendation | None, str]]:
    starts: dict[int, Recommendation] = {}
    for entry in sorted(reply.recommendations, key=lambda entry: len(entry.title)):
        for match in re.finditer(_PIECE_START + re.escape(entry.title), reply.message):
            starts[match.start()] = entry
    places = [0, *sorted(starts), len(reply.message)]
    for begin, end in pairwise(places):
        if text := reply.message[begin:end].strip():
            yield starts.get(begin), text


# The kinds of claims -------------------------------------------------------------------------------------------------


def _quotations(text: str, ground: AnswerGrounding) -> RawClaims:
    sources = f"{ground.own}\n{ground.wish}\n" + "\n".join(plain(entry.detail) for entry in ground.evidence)
    for match in _QUOTED.finditer(text):
        quote = match[1] or match[2]
        yield "quotation", quote, plain(quote).rstrip(" .,;!?…。，").removesuffix("...").strip() in sources


def _links(low: str, ground: AnswerGrounding) -> RawClaims:
    for match in _LINK.finditer(low):
        yield "link", match.group(), match.group() in ground.own


def _times(text: str, ground: AnswerGrounding) -> RawClaims:
    """Places in videos, as players show them, where the evidence names any: elsewhere 16:10 is a pair of numbers."""
    for match in _TIME.finditer(_QUOTED.sub(" ", text)) if ground.seconds else ():
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        yield "time", match.group(), 3600 * hours + 60 * minutes + seconds in ground.seconds


def _names(text: str) -> frozenset[str]:
    """Words with a capital inside a sentence, in the form for comparing."""
    return frozenset(
        match.group().casefold()
        for match in _CAPITALISED.finditer(text)
        if not _SENTENCE_START.search(text[: match.start()])
    )


def _words(low: str, ground: AnswerGrounding, names: frozenset[str], compares: bool) -> RawClaims:
    """Every word that says something of the item: a colour, a material, a quality, a name, a thing.

    A verb or noun that no table knows is let pass, as no table knows all the words by which an item is presented: one
    in a text, and one more for every three words that the data hold. An unknown adjective or name is not.
    """
    spans = _read_by_rules(low, ground, compares=compares)
    candidates = [
        (token, kinds, _word_holds(token, kinds, low, ground))
        for token in tokens(low, ground.language)
        if not (token.bare or token.denied or any(start <= token.start and token.end <= end for start, end in spans))
        if (kinds := _kinds(token)) or _is_judged(token, ground)
    ]
    doubtful = [token for token, kinds, ok in candidates if not ok and not kinds]
    allowed = 1 + sum(ok for _, _, ok in candidates) // 3
    known_names = names if ground.language in {"en", "fr", "es", "zh"} else frozenset()
    may_pass = len(doubtful) <= allowed and not any(token.describes or token.text in known_names for token in doubtful)
    for token, kinds, ok in candidates:
        if ok or kinds or not may_pass:
            yield kinds[0] if kinds else "name" if token.text in known_names else "quality", token.text, ok


def _kinds(token: ClaimToken) -> list[str]:
    return [concept.split(":")[0] for concept in token.concepts if not concept.startswith("is:")]


def _read_by_rules(low: str, ground: AnswerGrounding, *, compares: bool) -> list[tuple[int, int]]:
    """Where words stand that the rules of numbers, limits, stock and prices read."""
    words, language = load_claim_words(), ground.language
    tables = [
        *words.superlatives.values(),
        *words.stock.values(),
        words.same,
        words.everything,
        words.affirmation,
        words.shows,
    ]
    if ground.quantities_in(low) or compares or pattern(words_in(words.bound, language)).search(low):
        tables += [words.below_bound, words.above_bound, words.cheaper, words.dearer, *_aspect_tables()]
    spans = [match.span() for table in tables for match in pattern(words_in(table, language)).finditer(low)]
    praise, fit = (words_in(table, language) for table in (words.praise, words.fit))
    return spans + [match.span(1) for match in re.finditer(rf"({_any(praise)})\s+(?:{_any(fit)})", low)]


def _any(words: tuple[str, ...]) -> str:
    return "|".join(map(re.escape, words)) or "(?!)"


def _aspect_tables() -> list[Spellings]:
    return [spellings for table in load_claim_words().aspects.values() for spellings in table.values()]


def _denials(low: str, ground: AnswerGrounding) -> RawClaims:
    """What a text denies, the data deny too, or the user did not want it and the data do not have it."""
    words = tokens(low, ground.language)
    for clause in sorted({token.clause for token in words if token.denied}):
        denied = [token for token in words if token.denied and token.clause == clause and not token.bare]
        if denied:
            own = any(ground.denies(token) for token in denied)
            absent = all(not ground.says(token) for token in denied) and any(ground.wished(token) for token in denied)
            yield _denied_kind(denied), " ".join(token.text for token in denied), own or absent


def _denied_kind(denied: Sequence[ClaimToken]) -> str:
    concepts = [concept for token in denied for concept in token.concepts if not concept.startswith("is:")]
    return concepts[0].split(":")[0] if concepts else "denial"


def _is_judged(token: ClaimToken, ground: AnswerGrounding) -> bool:
    """Words that no table knows are judged where they can be compared with the catalogue's."""
    return not ground.lenient and ground.comparable


def _word_holds(token: ClaimToken, kinds: Sequence[str], low: str, ground: AnswerGrounding) -> bool:
    """A word is the item's own, with the same polarity; where the text speaks of the wish, it is wished."""
    if ground.says(token):
        return not _excludes(token, kinds, low, ground)
    if ground.lenient and token.text in ground.shelf.categories:  # the message may tell what the catalogue has
        return True
    repeats = ground.lenient or _speaks_of(load_claim_words().asked, token, low, ground)
    return "promise" not in kinds and repeats and ground.wished(token)


def _speaks_of(table: Spellings, token: ClaimToken, low: str, ground: AnswerGrounding) -> bool:
    before = clause_before(low, token.start)
    return bool(pattern(words_in(table, ground.language)).search(before))


def _excludes(token: ClaimToken, kinds: Sequence[str], low: str, ground: AnswerGrounding) -> bool:
    """ "Only in black", where the data name further colours."""
    before = _without(load_claim_words().affirmation, clause_before(low, token.start), ground.language)
    only = [match.end() for match in pattern(words_in(load_claim_words().exclusive, ground.language)).finditer(before)]
    is_exclusive = bool(only) and not re.search(r"\d", before[only[-1] :])
    several = {"colour": ground.colours, "material": len(ground.of_kind("material"))}
    return is_exclusive and any(several.get(kind, 0) > 1 for kind in kinds)


def _everything(low: str, ground: AnswerGrounding) -> RawClaims:
    """ "Every size", "nothing but oak", "pure wool": no data say so unless they use the words."""
    words, language = load_claim_words(), ground.language
    for match in pattern(words_in(words.everything, language)).finditer(low):
        yield "quantifier", match.group(), match.group() in ground.own
    materials = pattern(_spellings("material", language))
    for match in pattern(words_in(words.purely, language)).finditer(low):
        if materials.match(low, match.end() + low[match.end() :].startswith(" ")):
            yield "quantifier", match.group(), match.group() in ground.own


@cache
def _spellings(kind: str, language: str) -> tuple[str, ...]:
    """How the concepts of a kind are written in a language."""
    entries = load_claim_words().concept_of.get(language, {}).items()
    return tuple(
        spelling for spelling, concepts in entries if any(concept.startswith(f"{kind}:") for concept in concepts)
    )


def _brands(text: str, ground: AnswerGrounding) -> RawClaims:
    for brand, in_lower_case in ground.shelf.brands.items():
        if brand.casefold() not in text.casefold():
            continue
        name = brand_name(brand, in_lower_case=in_lower_case)
        owned, wished = (bool(pattern((brand,)).search(source)) for source in (ground.own, ground.wish))
        for match in name.finditer(text):
            before = plain(clause_before(text, match.start())) + " "
            requested = ground.lenient or bool(
                pattern(words_in(load_claim_words().asked, ground.language)).search(before)
            )
            denied = near(load_claim_words().negation, before, ground.language, 14)
            yield "brand", match.group(), owned != denied if owned or denied else requested and wished


def _titles(low: str, ground: AnswerGrounding) -> RawClaims:
    """Another item may be named by the evidence, and where this one is said to cost less or more than it, and does."""
    words, cited_titles = load_claim_words(), {plain(title) for title in ground.cited_titles}
    for title in ground.other_titles:
        for match in re.finditer(re.escape(title), low):
            clause = clause_before(low, match.start()) + low[match.end() :]
            compared = any(
                pattern(words_in(table, ground.language)).search(clause) for table in (words.cheaper, words.dearer)
            )
            if compared or title not in cited_titles:
                item = ground.shelf.titles.get(title)
                yield "title", item.title if item else title, _compares(low, item.price if item else None, ground)


def _compares(low: str, price: float | None, ground: AnswerGrounding) -> bool:
    """Another item may be named where this one is said to cost less or more, and does."""
    words, own = load_claim_words(), ground.prices
    if price is None or not own:
        return False
    if pattern(words_in(words.cheaper, ground.language)).search(low):
        return max(own) < price
    return bool(pattern(words_in(words.dearer, ground.language)).search(low)) and min(own) > price


# Numbers -------------------------------------------------------------------------------------------------------------


def _numbers(low: str, ground: AnswerGrounding) -> RawClaims:
    holds = {
        "price": _price_holds, "size": _size_holds, "similarity": _similarity_holds, "people": _people_hold,
        "measure": _measure_holds, "count": _count_holds,
    }  # fmt: skip
    for quantity in ground.quantities_in(low):
        kind = _KIND_OF.get(quantity.kind, quantity.kind)
        yield kind, quantity.amount.words, holds[quantity.kind](quantity, low, ground)


def _is_wish(quantity: MeasuredNumber, ground: AnswerGrounding) -> bool:
    """The number stands where the text repeats what the user asked for or limited."""
    words = load_claim_words()
    requested = bool(pattern(words_in(words.asked, ground.language)).search(quantity.before))
    own = near(words.bound, quantity.before, ground.language, 12) or follows(
        words.bound, quantity.after, ground.language, 3
    )
    return requested or own or near(words.wish, quantity.before, ground.language, 12)


def _price_holds(quantity: MeasuredNumber, low: str, ground: AnswerGrounding) -> bool:
    words, prices = load_claim_words(), ground.prices
    unit = quantity.amount.unit
    if _is_size(quantity, ground):
        return False
    if unit in words.currencies and any(item.currency not in (None, unit) for item in ground.items):
        return False
    if _is_difference(quantity, low, ground):
        return True
    if ground.lenient or _is_wish(quantity, ground):
        return _wish_holds(quantity, ground)
    return meets(quantity, prices, ground.language) or meets(quantity, _named_prices(low, ground), ground.language)


def _is_size(quantity: MeasuredNumber, ground: AnswerGrounding) -> bool:
    """ "A size of 160 USD" """
    return near(load_claim_words().sizes, quantity.before, ground.language, 4)


def _wish_holds(quantity: MeasuredNumber, ground: AnswerGrounding) -> bool:
    if not any(
        holds(quantity.amount.values, numbers) for numbers in (ground.wish_numbers, ground.limits, ground.prices)
    ):
        return False
    request = pattern(words_in(load_claim_words().asked, ground.language)).search(quantity.before)
    return (
        bool(request)
        or ground.lenient
        or holds(quantity.amount.values, ground.prices)
        or _keeps_bound(quantity, ground)
    )


def _keeps_bound(quantity: MeasuredNumber, ground: AnswerGrounding) -> bool:
    """ "Under your 60 dollars": it is."""
    words = load_claim_words()
    below = pattern(words_in(words.below_bound, ground.language))
    above = pattern(words_in(words.above_bound, ground.language))
    around = f"{quantity.before} {quantity.after[:12]}"
    if above.search(around) and not below.search(around):
        return any(price > value for price in ground.prices for value in quantity.amount.values)
    return (
        any(price <= value + 0.011 for price in ground.prices for value in quantity.amount.values) or not ground.prices
    )


def _named_prices(low: str, ground: AnswerGrounding) -> list[float]:
    """Prices of the other items that the text names."""
    items = (item for title, item in ground.shelf.titles.items() if title in low and title in ground.other_titles)
    return [item.price for item in items if item.price is not None]


def _is_difference(quantity: MeasuredNumber, low: str, ground: AnswerGrounding) -> bool:
    """ "15 dollars below your limit", "20 cheaper than the Street Trainer": amount and direction are right."""
    words, language = load_claim_words(), ground.language
    about_limit = any(
        pattern(words_in(table, language)).search(low) for table in (words.bound, words.wish, words.asked)
    )
    limits = ground.limits if about_limit else []
    around = f"{quantity.before[-14:]} {quantity.after[:24]}"
    for tables, sign in (((words.below_bound, words.cheaper), 1), ((words.above_bound, words.dearer), -1)):
        if any(pattern(words_in(table, language)).search(around) for table in tables):
            gaps = [sign * (other - own) for own in ground.prices for other in [*limits, *_named_prices(low, ground)]]
            bare = replace(
                quantity,
                before=_without(words.upper, quantity.before, language),
                after=_without(words.upper, quantity.after, language),
            )
            if meets(bare, [gap for gap in gaps if gap > 0], language):
                return True
    return False


def _without(table: Spellings, text: str, language: str) -> str:
    return pattern(words_in(table, language)).sub(" ", text)


def _size_holds(quantity: MeasuredNumber, low: str, ground: AnswerGrounding) -> bool:
    sizes = {value for fact in ground.own_quantities if fact.kind == "size" for value in fact.amount.values}
    wished = ground.lenient or _is_wish(quantity, ground)
    if not set(quantity.amount.values) & sizes:
        return wished and holds(quantity.amount.values, ground.wish_numbers)
    only = near(load_claim_words().exclusive, quantity.before, ground.language, 16)
    only = only or follows(load_claim_words().exclusive, quantity.after, ground.language, 2)
    return not (only and len(sizes) > 1)


def _similarity_holds(quantity: MeasuredNumber, low: str, ground: AnswerGrounding) -> bool:
    return holds(quantity.amount.values, ground.scores)


def _people_hold(quantity: MeasuredNumber, low: str, ground: AnswerGrounding) -> bool:
    return holds(quantity.amount.values, ground.people_counts) or _count_holds(quantity, low, ground)


def _measure_holds(quantity: MeasuredNumber, low: str, ground: AnswerGrounding) -> bool:
    kind, _ = quantity.dimension
    facts = [fact for fact in ground.own_quantities if fact.kind == "measure" and fact.dimension[0] == kind]
    facts = [fact for fact in facts if not (fact.aspect and quantity.aspect) or fact.aspect == quantity.aspect]
    facts += [fact for fact in ground.own_quantities if fact.kind == "count" and _names_unit(fact, quantity)]
    if quantity.amount.unit == "percent" and _shares_limit(quantity, low, ground):
        return True
    if quantity.amount.unit == "percent":
        facts = [fact for fact in facts if fact.nouns & quantity.nouns]
    if meets(quantity, [value for fact in facts for value in fact.scaled], ground.language):
        return True
    wished = ground.lenient or _is_wish(quantity, ground)
    return wished and holds(quantity.amount.values, ground.wish_numbers)


def _shares_limit(quantity: MeasuredNumber, low: str, ground: AnswerGrounding) -> bool:
    """ "Less than half of your limit" """
    bound = pattern(words_in(load_claim_words().bound, ground.language)).search(low)
    shares = [100 * price / limit for price in ground.prices for limit in ground.limits if bound and limit]
    return meets(quantity, shares, ground.language)


def _names_unit(fact: MeasuredNumber, quantity: MeasuredNumber) -> bool:
    """ "Year 1951" is a number of the unit year."""
    return quantity.amount.unit in fact.nouns


def _count_holds(quantity: MeasuredNumber, low: str, ground: AnswerGrounding) -> bool:
    """The same number of the same thing; a number beside which nothing stands, any number that counts."""
    values = quantity.amount.values
    if _is_difference(quantity, low, ground):
        return True
    facts = [fact for fact in ground.own_quantities if fact.kind in ("count", "people") or fact.amount.unit == "year"]
    if holds(
        values, [value for fact in facts if _counts_the_same(fact, quantity, ground) for value in fact.amount.values]
    ):
        return True
    if not quantity.has_noun and holds(values, [*ground.prices, *_named_prices(low, ground)]):  # "72 USD against 140"
        return True
    shown_count = float(len(ground.reply.recommendations))
    if ground.lenient and shown_count in values:
        return True
    return (ground.lenient or _is_wish(quantity, ground)) and holds(values, ground.wish_numbers)


def _counts_the_same(fact: MeasuredNumber, quantity: MeasuredNumber, ground: AnswerGrounding) -> bool:
    if fact.nouns & quantity.nouns or not quantity.has_noun or not ground.comparable:
        return True
    return quantity.kind == "people" and (fact.kind == "people" or not fact.has_noun)


def _codes(low: str, ground: AnswerGrounding) -> RawClaims:
    """Model numbers and the like: "m185", "i7-8700"."""
    measured = {part for amount in amounts(low) for part in (amount.words, *amount.words.split())}
    for match in _CODE.finditer(low):
        code = match.group()
        if code not in measured and not _ORDINAL.fullmatch(code):
            yield "code", code, code in ground.own or (ground.lenient and code in ground.wish)


def _letter_sizes(text: str, ground: AnswerGrounding) -> RawClaims:
    for match in _LETTER_SIZE.finditer(text):
        source = ground.own_raw if not ground.lenient else f"{ground.own_raw} {ground.reply.query.text}"
        owned = bool(re.search(rf"(?<![\w'’-]){match[1]}(?![\w'’])", source))
        denied = near(load_claim_words().negation, clause_before(text.casefold(), match.start()), ground.language, 8)
        yield "size", match[1], owned != denied


# What is said of the whole answer ------------------------------------------------------------------------------------


def _superlatives(low: str, ground: AnswerGrounding) -> RawClaims:
    for name, spellings in load_claim_words().superlatives.items():
        for match in pattern(words_in(spellings, ground.language)).finditer(low):
            everywhere = bool(_CATALOGUE.search(low))
            denied = near(load_claim_words().negation, low[: match.start()], ground.language, 5)
            yield "superlative", match.group(), _stands_out(name, ground, everywhere=everywhere) != denied


def _stands_out(name: str, ground: AnswerGrounding, *, everywhere: bool) -> bool:
    """The price is the lowest or highest of those shown; of its category where it is shown alone."""
    peers = list(ground.shelf.items.values()) if everywhere else ground.recommended_items
    if len(peers) == 1:
        peers = [item for item in ground.shelf.items.values() if item.category == peers[0].category]
    prices = [item.price for item in peers if item.price is not None]
    own = [item.price for item in ground.items if item.price is not None]
    return bool(prices and own) and (min(prices) in own if name == "lowest" else max(prices) in own)


def _stock(low: str, ground: AnswerGrounding) -> RawClaims:
    for name, spellings in load_claim_words().stock.items():
        for match in pattern(words_in(spellings, ground.language)).finditer(low):
            denied = near(load_claim_words().negation, clause_before(low, match.start()), ground.language, 4)
            there = (name == "there") != denied
            yield "stock", match.group(), all(item.in_stock is there for item in ground.items)


def _limits(low: str, ground: AnswerGrounding) -> RawClaims:
    """ "Within your limit", "over your budget": so is the price. Later questions repeat no limit."""
    words, language = load_claim_words(), ground.language
    for match in pattern(words_in(words.bound, language)).finditer(low):
        clause = clause_before(low, match.start()) + match.group() + clause_after(low, match.end())
        clause = _without(words.affirmation, clause, language) if language != "zh" else clause
        below = pattern(words_in(words.below_bound, language)).search(clause)
        above = pattern(words_in(words.above_bound, language)).search(clause)
        if (below or above) and not ground.lenient:
            yield "limit", match.group(), _within(ground) if below else _beyond(ground)


def _within(ground: AnswerGrounding) -> bool:
    later = not ground.limits and ground.reply.intent != "recommend"
    prices = [item.price for item in ground.items]
    return later or (bool(ground.limits) and all(p is not None and p <= ground.limits[0] + 0.011 for p in prices))


def _beyond(ground: AnswerGrounding) -> bool:
    return bool(ground.limits) and any(price > ground.limits[0] for price in ground.prices)


def _photos(low: str, ground: AnswerGrounding) -> RawClaims:
    """Likeness to what the user showed ("your photo") needs a comparison with it, and is never identity."""
    words = load_claim_words()
    for match in pattern(words_in(words.photo, ground.language)).finditer(low):
        theirs = near(words.wish, clause_before(low, match.start()), ground.language, 12)
        if not theirs and match.group() in ground.own:  # a camera takes photos
            continue
        compared = any("picture" in e.source and not e.shown for e in ground.evidence if e.source != "picture_words")
        quoted = _is_quoted(low, match.end(), ground, in_video=False)
        yield "photo", match.group(), ground.lenient or quoted or (compared and _is_likeness(low, ground))


def _videos(low: str, ground: AnswerGrounding) -> RawClaims:
    """Likeness to what the user's video shows, or to what the item's own does, needs evidence that names its place."""
    words = load_claim_words()
    for match in pattern(words_in(words.video, ground.language)).finditer(low):
        theirs = near(words.wish, clause_before(low, match.start()), ground.language, 12)
        if not theirs and match.group() in ground.own:  # a camera takes videos
            continue
        compared = any(entry.shown if theirs else entry.shown or entry.moment for entry in ground.evidence)
        quoted = _is_quoted(low, match.end(), ground, in_video=True)
        yield "video", match.group(), ground.lenient or quoted or (compared and _is_likeness(low, ground))


def _is_quoted(low: str, end: int, ground: AnswerGrounding, *, in_video: bool) -> bool:
    """Whether words that stand in the user's photo or video are told, and no likeness."""
    alike = pattern(words_in(load_claim_words().alike, ground.language)).search(clause_after(low, end))
    read = [entry for entry in ground.evidence if entry.source == "picture_words"]
    return alike is None and any(bool(entry.shown) == in_video for entry in read)


def _is_likeness(low: str, ground: AnswerGrounding) -> bool:
    words = load_claim_words()
    alike, same = (pattern(words_in(table, ground.language)).search(low) for table in (words.alike, words.same))
    return alike is not None and same is None


__all__ = ["CheckedText", "Claim", "checked_texts", "claims_in"]
