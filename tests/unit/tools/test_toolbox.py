"""Tools by name: arguments are checked, expected failures become one sentence, mistakes of ours are contained."""

import json
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from tests.unit.tools.samples import picture, record
from tools.errors import BadInput, MediaError, ServiceMissing
from tools.media import Audio, MediaLimits
from tools.records import EncoderIdentity, Filters, Item, Label, Segment, Transcript
from tools.store import BoundedCount
from tools.toolbox import TOOLS, Engines, Lazy, bind_tools, build_tools, call_tool, run_tool

ITEMS = [
    Item(id="oak", title="Oak chair", price=80, currency="USD", category="Chairs", attributes={"colour": "brown"}),
    Item(id="ash", title="Ash chair", price=55.5, currency="USD", category="Chairs", attributes={"colour": "white"}),
    Item(
        id="mug",
        title="Mug",
        images=["/srv/shop/mug.jpg", "https://example.org/m.jpg"],
        audio="/srv/shop/mug.mp3",
        video=["/srv/shop/mug.mp4", "https://example.org/m.mp4"],
        currency="USD",
        category="Kitchen",
        attributes={"litres": 0.3},
    ),
]


class Shelf:
    """A catalogue of three items that notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def browse(self, filters: Filters | None, sort: str, k: int) -> list[Item]:
        self.asked.append((filters, sort, k))
        return ITEMS[:k]

    def total(self, filters: Filters | None, at_least: int = 0, shown: int = 0) -> BoundedCount:
        return BoundedCount(len(ITEMS))

    def get(self, item_id: str) -> Item | None:
        return self.get_many([item_id]).get(item_id)

    def get_many(self, ids: list[str]) -> dict[str, Item]:
        return {item.id: item for item in ITEMS if item.id in ids}


@dataclass
class Ears:
    """A speech engine that says how long it listened."""

    calls: list[tuple[Audio, str | None]] = field(default_factory=list)
    name: str = "ears"

    def transcribe(self, audio: Audio, language: str | None = None) -> Transcript:
        self.calls.append((audio, language))
        text = f"{audio.seconds:.0f} seconds"
        segment = Segment(start=0, end=audio.seconds, text=text)
        return Transcript(
            text=text, language=language or "en", confidence=0.5, segments=[segment], seconds=audio.seconds, spoken=True
        )


class Eyes:
    """A picture encoder that knows one label."""

    joint_identity = EncoderIdentity(encoder="eyes", weights="none", preprocessing="none", dimensions=3)

    def labels(self, picture: object, k: int) -> list[Label]:
        return [Label(label="chair", score=0.9)]


def broken(*_: object) -> NoReturn:
    raise ServiceMissing("The model x is not here; fetch it with: assistant models pull x")


@pytest.fixture
def engines() -> Engines:
    return Engines(Shelf(), Lazy(broken), Eyes(), Ears(), MediaLimits(audio_seconds=5))  # type: ignore[arg-type]


def call(engines: Engines, name: str, /, **arguments: object) -> dict[str, Any]:
    outcome = call_tool(bind_tools(engines, Path), name, arguments)
    assert outcome.ok, outcome.error
    assert outcome.result is not None
    json.dumps(outcome.result)
    return outcome.result


def refusal(engines: Engines, name: str, /, **arguments: object) -> str:
    outcome = call_tool(bind_tools(engines, Path), name, arguments)
    assert (outcome.ok, outcome.result) == (False, None)
    assert outcome.error is not None
    assert "\n" not in outcome.error
    return outcome.error


def test_the_tools() -> None:
    names = (
        "transcribe_audio describe_image describe_video read_text search_by_text search_by_image search_by_video "
        "search_by_sound browse get_item compare_items"
    )
    assert [tool.name for tool in TOOLS] == [
        *names.split(), "user_history", "similar_taste", "because_you_liked", "search_pages", "item_facts",
    ]  # fmt: skip


def test_each_tool_says_what_it_does_in_one_line() -> None:
    for tool in TOOLS:
        assert 30 < len(tool.description) < 130
        assert "\n" not in tool.description
        for name, argument in tool.arguments.model_fields.items():
            assert argument.description, f"{tool.name}.{name}"


def test_browse_returns_hits_and_passes_filters_on(engines: Engines) -> None:
    result = call(engines, "browse", filters={"max_price": 90}, sort="-price", k=2)
    assert [item["item_id"] for item in result["items"]] == ["oak", "ash"]
    assert result["items"][0] | {"score": 0.0} == {
        "item_id": "oak", "title": "Oak chair", "price": 80.0, "currency": "USD", "category": "Chairs", "brand": None,
        "in_stock": None, "variant": None, "score": 0.0, "signals": [],
    }  # fmt: skip
    assert engines.catalogue.asked == [(Filters(max_price=90), "-price", 2)]  # type: ignore[attr-defined]


def test_arguments_may_be_left_out_or_null(engines: Engines) -> None:
    assert call(engines, "browse") == call(engines, "browse", filters=None, k=10)


def test_get_item_gives_the_whole_item(engines: Engines) -> None:
    result = call(engines, "get_item", item_id="mug")
    assert result["item"]["attributes"] == {"litres": 0.3}
    assert result["item"]["images"] == ["mug.jpg", "https://example.org/m.jpg"]
    assert result["item"]["audio"] == ["mug.mp3"]
    assert result["item"]["video"] == ["mug.mp4", "https://example.org/m.mp4"]
    assert result["items"][0]["item_id"] == "mug"


def test_compare_items_puts_attributes_side_by_side(engines: Engines) -> None:
    result = call(engines, "compare_items", item_ids=["oak", "ash", "oak"])
    assert [item["item_id"] for item in result["items"]] == ["oak", "ash"]
    rows = {row["attribute"]: row for row in result["rows"]}
    assert rows["colour"] == {"attribute": "colour", "values": {"oak": "brown", "ash": "white"}, "same": False}
    assert rows["category"]["same"] is True
    assert result["price"] == {"cheapest": "ash", "dearest": "oak", "difference": 24.5, "currency": "USD"}


def test_compare_items_claims_no_cheapest_without_two_prices(engines: Engines) -> None:
    result = call(engines, "compare_items", item_ids=["mug", "oak"])
    assert result["price"] is None
    rows = {row["attribute"]: row["values"] for row in result["rows"]}
    assert rows["price"] == {"mug": None, "oak": 80.0}
    assert rows["litres"] == {"mug": 0.3, "oak": None}


def test_compare_items_names_what_is_missing(engines: Engines) -> None:
    assert refusal(engines, "compare_items", item_ids=["oak", "x", "y"]) == "The catalogue has no items 'x', 'y'."
    assert refusal(engines, "compare_items", item_ids=["oak", "x"]) == "The catalogue has no item 'x'."
    assert refusal(engines, "compare_items", item_ids=["oak", "oak"]) == "compare_items needs two different items."


def test_a_recording_is_decoded_and_transcribed(engines: Engines, tmp_path: Path) -> None:
    result = call(engines, "transcribe_audio", audio=str(record(tmp_path / "a.wav", 3)), language="zh")
    assert (result["text"], result["language"], result["segments"][0]["end"]) == ("3 seconds", "zh", 3.0)
    audio, language = engines.speech.calls[0]  # type: ignore[attr-defined]
    assert (audio.samples.dtype, language) == (np.float32, "zh")


def test_a_picture_is_described(engines: Engines, tmp_path: Path) -> None:
    picture(30, 20).save(path := tmp_path / "p.png")
    result = call(engines, "describe_image", image=str(path))
    assert result == {"labels": [{"label": "chair", "score": 0.9}], "width": 30, "height": 20}


def test_the_limits_of_the_engines_hold(engines: Engines, tmp_path: Path) -> None:
    assert "at most 0.0833333 minutes" in refusal(engines, "transcribe_audio", audio=str(record(tmp_path / "a.wav", 8)))


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        ("dance", {}, "There is no tool 'dance'; known: transcribe_audio, describe_image"),
        ("get_item", {}, "get_item needs the argument 'item_id'."),
        ("get_item", {"item_id": "x"}, "The catalogue has no item 'x'."),
        ("get_item", {"item_id": ""}, "The argument 'item_id' of get_item is wrong"),
        ("get_item", {"item_id": "oak", "loud": 1}, "get_item has no argument 'loud'; it takes: item_id."),
        ("browse", {"k": 0}, "The argument 'k' of browse is wrong: input should be greater than or equal to 1."),
        ("browse", {"k": 101}, "The argument 'k' of browse is wrong: input should be less than or equal to 100."),
        ("browse", {"k": "many"}, "The argument 'k' of browse is wrong"),
        ("browse", {"sort": "best"}, "The argument 'sort' of browse is wrong: input should be 'price'"),
        ("browse", {"filters": {"max_price": -1}}, "The argument 'filters.max_price' of browse is wrong"),
        ("browse", {"filters": {"colour": "red"}}, "The argument 'filters.colour' of browse is wrong"),
        ("browse", {"filters": "red"}, "The argument 'filters' of browse is wrong"),
        ("search_by_text", {"query": "   "}, "The argument 'query' of search_by_text is wrong: it is blank."),
        ("search_by_text", {"query": "x" * 2001}, "The argument 'query' of search_by_text is wrong"),
        ("compare_items", {"item_ids": ["oak"]}, "The argument 'item_ids' of compare_items is wrong"),
        ("compare_items", {"item_ids": "oak"}, "The argument 'item_ids' of compare_items is wrong"),
        ("describe_image", {"image": "/nowhere"}, "There is no file /nowhere."),
    ],
)
def test_wrong_calls_are_refused_in_one_sentence(
    engines: Engines, name: str, arguments: dict[str, Any], sentence: str
) -> None:
    outcome = call_tool(bind_tools(engines, Path), name, arguments)
    assert outcome.ok is False
    assert (outcome.error or "").startswith(sentence)


def test_a_missing_model_is_said_as_it_is(engines: Engines) -> None:
    assert "assistant models pull x" in refusal(engines, "search_by_text", query="chair")


def test_an_unknown_attachment_is_refused_by_the_resolver(engines: Engines) -> None:
    def resolve(name: str) -> Path:
        raise MediaError(f"There is no attachment {name!r}.")

    outcome = call_tool(bind_tools(engines, resolve), "describe_image", {"image": "img7"})
    assert outcome.error == "There is no attachment 'img7'."


def test_a_mistake_of_ours_is_logged_and_contained(
    engines: Engines, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Shelf, "browse", lambda *_: 1 / 0)
    with caplog.at_level(logging.ERROR):
        assert refusal(engines, "browse") == "The tool browse failed unexpectedly; the log says why."
    assert "ZeroDivisionError" in caplog.text


def test_run_tool_raises_what_call_tool_reports(engines: Engines) -> None:
    with pytest.raises(BadInput, match="There is no tool"):
        run_tool(bind_tools(engines, Path), "dance", {})


# As LangChain takes them ---------------------------------------------------------------------------------------------


def test_langchain_sees_the_same_names_schemas_and_results(engines: Engines) -> None:
    from langchain_core.utils.function_calling import convert_to_openai_tool

    tools = build_tools(engines, Path)
    described = convert_to_openai_tool(tools["browse"])["function"]
    assert described["name"] == "browse"
    assert described["description"].startswith("List items that meet conditions")
    assert set(described["parameters"]["properties"]) == {"filters", "sort", "k"}
    assert tools["browse"].invoke({"k": 1}) == call(engines, "browse", k=1)
    assert call_tool(tools, "browse", {"k": 1}).result == call(engines, "browse", k=1)


def test_a_tool_message_carries_an_expected_failure_to_the_model(engines: Engines) -> None:
    tools = build_tools(engines, Path)
    message = tools["get_item"].invoke(
        {"type": "tool_call", "id": "1", "name": "get_item", "args": {"item_id": "nobody"}}
    )
    assert (message.status, message.content) == ("error", "The catalogue has no item 'nobody'.")
    wrong = tools["browse"].invoke({"type": "tool_call", "id": "2", "name": "browse", "args": {"k": 1000}})
    assert wrong.content.startswith("The argument 'k' of browse is wrong")


async def test_tools_can_be_awaited(engines: Engines) -> None:
    result = await build_tools(engines, Path)["get_item"].ainvoke({"item_id": "oak"})
    assert result["item"]["title"] == "Oak chair"
