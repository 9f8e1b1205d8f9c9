"""A large catalogue is searched and browsed by other plans, with the same answers; here the bounds are made small."""

import numpy as np
import pytest

from tests.fakes.catalogues import entry
from tools.records import EncoderIdentity, Filters, Item
from tools.store import Catalogue, NewVector, Vector, catalogue, drop, matches, reading
from tools.store.entries import BoundedCount
from tools.store.rules import ShopRules

COUNT, DIMENSIONS, K = 400, 8, 10
ENCODER = EncoderIdentity(encoder="made", weights="0", dimensions=DIMENSIONS, preprocessing="none")
FILTERS = [
    Filters(max_price=3),
    Filters(max_price=60),
    Filters(exclude_brands=["B0"]),
    Filters(brands=["B3"], in_stock=True),
    Filters(categories=["Kind 2"], min_price=20),
    Filters(exclude_categories=["Kind 0"], exclude_ids=["i7"]),
    Filters(attributes={"color": ["red", "blue"]}, max_price=50),
    Filters(exclude_terms=["oak"]),
    Filters(exclude_terms=["nuts"], max_price=70),
    Filters(include_terms=["wild nuts", "pine"], in_stock=True),
    Filters(max_price=0),
]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> "tuple[Catalogue, dict[str, Item], dict[str, Vector]]":
    chance = np.random.default_rng(1)
    items, vectors = {}, {}
    for n in range(COUNT):
        kind = n % 4
        vector = np.eye(DIMENSIONS)[kind] + 0.3 * chance.standard_normal(DIMENSIONS)
        vectors[f"i{n}"] = (vector / np.linalg.norm(vector)).astype(np.float32)
        items[f"i{n}"] = Item(
            id=f"i{n}",
            title=f"{chance.choice(['Oak', 'Pine'])} thing {n}",
            description=str(chance.choice(["", "Contains nuts.", "Free of nuts, not wild.", "No salt. Wild nuts."])),
            price=None if n % 17 == 0 else float(chance.integers(1, 100)),
            category=f"All > Kind {kind}",
            brand=f"B{chance.integers(0, 6)}",
            in_stock=bool(chance.random() < 0.7),
            attributes={"color": str(chance.choice(["red", "blue", "green"]))},
        )
    opened = Catalogue.open(tmp_path_factory.mktemp("large"))
    with opened.writing() as writer:
        writer.use_encoder("text", ENCODER)
        entries = [entry(item) for item in items.values()]
        made = [NewVector("text", one.text_hash or b"", vectors[one.item.id]) for one in entries]
        writer.put(entries[:300], made[:300])
        writer.tidy()
        writer.put(entries[300:], made[300:])  # these the index does not know yet
    return opened, items, vectors


