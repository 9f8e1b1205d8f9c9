"""search_by_video: items that a video shows, or whose texts fit what it shows."""

import numpy as np
from pydantic import Field

from tools import search
from tools.engines.pictures import PictureEncoder, PictureVectors
from tools.rank_fusion import WEIGHTS
from tools.records import Filters, ItemsResult
from tools.tool import Arguments, Context, Count, Tool
from tools.video import Video, load_video

TOGETHER = 4
"""Frames that are encoded together: more take more memory and no less time."""


class SearchByVideo(Arguments):
    """Arguments of search_by_video."""

    video: str = Field(min_length=1, description="the video, such as vid1")
    k: Count = 10
    filters: Filters | None = Field(None, description="conditions that every item must meet")


def search_by_video(context: Context, arguments: SearchByVideo) -> ItemsResult:
    """Find items that a video shows, with the second, or whose text fits what it shows."""
    engines = context.engines
    video = load_video(context.resolve(arguments.video), engines.limits)
    rows = video.once(engines.pictures.joint_identity.model_dump_json(), lambda: vectors_of(video, engines.pictures))
    return search.search_by_frames(
        engines.catalogue,
        engines.pictures,
        rows,
        [frame.second for frame in video.frames],
        name=arguments.video,
        k=arguments.k,
        filters=arguments.filters,
        pool=max(search.POOL, arguments.k),
        weights=engines.weights or WEIGHTS,
    )


def vectors_of(video: Video, encoder: PictureEncoder) -> PictureVectors:
    """The vectors of a video's frames, in their order."""
    parts = [
        encoder.encode([frame.picture() for frame in video.frames[start : start + TOGETHER]])
        for start in range(0, len(video.frames), TOGETHER)
    ]
    return PictureVectors(
        visual=np.concatenate([part.visual for part in parts]), joint=np.concatenate([part.joint for part in parts])
    )


TOOL = Tool(SearchByVideo, search_by_video, for_planner=False, candidates="search")
