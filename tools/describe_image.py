"""describe_image: labels of a picture."""

from pydantic import Field

from tools.media import load_picture
from tools.records import PictureDescription
from tools.tool import Arguments, Context, Tool

LABELS = 5


class DescribeImage(Arguments):
    """Arguments of describe_image."""

    image: str = Field(min_length=1, description="the picture, such as img1")


def describe_image(context: Context, arguments: DescribeImage) -> PictureDescription:
    """Say what a picture shows: labels with probabilities, the most probable first."""
    picture = load_picture(context.resolve(arguments.image), context.engines.limits)
    labels = context.engines.pictures.labels(picture, LABELS)
    return PictureDescription(labels=labels, width=picture.width, height=picture.height)


TOOL = Tool(DescribeImage, describe_image, for_planner=False)
