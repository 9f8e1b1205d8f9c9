"""Items that look like a picture."""

from pydantic import BaseModel, ConfigDict, Field

from tools.media import load_picture
from tools.records import Filters, ItemsResult
from tools.search import search_by_image
from tools.toolbox import Engines, Resolve, ToolSpec


class Arguments(BaseModel):
    """The picture and what the items must be."""

    model_config = ConfigDict(extra="forbid")

    image: str = Field(description="the picture's id, such as img1")
    k: int = Field(10, ge=1, le=100, description="how many items")
    filters: Filters | None = Field(None, description="what the items must be; leave out for all")


def run(engines: Engines, resolve: Resolve, arguments: Arguments) -> ItemsResult:
    """Picture to picture first, picture to text for what has no photo.

    Raises:
        MediaError: the picture cannot be read.
        EncoderMismatch: the catalogue was indexed by another encoder.
    """
    picture = load_picture(resolve(arguments.image), engines.limits)
    return search_by_image(engines.catalogue, engines.pictures, picture, arguments.k, arguments.filters or Filters())


SPEC = ToolSpec("search_by_image", "Find items that look like a picture.", Arguments, run)
