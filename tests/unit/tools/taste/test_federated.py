"""What shops send each other, and that learning together is learning from everybody."""

from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from tests.unit.tools.taste.clusters import ITEMS, events
from tools.errors import BadInput
from tools.taste import federated_training
from tools.taste.choices import Choices, gather
from tools.taste.events import EventBatch
from tools.taste.federated.exchange.counts import SharedCounts
from tools.taste.federated_training import known_items, share, share_privately, train_federated, train_on_total
from tools.taste.neighbours import Neighbourhood, next_choices
from tools.taste.privacy_ledger import BudgetSpent, PrivacyLedger
from tools.taste.training import TooFewError


def shop(seed: int, user_count: int = 60) -> Choices:
    """People of two tastes; see `clusters`."""
    return gather([events(user_count, seed=seed)], ITEMS)


def in_order(*people: list[str]) -> Choices:
    """What each person chose, in order."""
    ids = sorted({item for chosen in people for item in chosen})
    users = np.repeat(np.arange(len(people)), [len(chosen) for chosen in people])
    items = np.array([ids.index(item) for chosen in people for item in chosen])
    return gather([EventBatch(users, items, np.ones(len(users), np.float32), np.arange(len(users)) * 1.0)], ids)


def pairs_of(counts: SharedCounts) -> dict[tuple[str, str], tuple[int, list[float]]]:
    """Both counts and order by the pair's ids."""
    named = [(counts.items[first], counts.items[second]) for first, second in counts.pairs]
    order = [[round(float(one), 3) for one in both_ways] for both_ways in counts.order]
    return dict(zip(named, zip(counts.both.tolist(), order, strict=True), strict=True))


# What leaves a shop --------------------------------------------------------------------------------------------------


def test_counts_are_of_items_and_pairs_and_of_their_order() -> None:
    counts = share(in_order(["b", "a"], ["b", "a"], ["a", "c"]), least=1)
    assert (counts.items, counts.people, counts.chosen.tolist()) == (("a", "b", "c"), 3, [3, 2, 1])
    assert pairs_of(counts) == {("a", "b"): (2, [1.0, 2.0]), ("a", "c"): (1, [1.0, 0.5])}


def test_what_fewer_people_chose_does_not_leave() -> None:
    usual = [["a", "b"]] * 3
    with_rare, without = share(in_order(*usual, ["a", "b", "rare"]), least=3), share(in_order(*usual, ["a", "b"]), 3)
    assert all((with_rare.arrays()[name] == array).all() for name, array in without.arrays().items())


def test_an_order_of_few_people_does_not_leave_though_many_chose_both() -> None:
    far = [f"between-{number}" for number in range(20)]
    people = [["a", *far, "b"]] * 3
    assert pairs_of(share(in_order(*people), least=3))["a", "b"] == (3, [0.0, 0.0])
    assert pairs_of(share(in_order(*people, ["a", "b"]), least=3))["a", "b"] == (4, [0.0, 0.0])


def test_of_one_person_so_many_latest_choices_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(federated_training, "MOST_SHARED", 2)
    assert share(in_order(["a", "b", "c"]), least=1).items == ("b", "c")


def test_with_an_epsilon_everything_is_noisy_and_entered_in_the_ledger(tmp_path: Path) -> None:
    ledger = PrivacyLedger(tmp_path / "ledger.jsonl", budget=8.0)
    counts = share_privately(shop(1), [*ITEMS, "new"], 8.0, 3, ledger)
    assert counts.variance > 100
    assert len(counts.both) > 250, (
        "pairs that nobody chose have counts, too; only those that the noise leaves at 0 miss"
    )
    assert (counts.both < 0).any()
    assert not counts.order.any()
    assert [release.epsilon for release in ledger.releases()] == [8.0]
    with pytest.raises(BudgetSpent):
        share_privately(shop(1), ITEMS, 8.0, 3, ledger)


def test_a_shop_without_choices_has_nothing_to_share() -> None:
    with pytest.raises(TooFewError):
        share(in_order(), 3)


# Adding up -----------------------------------------------------------------------------------------------------------


def test_a_total_is_what_one_shop_with_everybody_would_have_sent() -> None:
    people = [["a", "b", "c"], ["c", "a"], ["d", "b"], ["b", "a", "d"]]
    total = SharedCounts.total([share(in_order(*people[:2]), 1), share(in_order(*people[2:]), 1)])
    everybody = share(in_order(*people), 1)
    assert pairs_of(total) == pairs_of(everybody)
    assert (total.items, total.people, total.chosen.tolist()) == (("a", "b", "c", "d"), 4, everybody.chosen.tolist())


