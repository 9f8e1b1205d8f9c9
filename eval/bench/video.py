"""A one-minute 720p video with speech: decoding and encoding its frames against a bare loop; a turn with it; memory."""

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from assistant.engines import media_limits, open_engines
from assistant.front import Assistant
from assistant.records import Provisional
from assistant.settings import Settings
from eval.bench.report import Result, Table, gib
from eval.bench.sampling import Watch
from eval.bench.stage import Stage, own_server
from eval.sample import photo, sample_folder
from eval.suite.clips import FilmedShot, video_mp4
from eval.suite.records import VoiceAttachment
from eval.suite.speech import speech_wav
from tools import describe_video, media_child, search_by_video, video
from tools.engines.pictures import PictureEncoder
from tools.media import MediaLimits
from tools.tool import Context

if TYPE_CHECKING:
    from PIL.Image import Image

SHOTS, SECONDS, RATE, SIZE = 20, 3.0, 30, (1280, 720)
ROUNDS = 3
PHOTO = "chuttersnap-584518-unsplash.jpg"
TARGET_RATIO = 0.9
TARGET_SECONDS, TARGET_BYTES = 12, 700 * 2**20
EVERY = 0.05
"""Seconds between two looks at the memory: decoding takes one or two."""
SAID = (
    "Hello, today I want to show you what I keep in my living room. This is the chair that I sit in every evening "
    "after work. It is made of light wood and the seat is a soft grey fabric. Over here you can see the lamp, which "
    "has a warm yellow light. I bought the plant last summer and it has grown a lot since then. The backpack is for "
    "trips to the mountains with my brother. I am looking for something like this for less than ninety dollars."
)


@dataclass(frozen=True)
class TimeSpent:
    """Seconds on the clock, and processor seconds of this process and of those of its children that have ended."""

    seconds: float
    processor: float

    @classmethod
    def so_far(cls) -> "TimeSpent":
        """Since some fixed moment."""
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return cls(time.perf_counter(), sum(one.ru_utime + one.ru_stime for one in used))

    def __sub__(self, other: "TimeSpent") -> "TimeSpent":
        return TimeSpent(self.seconds - other.seconds, self.processor - other.processor)

    @classmethod
    def least(cls, costs: "list[TimeSpent]") -> "TimeSpent":
        """The least of each kind: what other programs take is no cost of ours."""
        return cls(min(cost.seconds for cost in costs), min(cost.processor for cost in costs))


def measure(stage: Stage) -> Result:
    """The clip is made from the sample's photos; each way is measured in turn, the fastest of `ROUNDS` counts."""
    with stage.sample_catalogue() as settings, tempfile.TemporaryDirectory() as folder:
        engines, limits = open_engines(settings), media_limits(settings)
        photos = sorted(sample_folder(settings).rglob("*.jpg"))[:SHOTS]
        stage.say("making a video")
        clip, speech = Path(folder) / "clip.mp4", speech_wav(VoiceAttachment(say=SAID, speed=110))
        shots = [FilmedShot(one, SECONDS, zoom=0.8) for one in photos]
        clip.write_bytes(video_mp4(shots, size=SIZE, rate=RATE, speech=speech))
        engines.load("pictures")
        frames = round(SHOTS * SECONDS * RATE)
        loops: dict[str, Callable[[], object]] = {
            "bare PyAV and encoder": lambda: engines.pictures.encode(every_frame(clip, limits.video_frames)),
            "the product's": lambda: _ours(clip, engines.pictures, limits),
            "both tools without sound": lambda: _tools(clip, Context(engines, Path)),
        }
        costs: dict[str, list[TimeSpent]] = {name: [] for name in loops}
        for number in range(ROUNDS):
            stage.say(f"round {number + 1}")
            for name, loop in loops.items():
                costs[name].append(_cost(loop))
        child = _peak_of_child(clip, limits)
        engines.catalogue.close()
        turns, growth = asyncio.run(_turns(stage, own_server(settings, Path(folder)), clip))
    least = {name: TimeSpent.least(many) for name, many in costs.items()}
    title = f"A video of {SHOTS * SECONDS:.0f} s, {SIZE[0]} x {SIZE[1]}, {RATE} frames a second"
    columns = ["", "seconds", "processor seconds"]
    table = Table(f"{title}; {limits.video_frames} of its frames are encoded", [*columns, "frames a second"])
    for name, cost in least.items():
        table.add(name, cost.seconds, cost.processor, round(frames / cost.seconds))
    title = f"A turn with this video and {(len(speech) - 44) / 32_000:.0f} s of speech, without a language model"
    whole = Table(title, columns)
    for part in turns[0]:
        cost = TimeSpent.least([turn[part] for turn in turns])
        whole.add(part, cost.seconds, cost.processor)
    bare, ours, _ = least.values()
    ratios = bare.seconds / ours.seconds, bare.processor / ours.processor
    notes = [
        f"Ratio to the bare loop: {ratios[0]:.2f} on the clock, {ratios[1]:.2f} in processor time "
        f"(target: at least {TARGET_RATIO:g}).",
        f"Peak of the process that decodes: {gib(child)}.",
        f"Targets: first cards within {TARGET_SECONDS} s; at most {gib(TARGET_BYTES)} more than a turn with a photo.",
        f"The turns took {gib(growth)} more than a turn with a photo, the process that decodes included.",
    ]
    result = Result("video", [table, whole], notes)
    result.numbers = {
        "loops": {name: [asdict(cost) for cost in many] for name, many in costs.items()},
        "turns": [{part: asdict(cost) for part, cost in turn.items()} for turn in turns],
        "ratio": ratios[0], "processor_ratio": ratios[1], "child_bytes": child, "bytes": growth,
    }  # fmt: skip
    return result


