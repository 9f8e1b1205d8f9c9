"""Ingesting items with videos, recordings and photos against a bare loop that does the same one file after another."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from assistant.engines import media_limits, open_engines
from assistant.errors import BadInput
from assistant.ingest import Encoders, IngestOptions, ingest
from assistant.ingest.speech import Listener
from assistant.settings import Settings
from eval.bench.report import Result, Table, gib
from eval.bench.sampling import Watch
from eval.bench.stage import Stage
from eval.bench.timed import Timed
from eval.bench.video import TimeSpent, every_frame
from eval.bench.wire import Span
from eval.sample import sample_folder
from eval.suite.clips import FilmedShot, video_mp4
from eval.suite.records import VoiceAttachment
from eval.suite.speech import speech_wav
from tools import video
from tools.cores import usable_cores
from tools.media import MediaLimits, load_audio, load_picture

ITEMS, SHOTS, SECONDS, RATE, SIZE = 6, 8, 2.0, 25, (1280, 720)
ROUNDS = 2
TARGET_RATIO = 0.9
BARE, OURS = "bare loop", "ingestion"
SAID = "This is number {} of our collection. It is made by hand in a small town near the sea."


def measure(stage: Stage) -> Result:
    """The media are made from the sample's photos; bare loop and ingestion in turn, the least of `ROUNDS` counts."""
    with tempfile.TemporaryDirectory() as made, stage.fresh_data() as settings:
        stage.say("making videos and recordings")
        folder, file = Path(made), _made(Path(made), settings)
        engines, limits, spans = open_engines(settings), media_limits(settings), dict[str, list[Span]]()
        bare = {name: getattr(engines, name) for name in ("text", "pictures", "sounds", "speech")}
        timed: dict[str, Any] = {name: Timed(engine, spans.setdefault(name, [])) for name, engine in bare.items()}
        encoders = Encoders(timed["text"], timed["pictures"], timed["sounds"])
        loops: dict[str, Callable[[], None]] = {}
        for name, speech in (("", None), (", transcribed", timed["speech"])):
            loops[BARE + name] = partial(_bare, folder, bare, limits, bool(speech))
            loops[OURS + name] = partial(_ingest, stage, file, encoders, limits, speech)
        costs: dict[str, list[TimeSpent]] = {name: [] for name in loops}
        busy: dict[str, dict[str, float]] = {}
        stage.say("loading the models")
        _bare(folder, bare, limits, items=1)
        for number in range(ROUNDS):
            stage.say(f"round {number + 1}")
            for name, loop in loops.items():
                for one in spans.values():
                    one.clear()
                since = TimeSpent.so_far()
                loop()
                costs[name].append(TimeSpent.so_far() - since)
                busy[name] = {part: sum(end - start for start, end in one) for part, one in spans.items()}
        watch = Watch(every=0.05)
        idle, peak = watch.stage("idle"), watch.stage("ingesting")
        with watch.running():
            _ingest(stage, file, encoders, limits, timed["speech"])
        engines.catalogue.close()
    return _result(costs, busy, peak.assistant - idle.assistant)


def _result(costs: dict[str, list[TimeSpent]], busy: dict[str, dict[str, float]], growth: int) -> Result:
    cores = usable_cores()
    title = f"{ITEMS} items, each with a photo, a video ({SHOTS * SECONDS:.0f} s, 720p) and a recording"
    table = Table(title, ["", "seconds", "processor seconds", f"use of {cores} cores", "encoders busy"])
    least = {name: TimeSpent.least(many) for name, many in costs.items()}
    result = Result("ingest_media", [table])
    for name, cost in least.items():
        share = f"{100 * cost.processor / cost.seconds / cores:.0f} %"
        parts = ", ".join(f"{part} {seconds:.1f}" for part, seconds in busy[name].items() if seconds)
        table.add(name, cost.seconds, cost.processor, share, parts or None)
    ratios = {}
    for name, ours in least.items():
        if name.startswith(OURS):
            bare = least[name.replace(OURS, BARE)]
            ratios[name] = (bare.seconds / ours.seconds, bare.processor / ours.processor)
            result.notes.append(
                f"{name}: ratio to the bare loop {ratios[name][0]:.2f} on the clock, {ratios[name][1]:.2f} in "
                f"processor time (target: at least {TARGET_RATIO:g} on the clock)."
            )
    result.notes.append(
        f"Ingesting takes {gib(growth)} more than the idle process, the processes that decode included."
    )
    result.numbers = {
        "costs": {name: [asdict(cost) for cost in many] for name, many in costs.items()},
        "ratios": ratios, "busy": busy, "bytes": growth,
    }  # fmt: skip
    return result


def _made(folder: Path, settings: Settings) -> Path:
    """A catalogue file beside its media."""
    photos = sorted(sample_folder(settings).rglob("*.jpg"))
    lines = []
    for n in range(ITEMS):
        files = {"image": f"{n}.jpg", "video": f"{n}.mp4", "audio": f"{n}.wav"}
        (folder / files["image"]).write_bytes(photos[n].read_bytes())
        (folder / files["audio"]).write_bytes(_spoken(n + ITEMS))
        shots = [FilmedShot(photos[(n + 5 * k) % len(photos)], SECONDS, zoom=0.8) for k in range(SHOTS)]
        (folder / files["video"]).write_bytes(video_mp4(shots, size=SIZE, rate=RATE, speech=_spoken(n), seed=n))
        lines.append({"id": str(n), "title": f"Item {n}", **files})
    file = folder / "items.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def _spoken(number: int) -> bytes:
    return speech_wav(VoiceAttachment(say=SAID.format(number), speed=130))


def _ingest(stage: Stage, file: Path, encoders: Encoders, limits: MediaLimits, speech: Any) -> None:  # noqa: ANN401
    video.forget()
    options = IngestOptions(speech=Listener("bench", speech) if speech else None, media=limits)
    with stage.fresh_data() as settings:
        catalogue = open_engines(settings).catalogue
        try:
            summary = ingest(catalogue, [file], encoders, options)
        finally:
            catalogue.close()
    if (summary.new, summary.pictures_lost, summary.sounds_embedded) != (ITEMS, 0, 2 * ITEMS):
        raise BadInput(f"Not everything was ingested: {summary}")


def _bare(folder: Path, engines: dict[str, Any], limits: MediaLimits, heard: bool = True, items: int = ITEMS) -> None:
    """Each file decoded by PyAV or Pillow in this process, then encoded and transcribed, one after another."""
    for n in range(items):
        engines["text"].encode([f"Item {n}"])
        pictures = [*every_frame(folder / f"{n}.mp4", limits.video_frames), load_picture(folder / f"{n}.jpg", limits)]
        engines["pictures"].encode(pictures)
        for name in (f"{n}.mp4", f"{n}.wav"):
            sound = load_audio(folder / name, limits)
            engines["sounds"].encode([sound])
            if heard:
                engines["speech"].transcribe(sound)
