from dataclasses import dataclass

from assistant.agent.relaxation import relax
from assistant.records import Constraint
from tools.records import Filters


@dataclass
class Thing:
    price: float
    category: str = "chair"
    words: str = ""


class Shelf:
    """A catalogue of a few things that filters as the real one does."""

    def __init__(self, *things: Thing) -> None:
        self.things = things

    def passing(self, filters: Filters) -> list[Thing]:
        return [
            thing
            for thing in self.things
            if (filters.max_price is None or thing.price <= filters.max_price)
            and (filters.min_price is None or thing.price >= filters.min_price)
            and (not filters.categories or thing.category in filters.categories)
            and all(word in thing.words for word in filters.include_terms)
            and not any(word in thing.words for word in filters.exclude_terms)
            and thing.words not in filters.exclude_ids
        ]

    def fits(self, filters: Filters) -> int:
        return len(self.passing(filters))

    def price_near(self, filters: Filters, sort: str) -> float | None:
        prices = sorted((thing.price for thing in self.passing(filters)), reverse=sort == "-price")
        return prices[0] if prices else None


def must(field: str, value: float | str) -> Constraint:
    return Constraint(field=field, value=value, source="text", words=f"{field} {value}")  # type: ignore[arg-type]


def test_nothing_is_relaxed_while_something_fits() -> None:
    shelf = Shelf(Thing(50))
    constraints = [must("max_price", 60)]
    assert relax(constraints, shelf.fits, shelf.price_near) == (constraints, [])


def test_a_price_bound_moves_just_far_enough() -> None:
    shelf = Shelf(Thing(72.5), Thing(90))
    constraints, relaxed = relax([must("max_price", 60), must("categories", "chair")], shelf.fits, shelf.price_near)
    assert [(r.field, r.wanted, r.used) for r in relaxed] == [("max_price", 60, 72.5)]
    assert {(c.field, c.value) for c in constraints} == {("max_price", 72.5), ("categories", "chair")}


def test_a_wanted_word_goes_before_the_price() -> None:
    shelf = Shelf(Thing(50, words="white"))
    _, relaxed = relax([must("max_price", 60), must("include_terms", "black")], shelf.fits, shelf.price_near)
    assert [(r.field, r.used) for r in relaxed] == [("include_terms", None)]


def test_what_was_ruled_out_goes_last() -> None:
    shelf = Shelf(Thing(500, words="leather"), Thing(900, category="sofa", words="cotton"))
    constraints, relaxed = relax(
        [must("exclude_terms", "leather"), must("max_price", 60), must("categories", "chair")],
        shelf.fits,
        shelf.price_near,
    )
    assert "exclude_terms" not in [r.field for r in relaxed]
    assert must("exclude_terms", "leather") in constraints


def test_a_firm_limit_stays_whatever_else_gives() -> None:
    shelf = Shelf(Thing(300, words="pine"), Thing(10, words="pine"))
    constraints = [must("max_price", 20), must("include_terms", "oak")]
    remaining, relaxed = relax(constraints, shelf.fits, shelf.price_near, firm=[constraints[0]])
    assert remaining == [must("max_price", 20)]
    assert [change.field for change in relaxed] == ["include_terms"]


def test_an_empty_catalogue_relaxes_nothing() -> None:
    constraints = [must("max_price", 60)]
    assert relax(constraints, Shelf().fits, Shelf().price_near) == (constraints, [])


def test_what_was_rejected_stays_away_whatever_else_gives() -> None:
    shelf = Shelf(Thing(10, words="oak"), Thing(300, words="pine"))
    constraints = [must("max_price", 20), must("exclude_ids", "oak")]
    remaining, relaxed = relax(constraints, shelf.fits, shelf.price_near, firm=[constraints[1]])
    assert [(change.field, change.used) for change in relaxed] == [("max_price", 300)]
    assert must("exclude_ids", "oak") in remaining
    alone = Shelf(Thing(10, words="oak"))
    assert relax(constraints, alone.fits, alone.price_near, firm=[constraints[1]]) == (constraints, [])
    assert relax(constraints, alone.fits, alone.price_near)[0] == [must("max_price", 20)]
