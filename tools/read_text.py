"""read_text: the words in a picture."""

from pydantic import Field

from tools.errors import ServiceMissing
from tools.media import load_picture
from tools.records import PictureText
from tools.tool import Arguments, Context, Tool


class ReadText(Arguments):
    """Arguments of read_text."""

    image: str = Field(min_length=1, description="the picture, such as img1")


def read_text(context: Context, arguments: ReadText) -> PictureText:
    """Read the words in a picture, line by line: a label, a box, a price tag, a screenshot."""
    reader = context.engines.words
    if reader is None:
        raise ServiceMissing("Words in pictures are not read here; the setting vision.words switches it on.")
    picture = load_picture(context.resolve(arguments.image), context.engines.limits)
    return PictureText(lines=reader.read(picture), width=picture.width, height=picture.height)


TOOL = Tool(ReadText, read_text, for_planner=False)
