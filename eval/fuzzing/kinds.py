"""The four kinds of cases and what must hold for each of them."""

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from assistant.agent.reading.reader import MessageReader
from assistant.errors import ProductError
from assistant.ingest import IngestSummary, Rejection
from assistant.ingest.export import catalogue_line
from assistant.interactions import InteractionOptions, InteractionSummary
from assistant.interactions import ingest as take_in_events
from assistant.records import Memory
from assistant.service.routes.catalogue_map import project
from assistant.service.routes.catalogue_reading import Sort, browsed, neighbours, searched
from assistant.service.routes.catalogue_views import item_out, stats_out
from assistant.understanding import Utterance, to_filters
from eval.fuzzing import lines, shop
from eval.fuzzing.counting import HANG_SECONDS, ServiceGone, Tally, run
from eval.fuzzing.messages import FuzzMessage, conversations, messages
from eval.fuzzing.requests import SESSION, FuzzRequest, Operations
from eval.fuzzing.serving import FuzzAnswer, FuzzedService
from eval.fuzzing.values import encoded, mostly
from tools.records import Filters, Item
from tools.store import Catalogue
from tools.taste.events import EventStore

Say = Callable[[str], None]
File = tuple[str, list[bytes]]
"""The end of a file's name, and its lines with their line feeds."""
Kind = Callable[["FuzzPlan"], Tally]
ServedKind = Callable[["FuzzPlan", FuzzedService], Tally]
LINES_A_FILE = 20
CASES_A_SESSION = 100
READ_AFTERWARDS = (
    "/readyz", "/api/me", "/api/me/export", "/api/sessions", "/api/catalogue/items?limit=100", "/api/catalogue/stats",
    "/api/catalogue/map?space=text", "/api/jobs", "/metrics", "/api/me/profile",
)  # fmt: skip
RECOVERY_SECONDS = 60.0
WARM_UP = (
    "black shoes under 100 dollars, not Nike", "schwarze Schuhe", "zapatos negros", "zapatos", "黑色的鞋",
)  # fmt: skip
"""Read before anything is counted: names and language detector are loaded by the first messages."""
TURNS_SHARE = 25
"""One in so many messages is a whole turn; the others are read only."""


