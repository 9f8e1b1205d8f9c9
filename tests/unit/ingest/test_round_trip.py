"""Every line that is accepted can be searched, shown, exported and ingested again to the same item.

``TEST_EXAMPLES=10000`` runs so many lines; the run then takes minutes.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant.ingest import Encoders, IngestOptions, IngestSummary, Rejection, ingest
from assistant.ingest.export import catalogue_line
from assistant.interactions import InteractionOptions
from assistant.interactions import ingest as ingest_events
from tests.fakes.encoders import HashPictures, HashText
from tests.strategies import catalogue, events
from tools.bounds import check
from tools.errors import BadInput
from tools.records import Filters, Item
from tools.store import Catalogue, Writer
from tools.taste.events import EventStore

AT_ONCE = 20
RUNS = max(1, settings().max_examples // AT_ONCE)
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
LINES = st.lists(st.one_of(*[catalogue.lines()] * 9, catalogue.broken_lines()), min_size=AT_ONCE, max_size=AT_ONCE)
EVENTS = st.lists(events.lines(), min_size=AT_ONCE, max_size=AT_ONCE)


@pytest.fixture(scope="module", autouse=True)
def _no_index() -> Iterator[None]:
    """Without Chroma, which takes a second to begin; the tests of the index are elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Writer, "follow", lambda self: None)
        yield


def ingested(
    folder: Path, content: str, name: str = "lines.jsonl"
) -> tuple[list[Item], list[Rejection], IngestSummary]:
    """What a catalogue holds after the lines, each item read in every way that the product reads one."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(content, "utf-8", "replace")
    rejections: list[Rejection] = []
    with Catalogue.open(folder / "data") as store:
        encoders = Encoders(HashText(), HashPictures())
        try:
            summary = ingest(store, [folder / name], encoders, IngestOptions(), reject=rejections.append)
        except BadInput:
            return [], rejections, IngestSummary(files=[])
        items = list(store.items())
        assert store.browse(Filters(), "newest", 1_000) == items[::-1]
        assert store.get_many([item.id for item in items]) == {item.id: item for item in items}
        for item in items:
            store.keyword(item.title, 5)
            assert all(found in {each.id for each in items} for found, *_ in store.keyword(item.description[:200], 5))
        store.vocabulary()
        json.dumps(store.stats().model_dump(), allow_nan=False)
    return items, rejections, summary


def is_sound(item: Item) -> None:
    """It can be sent and read by any reader of JSON, and keeps the bounds."""
    text = item.model_dump_json()
    assert Item.model_validate_json(text) == item
    text.encode("utf-8")
    assert json.loads(text, parse_constant=_no_constant) == item.model_dump()
    check(item.attributes)


def _no_constant(name: str) -> None:
    raise AssertionError(name)


def round_trip(content: str, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        items, rejections, summary = ingested(Path(folder), content, name)
        for rejection in rejections:
            assert rejection.line >= 1
            assert "\n" not in rejection.reason
            rejection.model_dump_json().encode("utf-8")
        parts = (summary.accepted, summary.unchanged, summary.rejected, summary.duplicates, summary.merged)
        assert summary.lines == sum(parts)
        for item in items:
            is_sound(item)
        if items:
            exported = "".join(catalogue_line(item) + "\n" for item in items)
            again, lost, _ = ingested(Path(folder) / "again", exported)
            assert again == items
            assert [rejection for rejection in lost if rejection.kind != "picture"] == []


@settings(max_examples=RUNS, suppress_health_check=SLOW)
@given(LINES)
def test_what_is_accepted_comes_back_as_the_same_item(lines: Sequence[str]) -> None:
    round_trip("\n".join(lines), "lines.jsonl")


@settings(max_examples=RUNS, suppress_health_check=SLOW)
@given(catalogue.csv_files())
def test_so_does_what_comes_in_csv(content: str) -> None:
    round_trip(content, "lines.csv")


def _pseudonym(user: str) -> str:
    return hashlib.sha256(user.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@settings(max_examples=RUNS, suppress_health_check=SLOW)
@given(EVENTS)
def test_events_are_taken_or_told_line_by_line(lines: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (path := Path(folder) / "events.jsonl").write_text("\n".join(lines), "utf-8")
        rejections: list[Rejection] = []
        with closing(EventStore.open(Path(folder) / "data")) as store:
            try:
                summary = ingest_events(store, [path], InteractionOptions(_pseudonym), reject=rejections.append)
            except BadInput:
                return
            assert summary.lines == len(lines) == summary.new + summary.known + summary.rejected
            assert len(rejections) == summary.rejected + summary.fields_unread
            assert store.stats().events == summary.new
            for user in store.user_ids().values():
                json.dumps([event.model_dump() for event in store.of_user(user)], allow_nan=False)
        for rejection in rejections:
            rejection.model_dump_json().encode("utf-8")
