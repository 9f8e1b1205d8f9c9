"""Catalogue files into the catalogue: batches are written as a whole, and several are on their way at the same time.

One is fetched, one looked at and its videos decoded, one encoded, one read and listened to, each in a thread of its own
with no queues between them. Those that are encoded are written together if they come faster than the disk takes them.
The vector index takes in what is written meanwhile, in a process of its own with `IngestOptions.index_process`.

Ended at any point, by Ctrl-C, kill -9 or a full disk, the same command goes on where it stopped: items that are in the
catalogue are recognised as unchanged.

The files are read twice. The first reading checks every line and finds out which line is the last with its id; the
second does the work. So the last line wins, and a file that repeats ids still does no work the second time.
"""

import json
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import TYPE_CHECKING, Literal, NamedTuple, Self, TypeVar, cast

from assistant.errors import BadInput
from assistant.ingest.encoding import Embedding, Encoded, Encoders, encode
from assistant.ingest.files import open_files
from assistant.ingest.pictures import MediaLoader
from assistant.ingest.planning import Batch, BatchPlan, BatchPlanner, PendingItem
from assistant.ingest.progress import Progress, SilentProgress, Steps
from assistant.ingest.remote import Fetcher
from assistant.ingest.report import IngestSummary, Rejection
from assistant.ingest.sources import Storage
from assistant.ingest.speech import Listener, SoundListener
from assistant.ingest.survey import LineRules, Survey
from assistant.ingest.validate import DESCRIPTION_CHARACTERS
from assistant.ingest.words import PictureReader
from tools import calibration
from tools.media import MediaLimits
from tools.store import Catalogue, CatalogueEntry, NewVector, Picture, Writer, is_web_address, source_file

if TYPE_CHECKING:
    from tools.engines.ocr import WordReader

T = TypeVar("T")

BATCH_LINES = 64
BATCH_PICTURES = 64
"""A recording or video counts as many as the frames that are taken of a video."""
BATCH_CHARACTERS = 4_000_000
WAITING_BATCHES = 16
"""Encoded batches that wait for the disk; they are then written in one transaction."""
FOLLOW_AFTER = 2_000
"""Written items after which the Chroma index is brought up to date on the way."""
FIRST_FOLLOW = 200
"""The same for the first time: a process of its own needs a second to begin."""


@dataclass(frozen=True)
class IngestOptions:
    """How to ingest.

    Attributes:
        media_root: replaces the folder of each file as the place where pictures must lie.
        fetch_pictures: fetch pictures, recordings and videos that are given as web addresses.
        public_only: fetch over https and from the public internet alone, not from this machine or private networks.
        stopped: asked while files are fetched; once true, no more are.
        words: reads the words in pictures, which become searchable; None: they are not read.
        speech: writes down what is said in recordings and videos, likewise.
        language: the language that words are analysed in, as ISO 639-1 code.
        mapping: names of columns by the field that they fill (`exports.MAPPED`).
        currency: ISO 4217 code for prices that name none.
        storages: where files were copied from whose pictures are to be copied as well.
        index_process: let a process of its own take what is new into the vector index (`Catalogue.writing`).
    """

    media_root: Path | None = None
    prune: bool = False
    fetch_pictures: bool = False
    public_only: bool = True
    stopped: Callable[[], bool] = lambda: False
    words: "WordReader | None" = None
    speech: Listener | None = None
    language: str = "en"
    mapping: Mapping[str, str] = field(default_factory=dict)
    currency: str | None = None
    media: MediaLimits = field(default_factory=MediaLimits)
    storages: Sequence[Storage] = ()
    index_process: bool = False

    def fingerprint(self) -> str:
        """Whatever may turn the same line into another item."""
        media, reading = self.media, [one.name if one else "" for one in (self.words, self.speech)]
        of_video = [media.video_bytes, media.video_seconds, media.video_pixels, media.video_frames]
        of_sound = [media.audio_bytes, media.audio_seconds]
        return json.dumps(
            [DESCRIPTION_CHARACTERS, media.image_bytes, media.image_pixels, *of_video, *of_sound, *reading]
        )


Reject = Callable[[Rejection], None]