@pytest.fixture(params=[(0, 0, 1, 0), (0, 0, 1, 200), (0, 20, 4, 0), (1.5, 60, 4, 100), (400, 1_000, 4, 0)])
def _bounds(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    exact, few, over_fetch, listed = request.param
    monkeypatch.setattr(reading, "LISTED", listed)
    monkeypatch.setattr(catalogue, "EXACT", exact)
    monkeypatch.setattr(reading, "FEW", few)
    monkeypatch.setattr(catalogue, "OVER_FETCH", over_fetch)
    monkeypatch.setattr(catalogue, "MOST_FETCHED", 64)


@pytest.mark.usefixtures("_bounds")
@pytest.mark.parametrize("filters", FILTERS)
def test_every_plan_finds_the_nearest_items_that_pass(
    large: tuple[Catalogue, dict[str, Item], dict[str, Vector]], filters: Filters
) -> None:
    opened, items, vectors = large
    for direction in range(5):  # the items of one kind lie together: for some queries the nearest all fail
        query = np.eye(DIMENSIONS, dtype=np.float32)[direction]
        passing = [one for one in items if matches(items[one], filters)]
        expected = sorted(passing, key=lambda one: (-float(vectors[one] @ query), one))[:K]
        found = [one for one, _ in opened.nearest("text", query, K, filters)]
        sure = K // 2  # where very many of the nearest fail, the other half may be others
        assert found[:sure] == expected[:sure]
        assert set(found) <= set(passing)


@pytest.mark.usefixtures("_bounds")
@pytest.mark.parametrize("filters", FILTERS)
def test_no_plan_shows_a_hidden_item(
    large: tuple[Catalogue, dict[str, Item], dict[str, Vector]], filters: Filters
) -> None:
    opened, items, _ = large
    hidden = [f"i{n}" for n in range(0, COUNT, 3)]
    opened.set_rules(ShopRules(hidden=hidden))
    try:
        shown = {one for one in items if matches(items[one], filters)} - set(hidden)
        found = {one for one, _ in opened.nearest("text", np.eye(DIMENSIONS, dtype=np.float32)[0], COUNT, filters)}
        assert found <= shown
        assert {item.id for item in opened.browse(filters, k=COUNT)} == shown
        assert opened.count_eligible(filters) == len(shown)
        assert opened.total(filters).items == len(shown)
        assert opened.few_eligible(filters) in (None, [one for one in items if one in shown])
    finally:
        opened.set_rules(ShopRules())


def test_a_count_that_takes_long_ends_early_and_says_so(
    large: tuple[Catalogue, dict[str, Item], dict[str, Vector]], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, items, _ = large
    passing = sum(matches(item, FILTERS[5]) for item in items.values())
    monkeypatch.setattr(reading, "FEW", 20)
    assert opened.total(FILTERS[5]) == BoundedCount(passing)
    monkeypatch.setattr(reading, "WALK_STEPS", 1_000)
    monkeypatch.setattr(reading, "COUNT_SECONDS", -1)
    counted = opened.total(FILTERS[5])
    assert counted.has_more
    assert 0 < counted.items < passing
    assert opened.total(FILTERS[5], shown=100) == BoundedCount(99, has_more=True), "they are more than 99"
    monkeypatch.setattr(reading, "WALK_STEPS", 1)
    assert opened.total(FILTERS[5]) == BoundedCount(passing), "more than none would say nothing"
    assert opened.total(FILTERS[5], at_least=passing) == BoundedCount(passing)
    assert opened.count_eligible(FILTERS[5]) == passing


@pytest.mark.usefixtures("_bounds")
@pytest.mark.parametrize("filters", FILTERS)
def test_asked_of_some_items_a_filter_passes_the_same_ones(
    large: tuple[Catalogue, dict[str, Item], dict[str, Vector]], filters: Filters
) -> None:
    opened, items, _ = large
    passing = [one for one in items if matches(items[one], filters)]
    assert opened.eligible_among([*items, "gone"], filters) == set(passing)
    assert opened.few_eligible(filters) in (None, passing)


@pytest.mark.parametrize("sort", ["title", "price", "-price", "newest"])
def test_pages_follow_one_another_from_either_end(
    large: tuple[Catalogue, dict[str, Item], dict[str, Vector]], sort: str
) -> None:
    opened, items, _ = large

    def place(item: Item) -> tuple[object, ...]:
        name = item.title.lower(), item.id
        if sort == "newest":
            return (-int(item.id[1:]),)
        return (
            name
            if sort == "title"
            else (item.price is None, (item.price or 0) * (-1 if sort == "-price" else 1), *name)
        )

    expected = [item.id for item in sorted(items.values(), key=place)]
    pages = [opened.browse(None, sort, 7, offset) for offset in range(0, COUNT + 14, 7)]  # type: ignore[arg-type]
    assert [item.id for page in pages for item in page] == expected


def test_the_count_follows_every_write(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Catalogue.open(tmp_path_factory.mktemp("counted")) as opened, opened.writing() as writer:
        writer.put([entry(Item(id=one, title="T")) for one in ("a", "b", "c", "a")], [])
        assert opened.count() == 3
        writer.put([entry(Item(id=one, title="U")) for one in ("c", "d")], [])
        assert writer.remove(["a", "nobody"]) == 1
        assert opened.count() == 3


def test_since_a_mark_only_what_came_in_or_changed_is_named(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("changed")
    with Catalogue.open(folder) as opened, opened.writing() as writer:
        writer.use_encoder("text", ENCODER)

        def put(**titles: str) -> None:
            entries = [entry(Item(id=one, title=title)) for one, title in titles.items()]
            rows = np.eye(DIMENSIONS, dtype=np.float32)
            writer.put(entries, [NewVector("text", one.text_hash or b"", rows[n]) for n, one in enumerate(entries)])

        put(a="Axe", b="Bow", c="Cup")
        ids, mark = opened.changed()
        assert ids == ["a", "b", "c"]
        assert opened.changed(mark) == ([], mark)
        put(a="Axe", b="Boat", d="Dish")
        writer.remove(["c"])
        ids, later = opened.changed(mark)
        assert ids == ["b", "d"]
        assert opened.changed(later)[0] == []
    drop(folder)
    with Catalogue.open(folder) as opened, opened.writing() as writer:
        writer.put([entry(Item(id="e", title="Ear"))], [])
        assert opened.changed(later)[0] == ["e"]


@pytest.mark.parametrize("query", ["oak", "pine thing", "oak 17", "thing 3 23", "nothing", "oak thing thing"])
@pytest.mark.parametrize("filters", [None, Filters(max_price=30), Filters(exclude_terms=["pine"])])
def test_words_are_scored_as_full_text_search_scores_them(
    large: tuple[Catalogue, dict[str, Item], dict[str, Vector]],
    query: str,
    filters: Filters | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened, _, _ = large
    expected = {one: (score, words) for one, score, words in opened.keyword(query, COUNT, filters)}
    rarity = opened.rarity(query)
    monkeypatch.setattr(reading, "FEW", 399)
    monkeypatch.setattr(reading, "SCORED_WHOLE", 399)
    found = opened.keyword(query, COUNT, filters)
    assert {one for one, _, _ in found} == set(expected)
    for one, score, words in found:
        assert score == pytest.approx(expected[one][0])
        assert words == expected[one][1]
    assert opened.rarity(query) == pytest.approx(rarity)


def test_a_search_for_common_words_reads_a_bounded_part(
    large: tuple[Catalogue, dict[str, Item], dict[str, Vector]], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, items, _ = large
    monkeypatch.setattr(reading, "FEW", 20)
    monkeypatch.setattr(reading, "SCORED_WHOLE", 20)
    monkeypatch.setattr(reading, "CANDIDATES", 20)
    assert len(opened.keyword("thing", COUNT)) == 20
    assert "i17" in [one for one, _, _ in opened.keyword("thing 17", 5)]
    assert all(matches(items[one], FILTERS[1]) for one, _, _ in opened.keyword("oak thing", 20, FILTERS[1]))
    assert opened.rarity("oak")["oak"] == pytest.approx(np.log(2), abs=0.4)
