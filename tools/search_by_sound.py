"""search_by_sound: items whose recordings, or videos, sound like a clip."""

from pydantic import Field

from tools import search
from tools.engines.sounds import is_silent
from tools.errors import MediaError, ServiceMissing
from tools.rank_fusion import WEIGHTS
from tools.records import Filters, ItemsResult
from tools.tool import Arguments, Context, Count, Tool
from tools.video import load_sound


class SearchBySound(Arguments):
    """Arguments of search_by_sound."""

    audio: str = Field(min_length=1, description="the recording, such as aud1")
    k: Count = 10
    filters: Filters | None = Field(None, description="conditions that every item must meet")


def search_by_sound(context: Context, arguments: SearchBySound) -> ItemsResult:
    """Find items that sound like a recording of music or noises."""
    engines = context.engines
    if engines.sounds is None:
        raise ServiceMissing("There is no sound encoder.")
    path = context.resolve(arguments.audio)
    sound = load_sound(path, engines.limits, of="recording", rate=engines.sounds.rate)
    if sound is None or is_silent(sound):
        raise MediaError(f"{path.name} {'holds no sound' if sound is None else 'is silent'}.")
    return search.search_by_sound(
        engines.catalogue,
        engines.sounds,
        sound,
        k=arguments.k,
        filters=arguments.filters,
        pool=max(search.POOL, arguments.k),
        weights={**WEIGHTS, **(engines.weights or {})},  # settings of before name no weight for sounds
    )


TOOL = Tool(SearchBySound, search_by_sound, candidates="search")
