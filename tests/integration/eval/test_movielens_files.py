"""MovieLens-100K as it is really fetched: by hash, once."""

from pathlib import Path

from assistant.models.progress import SilentReporter
from assistant.settings import load_settings
from eval.research.public import movielens
from eval.research.public.split import leave_last_out


def test_it_is_fetched_and_has_its_published_size(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    folder = movielens.fetch(settings, SilentReporter())
    interactions = movielens.load(folder).interactions
    assert (len(interactions), len(interactions.users), len(interactions.items)) == (100_000, 943, 1_682)
    split = leave_last_out(interactions)
    assert len(split.test) == len(split.tune) == 943
    assert len(split.train) == 100_000 - 2 * 943
    changed = (folder / "ml-100k.inter").stat().st_mtime_ns
    assert movielens.fetch(settings, SilentReporter()) == folder
    assert (folder / "ml-100k.inter").stat().st_mtime_ns == changed
