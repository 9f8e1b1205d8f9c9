"""The turn's step from what was found to candidates: fuse. Signals become one list, and each candidate its evidence."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count, takewhile
from typing import Any

from langgraph.runtime import Runtime

from assistant.agent.calls import lists_items
from assistant.agent.changes import changes
from assistant.agent.degradation import say_without
from assistant.agent.diversity import category_by_category, diverse
from assistant.agent.evidence import EvidenceBuilder
from assistant.agent.fusion import FusedHit, SearchOutcome, interleave, votes
from assistant.agent.fusion import fuse as fuse_outcomes
from assistant.agent.personalization import TASTE_TOOL, user_signals, weights_of
from assistant.agent.question_back import spreads
from assistant.agent.reading.reader import find_items
from assistant.agent.relevance import (
    SAME_KIND,
    best_scores,
    is_certain,
    is_near,
    is_relevant,
    is_same_kind,
    is_shown,
    strength,
)
from assistant.agent.state import Assortment, Plan, SearchResult, TurnContext, TurnState, WishSearch, said_by
from assistant.agent.wishes import listing, shared_out
from assistant.claims import PriceLimit, named_currency
from assistant.impressions import Fusion
from assistant.learned_weights import weights_in_force
from assistant.privacy.masking import unmarked
from assistant.records import Candidate, Provisional
from assistant.understanding import to_filters
from assistant.understanding.superlatives import Order, Range, in_order, measures, superlative
from tools.errors import ProductError
from tools.rank_fusion import reciprocal_rank
from tools.records import Filters, Hit, Item, Variant
from tools.store.filters import matches
from tools.store.offers import variant_for
from tools.variants import meant_values

TEXTS = ("dense", "keyword")
"""Sources of a search for words."""

MOST_NAMED = 8
"""How many brands and categories an answer about the assortment names."""

WHOLE_CATEGORY = 0.6
"""From which share of a category found for a question about the assortment on, all of the category is told."""

ALL_WORDS = 0.9
"""The share of a name in a photo from which on an item has all of it."""

NEARER = 0.05
"""By how much of the best score an item is nearer to another thing than to what is wanted, to be taken for it."""

Update = dict[str, Any]


async def fuse(state: TurnState, runtime: Runtime[TurnContext]) -> Update:
    """One candidate list a wish of all signals, with each candidate's ledger entries; shown at once, provisionally.

    These are the first cards, told before any model call. Where a planner finds more, the step runs again.
    """
    numbers, most = count(1), state["request"].top_n
    fused = [await _fuse_one(search, state, runtime.context, numbers) for search in state["searches"]]
    searches = [_with_first(search) for search in shared_out([search for search, _, _ in fused])]
    candidates = [candidate for search in searches for candidate in search.candidates]
    told = listing(searches, most)
    if told != listing(state["searches"], most):
        changed = await asyncio.to_thread(changes, searches, searches, most, runtime.context, state["memory"].language)
        runtime.stream_writer(Provisional(**told, changes=changed))
    return {
        "candidates": candidates,
        "searches": searches,
        "degraded": list(dict.fromkeys([*state["degraded"], *(note for _, _, unread in fused for note in unread)])),
        "fusion": fused[0][1],
    }


def _with_first(search: WishSearch) -> WishSearch:
    """The search with what its first candidates are, from the first time that there are any."""
    return search.model_copy(update={"first": search.first or [one.hit.item_id for one in search.candidates]})


async def _fuse_one(
    search: WishSearch, state: TurnState, context: TurnContext, numbers: Iterator[int]
) -> tuple[WishSearch, Fusion, list[str]]:
    """One wish's search with its candidates, how they were fused, and a sentence where a part could not be read."""
    fuses = context.rules.fuse_signals
    search = search.model_copy(update={"found": _telling(search.found)})
    outcomes = [SearchOutcome(found.tool, found.asked, found.hits) for found in search.found]
    outcomes = _by_strength(outcomes) if fuses else outcomes
    weights, policy = weights_in_force(context.settings)
    fused = fuse_outcomes(outcomes, weights) if fuses else interleave(outcomes)
    near = _near(fused, search)
    if fused and not near and spreads(state["understanding"], search.plan):
        search = search.model_copy(update={"plan": search.plan.model_copy(update={"spread": True})})
        near = fused
    weak = bool(fused) and not near and _deserves_near_misses(search)
    near = fused if weak else near
    said, unread = await _said_by_taste(near, state, context)
    if said:
        weights, outcomes = weights_of(state["known"], weights), [*outcomes, *said]
        near = _by_taste(near, fuse_outcomes(outcomes, weights), state)
    near = _named_first(near, search.plan)
    near = _kind_first(near, search.plan)
    near = await asyncio.to_thread(_without_others, near, search.plan, state["understanding"].other_things, context)
    near = await asyncio.to_thread(_preferred, near, search.plan, context)
    near = _pinned_first(near, _named(near, search.plan))
    near, plan = await asyncio.to_thread(_in_order, near, search.plan, context)
    search = search.model_copy(update={"plan": plan})
    of_kind = await asyncio.to_thread(_of_kind, near, search.plan, context) if state["understanding"].assortment else []
    asked = _assortment(of_kind) if of_kind else None
    if not (plan.is_ordered or weak):
        near = await asyncio.to_thread(_chosen, near, search, state, context)
    search = search.model_copy(update={"far": bool(fused) and not near, "weak": weak, "assortment": asked})
    near = near[: _most(state, context)]
    candidates = await asyncio.to_thread(_candidates, near, search, state, context, numbers)
    fusion = Fusion(votes=votes(outcomes), weights=weights, policy=policy)
    return search.model_copy(update={"candidates": candidates}), fusion, unread


