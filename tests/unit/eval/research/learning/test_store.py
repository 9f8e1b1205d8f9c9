import json
from pathlib import Path

import pytest

from assistant.errors import BadInput, StoreError
from assistant.learned_weights import POINTER, LearnedWeights, in_force, learning_folder, weights_in_force
from assistant.settings import Settings, TurnSettings
from eval.research.learning import store
from eval.research.learning.records import Fitted, Learned
from eval.research.learning.store import keep, roll_back

DEFAULT = TurnSettings().weights


def learned(**weights: float) -> Learned:
    return Learned(at=1.0, weights={**DEFAULT, **weights}, fitted=Fitted(turns=1, sessions=1, presses=1))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, data=tmp_path / "data")


@pytest.fixture
def folder(settings: Settings) -> Path:
    return learning_folder(settings.data_folder)


def test_nothing_learned_leaves_the_settings_weights(settings: Settings, folder: Path) -> None:
    assert in_force(folder, LearnedWeights) is None
    assert weights_in_force(settings) == (DEFAULT, "")


def test_learned_weights_are_in_force_until_they_are_rolled_back(settings: Settings, folder: Path) -> None:
    keep(folder, learned(dense=2.0))
    assert keep(folder, learned(dense=3.0)).version == 2
    assert weights_in_force(settings) == ({**DEFAULT, "dense": 3.0}, "2")
    assert roll_back(folder) == 1
    assert weights_in_force(settings) == ({**DEFAULT, "dense": 2.0}, "1")
    assert roll_back(folder) == 0
    assert weights_in_force(settings) == (DEFAULT, "")
    with pytest.raises(BadInput, match="nothing to roll back"):
        roll_back(folder)


def test_a_version_number_is_never_given_twice(folder: Path) -> None:
    keep(folder, learned(dense=2.0))
    roll_back(folder)
    assert keep(folder, learned(dense=4.0)).version == 2


def test_a_weight_that_somebody_set_stays_as_it_is_set(folder: Path, tmp_path: Path) -> None:
    keep(folder, learned(dense=3.0, keyword=0.1))
    own = Settings(home=tmp_path, data=tmp_path / "data", turn=TurnSettings(weights={**DEFAULT, "dense": 1.5}))
    assert weights_in_force(own)[0] == {**DEFAULT, "dense": 1.5, "keyword": 0.1}


def test_a_source_that_was_switched_off_is_not_learned_back(folder: Path, tmp_path: Path) -> None:
    keep(folder, learned(picture=9.0))
    own = Settings(home=tmp_path, data=tmp_path / "data", turn=TurnSettings(weights={**DEFAULT, "picture": 0.0}))
    assert weights_in_force(own)[0]["picture"] == 0


def test_a_crash_before_the_pointer_moves_leaves_the_old_version_in_force(
    settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(folder, learned(dense=2.0))
    replace = Path.replace

    def crash(self: Path, target: Path) -> Path:
        if target.name == POINTER:
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        keep(folder, learned(dense=3.0))
    monkeypatch.undo()
    assert (folder / "weights-0002.json").is_file()
    assert weights_in_force(settings)[0]["dense"] == 2.0
    assert keep(folder, learned(dense=4.0)).version == 3


def test_a_disk_that_takes_nothing_is_told_and_changes_nothing(
    settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        keep(folder, learned(dense=3.0))
    assert weights_in_force(settings) == (DEFAULT, "")


@pytest.mark.parametrize("content", ["", "{", json.dumps({"version": -1}), json.dumps({"version": 7})])
def test_a_turn_goes_on_with_the_settings_weights_where_the_files_are_damaged(
    settings: Settings, folder: Path, content: str
) -> None:
    keep(folder, learned(dense=3.0))
    (folder / POINTER).write_text(content)
    assert weights_in_force(settings) == (DEFAULT, "")
    with pytest.raises(StoreError):
        in_force(folder, LearnedWeights)
