"""The taste model on two tastes: every algorithm must find them, contents must carry new items, files must hold."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.unit.tools.taste.clusters import BLUES, ITEMS, REDS, choices, colours, contents
from tools.errors import BadInput, StoreError
from tools.taste import versions
from tools.taste.choices import Choices, gather
from tools.taste.events import EventBatch
from tools.taste.model import TasteModel
from tools.taste.training import ALGORITHMS, TooFewError, TrainingPlan, train

NEW = ["red-new", "blue-new"]


@pytest.fixture(scope="module")
def model() -> Iterator[TasteModel]:
    yield train(choices(), {"text": contents(ITEMS)})


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_algorithm_finds_the_taste_of_somebody_it_never_saw(algorithm: str) -> None:
    model = train(choices(), {}, TrainingPlan(algorithm))
    ids = [item_id for item_id, _ in model.score({"blue-1": 1.0, "blue-2": 1.0}, k=10, exclude=["blue-1", "blue-2"])]
    assert colours(ids) == ["blue"] * 10
    assert model.card.algorithm == algorithm


def test_what_was_refused_counts_against_its_like(model: TasteModel) -> None:
    liked = dict(model.score({"red-1": 1.0, "blue-1": 1.0}, k=24))
    refused = dict(model.score({"red-1": 1.0, "blue-1": -1.0}, k=24))
    assert np.mean([refused[item] for item in BLUES[2:]]) < np.mean([liked[item] for item in BLUES[2:]])


def test_scores_are_best_first_and_among_the_asked_without_the_excluded(model: TasteModel) -> None:
    scores = model.score({"red-1": 1.0}, k=3, among=["blue-1", "red-2", "red-3", "red-4", "gone"], exclude=["red-3"])
    assert {item_id for item_id, _ in scores} == {"red-2", "red-4", "blue-1"}
    assert scores[-1][0] == "blue-1"
    assert [score for _, score in scores] == sorted((score for _, score in scores), reverse=True)


def test_without_a_history_the_popular_come_first_and_the_untouched_last(model: TasteModel) -> None:
    grown = model.with_items(NEW, {"text": contents(NEW)})
    ids = [item_id for item_id, _ in grown.score({}, k=26)]
    counts = [int(grown.people[grown.rows[item_id]]) for item_id in ids]
    assert counts == sorted(counts, reverse=True)
    assert set(ids[-2:]) == set(NEW)
    assert grown.score({"unheard of": 1.0}, k=26) == grown.score({}, k=26)


def test_an_item_that_nobody_touched_is_scored_by_its_contents(model: TasteModel) -> None:
    grown = model.with_items(NEW, {"text": contents(NEW)})
    for_red, for_blue = (dict(grown.score({items[1]: 1.0, items[2]: 1.0}, k=26)) for items in (REDS, BLUES))
    assert for_red["red-new"] > for_red["blue-new"]
    assert for_blue["blue-new"] > for_blue["red-new"]
    assert for_red["red-new"] > np.median([for_red[item] for item in BLUES])
    assert model.rows.keys().isdisjoint(NEW), "the model itself never changes"


def test_new_items_change_nothing_for_the_others(model: TasteModel) -> None:
    grown = model.with_items(NEW, {"text": contents(NEW)})
    assert grown.score({"red-1": 1.0}, k=24, among=ITEMS) == model.score({"red-1": 1.0}, k=24)


def test_an_item_without_any_content_or_people_is_scored_all_the_same(model: TasteModel) -> None:
    grown = model.with_items(["bare"], {})
    assert np.isfinite(dict(grown.score({"red-1": 1.0}, k=25))["bare"])


def test_neighbours_say_how_many_people(model: TasteModel) -> None:
    neighbours = model.neighbours("red-1", 5)
    assert colours([near.item_id for near in neighbours]) == ["red"] * 5
    matrix = choices().matrix > 0
    for near in neighbours:
        pair_count = matrix[:, ITEMS.index("red-1")].multiply(matrix[:, ITEMS.index(near.item_id)]).sum()
        assert near.people == pair_count
    assert model.neighbours("unheard of", 5) == []


def test_popularity_is_the_share_of_people_and_can_be_levelled(model: TasteModel) -> None:
    fractions = model.popularity(["red-1", "unheard of"])
    assert fractions["red-1"] == model.people[model.rows["red-1"]] / 80
    assert fractions["unheard of"] == 0
    assert model.popularity(["red-1"], debias=1.0)["red-1"] == 1.0


def test_training_again_gives_the_same(model: TasteModel) -> None:
    again = train(choices(), {"text": contents(ITEMS)})
    assert again.score({"red-1": 1.0}, k=24) == model.score({"red-1": 1.0}, k=24)


def test_the_card_tells_what_was_chosen_and_by_how_much(model: TasteModel) -> None:
    card = model.card
    assert (card.people, card.items, card.events, card.algorithm) == (80, 24, 480, "auto")
    als = set(card.compared) ^ {"als", "als-large"}
    assert set(card.weights["from 1 chosen items"]) == {*als, "neighbours", "next-choices", "popularity"}
    assert card.tau.keys() == {*als, "neighbours", "next-choices"}
    assert card.figures["all together"]["ndcg@10"] > card.figures["popularity"]["ndcg@10"]
    assert card.lead is not None
    assert card.lead.low <= card.lead.difference <= card.lead.high
    assert card.lead.over in card.figures


def test_the_order_of_choices_counts() -> None:
    """Everybody goes from a red thing on to the next one; what was chosen last says what comes next."""
    people = [np.arange(start % 12, start % 12 + 6) % 12 for start in range(120)]
    users, items = np.repeat(np.arange(120), 6), np.concatenate(people)
    model = train(gather([EventBatch(users, items, np.ones(720, np.float32), np.tile(np.arange(6.0), 120))], ITEMS), {})
    for earlier, latest, follows in (("red-0", "red-6", "red-7"), ("red-6", "red-0", "red-1")):
        assert model.score({latest: 1.0, earlier: 1.0}, k=1, exclude=(earlier, latest))[0][0] == follows
    assert set(model.card.tau.values()) != {None}


def test_too_few_choices_are_said_in_one_sentence() -> None:
    with pytest.raises(TooFewError, match=r"There are 24 choices by 4 people; .* contents and popularity are used\."):
        train(choices(user_count=4), {})
    with pytest.raises(TooFewError, match="There are 0 choices by 0 people"):
        train(gather([], ITEMS), {})


def test_everybody_refusing_everything_is_too_little() -> None:
    refused = choices()
    refused.matrix.data *= -1
    with pytest.raises(TooFewError, match="by 0 people"):
        train(refused, {})


# Files ---------------------------------------------------------------------------------------------------------------


def test_what_is_stored_answers_as_before(model: TasteModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    loaded = TasteModel.load(tmp_path)
    assert loaded is not None
    assert loaded.card == model.card
    assert loaded.score({"red-1": 1.0}, k=24) == model.score({"red-1": 1.0}, k=24)
    assert loaded.neighbours("red-1", 9) == model.neighbours("red-1", 9)
    assert TasteModel.load(tmp_path) is loaded, "unchanged, it is not read again"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_can_be_stored(algorithm: str, tmp_path: Path) -> None:
    model = train(choices(), {}, TrainingPlan(algorithm))
    model.save(tmp_path)
    loaded = TasteModel.load(tmp_path)
    assert loaded is not None
    assert loaded.score({"blue-3": 1.0}, k=5) == model.score({"blue-3": 1.0}, k=5)


def test_a_model_of_an_earlier_version_is_none(model: TasteModel, tmp_path: Path) -> None:
    folder = _named(model, "earlier").save(tmp_path)
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**card, "format": 1, "gates": {}}))
    assert TasteModel.load(tmp_path) is None


def test_nothing_trained_is_no_model(tmp_path: Path) -> None:
    assert TasteModel.load(tmp_path) is None


def test_a_second_model_is_swapped_in_and_can_be_taken_back(model: TasteModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    renamed = _named(model, "second")
    renamed.save(tmp_path)
    assert _current(tmp_path) == "second"
    assert versions.roll_back(tmp_path / "taste") == model.card.version
    assert _current(tmp_path) == model.card.version
    _named(model, "third").save(tmp_path)
    assert sorted(path.name for path in (tmp_path / "taste").iterdir() if path.is_dir()) == sorted(
        [model.card.version, "third"]
    )


def test_a_first_model_cannot_be_taken_back(model: TasteModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    with pytest.raises(BadInput, match="no earlier version"):
        versions.roll_back(tmp_path / "taste")


def test_writing_that_breaks_off_leaves_the_old_model(model: TasteModel, tmp_path: Path) -> None:
    model.save(tmp_path)

    def breaks(folder: Path) -> None:
        (folder / "card.json").write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(StoreError, match="No space left"):
        versions.publish(tmp_path / "taste", "broken", breaks)
    assert _current(tmp_path) == model.card.version
    (tmp_path / "taste" / "killed.making").mkdir()  # what a killed process leaves
    _named(model, "next").save(tmp_path)
    assert not list((tmp_path / "taste").glob("*.making"))


@pytest.mark.parametrize("name", ["card.json", "items.json", "model.safetensors"])
def test_damaged_files_are_one_sentence(model: TasteModel, tmp_path: Path, name: str) -> None:
    folder = _named(model, f"damaged-{name}").save(tmp_path)
    (folder / name).write_bytes(b"\x00{")
    with pytest.raises(StoreError, match=r"is damaged; train again with: assistant train\.$"):
        TasteModel.load(tmp_path)


def test_a_damaged_pointer_is_one_sentence_and_is_mended_by_training(model: TasteModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    (tmp_path / "taste" / "current.json").write_text("{")
    with pytest.raises(StoreError, match="assistant train"):
        TasteModel.load(tmp_path)
    _named(model, "mended").save(tmp_path)
    assert _current(tmp_path) == "mended"


def test_no_person_is_in_the_files(model: TasteModel, tmp_path: Path) -> None:
    folder = model.save(tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == [
        "blend.json", "card.json", "items.json", "model.safetensors",
    ]  # fmt: skip
    assert json.loads((folder / "items.json").read_text()) == ITEMS


def test_ids_with_spaces_emoji_and_quotes(tmp_path: Path) -> None:
    plain = choices()
    odd = tuple(f'{item_id} "é😀/\\' for item_id in plain.item_ids)
    train(Choices(plain.matrix, plain.place, odd), {}).save(tmp_path)
    loaded = TasteModel.load(tmp_path)
    assert loaded is not None
    assert loaded.ids == odd


def _named(model: TasteModel, version: str) -> TasteModel:
    return replace(model, card=model.card.model_copy(update={"version": version}))


def _current(folder: Path) -> str:
    loaded = TasteModel.load(folder)
    assert loaded is not None
    return loaded.card.version