def _telling(found: list[SearchResult]) -> list[SearchResult]:
    """The searches' results without those for words that nothing fits, where other words of the wish find something."""
    best = [best_scores((one.asked, hit) for hit in one.hits) for one in found]
    if not any(is_certain(one) for one in best):
        return found
    return [one for one, own in zip(found, best, strict=True) if "text" not in own or is_certain(own)]


def _of_kind(near: list[FusedHit], plan: Plan, context: TurnContext) -> Sequence[Hit | Item]:
    """What a question about the assortment is about: what was found, or the whole category where that is most of it."""
    hits = [entry.hit for entry in near]
    counts = Counter(hit.category for hit in hits if hit.category).most_common(1)
    if not counts:
        return hits
    [(category, count)] = counts
    filters = plan.filters.model_copy(update={"categories": [category]})
    most = int(count / WHOLE_CATEGORY)
    whole = context.catalogue.browse(filters, "title", most + 1)
    return whole if len(hits) < len(whole) <= most else hits


def _assortment(hits: Sequence[Hit | Item]) -> Assortment:
    """Brands, categories and prices of everything that the question is about, most frequent first."""
    prices = [hit.price for hit in hits if hit.price is not None]
    brands = Counter(hit.brand for hit in hits if hit.brand)
    categories = Counter(hit.category.split(">")[-1].strip() for hit in hits if hit.category)
    return Assortment(
        count=len(hits),
        brands=[name for name, _ in brands.most_common(MOST_NAMED)],
        categories=[name for name, _ in categories.most_common(MOST_NAMED)],
        lowest=min(prices, default=None),
        highest=max(prices, default=None),
        currency=next((hit.currency for hit in hits if hit.currency), None),
    )


def _by_strength(outcomes: list[SearchOutcome]) -> list[SearchOutcome]:
    """The outcomes of several texts with one order: that of the sum of an item's z-scores for each of them.

    By ranks alone "laptop", which ten items are, would count as much as "for playing games", which one item is.
    """
    texts = [one for one in outcomes if one.tool == "search_by_text"]
    if len(texts) < 2:
        return outcomes
    sums: defaultdict[str, float] = defaultdict(float)
    for outcome in texts:
        for hit in outcome.hits:
            sums[hit.item_id] += strength((outcome.asked, one) for one in hit.signals).get("text", 0.0)
    places = {item_id: place for place, item_id in enumerate(sorted(sums, key=lambda one: -sums[one]), start=1)}
    return [_ranked(one, places) if one in texts else one for one in outcomes]


def _ranked(outcome: SearchOutcome, places: Mapping[str, int]) -> SearchOutcome:
    """An outcome whose texts' signals have these ranks."""
    hits = [
        hit.model_copy(
            update={
                "signals": [
                    one.model_copy(update={"rank": places[hit.item_id]}) if one.source in TEXTS else one
                    for one in hit.signals
                ]
            }
        )
        for hit in sorted(outcome.hits, key=lambda hit: places[hit.item_id])
    ]
    return replace(outcome, hits=hits)


def _named_first(near: list[FusedHit], plan: Plan) -> list[FusedHit]:
    """For a photo without a wish in words: the items whose title stands in it before what resembles it.

    The photo of a box looks like other boxes.
    """
    return _raised(near, dict.fromkeys(_named(near, plan), 1))


