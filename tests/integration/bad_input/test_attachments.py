"""Pictures and recordings: odd ones are read, broken ones refused in one sentence that names the user's file."""

from pathlib import Path

import pytest

from assistant.errors import MediaError
from assistant.records import Reply
from tests.fakes.openai_server import FakeOpenAIServer
from tests.integration.bad_input import files
from tests.integration.bad_input.conftest import CommandLine, OpenAssistant
from tests.integration.bad_input.files import Make
from tests.integration.bad_input.shop import PRICES

pytestmark = pytest.mark.models

BAD_PICTURES: list[tuple[Make, str]] = [
    (files.missing, "does not exist"),
    (files.empty, "is empty"),
    (files.directory, "is not a file"),
    (files.truncated_picture, "half.jpg is damaged or cut short"),
    (files.renamed_text, "notes.jpg is a text file, not a picture"),
    (files.svg, "logo.svg is an SVG drawing, which cannot be read here"),
    (files.huge_png, "bomb.png has (30,000 x 30,000|too many) pixels"),
    (lambda _: files.VOICE, "a FLAC recording, not a picture"),
]
BAD_RECORDINGS: list[tuple[Make, str]] = [
    (files.missing, "does not exist"),
    (files.empty, "is empty"),
    (files.directory, "is not a file"),
    (files.truncated_recording, "half.wav is cut short"),
    (files.text_as_recording, "notes.mp3 is a text file, not a recording"),
    (files.picture_as_recording, "photo.wav is a JPEG picture, not a recording"),
    (files.three_hours, "lecture.wav lasts 180 minutes; at most 10 minutes"),
]
GOOD_PICTURES = [files.photo, files.animated_gif, files.cmyk, files.sixteen_bit, files.rotated]


def uploads(folder: Path) -> list[Path]:
    return [path for path in (folder / "own" / "uploads").rglob("*") if path.is_file()]


async def test_pictures_that_cannot_be_read_refuse_the_message(
    opened: OpenAssistant, model: FakeOpenAIServer, tmp_path: Path
) -> None:
    async with opened() as assistant:
        for make, reason in BAD_PICTURES:
            with pytest.raises(MediaError, match=reason):
                await assistant.reply("a chair like this", images=[make(tmp_path)])
        assert assistant.log.sessions() == []
    assert (model.requests, uploads(tmp_path)) == ([], [])


async def test_recordings_that_cannot_be_read_refuse_the_message(
    opened: OpenAssistant, model: FakeOpenAIServer, tmp_path: Path
) -> None:
    async with opened() as assistant:
        for make, reason in BAD_RECORDINGS:
            (folder := tmp_path / reason[:8]).mkdir()
            with pytest.raises(MediaError, match=reason):
                await assistant.reply("a chair", audio=[make(folder)], images=[files.photo(folder)])
    assert (model.requests, uploads(tmp_path)) == ([], [])


async def test_odd_pictures_are_read(opened: OpenAssistant, tmp_path: Path) -> None:
    async with opened() as assistant:
        reply = await assistant.reply("like these", images=[make(tmp_path) for make in GOOD_PICTURES])
    assert [note.attachment for note in reply.query.pictures] == [f"img{n}" for n in range(1, 6)]
    assert reply.recommendations
    assert reply.degraded == []
    found = [item.item_id for item in reply.recommendations]
    assert "oak" in found, "the first picture is the one that the shop shows for this item"


@pytest.mark.parametrize("make", [files.telephone, files.studio])
async def test_every_rate_and_layout_of_a_recording_is_understood(
    opened: OpenAssistant, tmp_path: Path, make: Make
) -> None:
    async with opened() as assistant:
        reply = await assistant.reply("a chair", audio=[make(tmp_path)])
    said = reply.query.transcripts[0]
    assert "hundred dollars" in said.text.lower() or "100" in said.text
    assert reply.constraints["max_price"] == 100
    assert reply.recommendations
    assert all(PRICES[item.item_id] <= 100 for item in reply.recommendations)


