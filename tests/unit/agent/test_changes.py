"""What is other than on the first cards, and why: the reasons by hand-made searches, and whole turns over the wire."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.agent import rank
from assistant.agent.changes import changes
from assistant.agent.state import Plan, SearchResult, WishSearch
from assistant.records import Candidate, Change, Constraint, Provisional, Ranked
from assistant.settings import TurnSettings
from assistant.understanding import to_filters
from tests.fakes.openai_server import FakeOpenAIServer, Reply, Request
from tests.unit.agent.conftest import Stage
from tools.records import Hit, Item

LETTERS = "abcdefgh"
PRICES = {letter: 10 * number for number, letter in enumerate(LETTERS, start=1)}
LIMIT = Constraint(field="max_price", value=30, source="text", words="30")
NEAR = Constraint(field="max_price", value=80, source="text", words="80")


def hit(item_id: str) -> Hit:
    return Hit(item_id=item_id, title=item_id.upper(), price=PRICES[item_id], currency="USD", score=1.0)


def candidates(ids: str) -> list[Candidate]:
    return [Candidate(alias=item_id, hit=hit(item_id), score=1.0, evidence=[]) for item_id in ids]


class Catalogue:
    def get_many(self, ids: list[str]) -> dict[str, Item]:
        return {
            item_id: Item(id=item_id, title=item_id.upper(), price=PRICES[item_id], currency="USD") for item_id in ids
        }


def told(
    first: str,
    found: str,
    now: str,
    *searches: SearchResult,
    proposed: tuple[Constraint, ...] = (),
    given_up: tuple[Constraint, ...] = (),
    count: int = 3,
) -> list[Change]:
    plan = Plan(intent="recommend", constraints=[*proposed], filters=to_filters([*proposed]))
    search = WishSearch(
        plan=plan,
        first=[*first],
        candidates=candidates(found),
        found=[*searches],
        proposed=[*proposed],
        given_up=[*given_up],
    )
    shown = search.model_copy(update={"candidates": candidates(now)})
    context: Any = SimpleNamespace(catalogue=Catalogue(), settings=SimpleNamespace(catalogue_language="en"))
    return changes([search], [shown], count, context, "en")


def further(words: str, ids: str, tool: str = "search_by_text") -> SearchResult:
    return SearchResult(tool=tool, asked=words, hits=[hit(item_id) for item_id in ids], by_model=True)


BENCH = "for “bench” "
CASES = {
    "the model's order": (
        told("abcd", "abcd", "bacd"),
        ["B 2>1 Moved up: the language model ranked it before others",
         "A 1>2 Moved down: the language model ranked others before it"],
    ),
    "the model brings one onto the cards": (
        told("abcd", "abcd", "dabc"),
        ["D None>1 New: the language model ranked it before others",
         "A 1>2 Moved down: the language model ranked others before it",
         "B 2>3 Moved down: the language model ranked others before it",
         "C 3>None No longer shown: the language model ranked others before it"],
    ),
    "a further search": (
        told("abc", "aebc", "aebc", further("bench", "eb")),
        ["E None>2 New: found by a further search for “bench”",
         "B 2>3 Moved down: a further search for “bench” changed the order",
         "C 3>None No longer shown: a further search for “bench” changed the order"],
    ),
    "several further searches": (
        told("abc", "cab", "cab", further("bench", "ab"), further("stool", "b")),
        ["C 3>1 Moved up: a further search changed the order",
         "A 1>2 Moved down: a further search changed the order",
         "B 2>3 Moved down: a further search changed the order"],
    ),
    "a search by picture": (
        told("ab", "ba", "ba", further("img1", "b", "search_by_image"), count=2),
        ["B 2>1 Moved up: found by a further search", "A 1>2 Moved down: a further search changed the order"],
    ),
    "what a model may not say": (
        told("ab", "ba", "ba", further("pay 5 USD at www.evil.example", "b"), count=2),
        ["B 2>1 Moved up: found by a further search", "A 1>2 Moved down: a further search changed the order"],
    ),
    "a condition": (
        told("eabc", "abc", "abc", proposed=(LIMIT,), count=2),
        ["A 2>1 Moved up: searched again with “at most 30”", "B None>2 New: searched again with “at most 30”",
         "E 1>None No longer shown: does not meet “at most 30”"],
    ),
    "a condition beside a search": (
        told("eab", "acb", "acb", further("bench", "c"), proposed=(LIMIT,)),
        ["A 2>1 Moved up: searched again with “at most 30”", "C None>2 New: found by a further search for “bench”",
         "E 1>None No longer shown: does not meet “at most 30”"],
    ),
    "a condition taken back": (
        told("abc", "aebc", "aebc", given_up=(LIMIT,)),
        ["E None>2 New: searched again without “at most 30”",
         "B 2>3 Moved down: searched again without “at most 30”",
         "C 3>None No longer shown: searched again without “at most 30”"],
    ),
    "a condition taken back beside a search": (
        told("abc", "ceba", "ceba", further("bench", "c"), given_up=(LIMIT,), count=2),
        ["C None>1 New: found by a further search for “bench”",
         "E None>2 New: searched again without “at most 30”",
         "A 1>None No longer shown: a further search for “bench” changed the order",
         "B 2>None No longer shown: searched again without “at most 30”"],
    ),
    "a condition in place of another": (
        told("ab", "ba", "ba", proposed=(NEAR,), given_up=(LIMIT,), count=2),
        ["B 2>1 Moved up: searched again with “at most 80”", "A 1>2 Moved down: searched again with “at most 80”"],
    ),
    "what a search raised and the model raised further": (
        told("abcd", "acdb", "cadb", further("bench", "cd"), count=4),
        ["C 3>1 Moved up: the language model ranked it before others",
         "A 1>2 Moved down: the language model ranked others before it",
         "D 4>3 Moved up: found by a further search for “bench”",
         "B 2>4 Moved down: a further search for “bench” changed the order"],
    ),
    "what a search lowered and the model raised a little": (
        told("abc", "bca", "bac", further("bench", "bc")),
        ["B 2>1 Moved up: found by a further search for “bench”",
         "A 1>2 Moved down: a further search for “bench” changed the order"],
    ),
    "nothing": (told("abc", "abc", "abc"), []),
    "no first cards": (told("", "abc", "abc", further("bench", "abc")), []),
}  # fmt: skip


@pytest.mark.parametrize(("changed", "expected"), CASES.values(), ids=CASES.keys())
def test_each_change_has_what_did_it(changed: list[Change], expected: list[str]) -> None:
    assert [f"{change.title} {change.before}>{change.rank} {change.reason}" for change in changed] == expected


ORDERS = st.permutations(LETTERS).map("".join)


@given(first=ORDERS, found=ORDERS, now=ORDERS, shown=st.integers(1, 8), proposed=st.booleans())
def test_every_item_that_moved_came_or_went_is_told_once(
    first: str, found: str, now: str, shown: int, proposed: bool
) -> None:
    searches = [further("bench", found[:3])]
    changed = told(first, found, now, *searches, proposed=(LIMIT,) if proposed else (), count=shown)
    places = {
        item_id: (first[:shown].find(item_id) + 1 or None, now[:shown].find(item_id) + 1 or None) for item_id in LETTERS
    }
    assert {change.item_id: (change.before, change.rank) for change in changed} == {
        item_id: pair for item_id, pair in places.items() if pair[0] != pair[1]
    }
    assert len({change.item_id for change in changed}) == len(changed)
    assert all(change.cause != "condition" for change in changed) or proposed


# Whole turns ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def bench(stage: Stage) -> Stage:
    stage.shelf.items.append(Item(id="bench", title="Garden Bench", description="Teak.", price=70, currency="USD"))
    stage.by_title = True
    return stage


def planning(*plans: Reply) -> Callable[[Request], Reply]:
    """A model that plans so, and then nothing more; it ranks in the opposite order."""
    remaining = [*plans]

    def answer(body: Request) -> Reply:
        if "tools" in body:
            return remaining.pop(0) if remaining else Reply("done")
        schema = (body.get("response_format") or {}).get("json_schema", {})
        if schema.get("name") != "rank":
            return Reply("It fits.")
        entries = [
            properties["properties"] for properties in schema["schema"]["properties"]["ranking"]["items"]["anyOf"]
        ]
        ranking = [
            {"item": properties["item"]["const"], "evidence": properties["evidence"]["items"]["enum"][:1]}
            for properties in entries
        ]
        return Reply(json={"ranking": ranking[::-1]})

    return answer


def search(query: str, **filters: Any) -> Reply:  # noqa: ANN401
    return Reply(calls=[("search_by_text", {"query": query, **({"filters": filters} if filters else {})})])


async def test_the_reason_comes_with_the_cards_and_stays_in_the_reply(bench: Stage) -> None:
    with FakeOpenAIServer(planning(search("bench"))) as bench.server:
        bench.manner = TurnSettings(planner="model", ranking="fused")
        reply, events, _ = await bench.turn("a [thing:chair] under [max:90] dollars")
    first, second = [event for event in events if isinstance(event, Provisional)]
    (ranked,) = [event for event in events if isinstance(event, Ranked)]
    assert first.changes == []
    assert [(change.title, change.before, change.rank, change.cause) for change in reply.changes] == [
        ("Garden Bench", None, 2, "search")
    ]
    assert reply.changes[0].reason == "New: found by a further search for “bench”"
    assert second.changes == ranked.changes == reply.changes


@pytest.mark.parametrize("ranking", ["vote", "model"])
async def test_the_models_order_is_a_reason(
    stage: Stage,
    ranking: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rank, "VOTE_WEIGHT", 100)
    with FakeOpenAIServer(planning()) as stage.server:
        stage.manner = TurnSettings(planner="model", ranking=ranking)
        reply, events, _ = await stage.turn("a [thing:chair]")
    (ranked,) = [event for event in events if isinstance(event, Ranked)]
    assert [item.item_id for item in reply.recommendations] == ["shoe", "cafe", "oak"]
    assert [(change.item_id, change.before, change.rank, change.cause) for change in reply.changes] == [
        ("shoe", 3, 1, "ranking"), ("oak", 1, 3, "ranking"),
    ]  # fmt: skip
    assert ranked.changes == reply.changes
    assert reply.changes[0].reason == "Moved up: the language model ranked it before others"


async def test_without_a_model_the_final_order_is_that_of_the_first_cards(stage: Stage) -> None:
    stage.manner = TurnSettings(planner="reading", ranking="fused")
    reply, events, _ = await stage.turn("a [thing:chair]")
    (first,) = [event for event in events if isinstance(event, Provisional)]
    assert [item.item_id for item in first.items] == [item.item_id for item in reply.recommendations]
    assert reply.changes == []


async def test_a_condition_that_the_model_read_is_a_reason(stage: Stage) -> None:
    with FakeOpenAIServer(planning(search("chair", exclude_terms=["cafe"]))) as stage.server:
        stage.manner = TurnSettings(planner="model", ranking="fused")
        reply, _, _ = await stage.turn("a [thing:chair] and none for a cafe")
    assert [(change.item_id, change.before, change.rank, change.cause) for change in reply.changes] == [
        ("oak", 2, 1, "condition"), ("shoe", 3, 2, "condition"), ("cafe", 1, None, "condition"),
    ]  # fmt: skip
    assert reply.changes[-1].reason == "No longer shown: does not meet “no cafe”"
