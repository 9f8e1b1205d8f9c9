"""The shop's own rules in the store: hidden items are nowhere, customers' words become the catalogue's."""

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from tests.fakes import catalogues
from tests.fakes.encoders import hash_vector
from tools.errors import StoreError
from tools.place import StateServer
from tools.records import Filters, Item
from tools.store import Catalogue, drop
from tools.store.rules import Pin, RulesInForce, ShopRules

ITEMS = [
    Item(id="sofa", title="Grey sofa", description="For 3.", price=300, currency="EUR", category="Sofas", brand="Oak"),
    Item(id="bed", title="Oak bed", description="With a slatted frame.", price=500, currency="USD", category="Beds"),
    Item(id="rug", title="Grey rug", description="Wool.", price=80, category="Rugs", brand="Elm"),
]  # fmt: skip


@pytest.fixture
def catalogue(tmp_path: Path, state: StateServer | None) -> Iterator[Catalogue]:
    with Catalogue.open(tmp_path, state=state) as catalogue:
        catalogues.fill(catalogue, [catalogues.entry(item, pictures=1) for item in ITEMS])
        yield catalogue


def everything(catalogue: Catalogue) -> set[str]:
    """Every id that any question gives."""
    found = set(catalogue.ids()) | set(catalogue.get_many([item.id for item in ITEMS]))
    found |= {item_id for item_id, _, _ in catalogue.keyword("grey oak sofa bed rug", 10)}
    for filters in (None, Filters(min_price=1), Filters(exclude_ids=["x"])):
        for sort in ("title", "newest", "price", "-price"):
            found |= {item.id for item in catalogue.browse(filters, sort, 10)}  # type: ignore[arg-type]
        found |= set(catalogue.eligible(filters) or [])
        for space in ("text", "visual", "joint"):
            vector = hash_vector(b"anything")
            found |= {item_id for item_id, _ in catalogue.nearest(space, vector, 10, filters)}  # type: ignore[arg-type]
    found |= set(catalogue.vectors_of("text", [item.id for item in ITEMS])) | set(catalogue.spread("text", 10)[0])
    return found


def test_a_hidden_item_is_nowhere_and_comes_back(catalogue: Catalogue) -> None:
    assert everything(catalogue) == {"sofa", "bed", "rug"}
    catalogue.set_rules(ShopRules(hidden=["sofa", "nowhere"]))
    assert everything(catalogue) == {"bed", "rug"}
    assert catalogue.get("sofa") is None
    assert (catalogue.count(), catalogue.count_eligible(Filters(max_price=400))) == (2, 1)
    words = catalogue.vocabulary()
    assert (words.categories, words.brands, words.currencies) == (["Beds", "Rugs"], ["Elm"], ["USD"])
    assert catalogue.stats().items == 2
    assert {item.id for item in catalogue.items()} == {"sofa", "bed", "rug"}  # export is a copy of everything
    catalogue.set_rules(ShopRules())
    assert everything(catalogue) == {"sofa", "bed", "rug"}


def test_asking_for_more_than_is_shown_ends(catalogue: Catalogue) -> None:
    catalogue.set_rules(ShopRules(hidden=[item.id for item in ITEMS]))
    assert everything(catalogue) == set()
    assert catalogue.nearest("text", np.ones(24, np.float32), 5) == []


def test_rules_stay_when_items_are_written_anew_and_go_with_the_catalogue(
    catalogue: Catalogue, tmp_path: Path, state: StateServer | None
) -> None:
    rules = ShopRules(hidden=["sofa"], synonyms={"couch": "sofa"}, pinned=[Pin(item_id="bed", wish="sleep")])
    catalogue.set_rules(rules)
    catalogues.fill(catalogue, [catalogues.entry(item.model_copy(update={"price": 1.0})) for item in ITEMS])
    assert catalogue.get("sofa") is None
    with catalogue.writing() as writer:
        assert set(writer.ids()) == {"sofa", "bed", "rug"}
        assert writer.remove(["sofa"]) == 1
    assert catalogue.rules().rules == rules
    drop(tmp_path, state=state)
    with closing(Catalogue.open(tmp_path, state=state)) as anew:
        assert anew.rules().rules == ShopRules()


