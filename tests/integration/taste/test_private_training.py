"""assistant train with privacy.epsilon: nothing but private counts is learned, and the budget holds."""

import pytest

from assistant import taste_training
from assistant.settings import PrivacySettings, Settings
from tests.integration.taste.conftest import likes
from tools.store import Catalogue
from tools.taste.events import EventStore
from tools.taste.model import TasteModel
from tools.taste.privacy_ledger import NAME, BudgetSpent, PrivacyLedger


@pytest.fixture
def private(settings: Settings) -> Settings:
    return settings.model_copy(update={"privacy": PrivacySettings(epsilon=8.0)})


def model_of(settings: Settings) -> TasteModel:
    model = TasteModel.load(settings.data_folder)
    assert model is not None
    return model


def crowd(store: EventStore, first: int = 0) -> None:
    """A hundred people who like an item that the catalogue does not have, and one that it has."""
    store.add(event for n in range(first, first + 100) for event in likes(f"{n:032x}", "gone-1", "red-1"))


def test_the_model_knows_the_catalogue_s_items_and_no_other(
    private: Settings, catalogue: Catalogue, store: EventStore
) -> None:
    crowd(store)
    card = taste_training.train(private)
    assert set(model_of(private).ids) == set(catalogue.ids())
    assert card.parameters["epsilon"] == 8.0
    assert (card.algorithm, card.figures, card.weights) == ("neighbours", {}, {})


def test_the_same_events_are_told_of_once_and_new_ones_have_a_budget_of_their_own(
    private: Settings, catalogue: Catalogue, store: EventStore
) -> None:
    crowd(store)
    version = taste_training.train(private).version
    with pytest.raises(BudgetSpent, match="use the counts that were released"):
        taste_training.train(private)
    assert model_of(private).card.version == version, "the model that was there stays"
    crowd(store, first=100)
    taste_training.train(private)
    ledger = PrivacyLedger(private.data_folder / NAME, 8.0)
    assert [one.epsilon for one in ledger.releases()] == [8.0, 8.0]
    assert ledger.total().epsilon == 16.0


def test_no_name_of_a_person_stands_in_what_private_training_writes(
    private: Settings, catalogue: Catalogue, store: EventStore
) -> None:
    crowd(store)
    taste_training.train(private)
    written = [path.read_bytes() for path in (private.data_folder / "taste").rglob("*") if path.is_file()]
    written.append((private.data_folder / NAME).read_bytes())
    assert len(written) > 2
    names = [name.encode() for name in store.user_ids().values()]
    assert len(names) == 100
    assert not any(name in content for name in names for content in written)
