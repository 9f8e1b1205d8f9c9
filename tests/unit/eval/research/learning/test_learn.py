import numpy as np
import pytest

from assistant.impressions import Impression, LoggedCandidate, RankedSignal
from eval.research.learning.learn import LEAST_PRESSES, learn
from eval.research.learning.offpolicy import CLIP, off_policy, order
from eval.research.learning.presses import ClickedRanking, judged, propensities
from eval.research.learning.records import Propensities
from tests.unit.eval.research.learning.population import IN_FORCE, PLACES, population


def share_of_dense(weights: dict[str, float]) -> float:
    return weights["dense"] / (weights["dense"] + weights["keyword"])


def first_is_liked(weights: dict[str, float]) -> float:
    """The true worth of weights: how often they put a liked item first, over rankings nobody was biased in."""
    factors = {source: weight / IN_FORCE[source] for source, weight in weights.items()}
    fresh = population(2_000, seed=99)
    ranked = [(one.impression, order(one.impression, factors)[0]) for one in fresh]
    dense = [next(i.votes[0].rank for i in ranking.items if i.item_id == first) for ranking, first in ranked]
    return sum(rank <= 3 for rank in dense) / len(dense)


def test_presses_corrected_for_their_places_teach_better_weights_than_presses_as_they_come() -> None:
    rankings = population(3_000)
    naive, corrected = learn(rankings, IN_FORCE, corrected=False), learn(rankings, IN_FORCE)
    assert share_of_dense(IN_FORCE) < share_of_dense(naive.weights) < share_of_dense(corrected.weights)
    assert first_is_liked(IN_FORCE) < first_is_liked(naive.weights) < first_is_liked(corrected.weights)
    assert corrected.refused is None
    assert sum(corrected.weights.values()) == pytest.approx(sum(IN_FORCE.values()), abs=0.001)


def test_what_was_never_shown_counts_for_nothing_in_what_new_weights_earn_at_least() -> None:
    held = learn(population(3_000), IN_FORCE).held_out
    assert held is not None
    assert held.old.high < held.new.low + 0.05
    assert held.difference.low > 0
    assert held.at_least.value < held.new.value
    assert 0 < held.unseen < 0.5
    assert held.difference.value == pytest.approx(held.new_per_place - held.old_per_place, abs=0.001)


def test_naive_learning_goes_wrong_where_position_alone_explains_the_presses() -> None:
    """Everything shown is liked alike, and places are looked at unequally: naive learning praises the order it saw."""
    rankings = [
        ClickedRanking(one.impression, {i.item_id: 1.0 for i in one.impression.items if i.position == place(number)})
        for number, one in enumerate(population(1_200))
    ]
    naive = learn(rankings, IN_FORCE, corrected=False)
    corrected = learn(rankings, IN_FORCE)
    drift = abs(share_of_dense(corrected.weights) - share_of_dense(IN_FORCE))
    assert share_of_dense(naive.weights) < share_of_dense(IN_FORCE)
    assert share_of_dense(corrected.weights) > share_of_dense(naive.weights)
    assert corrected.refused is not None
    assert "no improvement can be shown" in corrected.refused
    assert drift < 0.5


def place(number: int) -> int:
    """Of eleven presses six on the first place, three on the second, two on the third: 1, 1/2, 1/3."""
    return 1 if number % 11 < 6 else 2 if number % 11 < 9 else 3


def test_twenty_presses_are_too_few() -> None:
    fitted = learn(population(30), IN_FORCE)
    assert 0 < fitted.presses < LEAST_PRESSES
    assert fitted.refused == f"There are {fitted.presses} presses on shown items; at least {LEAST_PRESSES} are needed."
    assert fitted.weights == {}


def test_presses_at_one_place_only_say_nothing() -> None:
    rankings = [
        ClickedRanking(one.impression, {i.item_id: 1.0 for i in one.impression.items if i.position == 1})
        for one in population(200)
    ]
    assert learn(rankings, IN_FORCE).refused == (
        "Presses come from one place of the list only, so liking cannot be told from standing first."
    )


def test_presses_of_few_sessions_are_not_many_opinions() -> None:
    rankings = [
        ClickedRanking(one.impression.model_copy(update={"session_id": f"s{number % 5}"}), one.rewards)
        for number, one in enumerate(population(400))
    ]
    assert "from 5 sessions" in str(learn(rankings, IN_FORCE).refused)


def test_nothing_logged_is_refused() -> None:
    assert learn([], IN_FORCE).refused == "There are 0 presses on shown items; at least 100 are needed."