def _named(near: list[FusedHit], plan: Plan) -> set[str]:
    """The items whose title stands in a photo without a wish in words."""
    titles = set() if plan.topic else {one.words for one in plan.words if one.is_title}
    return {
        entry.hit.item_id
        for entry in near
        if any(asked in titles and (one.share or 0.0) > ALL_WORDS for asked, one in entry.signals)
    }


def _kind_first(near: list[FusedHit], plan: Plan) -> list[FusedHit]:
    """What is of the kind that is named before what only has to do with its purpose, or resembles the picture.

    "A battery for a Bosch drill" is near to every drill. Where the catalogue has nothing of the kind the order stays.
    """
    if plan.head == plan.topic and not plan.pictures:
        return near
    told = {entry.hit.item_id: [one for one in entry.signals if one[0] == plan.head] for entry in near}
    best = {"text": max((strength(one).get("text", 0.0) for one in told.values()), default=0.0)}
    of_kind = {item_id for item_id, signals in told.items() if is_same_kind(signals, best)}
    return _raised(near, dict.fromkeys(of_kind, 1))


def _without_others(near: list[FusedHit], plan: Plan, others: Sequence[str], context: TurnContext) -> list[FusedHit]:
    """What is wanted without what is nearer to a thing that is not: "a case for my phone, I have the phone".

    How near is measured against the best of what is wanted, and of the other thing. Where no kind is named these items
    go last instead: the need may be for a new one of what is told about.
    """
    encoder = context.reader.encoder
    if not (others and near and encoder) or plan.sort:
        return near
    wanted = _shares(_wanted(near, plan))
    unwanted: set[str] = set()
    for words in others:
        hits = find_items(context.catalogue, encoder, words)
        scores = {hit.item_id: strength((words, one) for one in hit.signals).get("text", 0.0) for hit in hits}
        if is_certain({"text": max(scores.values(), default=0.0)}):
            shares = _shares(scores)
            same = [one for one, share in shares.items() if one in wanted and share >= SAME_KIND]
            unwanted |= {one for one in same if shares[one] > wanted[one] + NEARER}
    kept = [entry for entry in near if entry.hit.item_id not in unwanted]
    if plan.vague:
        return _raised(near, {entry.hit.item_id: 1 for entry in kept})
    return kept or near


def _wanted(near: Sequence[FusedHit], plan: Plan) -> dict[str, float]:
    """How near each item is to the words of the wish; where nothing was found by them, to all that was asked."""
    named = {plan.head, plan.topic}
    by_words = any(asked in named for entry in near for asked, _ in entry.signals)
    asked = {entry.hit.item_id: [one for one in entry.signals if one[0] in named or not by_words] for entry in near}
    return {item_id: strength(signals).get("text", 0.0) for item_id, signals in asked.items()}


def _shares(scores: Mapping[str, float]) -> dict[str, float]:
    best = max(scores.values(), default=0.0) or 1.0
    return {item_id: score / best for item_id, score in scores.items()}


def _raised(near: list[FusedHit], steps: Mapping[str, int]) -> list[FusedHit]:
    """The items with more steps first. Their scores are raised as well: the final order starts from the scores."""
    best = max((entry.score for entry in near), default=0.0)
    raised = [replace(entry, score=entry.score + best * steps.get(entry.hit.item_id, 0)) for entry in near]
    return sorted(raised, key=lambda entry: -steps.get(entry.hit.item_id, 0))


def _preferred(near: list[FusedHit], plan: Plan, context: TurnContext) -> list[FusedHit]:
    """Items of the wish's kind that meet more of the preferences first; among equals the order stays."""
    if not (plan.preferences and near):
        return near
    of_kind = [entry.hit.item_id for entry in near if is_same_kind(entry.signals, plan.best)]
    items = context.catalogue.get_many(of_kind or [entry.hit.item_id for entry in near])
    wanted, language = [to_filters([one]) for one in plan.preferences], context.settings.catalogue_language
    met = {item_id: sum(matches(item, one, language) for one in wanted) for item_id, item in items.items()}
    return _raised(near, met)