def test_another_catalogue_object_and_thread_follow_at_once_also_during_a_write(
    catalogue: Catalogue, tmp_path: Path, state: StateServer | None
) -> None:
    with Catalogue.open(tmp_path, state=state, read_only=True) as other, catalogue.writing():
        assert other.get("sofa")
        catalogue.set_rules(ShopRules(hidden=["sofa"]))
        found: list[Item | None] = []
        thread = threading.Thread(target=lambda: found.append(other.get("sofa")))
        thread.start()
        thread.join()
        assert found == [None]
        with pytest.raises(StoreError, match="reading only"):
            other.set_rules(ShopRules())


@pytest.mark.parametrize(
    ("said", "searched"),
    [
        ("a couch", "a sofa"), ("Couches, please", "sofa, please"), ("two COUCH-potatoes", "two sofa-potatoes"),
        ("settee couch", "sofa sofa"), ("a day bed for two", "a chaise longue for two"), ("a bed", "a bed"),
        ("accouchement", "accouchement"), ("沙发椅和灯", "sofa和灯"), ("a ｃｏｕｃｈ", "a sofa"), ("", ""),
        ("!?", "!?"),
        ("Straße couch", "strasse sofa"), ("loop", "pool"), ("pool", "loop"),
    ],
)  # fmt: skip
def test_customers_words_become_the_catalogues(said: str, searched: str) -> None:
    words = {
        "couch": "sofa", "settee": "sofa", "day bed": "chaise longue", "day": "date", "沙发椅": "sofa",
        "loop": "pool", "pool": "loop",
    }  # fmt: skip
    assert RulesInForce.of(ShopRules(synonyms=words), "en").replaced(said) == searched


def test_terms_of_filters_are_replaced_and_exclusions_hold_for_both_words(catalogue: Catalogue) -> None:
    assert catalogue.eligible(Filters(include_terms=["couch"])) == []
    catalogue.set_rules(ShopRules(synonyms={"couch": "sofa"}))
    assert catalogue.eligible(Filters(include_terms=["couches"])) == ["sofa"]
    assert catalogue.eligible(Filters(exclude_terms=["couch"])) == ["bed", "rug"]
    assert [item.id for item in catalogue.browse(Filters(include_terms=["couch"], max_price=400), "price", 5)] == [
        "sofa"
    ]


def test_a_pin_needs_every_word_of_its_wish() -> None:
    pins = [
        Pin(item_id="a", wish="running shoes"), Pin(item_id="b", wish="shoes"), Pin(item_id="c"),
        Pin(item_id="d", wish="sofa"), Pin(item_id="e", wish="!"), Pin(item_id="a", wish="shoe"),
    ]  # fmt: skip
    rules = RulesInForce.of(ShopRules(pinned=pins, synonyms={"couch": "sofa"}), "en")
    assert rules.pinned_for("shoes for running") == ["a", "b"]
    assert rules.pinned_for("a Shoe!") == ["b", "a"]
    assert rules.pinned_for("a couch") == ["d"]
    assert rules.pinned_for("") == []
    assert rules.pinned_anywhere == ["c", "e"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"synonyms": {"": "a"}}, {"synonyms": {"a": " "}}, {"synonyms": {"!": "a"}}, {"synonyms": {"a": "b" * 101}},
        {"hidden": [""]}, {"pinned": [{"wish": "a"}]}, {"hidden": ["a"] * 10_001}, {"unknown": 1},
    ],
)  # fmt: skip
def test_wrong_rules_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ShopRules.model_validate(wrong)


def test_many_synonyms_and_a_long_text_take_no_time() -> None:
    rules = RulesInForce.of(ShopRules(synonyms={f"word{n} other": "x" for n in range(2_000)}), "en")
    assert rules.replaced("word5 other " * 700) == "x " * 700
