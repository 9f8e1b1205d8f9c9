"""MovieLens-100K (Harper and Konstan 2015): 100,000 ratings by 943 people of 1,682 films, with titles and genres.

The files lie in the wheel of RecBole 1.2.1, which is used as a container: downloaded by hash, never installed.
GroupLens allows research, and neither commercial use nor passing the data on without permission: it is fetched, not
committed.
"""

from pathlib import Path

from assistant import models
from assistant.models.progress import Reporter
from assistant.settings import Settings
from eval.research.public import recbole
from eval.research.public.interactions import Dataset

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
    """Read the files; see `eval.research.public.recbole`."""
    licence = "GroupLens: research only, no commercial use, no redistribution"
    return recbole.load(folder / f"{NAME}.inter", name="MovieLens-100K", licence=licence)
