"""describe_video: labels of a video's frames and what is said in it, both with their seconds."""

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from pydantic import Field

from tools.errors import ServiceMissing
from tools.records import Shot, Transcript, VideoDescription
from tools.tool import Arguments, Context, Tool
from tools.video import load_sound, load_video

LABELS = 3
"""Of each frame that is described."""
DESCRIBED = 8
"""Frames that are described at most, evenly spread over those that are searched by."""


class DescribeVideo(Arguments):
    """Arguments of describe_video."""

    video: str = Field(min_length=1, description="the video, such as vid1")
    language: str | None = Field(None, max_length=30, description="what is spoken, such as en or zh; null to detect it")
    sound: bool = Field(True, description="whether what is said is written down, which takes longest")


def describe_video(context: Context, arguments: DescribeVideo) -> VideoDescription:
    """Say what a video shows and what is said in it: labels of its frames and a transcript, both with seconds."""
    engines, path = context.engines, context.resolve(arguments.video)
    video = load_video(path, engines.limits)
    with ThreadPoolExecutor(1, thread_name_prefix="sound") as thread:
        hearing = None
        if video.has_sound and arguments.sound:
            hearing = thread.submit(copy_context().run, _heard, context, arguments)
        step = -(-len(video.frames) // DESCRIBED)
        shots = [
            Shot(second=frame.second, labels=engines.pictures.labels(frame.picture(), LABELS))
            for frame in video.frames[step // 2 :: step]
        ]
        missing: list[str] = []
        try:
            transcript = hearing.result() if hearing else None
        except ServiceMissing as exc:
            transcript, missing = None, [f"The sound was not listened to. {exc}"]
    return VideoDescription(
        shots=shots,
        transcript=transcript,
        seconds=video.seconds,
        width=video.width,
        height=video.height,
        has_sound=video.has_sound,
        missing=missing,
    )


def _heard(context: Context, arguments: DescribeVideo) -> Transcript | None:
    audio = load_sound(context.resolve(arguments.video), context.engines.limits)
    return context.engines.speech.transcribe(audio, arguments.language or None) if audio else None


TOOL = Tool(DescribeVideo, describe_video, for_planner=False)
