"""A one-minute 720p video: decoding and encoding its frames against a bare PyAV and encoder loop; the tools; memory."""

import json
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from assistant.engines import media_limits, open_engines
from eval.bench.report import Result, Table, gib
from eval.bench.stage import Stage
from eval.sample import sample_folder
from eval.suite.clips import FilmedShot, video_mp4
from tools import describe_video, media_child, search_by_video, video
from tools.engines.pictures import PictureEncoder
from tools.media import MediaLimits
from tools.tool import Context

if TYPE_CHECKING:
    from PIL.Image import Image

SHOTS, SECONDS, RATE, SIZE = 20, 3.0, 30, (1280, 720)
ROUNDS = 3
TARGET_RATIO = 0.9


def measure(stage: Stage) -> Result:
    """The clip is made from the sample's photos; each way is measured in turn, the fastest of `ROUNDS` counts."""
    with stage.sample_catalogue() as settings, tempfile.TemporaryDirectory() as folder:
        engines, limits = open_engines(settings), media_limits(settings)
        photos = sorted(sample_folder(settings).rglob("*.jpg"))[:SHOTS]
        stage.say("making a video")
        clip = Path(folder) / "clip.mp4"
        clip.write_bytes(video_mp4([FilmedShot(one, SECONDS, zoom=0.8) for one in photos], size=SIZE, rate=RATE))
        engines.load("pictures")
        frames = round(SHOTS * SECONDS * RATE)
        bare, ours, again = [], [], []
        for number in range(ROUNDS):
            stage.say(f"round {number + 1}")
            bare.append(_timed_bare(clip, engines.pictures, limits))
            ours.append(_timed_ours(clip, engines.pictures, limits))
            again.append(_timed_tools(clip, Context(engines, Path)))
        child = _peak_of_child(clip, limits)
        engines.catalogue.close()
    ratio = min(bare) / min(ours)
    title = f"A video of {SHOTS * SECONDS:.0f} s, {SIZE[0]} x {SIZE[1]}, {RATE} frames a second"
    table = Table(f"{title}; {limits.video_frames} of its frames are encoded", ["", "seconds", "frames a second"])
    for name, seconds in (("bare PyAV and encoder", bare), ("the product's", ours), ("describe and search", again)):
        table.add(name, min(seconds), round(frames / min(seconds)))
    notes = [
        f"Ratio to the bare loop: {ratio:.2f} (target: at least {TARGET_RATIO:g}).",
        f"Peak of the process that decodes: {gib(child)}.",
    ]
    result = Result("video", [table], notes)
    result.numbers = {"bare": bare, "ours": ours, "tools": again, "ratio": ratio, "child_bytes": child}
    return result


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


def _timed_bare(clip: Path, encoder: PictureEncoder, limits: MediaLimits) -> float:
    """Every frame decoded, an even spread of them encoded."""
    import av

    began, kept = time.perf_counter(), list["Image"]()
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        step = max(1, stream.frames // limits.video_frames)
        for n, frame in enumerate(container.decode(stream)):
            if n % step == step // 2 and len(kept) < limits.video_frames:
                to_image: Any = frame.to_image  # PyAV gives it no types
                kept.append(to_image())
    encoder.encode(kept)
    return time.perf_counter() - began


def _timed_ours(clip: Path, encoder: PictureEncoder, limits: MediaLimits) -> float:
    video.forget()
    began = time.perf_counter()
    encoder.encode(video.load_video(clip, limits).pictures())
    return time.perf_counter() - began


def _timed_tools(clip: Path, context: Context) -> float:
    """What a turn does with a video before its first cards."""
    video.forget()
    began = time.perf_counter()
    describe_video.TOOL.run(context, describe_video.DescribeVideo(video=str(clip)))
    search_by_video.TOOL.run(context, search_by_video.SearchByVideo(video=str(clip)))
    return time.perf_counter() - began