def _pinned_first(near: list[FusedHit], named: Collection[str] = ()) -> list[FusedHit]:
    """What the shop has pinned first, in its order, but behind what a photo shows, or names, itself."""
    ranks = {
        entry.hit.item_id: min((s.rank for _, s in entry.signals if s.source == "pinned"), default=0) for entry in near
    }
    pinned = {item_id: rank for item_id, rank in ranks.items() if rank}
    if not pinned:
        return near
    last = max(pinned.values())
    steps = {item_id: 1 + last - rank for item_id, rank in pinned.items()}
    itself = [item_id for one in near if (item_id := one.hit.item_id) in named or is_shown(one.signals)]
    return _raised(near, steps | dict.fromkeys(itself, last + 1))


def _most(state: TurnState, context: TurnContext) -> int:
    """How many candidates the model reads."""
    return max(context.rules.candidates, state["request"].top_n)


def _near(fused: list[FusedHit], search: WishSearch) -> list[FusedHit]:
    """What has to do with the wish."""
    listed = {
        hit.item_id
        for found in search.found
        if found.tool == TASTE_TOOL or lists_items(found.tool)
        for hit in found.hits
    }
    return [entry for entry in fused if entry.hit.item_id in listed or is_relevant(entry.signals, search.plan.best)]


def _candidates(
    near: list[FusedHit], search: WishSearch, state: TurnState, context: TurnContext, numbers: Iterator[int]
) -> list[Candidate]:
    """The candidates with everything that is known for each, in the order in which they are shown."""
    items = context.catalogue.get_many([entry.hit.item_id for entry in near])
    plan = search.plan
    words = " ".join([plan.topic, *(said.text for said in said_by(state)), *(f.asked for f in search.found)])
    heard = {h.attachment: h.transcript.text for h in state["heard"]}
    asked = plan.order.attribute if plan.order else None
    ledger = EvidenceBuilder(
        _as_wished(plan), words, heard, limit=_limit(plan, context), numbers=numbers, asked=asked, read=plan.words
    )
    near = [*_as_meant(near[: state["request"].top_n], items, plan, state, context), *near[state["request"].top_n :]]
    return [
        Candidate(
            alias=_alias(position),
            hit=entry.hit,
            score=entry.score,
            evidence=ledger.entries(entry, items[entry.hit.item_id]),
        )
        for position, entry in enumerate(near)
        if entry.hit.item_id in items
    ]


def _as_meant(
    near: list[FusedHit], items: Mapping[str, Item], plan: Plan, state: TurnState, context: TurnContext
) -> list[FusedHit]:
    """The items, each as the variant that the message means, with its price and stock, where one meets the wish."""
    understanding = state["understanding"]
    said = unmarked(understanding.properties)
    if not said or len(state["searches"]) > 1:
        return near
    encoder = context.reader.encoder
    found = []
    for entry in near:
        item = items.get(entry.hit.item_id)
        meant = meant_values(item, said, encoder) if item else {}
        filters = plan.filters.model_copy(update={"attributes": {**plan.filters.attributes, **meant}})
        variant = variant_for(item, filters) if item and meant else None
        found.append(replace(entry, hit=_as_variant(entry.hit, variant)) if variant else entry)
    return found


def _as_variant(hit: Hit, variant: Variant) -> Hit:
    return hit.model_copy(update={"variant": variant, "price": variant.price, "in_stock": variant.in_stock})


async def _said_by_taste(
    near: list[FusedHit], state: TurnState, context: TurnContext
) -> tuple[list[SearchOutcome], list[str]]:
    """What the user's taste says of the candidates, and a sentence where it cannot be read: they stay as they are."""
    if not context.rules.fuse_signals:
        return [], []
    try:
        return await asyncio.to_thread(user_signals, state["known"], near, context.catalogue), []
    except ProductError as exc:
        return [], [say_without("no_history", state["memory"].language, str(exc))]


def _by_taste(near: list[FusedHit], fused: list[FusedHit], state: TurnState) -> list[FusedHit]:
    """The candidates re-ordered by what the user's taste says of them."""
    if state["known"].is_cold:  # what is chosen and what is new take turns
        by_id = {entry.hit.item_id: entry for entry in fused}
        return [
            replace(by_id[entry.hit.item_id], score=reciprocal_rank(place)) for place, entry in enumerate(near, start=1)
        ]
    kept = {entry.hit.item_id for entry in near}
    # What a photo shows itself stays first, whatever else the user likes.
    shown = [entry.hit.item_id for entry in takewhile(lambda entry: is_shown(entry.signals), near)]
    steps = {item_id: len(shown) - place for place, item_id in enumerate(shown)}
    return _raised([entry for entry in fused if entry.hit.item_id in kept], steps)


