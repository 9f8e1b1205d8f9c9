"""The files of S3-Rec (Zhou et al. 2020): a line a user, the user's id and the ids of the items in order.

Papers on sequential recommendation use them for Amazon's Beauty, Toys and Sports (5-core of 2014), with the last item
to test on, the one before it to tune on, and all items as candidates, which is what `eval.research.public.protocol`
does with all users. Times are not in the files.
"""

from collections.abc import Iterator
from pathlib import Path

from assistant.errors import BadInput
from eval.research.public.amazon import LICENCE
from eval.research.public.interactions import Dataset, collect
from eval.research.public.reading import reading


def load(path: Path) -> Dataset:
    """Read a file.

    Raises:
        BadInput: the file is missing, or a line has no item.
    """
    interactions = collect(_events(path))
    return Dataset(f"{path.stem} (S3-Rec)", interactions, [""] * len(interactions.items), LICENCE, timed=False)


def _events(path: Path) -> Iterator[tuple[str, str, float, int]]:
    with reading(path), path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            user, *items = line.split() or [""]
            if not items:
                raise BadInput(f"{path}, line {number}: needs a user and at least one item, with spaces between.")
            yield from ((user, item, 1.0, place) for place, item in enumerate(items))