def ingest(
    catalogue: Catalogue,
    files: Sequence[Path],
    encoders: Encoders,
    options: IngestOptions | None = None,
    *,
    reject: Reject = lambda _: None,
    progress: Progress | None = None,
    embedding: Embedding | None = None,
) -> IngestSummary:
    """Bring a catalogue up to what its files say.

    Args:
        catalogue: where to; this is its only writer meanwhile.
        files: catalogue files and feeds (docs/catalogue.md); a later item replaces an earlier one with its id.
        encoders: what makes the vectors; loaded only when something must be encoded.
        options: limits, pruning, where pictures lie.
        reject: told of every line and picture that was not taken, as it is found.
        progress: told how far it is.
        embedding: where the vectors are made, by encoders like these; default: in this process.

    Raises:
        BadInput: a file can't be read at all, or none of the lines can be taken.
        EncoderMismatch: the catalogue was made with other encoders.
        StoreError: another process is writing, the disk is full, the catalogue is damaged.
    """
    run = _Run(catalogue, files, encoders, options or IngestOptions(), reject, progress or SilentProgress(), embedding)
    return run()


class _Run:
    """One ingestion."""

    def __init__(
        self,
        catalogue: Catalogue,
        files: Sequence[Path],
        encoders: Encoders,
        options: IngestOptions,
        reject: Reject,
        progress: Progress,
        embedding: Embedding | None,
    ) -> None:
        self.catalogue = catalogue
        self.encoders = encoders
        self.options = options
        self.reject = reject
        self.progress = progress
        self.embedding = embedding
        self.files = open_files(files, options.mapping)
        self.rules = LineRules(options.media_root, options.fingerprint(), options.currency)
        self.survey = Survey(self.files, self.rules)
        self.summary = IngestSummary(files=[str(file.path) for file in self.files])

    def __call__(self) -> IngestSummary:
        start = time.monotonic()
        before = [_stamp(file.path) for file in self.files]
        self.survey.read(self.progress)
        self.summary.lines = self.survey.lines
        with self.catalogue.writing(index_process=self.options.index_process) as writer:
            self.encoders.claim(writer)
            writer.use_language(self.options.language)
            self._work(writer)
            if [_stamp(file.path) for file in self.files] != before:
                raise BadInput("A catalogue file was changed while it was read; give the same command again.")
            if self.options.prune:
                self._prune(writer)
            calibration.prepare(self.catalogue, writer, self.encoders.text, self.encoders.pictures)
            if not writer.is_tidy():
                writer.tidy()
            for path in self.catalogue.unused_frames():
                self.catalogue.files.delete(path)
        self.summary.seconds = round(time.monotonic() - start, 3)
        return self.summary

    def _work(self, writer: Writer) -> None:
        options, remote = self.options, self.catalogue.folder / "media"
        with (
            self.progress.stage("Ingesting", self.summary.lines, "lines") as done,
            closing(
                MediaLoader(options.media, twice=options.speech is not None, decoded=lambda: steps.add("decoding"))
            ) as loader,
        ):
            steps = Steps(done)
            self.fetcher = Fetcher(
                remote,
                options.media,
                public_only=options.public_only,
                stopped=lambda: options.stopped() or loader.stopped,
                fetched=lambda: steps.add("fetching"),
                files=self.catalogue.files,
            )
            planner = BatchPlanner(
                writer,
                loader,
                remote=remote,
                own_text_space=not self.encoders.pictures.joint_is_text_space,
                hears=self.encoders.sounds is not None,
                refused=self.fetcher.refused,
                files=self.catalogue.files,
                decodes=self.embedding is None,
            )
            reader, listener = None, None
            if options.words:
                reader = PictureReader(options.words, writer, remote, options.media, lambda: steps.add("reading"))
            if options.speech:
                listener = SoundListener(options.speech, writer, loader, remote, lambda: steps.add("transcribing"))
            with (
                closing(ahead(self._fetched(), loader.stop)) as batches,
                closing(ahead(map(planner.plan, batches), loader.stop)) as plans,
                closing(self._encoded(plans, loader, steps)) as encoded_plans,
                _BackgroundWriter(writer, lambda count: steps.add("writing", count)) as background,
            ):
                for plan, encoded in encoded_plans:
                    read = reader.read(plan, encoded.failed) if reader else None
                    said = listener.hear(plan, encoded.failed) if listener else None
                    entries = [work.entry(encoded.failed, read, said) for work in plan.work]
                    self._count(plan, encoded)
                    self.summary.pictures_read = reader.count if reader else 0
                    self.summary.sounds_heard = listener.count if listener else 0
                    background.write(entries, encoded.vectors, plan)
                    steps.reach(plan.batch.read)

    def _fetched(self) -> Iterator[Batch]:
        """The batches, once the files at web addresses are here that may be fetched."""
        for batch in self._batches():
            for storage in self.options.storages:
                storage.bring((reference, one.root) for one in batch.lines for reference, _ in one.files)
            if self.options.fetch_pictures:
                kinds = {url: kind for source in batch.lines for url, kind in source.files}
                self.fetcher(kinds)
            yield batch

    def _encoded(
        self, plans: Iterator[BatchPlan], loader: MediaLoader, steps: Steps
    ) -> Generator[tuple[BatchPlan, Encoded], None, None]:
        """Each plan with its vectors."""

        def told(count: int) -> None:
            steps.add("encoding", count)

        if self.embedding:
            return self.embedding(plans, self.options.media, told)
        return ahead(((plan, encode(plan, self.encoders, loader, told)) for plan in plans), loader.stop)

    def _batches(self) -> Iterator[Batch]:
        """Lines to be taken, in handy batches; those that a later line replaces are left out."""
        batch, pictures, characters, read = Batch(), 0, 0, 0
        for index in range(len(self.files)):
            for group in self.survey.groups(index):
                read += 1 if isinstance(group, Rejection) else len(group)
                line = self.survey.taken(index, group, batch)
                if line:
                    batch.lines.append(line)
                    media = len(line.line.audio) + len(line.line.video)
                    pictures += len(line.line.images) + media * self.options.media.video_frames
                    characters += line.characters
                if len(batch.lines) >= BATCH_LINES or pictures >= BATCH_PICTURES or characters >= BATCH_CHARACTERS:
                    batch.read = read
                    yield batch
                    batch, pictures, characters = Batch(), 0, 0
        batch.read = read
        yield batch

    def _count(self, plan: BatchPlan, encoded: Encoded) -> None:
        summary, batch = self.summary, plan.batch
        summary.new += sum(work.stored is None for work in plan.work)
        summary.changed += sum(work.stored is not None for work in plan.work)
        summary.unchanged += len(plan.unchanged) + len(plan.touched)
        summary.rejected += sum(rejection.kind == "line" for rejection in batch.rejected)
        summary.duplicates += batch.duplicates
        summary.merged += batch.merged
        summary.texts_embedded += encoded.texts
        summary.pictures_embedded += encoded.pictures
        summary.sounds_embedded += encoded.sounds
        summary.descriptions_cut += sum(source.line.description_cut for source in batch.lines)
        unread = [rejection for source in batch.lines for rejection in source.unread]
        summary.fields_unread += len(unread)
        summary.links_dropped += sum(name == "url" for source in batch.lines for name, _ in source.line.unread)
        for rejection in (*batch.rejected, *unread):
            self.reject(rejection)
        for work in (*plan.work, *plan.unchanged, *plan.touched):
            self._count_files(work)

    def _count_files(self, work: PendingItem) -> None:
        """Count and report what is lost; a video's sound, which it may not have, only with the video."""
        lost = [one for one in work.pictures if one.state == "lost"]
        silent = [one for one in work.sounds if one.state == "lost" and one.reference not in work.item.video]
        media = [one for one in (*work.item.audio, *work.item.video) if is_web_address(one)]
        absent = [one for one in media if not source_file(one, self.fetcher.folder).is_file()]
        self.summary.pictures_remote += sum(picture.state == "remote" for picture in work.pictures)
        self.summary.pictures_remote += sum(one not in self.fetcher.refused for one in absent)
        self.summary.pictures_lost += len(lost)
        self.summary.sounds_lost += len(silent)
        refused = [one for one in work.pictures if one.state == "remote" and one.reference in self.fetcher.refused]
        self._report(work, "picture", [*lost, *refused])
        self._report(work, "sound", silent)

    def _report(self, work: PendingItem, kind: Literal["picture", "sound"], files: Sequence[Picture]) -> None:
        if work.source is None:
            return
        where, line = str(work.source.file), work.source.number
        for file in files:
            reason = f"{file.reference}: {file.reason}"
            self.reject(Rejection(file=where, line=line, id=work.item.id, kind=kind, reason=reason))

    def _prune(self, writer: Writer) -> None:
        """Remove items whose id stands on no line; a rejected line still keeps the item it names."""
        absent_ids = [item_id for item_id in writer.ids() if not self.survey.names(item_id)]
        self.summary.removed = writer.remove(absent_ids)


