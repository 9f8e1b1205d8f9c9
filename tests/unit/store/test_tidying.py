"""Tidying leaves the vectors that items use, and no others, whoever wrote what before."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.catalogues import entry, fill, vectors_of
from tests.fakes.encoders import identity
from tools.records import Item
from tools.store import Catalogue, CatalogueEntry, writing
from tools.store.database import DATABASE

ITEMS = st.builds(lambda n, title: Item(id=f"{n}", title=title), st.integers(0, 4), st.sampled_from("abc"))
ENTRIES = st.builds(lambda item, pictures: entry(item, pictures=pictures), ITEMS, st.integers(0, 2))
WRITERS = st.lists(
    st.tuples(
        st.lists(
            st.one_of(
                st.lists(ENTRIES, min_size=1, max_size=4),  # an id may stand twice
                st.lists(st.integers(0, 4).map(str), min_size=1, max_size=2),
            ),
            max_size=4,
        ),
        st.booleans(),
    ),
    min_size=1,
    max_size=4,
)
"""For each writer the items that it puts or the ids that it removes, and whether it tidies at its end."""


def _hashes(folder: Path, table: str) -> set[bytes]:
    with sqlite3.connect(folder / DATABASE) as connection:
        return {row[0] for row in connection.execute(f"SELECT hash FROM {table}")}


@pytest.mark.parametrize("remembered", [writing.FREED_MOST, 1])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(writers=WRITERS)
def test_only_vectors_that_are_used_are_left(
    tmp_path_factory: pytest.TempPathFactory,
    remembered: int,
    writers: Sequence[tuple[Sequence[Sequence[CatalogueEntry | str]], bool]],
) -> None:
    folder = tmp_path_factory.mktemp("tidied")
    with pytest.MonkeyPatch.context() as patch, Catalogue.open(folder) as catalogue:
        patch.setattr(writing, "FREED_MOST", remembered)
        fill(catalogue, [entry(Item(id="0", title="a"), pictures=1)])
        for steps, tidies in [*writers, ([], True)]:
            with catalogue.writing() as writer:
                for step in steps:
                    entries = [one for one in step if isinstance(one, CatalogueEntry)]
                    if entries:
                        writer.put(entries, vectors_of(entries))
                    else:
                        writer.remove([str(one) for one in step])
                if tidies:
                    writer.tidy()
                    assert _hashes(folder, "vectors") == _hashes(folder, "places")


def test_a_single_change_leaves_the_vectors_of_other_items_unread(tmp_path: Path) -> None:
    """Every tidying of a million items would otherwise read all their vectors."""
    with Catalogue.open(tmp_path) as catalogue:
        fill(catalogue, [entry(Item(id=f"{n}", title=f"{n}")) for n in range(300)])
        with catalogue._database.writing() as connection:
            hidden = connection.execute("SELECT hash FROM vectors LIMIT 1").fetchone()[0]
            connection.execute("DELETE FROM places WHERE hash = ?", (hidden,))
            connection.execute("UPDATE meta SET value = value + 1 WHERE name = 'tidied'")
        with catalogue.writing() as writer:
            writer.remove(["299"])
            writer.tidy()
        assert hidden in _hashes(tmp_path, "vectors"), "only what this writer freed was looked at"
        assert len(_hashes(tmp_path, "vectors")) == 299


def test_the_vectors_of_an_encoder_that_nothing_uses_are_dropped(tmp_path: Path) -> None:
    with Catalogue.open(tmp_path) as catalogue:
        fill(catalogue, [entry(Item(id="0", title="a"))])
        with catalogue.writing() as writer:
            writer.remove(["0"])
            writer.use_encoder("text", identity("another"))
            writer.tidy()
        with catalogue._database.reading() as connection:
            encoders = [row[0] for row in connection.execute("SELECT identity FROM encoders")]
        assert not [one for one in encoders if "fake text" in one]
        assert not _hashes(tmp_path, "vectors")