def _chosen(near: list[FusedHit], search: WishSearch, state: TurnState, context: TurnContext) -> list[FusedHit]:
    """The candidates made diverse where the wish leaves the kind open, or for a new user without a wish."""
    if search.plan.spread:
        return category_by_category(near)
    if not (state["known"].is_cold and any(found.tool == TASTE_TOOL for found in search.found)):
        return near
    most = _most(state, context)
    return [*diverse(near[: 3 * most], context.catalogue, count=most), *near[3 * most :]]


def _deserves_near_misses(search: WishSearch) -> bool:
    """True when the nearest may be shown though nothing is near: a vague wish, or one that names what is to be kept."""
    plan = search.plan
    kept = plan.filters.categories or plan.filters.brands or plan.filters.include_terms or plan.filters.attributes
    return bool(kept) or is_near(plan.best)


def _in_order(near: list[FusedHit], plan: Plan, context: TurnContext) -> tuple[list[FusedHit], Plan]:
    """In the order that the user asked for, those of the kind that was named alone; else as they are.

    An order by an attribute goes before one by price, which is told from the message as a whole.
    """
    if order := _order_of(near, plan, context):
        of_kind = {entry.hit.item_id: entry for entry in _of_named_kind(near, plan, context)}
        values = _measured(of_kind, context).get(order.attribute, {})
        first = in_order([*of_kind], values, descending=order.descending)
        if first:
            ordered = [of_kind[one] for one in dict.fromkeys([*first, *of_kind])]
            return ordered, plan.model_copy(update={"order": order, "sort": None})
    return _sorted(near, plan), plan


def _order_of(near: list[FusedHit], plan: Plan, context: TurnContext) -> Order | None:
    """The order by an attribute that the message asks for; none by one of which it names a value."""
    encoder = context.reader.encoder
    if encoder is None or not plan.clauses:
        return None
    names = [*_measured([entry.hit.item_id for entry in near], context)]
    order = superlative(plan.clauses, names, encoder) if names else None
    held = [one.attribute for one in plan.constraints if one.field == "attributes"]
    return None if order is None or order.attribute in held else order


def _measured(ids: Iterable[str], context: TurnContext) -> dict[str, dict[str, Range]]:
    return measures(context.catalogue.get_many([*ids]).values())


def _of_named_kind(near: list[FusedHit], plan: Plan, context: TurnContext) -> list[FusedHit]:
    """The items of the kind that the message names, whatever it says of them; else those of the very kind found.

    For "the lightest laptop" most is found for what calls itself light.
    """
    found = {entry.hit.item_id: entry for entry in near}
    kind = context.reader.of_kind(plan.kind, plan.filters) if plan.kind else []
    if not kind:
        return [entry for entry in near if is_same_kind(entry.signals, plan.best)] or near
    asked = [FusedHit(hit, 0.0, [(plan.kind, signal) for signal in hit.signals]) for hit in kind]
    return [found.get(entry.hit.item_id, entry) for entry in asked]


def _sorted(entries: list[FusedHit], plan: Plan) -> list[FusedHit]:
    """In the order of price that the user asked for, those of the kind that was named alone; else as they are."""
    if plan.sort is None:
        return entries
    of_kind = [entry for entry in entries if is_same_kind(entry.signals, plan.best)] or entries
    sign = 1 if plan.sort == "price" else -1
    unknown = float("inf")
    return sorted(of_kind, key=lambda e: unknown if e.hit.price is None else sign * e.hit.price)


def _as_wished(plan: Plan) -> Filters:
    """The filters in force, but with the price limit that the user named: one that was moved is not the user's."""
    named = [change.wanted for change in plan.relaxed if change.field == "max_price"]
    return plan.filters.model_copy(update={"max_price": named[0]}) if named else plan.filters


def _limit(plan: Plan, context: TurnContext) -> PriceLimit | None:
    """The highest price that the user named, in the currency of their words or the only one of the catalogue."""
    amount = _as_wished(plan).max_price
    if amount is None:
        return None
    named = [named_currency(one.words) for one in plan.constraints if one.field == "max_price"]
    currencies = context.vocabulary.currencies
    only = currencies[0] if len(currencies) == 1 else None
    return PriceLimit(amount, next((currency for currency in named if currency), only))


def _alias(position: int) -> str:
    """A, B, ... Z, A1, B1, ...: short to say for the model."""
    return chr(ord("A") + position % 26) + (str(position // 26) if position >= 26 else "")