class _BackgroundWriter:
    """Writes batches in a thread of its own; errors come up at the next call.

    Batches that came while others were written are one transaction: each costs a wait for the disk.
    """

    def __init__(self, writer: Writer, written: Callable[[int], None]) -> None:
        self._writer = writer
        self._written = written
        self._waiting: Queue[_Written | None] = Queue(WAITING_BATCHES)
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, name="write")
        self._until_follow = FIRST_FOLLOW

    def write(self, entries: Sequence[CatalogueEntry], vectors: Sequence[NewVector], plan: BatchPlan) -> None:
        """Have a batch written soon; waits where many wait already."""
        if self._error:
            raise self._error
        files = [(work.stored.key, tuple(work.pictures), tuple(work.sounds)) for work in plan.touched if work.stored]
        self._waiting.put(_Written(entries, vectors, files))

    def _run(self) -> None:
        is_last = False
        while not is_last:
            batches = [self._waiting.get()]
            with suppress(Empty):
                while batches[-1]:
                    batches.append(self._waiting.get_nowait())
            is_last = batches[-1] is None
            try:
                if self._error is None:
                    self._write([batch for batch in batches if batch])
            except BaseException as exc:  # raised where the next batch comes
                self._error = exc

    def _write(self, batches: "Sequence[_Written]") -> None:
        entries = [entry for batch in batches for entry in batch.entries]
        if entries:
            self._writer.put(entries, [vector for batch in batches for vector in batch.vectors])
            self._written(len(entries))
        self._writer.refresh_files([file for batch in batches for file in batch.files])
        self._until_follow -= len(entries)
        if self._until_follow <= 0:
            self._writer.follow_soon()
            self._until_follow = FOLLOW_AFTER

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Finish the batches that wait; their own error is raised unless there is another already."""
        self._waiting.put(None)
        self._thread.join()
        if self._error and kind is None:
            raise self._error


class _Written(NamedTuple):
    """What is written of a batch: items, vectors, and new times of files by item's key."""

    entries: Sequence[CatalogueEntry]
    vectors: Sequence[NewVector]
    files: Sequence[tuple[int, tuple[Picture, ...], tuple[Picture, ...]]]


