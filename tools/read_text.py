"""read_text: the words in a picture, or in frames of a video."""

from typing import Final, Self

from pydantic import Field, model_validator

from tools.errors import ServiceMissing
from tools.media import load_picture
from tools.records import PictureText
from tools.tool import Arguments, Context, Tool
from tools.video import load_video

READ: Final = 4
"""Frames of a video that are read, evenly spread over those that are searched by: each costs as much as a picture."""


class ReadText(Arguments):
    """Arguments of read_text."""

    image: str | None = Field(None, min_length=1, description="the picture, such as img1")
    video: str | None = Field(None, min_length=1, description="or the video, such as vid1")

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if (self.image is None) == (self.video is None):
            raise ValueError("give either image or video")
        return self


def read_text(context: Context, arguments: ReadText) -> PictureText:
    """Read the words in a picture or in frames of a video, line by line: a label, a box, a price tag, a screenshot."""
    reader, limits = context.engines.words, context.engines.limits
    if reader is None:
        raise ServiceMissing("Words in pictures are not read here; the setting vision.words switches it on.")
    if arguments.image is not None:
        picture = load_picture(context.resolve(arguments.image), limits)
        return PictureText(lines=reader.read(picture), width=picture.width, height=picture.height)
    video = load_video(context.resolve(arguments.video or ""), limits)
    step = -(-len(video.frames) // READ)
    lines = [
        line.model_copy(update={"second": frame.second})
        for frame in video.frames[step // 2 :: step]
        for line in reader.read(frame.picture())
    ]
    return PictureText(lines=lines, width=video.width, height=video.height)


TOOL = Tool(ReadText, read_text, for_planner=False)
