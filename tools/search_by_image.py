"""search_by_image: items that look like a picture or fit what it shows."""

from pydantic import Field

from tools import search
from tools.engines.cut_out import small_object
from tools.media import load_picture
from tools.rank_fusion import WEIGHTS
from tools.records import Filters, ItemsResult
from tools.tool import Arguments, Context, Count, Tool


class SearchByImage(Arguments):
    """Arguments of search_by_image."""

    image: str = Field(min_length=1, description="the picture, such as img1")
    k: Count = 10
    filters: Filters | None = Field(None, description="conditions that every item must meet")


def search_by_image(context: Context, arguments: SearchByImage) -> ItemsResult:
    """Find items that look like a picture, or whose text fits what the picture shows."""
    engines = context.engines
    picture = load_picture(context.resolve(arguments.image), engines.limits)
    return search.search_by_image(
        engines.catalogue,
        engines.pictures,
        picture,
        part=small_object(picture) if engines.cut_out else None,
        k=arguments.k,
        filters=arguments.filters,
        pool=max(search.POOL, arguments.k),
        weights=engines.weights or WEIGHTS,
    )


TOOL = Tool(SearchByImage, search_by_image, candidates="search")
