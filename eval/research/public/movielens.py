"""MovieLens-100K (Harper and Konstan 2015): 100,000 ratings by 943 people of 1,682 films, with titles and genres.

The files lie in the wheel of RecBole 1.2.1, which is used as a container: downloaded by hash, never installed.
GroupLens allows research, and neither commercial use nor passing the data on without permission: it is fetched, not
committed.
"""

from collections.abc import Iterator
from pathlib import Path

from assistant import models
from assistant.models.progress import Reporter
from assistant.settings import Settings
from eval.research.public.interactions import Dataset, collect

NAME = "ml-100k"
REGISTRY = Path(__file__).parent.parent / "data" / "datasets.json"


def fetch(settings: Settings, reporter: Reporter) -> Path:
    """The folder with the files; quick when they are there.

    Raises:
        PullError: no network, wrong hash, or no space.
    """
    home = settings.home.expanduser().absolute() / "eval"
    sources = settings.models.model_copy(update={"registry": REGISTRY})
    return models.pull(settings.model_copy(update={"home": home, "models": sources}), [NAME], reporter)[0]


def load(folder: Path) -> Dataset:
    """Read RecBole's atomic files: a line of ``name:type`` columns, then a line a row, tabs between."""
    texts = {row["item_id"]: _text(row) for row in _rows(folder / f"{NAME}.item")}
    events = (
        (row["user_id"], row["item_id"], float(row["rating"]), int(float(row["timestamp"])))
        for row in _rows(folder / f"{NAME}.inter")
    )
    interactions = collect(events, items=texts)
    return Dataset(
        name="MovieLens-100K",
        interactions=interactions,
        texts=[texts.get(item, "") for item in interactions.items],
        licence="GroupLens: research only, no commercial use, no redistribution",
    )


def _rows(path: Path) -> Iterator[dict[str, str]]:
    lines = path.read_text("utf-8").splitlines()
    names = [column.split(":")[0] for column in lines[0].split("\t")]
    for line in lines[1:]:
        yield dict(zip(names, line.split("\t"), strict=True))


def _text(row: dict[str, str]) -> str:
    return f"{row['movie_title']} ({row['release_year']}). {row['class']}"
