"""Made videos of the sample catalogue's items: is the item found, and at the right second? Best frame, mean, and both.

    python -m eval.research.video [--clips N] [--seed S]

Each clip has a wall, the item, another item, and the item again, filmed from their photos (`eval.suite.clips`). The
item with the longer time is the right answer; its second is right within one second of where it is seen.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assistant.engines import media_limits, open_engines
from assistant.settings import load_settings
from eval.suite.clips import FilmedShot, video_mp4
from tools.engines.pictures import PictureEncoder, PictureVectors, unit_rows
from tools.records import Hit
from tools.search import search_by_frames
from tools.store import Catalogue, Vector
from tools.video import Video, load_video

WITHIN = 1.0
"""Seconds by which a named second may miss."""


@dataclass(frozen=True)
class Clip:
    """A made video: the item it is about, another one in it, and from when to when each is seen."""

    item_id: str
    other_id: str
    spans: Mapping[str, list[tuple[float, float]]]
    content: bytes


def clips(catalogue: Catalogue, count: int, seed: int) -> Iterator[Clip]:
    """One clip an item, in the catalogue's order, beginning again after the last."""
    rng = np.random.default_rng(seed)
    photos = {item.id: path for item in catalogue.items() if (path := catalogue.image_path(item))}
    ids = list(photos)
    for n in range(count):
        item_id = ids[n % len(ids)]
        other_id = ids[int(rng.choice([i for i in range(len(ids)) if ids[i] != item_id]))]
        plan = [(None, 1.5), (item_id, 3.0 + 2 * rng.random()), (other_id, 1.5 + 1.5 * rng.random()), (item_id, 2.5)]
        shots, spans, at = [], dict[str, list[tuple[float, float]]](), 0.0
        for shown, seconds in plan:
            zoom, light = float(rng.uniform(0.65, 1.0)), float(rng.uniform(0.65, 1.2))
            shots.append(FilmedShot(photos[shown] if shown else None, seconds, pan=0.6, zoom=zoom, brightness=light))
            if shown:
                spans.setdefault(shown, []).append((at, at + seconds))
            at += seconds
        yield Clip(item_id, other_id, spans, video_mp4(shots, seed=seed + n))


Join = Callable[[Vector, Vector], float]
"""From an item's vectors and a video's, both (n, d), to one likeness."""


def _joined(share: float) -> Join:
    """The best frame's likeness with that share, and that of all frames together with the rest."""

    def join(item: Vector, frames: Vector) -> float:
        together = unit_rows(frames.mean(axis=0, keepdims=True))[0]
        return share * float((frames @ item.T).max()) + (1 - share) * float((item @ together).max())

    return join


JOINS: Mapping[str, Join] = {
    "best frame alone": _joined(1.0),
    "mean of frames alone": _joined(0.0),
    **{f"best frame {share:g}, mean {1 - share:g}": _joined(share) for share in (0.1, 0.2, 0.3, 0.5, 0.7)},
}


def main(arguments: list[str] | None = None) -> None:
    """Make the clips, search by each, and print the shares."""
    parser = argparse.ArgumentParser(prog="python -m eval.research.video")
    parser.add_argument("--clips", type=int, default=54)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    settings = load_settings()
    engines, limits = open_engines(settings), media_limits(settings)
    ids = engines.catalogue.ids()
    vectors = {one: np.stack(rows) for one, rows in engines.catalogue.vectors_of("visual", ids).items()}
    first: dict[str, list[bool]] = {name: [] for name in (*JOINS, "product")}
    brief: dict[str, list[bool]] = {name: [] for name in first}
    either, seconds = list[bool](), list[bool]()
    with tempfile.TemporaryDirectory() as folder:
        for clip in clips(engines.catalogue, options.clips, options.seed):
            path = Path(folder) / "clip.mp4"
            path.write_bytes(clip.content)
            video = load_video(path, limits)
            rows: PictureVectors = engines.pictures.encode(video.pictures())
            for name, join in JOINS.items():
                likeness = {one: join(own, rows.visual) for one, own in vectors.items()}
                best = sorted(likeness, key=lambda one: -likeness[one])
                first[name].append(best[0] == clip.item_id)
                brief[name].append(clip.other_id in best[:3])
            result = _searched(engines.catalogue, engines.pictures, rows, video)
            found = [hit.item_id for hit in result]
            first["product"].append(found[:1] == [clip.item_id])
            either.append(found[:1] in ([clip.item_id], [clip.other_id]))
            brief["product"].append(clip.other_id in found[:3])
            places = [s.shown.second for hit in result if hit.item_id == clip.item_id for s in hit.signals if s.shown]
            spans = clip.spans[clip.item_id]
            seconds.append(any(a - WITHIN <= places[0] <= b + WITHIN for a, b in spans) if places else False)
            if found[:1] != [clip.item_id]:
                print(f"{clip.item_id} with {clip.other_id}: {found[:3]}")
    for name, right in first.items():
        other = f"the other item among the first three in {np.mean(brief[name]):.3f}"
        print(f"{name}: the item first in {np.mean(right):.3f}, {other}, of {len(right)} clips")
    print(f"one of the two items first: {np.mean(either):.3f}")
    print(f"its second within {WITHIN:g} s: {np.mean(seconds):.3f}")


def _searched(catalogue: Catalogue, encoder: PictureEncoder, rows: PictureVectors, video: Video) -> list[Hit]:
    return search_by_frames(catalogue, encoder, rows, [f.second for f in video.frames], name="vid1", k=5).items


if __name__ == "__main__":
    main()
