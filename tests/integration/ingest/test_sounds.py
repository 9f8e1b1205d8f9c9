"""Items with recordings: what sounds like a clip is found; a recording that cannot be read costs itself."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assistant.ingest import Encoders, reindex
from eval.suite.made_sounds import RATE, MadeSound, Samples, encoded, play
from tests.fakes.catalogues import write
from tests.fakes.encoders import HashPictures, HashText
from tests.integration.ingest.conftest import Bench
from tests.made_videos import make_video
from tools.engines.parts import Engines
from tools.engines.sounds import LogMel
from tools.media import MediaLimits
from tools.records import EncoderIdentity
from tools.toolbox import bind_tools, call_tool

ITEMS = {"flute": 90, "organ": 60, "drum": 120}
FORMS = {
    "mp3": ("mp3", "libmp3lame", 44_100),
    "ogg": ("ogg", "libopus", 48_000),
    "flac": ("flac", "flac", 44_100),
    "wav": ("wav", "pcm_s16le", 22_050),
    "m4a": ("ipod", "aac", 44_100),
}


def sound(instrument: str, tempo: float, seed: int = 1, pitch: float = 262) -> Samples:
    return play(MadeSound(instrument, tempo, pitch), np.random.default_rng(seed))


@pytest.fixture
def shop(bench: Bench) -> Bench:
    bench.folder.mkdir()
    for name, tempo in ITEMS.items():
        (bench.folder / f"{name}.wav").write_bytes(encoded(sound(name, tempo)))
    return bench


def rows(**audio: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - any JSON
    return [{"id": name, "title": name.title(), "audio": value} for name, value in audio.items()]


def found(bench: Bench, clip: Path, **arguments: Any) -> list[str]:  # noqa: ANN401 - the tool's own
    engines = Engines(
        catalogue=bench.catalogue, text=bench.text, pictures=bench.pictures, speech=None, sounds=bench.sounds
    )  # type: ignore[arg-type]
    tools = bind_tools(engines, Path)
    outcome = call_tool(tools, "search_by_sound", {"audio": str(clip), **arguments})
    assert outcome.ok, outcome.error
    assert outcome.result
    return [item["item_id"] for item in outcome.result["items"]]


@pytest.mark.parametrize("form", FORMS)
def test_a_clip_finds_the_item_that_sounds_like_it_in_every_format(shop: Bench, tmp_path: Path, form: str) -> None:
    container, codec, rate = FORMS[form]
    names = {}
    for name, tempo in ITEMS.items():
        names[name] = f"{name}-named-wrongly.txt"
        (shop.folder / names[name]).write_bytes(encoded(sound(name, tempo), container, codec, rate))
    summary = shop(write(shop.folder, rows(**names)))
    assert (summary.new, summary.sounds_embedded, summary.sounds_lost, shop.rejections) == (3, 3, 0, [])
    (clip := tmp_path / "clip").write_bytes(encoded(sound("organ", 60, seed=2, pitch=330), container, codec, rate))
    assert found(shop, clip)[0] == "organ"


def test_an_item_counts_by_the_best_of_its_recordings_and_filters_hold(shop: Bench, tmp_path: Path) -> None:
    lines = rows(flute="flute.wav", organ=["drum.wav", "organ.wav"], drum="drum.wav")
    lines[0]["price"] = 5
    shop(write(shop.folder, lines))
    (clip := tmp_path / "clip.wav").write_bytes(encoded(sound("organ", 60, seed=3)))
    assert found(shop, clip)[0] == "organ"
    assert found(shop, clip, filters={"max_price": 9}) == ["flute"]
    item = shop.catalogue.get("organ")
    assert item is not None
    assert item.audio == [str(shop.folder / "drum.wav"), str(shop.folder / "organ.wav")]
    assert len(shop.catalogue.vectors_of("sound", ["organ"])["organ"]) == 2


def test_a_recording_is_decoded_once_and_its_vector_follows_it(shop: Bench) -> None:
    path = write(shop.folder, rows(flute="flute.wav"))
    shop(path)
    [before] = shop.catalogue.vectors_of("sound", ["flute"])["flute"]
    summary = shop(path)
    assert (summary.unchanged, summary.sounds_embedded) == (1, 0)
    (shop.folder / "flute.wav").touch()
    summary = shop(path)
    assert (summary.unchanged, summary.sounds_embedded) == (1, 0)
    (shop.folder / "flute.wav").write_bytes(encoded(sound("drum", 120)))
    summary = shop(path)
    assert (summary.changed, summary.sounds_embedded) == (1, 1)
    [after] = shop.catalogue.vectors_of("sound", ["flute"])["flute"]
    assert before @ after < 0.9
    write(shop.folder, [{"id": "flute", "title": "Flute"}])
    shop(path)
    assert shop.catalogue.vectors_of("sound", ["flute"]) == {}
    assert shop.catalogue.sounds("flute") == []


def test_a_recording_that_cannot_be_read_costs_itself_alone(shop: Bench, tmp_path: Path) -> None:
    (shop.folder / "pdf.mp3").write_bytes(b"%PDF-1.7 and so on")
    (shop.folder / "noise.mp3").write_bytes(np.random.default_rng(1).bytes(5000))
    (shop.folder / "empty.wav").write_bytes(b"")
    (shop.folder / "silent.wav").write_bytes(encoded(np.zeros(RATE, np.float32)))
    (shop.folder / "list.m3u8").write_bytes(b"#EXTM3U\nhttp://127.0.0.1/secret\n")
    (tmp_path / "outside.wav").write_bytes(encoded(sound("drum", 60)))
    names = ["pdf.mp3", "noise.mp3", "empty.wav", "flute.wav", "https://shop.example/far.mp3"]
    broken = rows(flute=names, rest=["silent.wav", "list.m3u8", "none.wav", "../outside.wav"])
    path = write(shop.folder, broken)
    summary = shop(path)
    assert (summary.new, summary.sounds_embedded, summary.sounds_lost) == (2, 1, 7)
    reasons = {rejection.reason.split(": ", 1)[1] for rejection in shop.rejections}
    assert {rejection.kind for rejection in shop.rejections} == {"sound"}
    assert "pdf.mp3 is a PDF document, not a recording." in reasons
    assert "silent.wav is silent." in reasons
    assert "there is no such file" in reasons
    assert len(shop.catalogue.vectors_of("sound", ["flute"])["flute"]) == 1
    summary = shop(path)
    assert (summary.unchanged, summary.sounds_lost) == (2, 7)


def test_the_sound_of_a_video_is_found_and_one_without_sound_is_no_fault(shop: Bench, tmp_path: Path) -> None:
    make_video(shop.folder / "loud.mp4", [("red", 3.0)], sound=True)
    make_video(shop.folder / "mute.mp4", [("green", 2.0)])
    lines = [{"id": "loud", "title": "A", "video": "loud.mp4"}, {"id": "mute", "title": "B", "video": "mute.mp4"}]
    path = write(shop.folder, lines)
    summary = shop(path)
    assert (summary.new, summary.sounds_embedded, summary.sounds_lost, shop.rejections) == (2, 1, 0, [])
    (clip := tmp_path / "clip.wav").write_bytes(encoded(sound("flute", 90)))
    assert found(shop, clip) == ["loud"]
    assert shop(path).unchanged == 2


def test_sounds_are_encoded_anew_by_another_encoder(shop: Bench) -> None:
    shop(write(shop.folder, rows(flute="flute.wav", drum="drum.wav")))

    class Other(LogMel):
        identity = EncoderIdentity(encoder="other", weights="none", preprocessing="2", dimensions=109)

    summary = reindex(shop.catalogue, Encoders(HashText(), HashPictures(), Other()), MediaLimits())
    assert summary.sounds_embedded == 2
    identity = shop.catalogue.identity("sound")
    assert identity is not None
    assert identity.encoder == "other"


def test_a_catalogue_without_recordings_finds_nothing(shop: Bench, tmp_path: Path) -> None:
    shop(write(shop.folder, [{"id": "a", "title": "A"}]))
    (clip := tmp_path / "clip.wav").write_bytes(encoded(sound("flute", 90)))
    assert found(shop, clip) == []
