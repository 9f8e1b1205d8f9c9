"""assistant train over real stores, and the tools that ask what it learned."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from assistant import taste_training
from assistant.engines import open_engines
from assistant.errors import BadInput
from assistant.settings import Settings
from tests.integration.taste.conftest import likes, put, thing
from tools.store import Catalogue
from tools.taste.events import EventStore
from tools.taste.model import TasteModel
from tools.taste.recommending import following
from tools.taste.training import TooFewError
from tools.toolbox import bind_tools, build_tools, call_tool

ME = "f" * 32


def train(settings: Settings) -> list[str]:
    said: list[str] = []
    taste_training.train(settings, say=said.append)
    return said


def ask(settings: Settings, name: str, user: str | None = ME, /, **arguments: object) -> dict[str, Any]:
    outcome = call_tool(bind_tools(open_engines(settings), Path, user), name, arguments)
    assert outcome.ok, outcome.error
    assert outcome.result is not None
    return outcome.result


def ids(result: dict[str, Any]) -> list[str]:
    return [item["item_id"] for item in result["items"]]


@pytest.fixture
def me(store: EventStore) -> list[str]:
    """What I liked lately."""
    liked = ["red-1", "red-2"]
    store.add(likes(ME, *liked, at=time.time() - 3 * 86_400))
    return liked


def test_similar_taste_finds_what_my_like_chose_with_reasons_that_can_be_checked(
    settings: Settings, catalogue: Catalogue, store: EventStore, me: list[str]
) -> None:
    train(settings)
    result = ask(settings, "similar_taste", k=5)
    assert all(item_id.startswith("red-") and item_id not in me for item_id in ids(result))
    assert len(result["items"]) == 5
    (signal,) = result["items"][0]["signals"]
    assert signal["source"] == "collaborative"
    people = {item_id: {e.user for e in _events(store) if e.item_id == item_id} for item_id in [*me, *ids(result)]}
    for because in signal["because"]:
        assert because["people"] == len(people[because["item_id"]] & people[ids(result)[0]])
    assert signal["people"] == max(because["people"] for because in signal["because"]) >= 3
    assert ME not in json.dumps(result)


def _events(store: EventStore) -> list[Any]:
    return [event for user in store.user_ids().values() for event in store.of_user(user)]


def test_filters_decide_before_ranking(
    settings: Settings, catalogue: Catalogue, store: EventStore, me: list[str]
) -> None:
    train(settings)
    found = ask(settings, "similar_taste", k=3, filters={"max_price": 4})
    assert set(ids(found)) == {"red-0", "red-3", "red-4"}
    also = ask(settings, "because_you_liked", item_id="red-1", k=20, filters={"min_price": 9})
    assert set(ids(also)) <= {"red-9", "red-10", "red-11"}
    assert also["items"]


def test_because_you_liked_needs_no_user_when_the_item_is_named(
    settings: Settings, catalogue: Catalogue, store: EventStore
) -> None:
    train(settings)
    result = ask(settings, "because_you_liked", None, item_id="blue-4", k=4)
    assert all(item_id.startswith("blue-") for item_id in ids(result))
    assert {b["item_id"] for item in result["items"] for b in item["signals"][0]["because"]} == {"blue-4"}
    assert ask(settings, "because_you_liked", None)["missing"] == ["Nothing is known yet of what this user chose."]


def test_counts_of_too_few_people_are_not_told(
    settings: Settings, catalogue: Catalogue, store: EventStore, me: list[str]
) -> None:
    train(settings)
    strict = settings.model_copy(update={"taste": settings.taste.model_copy(update={"least_people": 1_000})})
    assert ask(strict, "because_you_liked", item_id="red-1")["items"] == []
    told = ask(strict, "similar_taste")
    assert told["items"]
    assert all(item["signals"][0]["people"] is None and not item["signals"][0]["because"] for item in told["items"])


def test_a_new_item_is_recommended_from_its_contents_at_once(
    settings: Settings, catalogue: Catalogue, store: EventStore, me: list[str]
) -> None:
    train(settings)
    engines = open_engines(settings)
    tools = bind_tools(engines, Path, ME)
    call_tool(tools, "similar_taste", {})
    put(catalogue, [thing("red", "new"), thing("blue", "new")])
    outcome = call_tool(tools, "similar_taste", {"k": 40})
    assert outcome.result is not None
    found = ids(outcome.result)
    blues = [found.index(item_id) for item_id in found if item_id.startswith("blue-") and item_id != "blue-new"]
    assert found.index("red-new") < min(blues)
    assert found.index("red-new") < found.index("blue-new")


def test_what_changes_in_the_catalogue_is_followed_as_if_all_were_read_anew(
    settings: Settings, catalogue: Catalogue, store: EventStore
) -> None:
    train(settings)
    model = TasteModel.load(settings.data_folder)
    assert model is not None
    for things in (
        [thing("red", "new"), thing("blue", "new")],
        [thing("red", "new", title="Changed"), thing("red", 99)],
    ):
        put(catalogue, things)
        followed = following(model, catalogue)
        assert following(followed, catalogue) is followed
    with catalogue.writing() as writer:
        writer.remove(["blue-new"])
    with Catalogue.open(settings.data_folder) as unread:
        anew = following(model, unread)
    assert set(anew.ids) == {*catalogue.ids()}
    history = {"red-1": 1.0, "blue-2": -1.0}
    scores = (dict(one.score(history, k=99, among=list(anew.ids))) for one in (following(model, catalogue), anew))
    expected, found = next(scores), next(scores)
    order = sorted(found, key=lambda item_id: -found[item_id])
    assert expected.keys() == found.keys()
    assert sorted(expected, key=lambda item_id: -expected[item_id]) == order


def test_a_running_program_takes_the_new_model_up(
    settings: Settings, catalogue: Catalogue, store: EventStore, me: list[str]
) -> None:
    tools = bind_tools(open_engines(settings), Path, ME)
    before = call_tool(tools, "similar_taste", {})
    assert before.result is not None
    assert "assistant train" in before.result["missing"][0]
    train(settings)
    after = call_tool(tools, "similar_taste", {})
    assert after.result is not None
    assert after.result["items"]


def test_the_same_tools_for_langchain(
    settings: Settings, catalogue: Catalogue, store: EventStore, me: list[str]
) -> None:
    train(settings)
    tool = build_tools(open_engines(settings), Path, ME)["similar_taste"]
    assert "user" not in json.dumps(tool.args_schema.model_json_schema()["properties"])  # type: ignore[union-attr]
    assert "red-" in str(tool.invoke({"k": 2}))


def test_an_unknown_item_is_said(settings: Settings, catalogue: Catalogue) -> None:
    outcome = call_tool(bind_tools(open_engines(settings), Path, ME), "because_you_liked", {"item_id": "gone"})
    assert outcome.error == "The catalogue has no item 'gone'."


def test_too_few_events_are_said_and_leave_no_model(settings: Settings, catalogue: Catalogue) -> None:
    with pytest.raises(TooFewError, match="contents and popularity are used"):
        train(settings)
    assert TasteModel.load(settings.data_folder) is None


def test_choices_of_items_that_the_catalogue_does_not_hold_are_learned_from_and_not_shown(
    settings: Settings, catalogue: Catalogue, store: EventStore, me: list[str]
) -> None:
    for user in store.user_ids().values():
        store.add(likes(user, 'gone "😀"', at=9 * 86_400))
    train(settings)
    assert 'gone "😀"' not in ids(ask(settings, "similar_taste", k=50))


def test_choices_alone_are_enough(settings: Settings, store: EventStore) -> None:
    train(settings)
    model = TasteModel.load(settings.data_folder)
    assert model is not None
    assert model.content is None
    assert model.score({"red-1": 1.0}, k=1, exclude=["red-1"])[0][0].startswith("red-")


def test_a_crash_in_the_middle_leaves_the_old_model(
    settings: Settings, catalogue: Catalogue, store: EventStore
) -> None:
    train(settings)
    before = TasteModel.load(settings.data_folder)

    class CrashError(Exception):
        pass

    def crash(text: str) -> None:
        if "again" in text:
            raise CrashError

    with pytest.raises(CrashError):
        taste_training.train(settings, say=crash)
    assert TasteModel.load(settings.data_folder) is before
    train(settings)  # and the lock was let go of
    after = TasteModel.load(settings.data_folder)
    assert before is not None
    assert after is not None
    assert after.card.version != before.card.version


def test_somebody_forgotten_meanwhile_is_in_no_model(
    settings: Settings, catalogue: Catalogue, store: EventStore, me: list[str]
) -> None:
    def forget(text: str) -> None:
        if "again" in text:
            store.forget(ME)

    with pytest.raises(BadInput, match="forgotten"):
        taste_training.train(settings, say=forget)
    assert TasteModel.load(settings.data_folder) is None


def test_the_command_line(settings: Settings, catalogue: Catalogue, store: EventStore) -> None:
    told = command(settings, "train", "--json", "--algorithm", "neighbours")
    card = json.loads(told.stdout)
    assert (card["algorithm"], card["people"], card["items"]) == ("neighbours", 40, 24)
    assert "learning als" in told.stderr
    assert command(settings, "train", "--back").stderr == "error: There is no earlier version to go back to.\n"


def test_the_command_line_with_too_few_events(settings: Settings) -> None:
    ended = command(settings, "train")
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].startswith("error: There are 0 choices by 0 people;")


def command(settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    code = "from assistant.cli import main; main()"
    environment = {"ASSISTANT_HOME": str(settings.home), "ASSISTANT_DATA": str(settings.data), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        env=environment,
        text=True,
        capture_output=True,
        check=False,
        cwd=Path.cwd(),
    )