@dataclass(frozen=True)
class FuzzPlan:
    """How many cases of a kind, from which seed, and where progress goes."""

    cases: int
    seed: int
    folder: Path
    say: Say = lambda _: None

    def tick(self, tally: Tally) -> None:
        """Tell how far it is, now and then."""
        if tally.cases % max(1, self.cases // 10) == 0:
            self.say(f"{tally.kind}: {tally.cases:,} of {self.cases:,}, {len(tally.failures)} distinct failures")


@contextmanager
def counted(kind: str) -> Iterator[Tally]:
    tally, began = Tally(kind), time.monotonic()
    try:
        yield tally
    except ServiceGone as exc:
        tally.fail("hang", str(exc), f"after {tally.cases} cases")
    tally.seconds = time.monotonic() - began


# Messages ------------------------------------------------------------------------------------------------------------


def reading(plan: FuzzPlan) -> Tally:
    """Messages read without classifiers: no error, and filters that hold together."""
    with counted("messages, reading") as tally, Catalogue.open(plan.folder / "reading") as catalogue:
        shop.stock(catalogue, plan.folder / "reading-stock")
        vocabulary, reader = catalogue.vocabulary(), MessageReader(None, None, catalogue)
        for text in WARM_UP:
            reader.understand([Utterance(source="text", text=text)], Memory(), vocabulary, attached=False)

        def check(text: str) -> None:
            try:
                with tally.timed(text):
                    utterances = [Utterance(source="text", text=text)]
                    understood = reader.understand(utterances, Memory(), vocabulary, attached=False)
                    filters = to_filters(understood.preferences)
                    json.dumps(filters.model_dump(), allow_nan=False)
                    catalogue.count_eligible(filters)
            except Exception as exc:
                tally.fail_by(exc, text)
            plan.tick(tally)

        run(messages, check, count=plan.cases, start=plan.seed)
    return tally


def turns(plan: FuzzPlan, served: FuzzedService) -> Tally:
    """Conversations over HTTP: every message is answered or refused, and the session can be read and exported."""
    with counted("messages, whole turns") as tally:

        def check(conversation: list[FuzzMessage]) -> None:
            session = new_session(served)
            sent: list[str] = []
            for message in conversation:
                body = message.as_json()
                sent.append(body)
                with tally.timed(sent):
                    answer = served.request("POST", f"/api/sessions/{session}/messages", body.encode())
                judge(tally, served, answer, sent)
                plan.tick(tally)
            for path in ("", "/export", "/export?format=markdown"):
                judge(tally, served, served.request("GET", f"/api/sessions/{session}{path}"), sent, only={200})

        run(conversations, check, count=max(1, plan.cases // 3), start=plan.seed)
        judge(tally, served, served.request("GET", "/api/me/export"), "GET /api/me/export afterwards", only={200})
    return tally


# Files ---------------------------------------------------------------------------------------------------------------


def catalogue(plan: FuzzPlan) -> Tally:
    """Catalogue files with good and odd lines: what is accepted can be searched, shown, exported and taken in again."""
    folder = plan.folder / "catalogue"
    with (
        counted("catalogue lines") as tally,
        Catalogue.open(folder / "first") as first,
        Catalogue.open(folder / "second") as second,
    ):
        journey = Journey(tally, first, second, folder)

        def check(file: File) -> None:
            path = _write_file(folder / f"{tally.cases}{file[0]}", file)
            with _lines_timed(tally, file):
                _attempt(tally, file, lambda: _note(tally, shop.take_in(first, [path])))
            _attempt(tally, file, lambda: journey.check(file))
            plan.tick(tally)

        _run_files(plan, tally, _files(lines.catalogue_lines, lines.CATALOGUE_COLUMNS), check)
        tally.notes["items at the end"] = first.count()
    return tally


def events(plan: FuzzPlan) -> Tally:
    """Event files: what is accepted can be read, counted and exported."""
    with counted("event lines") as tally, closing(EventStore.open(plan.folder / "events")) as store:
        options = InteractionOptions(lambda user: hashlib.blake2b(encoded(user), digest_size=16).hexdigest())

        def check(file: File) -> None:
            path = _write_file(plan.folder / "events" / f"{tally.cases}{file[0]}", file)
            with _lines_timed(tally, file):
                _attempt(tally, file, lambda: _note(tally, take_in_events(store, [path], options)))
            _attempt(tally, file, lambda: _check_events(store))
            plan.tick(tally)

        _run_files(plan, tally, _files(lines.event_lines, lines.EVENT_COLUMNS), check)
        tally.notes["events at the end"] = store.stats().events
    return tally


def _run_files(plan: FuzzPlan, tally: Tally, files: st.SearchStrategy[File], check: Callable[[File], None]) -> None:
    """Files until they have brought as many lines as the plan has cases."""
    start = plan.seed
    while tally.cases < plan.cases:
        run(files, check, count=max(1, (plan.cases - tally.cases) // LINES_A_FILE), start=start)
        start += 1


def _files(line: st.SearchStrategy[bytes], columns: dict[str, st.SearchStrategy[str]]) -> st.SearchStrategy[File]:
    """JSONL files, and one in three CSV."""
    sizes: dict[str, Any] = {"min_size": LINES_A_FILE // 2, "max_size": LINES_A_FILE * 3 // 2}
    header = ",".join(columns).encode() + b"\n"
    of_json = st.tuples(st.just(".jsonl"), st.lists(line.map(lambda text: text + b"\n"), **sizes))
    of_csv = st.tuples(st.just(".csv"), st.lists(lines.csv_rows(columns), **sizes).map(lambda rows: [header, *rows]))
    return mostly(of_json, of_csv, one_in=3)


def _write_file(path: Path, file: File) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(file[1]))
    return path


@contextmanager
def _lines_timed(tally: Tally, file: File) -> Iterator[None]:
    """A file's lines are so many cases; the time of one is its share."""
    count = len(file[1]) - (file[0] == ".csv")
    whole = Tally("")
    try:
        with whole.timed(file):
            yield
    finally:
        tally.cases += count
        tally.seconds += whole.seconds
        if whole.slowest_ms / max(1, count) > tally.slowest_ms:
            tally.slowest_ms, tally.slowest = whole.slowest_ms / max(1, count), whole.slowest
        for failure in whole.failures.values():
            tally.fail(failure.sort, failure.description, failure.reproducer)


def _note(tally: Tally, summary: IngestSummary | InteractionSummary) -> None:
    """Count the lines that were taken and those that were refused with a reason."""
    tally.notes["lines taken"] += summary.lines - summary.rejected
    tally.notes["lines refused"] += summary.rejected


def _attempt(tally: Tally, file: File, work: Callable[[], object]) -> None:
    """Do it; an error of the product with one sentence is an answer, anything else a failure."""
    try:
        work()
    except ProductError as exc:
        if "\n" in str(exc):
            tally.fail("traceback", f"a refusal of several lines: {str(exc)[:80]!r}", file)
    except Exception as exc:
        tally.fail_by(exc, file)


@dataclass
class Journey:
    """Reads all that the first catalogue holds, and takes what is new in it into the second one by way of an export."""

    tally: Tally
    first: Catalogue
    second: Catalogue
    folder: Path
    items: dict[str, Item] = field(default_factory=dict)

    def check(self, file: File) -> None:
        """After this file."""
        items = {item.id: item for item in self.first.items()}
        new = [item for item in items.values() if self.items.get(item.id) != item]
        self.items = items
        _read_everything(self.first, new)
        if new:
            self._take_along(new, file)

    def _take_along(self, items: Sequence[Item], file: File) -> None:
        export = self.folder / "export.jsonl"
        export.write_text("".join(catalogue_line(item) + "\n" for item in items), "utf-8")
        shop.take_in(self.second, [export], lambda rejection: self._refused(rejection, file))
        again = self.second.get_many([item.id for item in items])
        for item in items:
            self._compare(item, again.get(item.id), file)

    def _refused(self, rejection: Rejection, file: File) -> None:
        if rejection.kind == "line":
            self.tally.fail("lost", f"an exported line is refused: {rejection.reason[:80]}", file)

    def _compare(self, item: Item, again: Item | None, file: File) -> None:
        """Whether the item is the same; its pictures, of which no file is there, are left out."""
        if again is None:
            return
        before, after = item.model_dump(exclude={"images"}), again.model_dump(exclude={"images"})
        if different := sorted(name for name in before if before[name] != after[name]):
            difference = {name: (before[name], after[name]) for name in different}
            self.tally.fail("lost", f"exported and taken in again, {', '.join(different)} differs", difference)


def _read_everything(catalogue: Catalogue, new: Sequence[Item]) -> None:
    """Everything that reads the catalogue, by every order."""
    orders: tuple[Sort, ...] = ("title", "price", "-price", "newest")
    for order in orders:
        browsed(catalogue, Filters(), order, 200, 0)
    filters = Filters(max_price=100, in_stock=True, exclude_terms=["red"])
    searched(shop.engines(catalogue), "black shoes 鞋", filters, "relevance", 20, 0)
    stats_out(catalogue)
    catalogue.vocabulary().model_dump_json()
    project(catalogue.spread("text", 200)[1], "pca")
    for item in new:
        item_out(catalogue, item).model_dump_json()
        json.dumps(json.loads(item.model_dump_json()), allow_nan=False)
    for item in new[:3]:
        neighbours(catalogue, item.id, "text", 3)


def _check_events(store: EventStore) -> None:
    store.stats().model_dump_json()
    for user in list(store.user_ids().values())[-5:]:
        for event in store.of_user(user, limit=50):
            json.dumps(json.loads(event.model_dump_json()), allow_nan=False)
    for batch in store.matrix_rows():
        if not len(batch.users):
            break


# HTTP ----------------------------------------------------------------------------------------------------------------


def requests(plan: FuzzPlan, served: FuzzedService) -> Tally:
    """Requests of all kinds at every address: an answer below 500, and a service that goes on."""
    with counted("HTTP requests") as tally:
        session = new_session(served)

        def check(request: FuzzRequest) -> None:
            nonlocal session
            if tally.cases % CASES_A_SESSION == 0:
                session = new_session(served)
                served.request("POST", "/api/catalogue/items", shop.as_body())  # some were deleted
            content = request.as_bytes(session, served.port)
            reproducer = request.as_bytes(SESSION, served.port)
            with tally.timed(reproducer):
                answer = served.send(content, whole=not request.streams_without_end)
            judge(tally, served, answer, reproducer)
            tally.notes[str(answer.status)] += 1
            plan.tick(tally)

        run(Operations(served.document).requests(), check, count=plan.cases, start=plan.seed)
        for path in READ_AFTERWARDS:
            judge(tally, served, served.request("GET", path, seconds=60), f"GET {path} afterwards", only={200})
    return tally


def new_session(served: FuzzedService) -> str:
    """A new session's id; waits while a service that hung comes back."""
    end = time.monotonic() + RECOVERY_SECONDS
    while True:
        answer = served.request("POST", "/api/sessions", b"{}")
        if answer.status == 201:
            return str(json.loads(_unchunked(answer))["session_id"])
        if time.monotonic() > end:
            raise ServiceGone(f"the service begins no sessions any more: {answer.status} {answer.body[:200]!r}")
        time.sleep(0.5)


def _unchunked(answer: FuzzAnswer) -> bytes:
    return answer.body[answer.body.find(b"{") : answer.body.rfind(b"}") + 1]


DOCUMENTED = (
    (503, b"model"),  # a model that this service runs without
    (503, b"Too many changes"),
    (504, b"longer than"),  # a tool's deadline
)


def _sentence(answer: FuzzAnswer) -> str:
    """What an answer says, without what is of one request only."""
    match = re.search(rb'"(?:detail|message)": ?"([^"]*)', answer.body)
    return (match[1] if match else answer.body)[:160].decode("utf-8", "replace")


def judge(tally: Tally, served: FuzzedService, answer: FuzzAnswer, case: object, only: set[int] | None = None) -> None:
    """Whether an answer, and what was logged meanwhile, is as it should be."""
    for logged in served.log.take():
        tally.fail("traceback", logged, case)
    if answer.status is None:
        tally.fail("hang", f"no answer within {HANG_SECONDS:g} s", case)
        return
    documented = any(answer.status == status and words in answer.body for status, words in DOCUMENTED)
    if answer.status >= 500 and documented:
        tally.notes[f"documented {answer.status}"] += 1
    elif answer.status >= 500:
        tally.fail("5xx", f"{answer.status}: {_sentence(answer)}", case)
    elif only and answer.status not in only:
        tally.fail("lost", f"{answer.status} in place of {sorted(only)}: {answer.body[:160]!r}", case)
    if str(served.folder).encode() in answer.body:
        tally.fail("lost", "an answer names a folder of the server", case)