def test_orders_of_other_methods_do_not_teach_weights_of_ranks() -> None:
    others = [
        ClickedRanking(one.impression.model_copy(update={"method": "concat"}), one.rewards) for one in population(300)
    ]
    assert learn(others, IN_FORCE).turns == 0


def test_the_position_bias_is_a_power_law() -> None:
    assumed = propensities(population(50), eta=1.0)
    assert assumed.by_position == pytest.approx([1, 1 / 2, 1 / 3], abs=0.001)
    assert assumed.at(9) == assumed.by_position[-1]


def test_presses_by_chance_are_no_improvement_whatever_the_weights() -> None:
    """Presses at every place alike, by chance: no order is better, and by the plain estimate a new one seems to be."""
    draw = np.random.default_rng(3)
    rankings = [
        ClickedRanking(
            one.impression, {i.item_id: 1.0 for i in one.impression.items if i.position and draw.random() < 0.3}
        )
        for one in population(2_000)
    ]
    bias = propensities(rankings, eta=1.0)
    estimate = off_policy(rankings, {"dense": 4.0}, bias)
    assert estimate.difference.low < 0 < estimate.difference.high
    assert estimate.new.low > estimate.old.high, "which is what must not decide"
    refused = learn(rankings, IN_FORCE).refused
    assert refused is not None
    assert "no improvement can be shown" in refused


# Presses --------------------------------------------------------------------------------------------------------------


def shown(session: str, turn: int, at: float, *items: str) -> Impression:
    votes = [RankedSignal(source="dense", rank=1, score=1, share=1)]
    return Impression(
        session_id=session, turn=turn, user="u", at=at, policy="", method="rrf", k=60, weights=IN_FORCE,
        items=[LoggedCandidate(item_id=item, position=n, votes=votes) for n, item in enumerate(items, start=1)],
    )  # fmt: skip


def test_a_press_belongs_to_the_last_ranking_that_showed_the_item() -> None:
    first, second, other = shown("s", 1, 1.0, "a", "b"), shown("s", 2, 2.0, "a", "c"), shown("t", 1, 1.0, "a")
    presses = [("s", "b", "like", 3.0), ("s", "a", "like", 3.0), ("s", "c", "like", 1.5), ("s", "x", "like", 3.0)]
    assert [one.rewards for one in judged([first, second, other], presses)] == [{"b": 1.0}, {"a": 1.0}, {}]


def test_the_strongest_press_counts_and_one_against_the_item_takes_it_back() -> None:
    ranking = shown("s", 1, 1.0, "a", "b", "c")
    presses = [
        ("s", "a", "view", 2.0), ("s", "a", "purchase", 3.0), ("s", "a", "view", 4.0),
        ("s", "b", "like", 2.0), ("s", "b", "dislike", 3.0), ("s", "c", "yawn", 2.0),
    ]  # fmt: skip
    assert judged([ranking], presses)[0].rewards == {"a": 1.0, "b": 0.0}


# The estimate ---------------------------------------------------------------------------------------------------------


def test_the_policy_that_logged_is_worth_what_it_earned() -> None:
    rankings = population(200)
    estimate = off_policy(rankings, {}, propensities(rankings, eta=1.0))
    assert estimate.new == estimate.old
    assert estimate.difference.value == 0
    assert estimate.unseen == 0
    assert estimate.effective == 200 * PLACES


def test_a_press_far_down_counts_for_more_where_other_weights_put_the_item_first() -> None:
    ranking = Impression(
        session_id="s", turn=1, user="u", at=1, policy="", method="rrf", k=60, weights={"dense": 1.0, "keyword": 0.1},
        items=[
            LoggedCandidate(item_id=item, position=place, votes=[_vote("dense", dense), _vote("keyword", keyword)])
            for item, place, dense, keyword in (("a", 1, 1, 3), ("b", 2, 2, 2), ("c", 3, 3, 1))
        ],
    )  # fmt: skip
    bias = Propensities(by_position=[1, 0.5, 0.25], eta=1)
    estimate = off_policy([ClickedRanking(ranking, {"c": 1.0})], {"keyword": 100.0}, bias)
    assert order(ranking, {"keyword": 100.0}) == ["c", "b", "a"]
    assert (estimate.old.value, estimate.new.value) == (1.0, 4.0)
    assert estimate.unseen == 0
    steep = Propensities(by_position=[1, 0.5, 0.01], eta=1)
    assert off_policy([ClickedRanking(ranking, {"c": 1.0})], {"keyword": 100.0}, steep).new.value == CLIP


def _vote(source: str, rank: int) -> RankedSignal:
    return RankedSignal(source=source, rank=rank, score=1 / rank, share=1 / rank)
