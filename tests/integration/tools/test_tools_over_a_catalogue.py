"""The tools over a small real catalogue with the built-in encoders, from Python and from the command line."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assistant.engines import open_engines
from assistant.ingest import Encoders, IngestOptions, ingest
from assistant.settings import Settings
from tests.integration.tools import drawings
from tests.integration.tools.conftest import DATA
from tools.toolbox import Engines, bind_tools, build_tools, call_tool

pytestmark = pytest.mark.models

ITEMS: list[dict[str, Any]] = [
    {"id": "clock", "title": "Wall clock", "description": "Quiet movement, white dial.", "price": 25, "color": "white"},
    {"id": "mug", "title": "Blue coffee mug", "description": "Stoneware, holds 0.3 l.", "price": 9.5, "color": "blue"},
    {"id": "cup", "title": "Red coffee mug", "description": "Stoneware, holds 0.3 l.", "price": 12, "color": "red"},
    {"id": "lamp", "title": "Table lamp", "description": "Warm light for a desk.", "price": 60, "in_stock": False},
    {"id": "tea", "title": "Green tea", "description": "Loose leaves from Zhejiang.", "price": 7},
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Path:
    """A catalogue of five items, four with a picture."""
    folder = tmp_path_factory.mktemp("shop")
    drawn = {
        "clock": drawings.clock(),
        "mug": drawings.mug(),
        "cup": drawings.mug((180, 30, 40)),
        "lamp": drawings.lamp(),
    }
    for name, picture in drawn.items():
        picture.save(folder / f"{name}.png")
    lines = [item | ({"image": f"{item['id']}.png"} if item["id"] in drawn else {}) for item in ITEMS]
    (folder / "items.jsonl").write_text("\n".join(json.dumps(line | {"currency": "USD"}) for line in lines))
    engines = open_engines(settings.model_copy(update={"data": folder / "data"}))
    with engines.catalogue as catalogue:
        ingest(catalogue, [folder / "items.jsonl"], Encoders(engines.text, engines.pictures), IngestOptions())
    return folder / "data"


@pytest.fixture(scope="module")
def engines(settings: Settings, data: Path) -> Engines:
    return open_engines(settings.model_copy(update={"data": data}))


def call(engines: Engines, name: str, /, **arguments: object) -> dict[str, Any]:
    outcome = call_tool(bind_tools(engines, Path), name, arguments)
    assert outcome.ok, outcome.error
    return outcome.result or {}


def ids(result: dict[str, Any]) -> list[str]:
    return [item["item_id"] for item in result["items"]]


@pytest.fixture
def photo(tmp_path: Path) -> str:
    drawings.mug((35, 70, 150)).rotate(4, fillcolor=(235, 235, 235)).save(path := tmp_path / "photo.jpg")
    return str(path)


def test_words_find_by_meaning(engines: Engines) -> None:
    assert ids(call(engines, "search_by_text", query="something to tell the time", k=1)) == ["clock"]
    assert ids(call(engines, "search_by_text", query="crockery for hot drinks", k=3))[0] in {"mug", "cup", "tea"}


def test_words_find_by_the_words_themselves(engines: Engines) -> None:
    best = call(engines, "search_by_text", query="Zhejiang", k=2)["items"][0]
    assert best["item_id"] == "tea"
    assert next(signal for signal in best["signals"] if signal["source"] == "keyword")["matched"] == ["zhejiang"]


def test_words_find_by_what_pictures_show(engines: Engines) -> None:
    result = call(engines, "search_by_text", query="analog clock")
    assert "text_picture" in {signal["source"] for signal in result["items"][0]["signals"]}
    assert result["missing"] == []


def test_a_picture_finds_what_looks_like_it(engines: Engines, photo: str) -> None:
    result = call(engines, "search_by_image", image=photo, k=2)
    assert set(ids(result)) == {"mug", "cup"}
    scores = [item["score"] for item in result["items"]]
    assert scores == sorted(scores, reverse=True)


def test_filters_hold_in_every_search(engines: Engines, photo: str) -> None:
    cheap = {"max_price": 10}
    assert set(ids(call(engines, "search_by_text", query="coffee mug", filters=cheap))) == {"mug", "tea"}
    assert "cup" not in ids(call(engines, "search_by_image", image=photo, filters=cheap))
    assert ids(call(engines, "browse", filters=cheap, sort="price")) == ["tea", "mug"]
    assert call(engines, "browse", filters={"exclude_terms": ["mug"]}, sort="-price", k=1)["total"] == 3


def test_a_missing_picture_encoder_costs_only_its_signal(engines: Engines) -> None:
    from tools.engines.clip import ClipEncoder

    broken = replace(engines, pictures=ClipEncoder("local-dir:/nowhere"))
    result = call(broken, "search_by_text", query="a clock", k=1)
    assert ids(result) == ["clock"]
    assert result["missing"][0].startswith("Pictures were not searched. /nowhere is not a CLIP model's folder")


def test_another_encoder_is_never_searched_with(engines: Engines, photo: str, settings: Settings, data: Path) -> None:
    vision = settings.vision.model_copy(update={"classifier": "efficientnet-lite0"})
    other = open_engines(settings.model_copy(update={"data": data, "vision": vision}))
    outcome = call_tool(bind_tools(other, Path), "search_by_image", {"image": photo})
    assert not outcome.ok
    assert "assistant catalogue" in (outcome.error or "")


def test_what_is_seen_and_heard(engines: Engines, photo: str) -> None:
    description = call(engines, "describe_image", image=photo)
    assert description["labels"][0]["label"] == "coffee mug"
    assert (description["width"], description["height"]) == (320, 320)
    transcript = call(engines, "transcribe_audio", audio=str(DATA / "voice-en.flac"))
    assert "camera" in transcript["text"].lower()


def test_items_are_compared(engines: Engines) -> None:
    result = call(engines, "compare_items", item_ids=["cup", "mug"])
    assert result["price"] == {"cheapest": "mug", "dearest": "cup", "difference": 2.5, "currency": "USD"}
    rows = {row["attribute"]: row["values"] for row in result["rows"]}
    assert rows["color"] == {"cup": "red", "mug": "blue"}


def test_langchain_runs_the_same_tools(engines: Engines) -> None:
    tool = build_tools(engines, Path)["search_by_text"]
    message = tool.invoke(
        {"type": "tool_call", "id": "1", "name": tool.name, "args": {"query": "wall clock", "k": 1, "filters": None}}
    )
    assert json.loads(message.content)["items"][0]["item_id"] == "clock"


# The command line ----------------------------------------------------------------------------------------------------


def assistant(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    import os

    program = Path(sys.executable).with_name("assistant")
    environment = os.environ | {"ASSISTANT_DATA": str(data)}
    return subprocess.run([program, "tools", *arguments], capture_output=True, text=True, env=environment)


def test_the_command_line_prints_one_object_and_nothing_else(data: Path) -> None:
    done = assistant(data, "call", "search_by_text", "--json", '{"query": "wall clock", "k": 2}')
    answer = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(answer) == {"ok", "result", "seconds"}
    assert answer["result"]["items"][0]["item_id"] == "clock"
    assert answer["seconds"] > 0


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["call", "dance"], "There is no tool 'dance'"),
        (["call", "get_item", "--json", '{"item_id": "gone"}'], "The catalogue has no item 'gone'."),
        (["call", "get_item", "--json", "{item_id}"], "--json is not JSON"),
        (["call", "get_item", "--json", '["clock"]'], "--json must be one JSON object"),
        (["call", "browse", "--json", '{"k": 500}'], "The argument 'k' of browse is wrong"),
        (["call", "describe_image", "--json", '{"image": "/no/such.jpg"}'], "There is no file /no/such.jpg."),
    ],
)
def test_the_command_line_refuses_with_code_2(data: Path, arguments: list[str], error: str) -> None:
    done = assistant(data, *arguments)
    answer = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (2, "")
    assert set(answer) == {"ok", "error", "seconds"}
    assert answer["error"].startswith(error)


def test_the_command_line_reports_a_missing_model_with_code_3(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSISTANT_HOME", str(tmp_path))
    audio = json.dumps({"audio": str(DATA / "voice-en.flac")})
    done = assistant(data, "call", "transcribe_audio", "--json", audio)
    assert done.returncode == 3
    assert "assistant models pull whisper-base" in json.loads(done.stdout)["error"]
    assert done.stderr == ""


def test_the_command_line_lists_the_tools(data: Path) -> None:
    output = assistant(data, "list").stdout
    assert "search_by_text(query, k=10, filters=None, sentences=False)\n    Find items by words" in output
    listed = json.loads(assistant(data, "list", "--json").stdout)["tools"]
    assert [tool["name"] for tool in listed][:2] == ["transcribe_audio", "describe_image"]
    arguments = {tool["name"]: tool["arguments"]["properties"] for tool in listed}
    assert arguments["search_by_text"]["k"]["maximum"] == 100