async def _turns(stage: Stage, settings: Settings, clip: Path) -> tuple[list[dict[str, TimeSpent]], int]:
    """What turns cost, and how many bytes they take at most beyond a turn with a photo; Whisper is loaded."""
    steps: dict[str, Any] = {"planner": "reading", "ranking": "fused", "explanations": "template"}
    without = {
        "turn": settings.turn.model_copy(update=steps),
        "reading": settings.reading.model_copy(update={"questions": 0}),
    }
    settings = settings.model_copy(update=without, deep=True)
    watch, turns, asked = Watch(every=EVERY), [], [photo(settings, PHOTO, settings.data_folder / "asked")]
    async with Assistant(settings, engines=open_engines(settings)) as assistant:
        stage.say("loading the engines")
        await assistant.warm_up()
        stage.say("memory")  # apart: looking at it takes processor time of its own
        with_photo = watch.stage("turn with a photo")
        with watch.running():
            await assistant.reply("", images=asked)
            with_video = watch.stage("turn with a video")
            await _turn(assistant, clip)
        for number in range(ROUNDS):
            stage.say(f"turn {number + 1}")
            turns.append(await _turn(assistant, clip))
    return turns, with_video.assistant - with_photo.assistant


async def _turn(assistant: Assistant, clip: Path) -> dict[str, TimeSpent]:
    video.forget()
    since, costs = TimeSpent.so_far(), dict[str, TimeSpent]()
    async for event in assistant.stream("", video=[clip]):
        if isinstance(event, Provisional):
            costs.setdefault("first cards", TimeSpent.so_far() - since)
    return costs | {"whole turn": TimeSpent.so_far() - since}


def _peak_of_child(clip: Path, limits: MediaLimits) -> int:
    """Bytes that the decoding process holds at most, looked at every few milliseconds."""
    asked = {"pixels": limits.video_pixels, "seconds": limits.video_seconds, "frames": limits.video_frames}
    command = [sys.executable, "-I", media_child.__file__, "frames", json.dumps(asked)]
    most = 0
    with clip.open("rb") as file, subprocess.Popen(command, stdin=file, stdout=subprocess.DEVNULL) as child:  # noqa: S603
        while child.poll() is None:
            with suppress(psutil.Error):
                most = max(most, psutil.Process(child.pid).memory_info().rss)
            time.sleep(0.005)
    return most


def _cost(work: Callable[[], object]) -> TimeSpent:
    since = TimeSpent.so_far()
    work()
    return TimeSpent.so_far() - since


def every_frame(clip: Path, most: int) -> "list[Image]":
    """Every frame decoded in this process, an even spread of at most so many of them kept."""
    import av

    kept = list["Image"]()
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        step = max(1, stream.frames // most)
        for n, frame in enumerate(container.decode(stream)):
            if n % step == step // 2 and len(kept) < most:
                to_image: Any = frame.to_image  # PyAV gives it no types
                kept.append(to_image())
    return kept


def _ours(clip: Path, encoder: PictureEncoder, limits: MediaLimits) -> None:
    video.forget()
    search_by_video.vectors_of(video.load_video(clip, limits), encoder)


def _tools(clip: Path, context: Context) -> None:
    """What a turn computes of a video before its first cards."""
    video.forget()
    describe_video.TOOL.run(context, describe_video.DescribeVideo(video=str(clip), sound=False))
    search_by_video.TOOL.run(context, search_by_video.SearchByVideo(video=str(clip)))