def test_a_file_holds_the_same_and_anything_else_is_refused(tmp_path: Path) -> None:
    counts = share(shop(1), 1)
    counts.save(tmp_path / "counts")
    loaded = SharedCounts.load(tmp_path / "counts")
    assert all((loaded.arrays()[name] == array).all() for name, array in counts.arrays().items())
    for content in (b"", b"PK\x03\x04", (tmp_path / "counts").read_bytes()[:900]):
        (tmp_path / "damaged").write_bytes(content)
        with pytest.raises(ValueError):
            SharedCounts.load(tmp_path / "damaged")
    wrong = {
        "chosen": counts.chosen[1:],
        "pairs": counts.pairs + 900,
        "order": counts.order * np.nan,
        "items": counts.both,
    }
    for name, array in wrong.items():
        with pytest.raises(ValueError):
            SharedCounts.of_arrays({**counts.arrays(), name: array})


def test_nothing_of_a_single_person_is_in_a_file(tmp_path: Path) -> None:
    share(in_order(*[["usual-1", "usual-2"]] * 9, ["usual-1", "secret-1", "secret-2"]), 3).save(tmp_path / "counts")
    with ZipFile(tmp_path / "counts") as archive:
        content = b"".join(archive.read(name) for name in archive.namelist())
    assert b"usual-2" in content
    assert b"secret" not in content


# Learning ------------------------------------------------------------------------------------------------------------


def test_exact_counts_of_everybody_give_the_neighbours_of_all_events_in_one_place() -> None:
    mine, other = shop(1), shop(2)
    sent = [share(one, 1) for one in (mine, other)]
    model = train_federated(mine, SharedCounts.total(sent), sent[0], {})
    everybody = gather([events(60, seed=1), events(60, seed=2)._replace(users=events(60).users + 60)], ITEMS)
    assert model.card.people == everybody.user_count == 120
    assert (model.people == everybody.chosen_by()).all()
    near, following = Neighbourhood.of(everybody.matrix), next_choices(everybody)
    assert np.allclose(model.near.strengths.toarray(), near.strengths.toarray())
    assert (model.near.counts != near.counts).nnz == 0
    assert np.allclose(model.parts["next-choices"].scorer.arrays()["data"].sum(), following.data.sum(), rtol=1e-3)


def test_a_shop_with_few_people_learns_from_the_others() -> None:
    small, big = in_order(["red-1", "red-2"], ["blue-1", "blue-3"]), shop(2, 200)
    sent = [share(one, 3) for one in (small, big)]
    total = SharedCounts.total(sent)
    choices = known_items(small, [*ITEMS, "never chosen"], total)
    assert set(choices.item_ids) == set(ITEMS)
    model = train_federated(choices, total, sent[0], {})
    best = model.score({"red-5": 1.0}, k=5, exclude=["red-5"])
    assert all(item_id.startswith("red") for item_id, _ in best)


def test_noise_of_the_others_leaves_what_a_shop_knows_itself(tmp_path: Path) -> None:
    sent = [
        share_privately(shop(seed), ITEMS, 1.0, 1, PrivacyLedger(tmp_path / f"{seed}.jsonl", 1.0)) for seed in (1, 2)
    ]
    model = train_federated(shop(1), SharedCounts.total(sent), sent[0], {})
    best = model.score({"red-5": 1.0, "red-6": 1.0}, k=5, exclude=["red-5", "red-6"])
    assert sum(item_id.startswith("red") for item_id, _ in best) >= 4


def test_the_total_alone_makes_a_model_as_private_as_it_is(tmp_path: Path) -> None:
    sent = [
        share_privately(shop(seed, 3000), ITEMS, 20.0, 1, PrivacyLedger(tmp_path / f"{seed}.jsonl", 20.0))
        for seed in (1, 2)
    ]
    model = train_on_total(ITEMS, SharedCounts.total(sent))
    assert abs(model.card.people - 6000) < 200
    assert all(near.item_id.startswith("red") for near in model.neighbours("red-5", 5))


def test_a_total_without_a_shop_s_own_counts_is_refused() -> None:
    own, other = share(shop(1), 1), share(shop(2), 1)
    for total in (other, replace(SharedCounts.total([own, other]), people=3)):
        with pytest.raises(BadInput, match="does not hold the counts that this shop sent"):
            train_federated(shop(1), total, own, {})
