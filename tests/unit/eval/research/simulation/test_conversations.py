import numpy as np
import pytest

from eval.research.simulation.conversations import SimulatedConversation, UserAnswer, judge, phrases, say_again
from eval.research.simulation.simulate import LIMIT, measured
from eval.research.simulation.users import Likeness, SimulatedUser

LIKENESS = Likeness(["t", "near", "far", "farther"], np.array([
    [1.0, 0.8, 0.2, 0.1], [0.8, 1.0, 0.2, 0.1], [0.2, 0.2, 1.0, 0.5], [0.1, 0.1, 0.5, 1.0],
]))  # fmt: skip


def user(*, by_words: bool) -> SimulatedUser:
    return SimulatedUser(0, "t", "Home", by_words, seed=1)


def judged(items: list[str], noise: float = 0.0, seed: int = 1) -> UserAnswer:
    return judge(items, LIKENESS, "t", usual=0.2, noise=noise, numbers=np.random.default_rng(seed))


def test_what_is_nearest_the_target_is_liked_and_the_rest_rejected() -> None:
    assert judged(["far", "near", "farther"]) == UserAnswer(["near"], ["far", "farther"])


def test_nothing_is_liked_that_is_no_nearer_than_usual() -> None:
    assert judged(["far", "farther"]) == UserAnswer([], ["far", "farther"])
    assert judged([]) == UserAnswer([], [])


def test_noise_makes_a_user_err() -> None:
    liked = {item for seed in range(40) for item in judged(["far", "near"], noise=0.6, seed=seed).liked}
    assert liked == {"near", "far"}


def test_a_message_never_names_the_target_and_says_only_what_is_rejected() -> None:
    shown, answer = ["far", "near", "farther"], UserAnswer(["near"], ["far", "farther"])
    assert say_again(user(by_words=True), shown, answer) == "Not the first, not the third. Something from Home"
    assert say_again(user(by_words=False), shown, answer) == "Something from Home"
    assert say_again(user(by_words=True), ["near"], UserAnswer(["near"], [])) == "Something from Home"


def test_there_is_a_word_for_every_place_that_a_short_list_has() -> None:
    assert len(phrases()["places"]) >= 5


def played(*hits: int | None) -> list[SimulatedConversation]:
    """Conversations in which every turn shows one item more, and one again."""
    return [
        SimulatedConversation(user(by_words=False), hit, [["seen", f"i{n}"] for n in range(hit or LIMIT)])
        for hit in hits
    ]


def test_both_ways_are_compared_user_by_user() -> None:
    without, learning = played(4, 6, None, 1, 5, 8, 7, 6), played(2, 3, 4, 1, 3, 4, 4, 3)
    found = measured(without, learning, seed=1, noise=0.1)
    before = [4, 6, LIMIT + 1, 1, 5, 8, 7, 6]
    after = [2, 3, 4, 1, 3, 4, 4, 3]
    assert found.difference == pytest.approx((sum(after) - sum(before)) / 8)
    assert found.fewer == pytest.approx(1 - sum(after) / sum(before), abs=0.001)
    assert found.fewer_after_first == pytest.approx(1 - (sum(after) - 8) / (sum(before) - 8), abs=0.001)
    assert found.fewer_with_department == found.fewer
    assert found.fewer_without == 0
    assert found.learning.items == pytest.approx(sum(after) / 8 + 1)
    assert 0 < found.fewer_items < found.fewer
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.difference < found.high < 0
    assert found.p < 0.05
    assert (found.without.hits, found.learning.hits, found.without.first) == (0.875, 1.0, 0.125)


def test_ways_that_do_not_differ_are_not_told_apart() -> None:
    found = measured(played(2, 3, 4), played(2, 3, 4), seed=1, noise=0.1)
    assert (found.difference, found.low, found.high, found.p, found.fewer) == (0, None, None, 1, 0)
