"""What a picture shows."""

from pydantic import BaseModel, ConfigDict, Field

from tools.media import load_picture
from tools.records import PictureDescription
from tools.toolbox import Engines, Resolve, ToolSpec

LABELS = 5


class Arguments(BaseModel):
    """Which picture."""

    model_config = ConfigDict(extra="forbid")

    image: str = Field(description="the picture's id, such as img1")


def run(engines: Engines, resolve: Resolve, arguments: Arguments) -> PictureDescription:
    """Labels with scores, best first.

    Raises:
        MediaError: the picture cannot be read.
        ServiceMissing: the picture model is not there.
    """
    picture = load_picture(resolve(arguments.image), engines.limits)
    width, height = picture.size
    return PictureDescription(labels=engines.pictures.labels(picture, LABELS), width=width, height=height)


SPEC = ToolSpec("describe_image", "Say what a picture shows, as labels with scores.", Arguments, run)