def ahead(values: Iterator[T], stop: Callable[[], None]) -> Generator[T, None, None]:
    """The same values, each made in another thread while the one before is used.

    ``stop`` is called where that ends early: the thread is waited for, so its work should end soon then.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        try:
            end = object()
            following: Future[T | object] = thread.submit(next, values, end)
            while (value := following.result()) is not end:
                following = thread.submit(next, values, end)
                yield cast("T", value)
        except BaseException:
            stop()
            raise


def reindex(
    catalogue: Catalogue, encoders: Encoders, media: MediaLimits, *, progress: Progress | None = None
) -> IngestSummary:
    """Make every vector anew with other encoders, from the catalogue itself; goes on where it was interrupted.

    The vectors in use go on serving until all the others are there; then they are exchanged in one transaction.

    A picture whose file is gone or has changed since is lost until the catalogue file is ingested again.

    Raises:
        StoreError: another process is writing, or the disk is full.
    """
    summary = IngestSummary(files=[], lines=catalogue.count())
    start = time.monotonic()
    loader = MediaLoader(media)
    with catalogue.writing() as writer, closing(loader):
        spaces = encoders.spaces()
        writer.stage(spaces)
        own_space = not encoders.pictures.joint_is_text_space
        hears, remote = encoders.sounds is not None, catalogue.folder / "media"
        planner = BatchPlanner(
            writer, loader, remote=remote, own_text_space=own_space, hears=hears, files=catalogue.files
        )
        with (progress or SilentProgress()).stage("Embedding", summary.lines, "items") as done:
            for ids in iter(lambda: _unfinished(writer, encoders), []):
                plan = planner.replan(list(catalogue.get_many(ids, also_hidden=True).values()))
                encoded = encode(plan, encoders, loader)
                writer.put([work.entry(encoded.failed) for work in plan.work], encoded.vectors)
                summary.changed += len(ids)
                summary.texts_embedded += encoded.texts
                summary.pictures_embedded += encoded.pictures
                summary.pictures_lost += sum(p.state == "lost" for work in plan.work for p in work.pictures)
                summary.sounds_embedded += encoded.sounds
                done(summary.changed)
        calibration.prepare(catalogue, writer, encoders.text, encoders.pictures)
        writer.switch(spaces)
        writer.tidy()
    summary.seconds = round(time.monotonic() - start, 3)
    return summary


def _unfinished(writer: Writer, encoders: Encoders) -> list[str]:
    """Some items that lack a vector in any space."""
    for space in encoders.spaces():
        ids = writer.unfinished(space, BATCH_PICTURES)
        if ids:
            return ids
    return []


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns
