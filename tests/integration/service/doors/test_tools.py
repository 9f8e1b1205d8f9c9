"""The tool-call API and uploads, over real HTTP."""

import base64
import os
import time
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from assistant import front
from assistant.service.routes.tools import MOST_CALLS
from assistant.service.tool_service import AT_ONCE
from assistant.service.uploads import store
from assistant.service.uploads import store as upload_store
from tests.integration.service.doors.conftest import Ears, Serve, Served, new_key, png
from tools.toolbox import TOOLS

DATA_URL = f"data:image/png;base64,{base64.b64encode(png()).decode()}"


def call(http: httpx.Client, tool: str, /, **arguments: Any) -> httpx.Response:  # noqa: ANN401
    return http.post(f"/api/tools/{tool}", json={"arguments": arguments})


def upload(http: httpx.Client, content: bytes, name: str = "photo.txt") -> httpx.Response:
    return http.post("/api/uploads", files={"file": (name, content, "text/plain")})


def result(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["ok"], told["error"]) == (True, None)
    found: dict[str, Any] = told["result"]
    return found


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """The status and the sentence of a call that failed."""
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert (told["ok"], told["status"]) == (False, answer.status_code)
    assert told["request_id"] == answer.headers["x-request-id"]
    return answer.status_code, told["detail"]


def files_of(served: Served) -> list[Path]:
    """Everything that lies below the uploads."""
    return [path for path in (served.settings.data_folder / "uploads").rglob("*") if path.is_file()]


def test_every_tool_is_listed_with_schemas_that_its_results_keep(http: httpx.Client) -> None:
    listed = {tool["name"]: tool for tool in http.get("/api/tools").json()["tools"]}
    assert list(listed) == [tool.name for tool in TOOLS]
    found = result(call(http, "search_by_text", query="red chair", k=2))
    jsonschema.validate({"query": "red chair", "k": 2}, listed["search_by_text"]["arguments"])
    jsonschema.validate(found, listed["search_by_text"]["result"])
    assert found["items"][0]["item_id"] == "chair-0"
    assert "upload" in listed["describe_image"]["arguments"]["properties"]["image"]["description"]


def test_the_openai_list_is_what_chat_completions_take(http: httpx.Client) -> None:
    for tool in http.get("/api/tools/openai").json():
        assert set(tool) == {"type", "function"}
        assert set(tool["function"]) == {"name", "description", "parameters"}
        jsonschema.Draft202012Validator.check_schema(tool["function"]["parameters"])


@pytest.mark.parametrize(
    ("tool", "arguments", "status", "sentence"),
    [
        ("search_by_text", {}, 400, "search_by_text needs the argument 'query'."),
        ("browse", {"k": 1000}, 400, "The argument 'k' of browse is wrong: input should be less than or equal to 100."),
        ("browse", {"colour": "red"}, 400, "browse has no argument 'colour'; it takes: filters, sort, k."),
        ("get_item", {"item_id": "none"}, 404, "The catalogue has no item 'none'."),
        (
            "describe_image",
            {"image": "data:image/png,AAAA"},
            422,
            "A data: URL has to look like data:",
        ),
        ("describe_image", {"image": "data:image/png;base64,A*"}, 422, "The file's data is not valid base64."),
        ("describe_image", {"image": "/etc/passwd"}, 422, "There is no upload '/etc/passwd';"),
        ("describe_image", {"image": "item:none"}, 422, "There is no upload 'item:none';"),
        ("nothing", {}, 404, "There is no tool 'nothing'; known: transcribe_audio, "),
    ],
)
def test_a_failed_call_has_the_status_that_says_whose_failure_it_is(
    http: httpx.Client, tool: str, arguments: dict[str, Any], status: int, sentence: str
) -> None:
    told = refusal(call(http, tool, **arguments))
    assert told[0] == status
    assert told[1].startswith(sentence)


def test_an_object_written_as_a_string_is_read(http: httpx.Client) -> None:
    found = result(call(http, "browse", filters='{"max_price": 45}', k=None))
    assert [item["item_id"] for item in found["items"]] == ["lamp/1 é", "chair-0"]
    assert refusal(call(http, "browse", filters="cheap ones"))[0] == 400
    assert refusal(call(http, "search_by_text", query=None))[0] == 400


def test_a_body_that_is_no_call_is_refused(http: httpx.Client) -> None:
    assert http.post("/api/tools/browse", json={"k": 3}).status_code == 422
    assert http.post("/api/tools/browse", content=b"{", headers={"content-type": "application/json"}).status_code == 422
    assert result(http.post("/api/tools/browse"))["total"] == 5


def test_several_calls_come_back_in_their_order_each_with_its_own_outcome(http: httpx.Client) -> None:
    calls = [
        {"id": "a", "name": "get_item", "arguments": {"item_id": "chair-1"}},
        {"name": "nothing"},
        {"id": "c", "name": "browse", "arguments": {"k": 1}},
    ]
    answer = http.post("/api/tools", json={"calls": calls})
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [(each["id"], each["name"], each["ok"]) for each in results] == [
        ("a", "get_item", True), (None, "nothing", False), ("c", "browse", True),
    ]  # fmt: skip
    assert results[0]["result"]["item"]["title"] == "blue chair"
    assert results[1]["error"].startswith("There is no tool 'nothing'")
    too_many = [{"name": "browse"}] * (MOST_CALLS + 1)
    assert http.post("/api/tools", json={"calls": too_many}).status_code == 422
    assert http.post("/api/tools", json={"calls": []}).status_code == 422


def test_calls_run_side_by_side_but_not_all_at_once(
    http: httpx.Client, ears: Ears, wav: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = upload(http, wav).json()["id"]
    monkeypatch.setattr(ears, "seconds", 0.4)
    monkeypatch.setattr(ears, "side_by_side", 0)
    calls = [{"name": "transcribe_audio", "arguments": {"audio": upload_id}}] * (AT_ONCE + 2)
    results = http.post("/api/tools", json={"calls": calls}).json()["results"]
    assert all(each["ok"] for each in results)
    assert ears.side_by_side == AT_ONCE


def test_a_call_ends_at_its_deadline(serve: Serve, ears: Ears, wav: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ears, "seconds", 1.5)
    monkeypatch.setattr(front, "TOOL_SECONDS", 0.3)
    with serve() as served, served.client() as http:
        url = f"data:audio/wav;base64,{base64.b64encode(wav).decode()}"
        assert refusal(call(http, "transcribe_audio", audio=url)) == (504, "It took longer than 0.3 seconds.")
        time.sleep(1.5)
        assert files_of(served) == []


def test_an_upload_is_known_by_its_content_and_taken_by_the_tools(http: httpx.Client, wav: bytes) -> None:
    answer = upload(http, png())
    assert answer.status_code == 201
    assert (answer.json()["kind"], answer.json()["name"]) == ("picture", "photo.txt")
    picture, recording = answer.json()["id"], upload(http, wav, "../voice.png").json()
    assert (recording["kind"], recording["name"]) == ("audio", "voice.png")
    assert result(call(http, "describe_image", image=picture))["width"] == 24
    assert result(call(http, "transcribe_audio", audio=recording["id"]))["text"] == "a red chair"
    assert refusal(call(http, "describe_image", image=recording["id"]))[0] == 422
    assert result(call(http, "describe_image", image="item:chair-0"))["width"] == 12


def test_a_data_url_is_taken_and_leaves_nothing_behind(http: httpx.Client, served: Served) -> None:
    assert result(call(http, "describe_image", image=DATA_URL))["labels"][0]["label"] == "folding chair"
    assert files_of(served) == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "photo.txt is empty."),
        (b"just words", "photo.txt is a text file, not a picture, a recording or a video."),
        (b"%PDF-1.7 and so on", "photo.txt is a PDF document, not a picture, a recording or a video."),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "photo.txt is an SVG drawing, which cannot be read here;"),
        (bytes(range(256)) * 12, "photo.txt is no picture, recording or video that can be read."),
        (b"RIFF\xff\xff\0\0WAVEfmt ", "photo.txt is a WAV recording that is damaged or cut short."),
    ],
)
def test_what_is_neither_picture_nor_recording_is_not_stored(
    http: httpx.Client, served: Served, content: bytes, sentence: str
) -> None:
    answer = upload(http, content)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(sentence)
    assert files_of(served) == []


def test_uploads_are_bounded_in_size_and_form(serve: Serve) -> None:
    with serve(limits={"image_bytes": 1000, "audio_bytes": 4000}) as served, served.client() as http:
        assert upload(http, png() + bytes(2000)).status_code == 422
        assert upload(http, png() + bytes(20_000)).status_code == 413
        assert http.post("/api/uploads", files={"other": png()}).status_code == 422
        assert http.post("/api/uploads", files=[("file", png()), ("file", png())]).status_code == 422
        assert http.post("/api/uploads", data={"file": "words"}).status_code == 415
        assert http.post("/api/uploads", json={"file": "words"}).status_code == 415
        assert files_of(served) == []


def test_nobody_reaches_the_upload_of_another(serve: Serve) -> None:
    with serve(needs_key=True) as served:
        keys = [new_key(served, name) for name in ("ann", "bob")]
        with served.client(keys[0]) as ann, served.client(keys[1]) as bob:
            upload_id = upload(ann, png()).json()["id"]
            status, sentence = refusal(call(bob, "describe_image", image=upload_id))
            assert (status, upload_id in sentence) == (422, True)
            made_up = refusal(call(bob, "describe_image", image="picture-none"))[1]
            assert sentence.replace(upload_id, "picture-none") == made_up
            assert bob.delete(f"/api/uploads/{upload_id}").status_code == 404
            assert result(call(ann, "describe_image", image=upload_id))["width"] == 24
        with served.client() as nobody:
            assert nobody.get("/api/tools").status_code == 401
            assert upload(nobody, png()).status_code == 401


def test_an_upload_is_gone_after_a_day_or_when_it_is_deleted(http: httpx.Client, served: Served) -> None:
    old, new = upload(http, png()).json()["id"], upload(http, png("blue")).json()["id"]
    stored = {path.name: path for path in files_of(served)}
    day_ago = time.time() - store.KEPT_SECONDS - 1
    os.utime(stored[old], (day_ago, day_ago))
    assert refusal(call(http, "describe_image", image=old))[0] == 422
    served.app.state.toolbench.uploads.sweep()
    assert [path.name for path in files_of(served)] == [new]
    assert http.delete(f"/api/uploads/{new}").status_code == 204
    assert http.delete(f"/api/uploads/{new}").status_code == 404
    assert files_of(served) == []


def test_one_user_cannot_fill_the_disk(http: httpx.Client, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_store, "MOST_FILES", 2)
    assert [upload(http, png()).status_code for _ in range(3)] == [201, 201, 429]
    monkeypatch.setattr(upload_store, "MOST_FILES", 9)
    monkeypatch.setattr(upload_store, "MOST_BYTES", 3 * len(png()) - 1)
    answer = upload(http, png())
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3600")
    assert len(files_of(served)) == 2
