"""The model that was learned from everybody's events, when somebody of them is forgotten."""

import random
from contextlib import closing
from pathlib import Path

import pytest

from assistant.errors import BadInput
from assistant.settings import Settings, load_settings
from assistant.taste_training import train
from assistant.user_data import MODEL, forget
from tests.integration.privacy.traces import traces_of
from tools.taste.events import EventStore
from tools.taste.model import TasteModel
from tools.taste.records import Interaction

ANN = "a" * 32


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A data folder with the choices of some people, one of whom chose what nobody else did."""
    chance, made = random.Random(3), load_settings(data=tmp_path / "data")
    people = [ANN, *(f"{n:032x}" for n in range(40))]
    given = [
        Interaction(user=user, item_id=f"item-{chance.randrange(30)}", event="like", at=1_700_000_000.0 + n)
        for user in people
        for n in range(12)
    ]
    given.append(Interaction(user=ANN, item_id="zanzibarine", event="like", at=1.0))
    with closing(EventStore.open(made.data_folder)) as store:
        store.add(given)
    return made


def test_a_trained_model_is_gone_with_what_only_the_user_touched(settings: Settings) -> None:
    train(settings, "item-knn")
    assert any(MODEL in trace for trace in traces_of(settings.data_folder, ["zanzibarine"]))

    assert forget(settings, ANN).model_removed

    assert TasteModel.load(settings.data_folder) is None
    assert traces_of(settings.data_folder, ["zanzibarine", ANN]) == []
    train(settings, "item-knn")
    assert TasteModel.load(settings.data_folder) is not None
    assert traces_of(settings.data_folder, ["zanzibarine", ANN]) == []


def test_a_model_that_is_stored_while_somebody_is_forgotten_does_not_stay(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = TasteModel.save

    def slow(model: TasteModel, folder: Path) -> Path:
        forget(settings, ANN)  # another process, between the last look at the users and the writing
        return save(model, folder)

    monkeypatch.setattr(TasteModel, "save", slow)
    with pytest.raises(BadInput, match="forgotten while"):
        train(settings, "item-knn")

    assert TasteModel.load(settings.data_folder) is None
    assert traces_of(settings.data_folder, ["zanzibarine", ANN]) == []