@pytest.mark.parametrize("make", [files.silence, files.noise, files.music])
async def test_a_recording_without_words_is_said_to_have_none(
    opened: OpenAssistant, tmp_path: Path, make: Make
) -> None:
    async with opened() as assistant:
        alone = await assistant.reply(audio=[make(tmp_path)])
        with_text = await assistant.reply("a chair", audio=[make(tmp_path)])
    for reply in (alone, with_text):
        assert [note.text for note in reply.query.transcripts] == [""]
        assert reply.degraded[0] == "No speech was heard in aud1."
    assert alone.recommendations == []
    assert with_text.recommendations


async def test_a_refused_message_leaves_its_session_as_it_was(opened: OpenAssistant, tmp_path: Path) -> None:
    async with opened() as assistant:
        first = await assistant.reply("a chair", images=[files.photo(tmp_path)])
        session, before = first.session_id, await assistant.memory(first.session_id)
        kept = uploads(tmp_path)
        with pytest.raises(MediaError):
            await assistant.reply(
                "only boots", session_id=session, images=[files.photo(tmp_path), files.truncated_picture(tmp_path)]
            )
        assert await assistant.memory(session) == before
        assert len(assistant.log.read(session)) == 1
        assert uploads(tmp_path) == kept
        again: Reply = await assistant.reply("like this one", session_id=session, images=[files.photo(tmp_path)])
    assert [note.attachment for note in again.query.pictures] == ["img2"]


async def test_a_missing_speech_model_is_only_noted(opened: OpenAssistant, shop_data: Path, tmp_path: Path) -> None:
    from assistant.engines import open_engines
    from assistant.settings import SpeechSettings, load_settings

    engines = open_engines(load_settings(data=shop_data, speech=SpeechSettings(model=str(tmp_path / "nowhere"))))
    async with opened(engines) as assistant:
        reply = await assistant.reply("a chair", audio=[files.telephone(tmp_path)])
    assert reply.recommendations
    assert any("“transcribe audio” did not work" in note for note in reply.degraded)
    assert [step.ok for step in reply.steps if step.tool == "transcribe_audio"] == [False]


def test_recommend_answers_nothing_when_an_attachment_cannot_be_read(shop_data: Path, tmp_path: Path) -> None:
    bad = files.truncated_picture(tmp_path)
    shop = CommandLine(shop_data)
    sentence = shop("recommend", "--text", "a chair", "--image", bad, "--json").refused()
    assert sentence == "error: half.jpg is damaged or cut short and cannot be read as a picture."
    assert "does not exist" in shop("recommend", "--text", "a chair", "--audio", tmp_path / "no.wav").refused()


def test_a_chat_goes_on_after_a_bad_attachment(shop_data: Path, model: FakeOpenAIServer, tmp_path: Path) -> None:
    bad = files.truncated_picture(tmp_path)
    lines = ["a chair", "/why 1", "/image nowhere.jpg", f"/image {bad}", "boots like this", "/dance", "", "/why 1"]
    shop = CommandLine(shop_data, model.base_url)
    done = shop("chat", typed="\n".join([*lines, "x" * 100_000, "/quit"]) + "\n")
    assert (done.code, done.stderr) == (0, "")
    assert "There is no file nowhere.jpg." in done.stdout
    assert "error: half.jpg is damaged or cut short and cannot be read as a picture." in done.stdout
    assert "There is no command /dance" in done.stdout
    assert "The message has 100,000 characters" in done.stdout
    first, second = (done.stdout.split("> /why 1")[part].split("> ")[0].strip() for part in (1, 2))
    assert first == second, "the session still has the ranking from before the bad picture"
    assert "Go on later with" in done.stdout


def test_tools_refuse_the_same_files(cli: CommandLine, tmp_path: Path) -> None:
    import json

    for make, reason in ((files.huge_png, "pixels"), (files.renamed_text, "text file")):
        done = cli("tools", "call", "describe_image", "--json", json.dumps({"image": str(make(tmp_path))}))
        outcome = json.loads(done.stdout)
        assert done.code == 2
        assert (outcome["ok"], outcome.get("result")) == (False, None)
        assert reason in outcome["error"]
