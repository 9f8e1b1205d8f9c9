from dataclasses import replace

from assistant.records import Done
from assistant.settings import TurnSettings
from tests.unit.agent.conftest import Stage

NO_MODEL = TurnSettings(ranking="fused")


async def test_a_ranking_is_logged_as_it_was_shown_with_every_lists_vote(stage: Stage) -> None:
    reply, events, _ = await replace(stage, manner=NO_MODEL).turn("a chair")
    done = events[-1]
    assert isinstance(done, Done)
    ranking = done.impression
    assert ranking is not None
    assert (ranking.session_id, ranking.turn, ranking.user, ranking.method) == (reply.session_id, 1, "local", "rrf")
    positions = {item.item_id: item.position for item in ranking.items if item.position}
    assert positions == {item.item_id: item.rank for item in reply.recommendations}
    votes = next(item.votes for item in ranking.items if item.position == 1)
    assert {vote.source for vote in votes} == {"dense", "keyword"}
    assert ranking.weights["dense"] == 1.0
    assert "chair" not in ranking.model_dump_json(exclude={"items"})


async def test_the_ranking_is_never_told(stage: Stage) -> None:
    _, events, _ = await stage.turn("a chair")
    assert "impression" not in events[-1].model_dump()


async def test_small_talk_and_an_order_of_prices_are_no_ranking_to_learn_from(stage: Stage) -> None:
    for text, act, asks in (("hello", "chat", []), ("the cheapest [thing:chair]", "find", ["cheapest"])):
        _, events, _ = await replace(stage, manner=NO_MODEL).turn(text, act=act, asks=asks)
        done = events[-1]
        assert isinstance(done, Done)
        assert done.impression is None
