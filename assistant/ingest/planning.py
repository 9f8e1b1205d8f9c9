"""What a batch of items needs: which have changed, and which texts and pictures must be encoded for them."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from assistant.ingest.pictures import AHEAD, PictureLoader, Waiting, frames_of, locate, same_file
from assistant.ingest.report import Rejection
from assistant.ingest.texts import embedded_text
from assistant.ingest.validate import CatalogueLine
from tools.errors import MediaError
from tools.records import Item
from tools.store import CatalogueEntry, Picture, StoredItem, Writer, frame_of, picture_file
from tools.store.offers import PICTURE_WORDS

MOST_LINES = 40
"""Lines of its pictures that an item is given."""


@dataclass(frozen=True)
class FileLine:
    """A checked line, where it stands, the folder its pictures must lie in, and how long it is.

    ``lines``: where its fields stand, of a product with several rows.
    """

    file: Path
    number: int
    line: CatalogueLine
    hash: bytes
    root: Path
    characters: int
    lines: Mapping[str, int] = field(default_factory=dict)

    @property
    def unread(self) -> Iterator[Rejection]:
        """A rejection of each value that was left out."""
        for name, reason in self.line.unread:
            number = self.lines.get(name) or self.lines.get(name.strip().lower()) or self.number
            yield Rejection(file=str(self.file), line=number, id=self.line.id, kind="field", reason=reason)


@dataclass
class PendingItem:
    """One item on its way into the catalogue. ``item`` is still without its pictures' paths."""

    item: Item
    content_hash: bytes
    stored: StoredItem | None
    pictures: list[Picture]
    source: FileLine | None = None

    @property
    def text(self) -> str:
        """What the item is embedded by."""
        return embedded_text(self.item)

    def entry(self, failed: dict[bytes, str], words: Mapping[bytes, Sequence[str]] | None = None) -> CatalogueEntry:
        """The item with the pictures that could be read.

        Args:
            failed: which could not be read, by their hashes, and why.
            words: the lines read in the pictures, by their hashes; None: they are not read.
        """
        self.pictures = [_settled(picture, failed) for picture in self.pictures]
        images = [one.reference for one in self.pictures if one.state != "lost" and not frame_of(one)]
        text = self.text
        return CatalogueEntry(
            item=self._with_words(words).model_copy(update={"images": images}),
            content_hash=self.content_hash,
            text_hash=text_hash(text) if text else None,
            pictures=tuple(self.pictures),
        )

    def _with_words(self, words: Mapping[bytes, Sequence[str]] | None) -> Item:
        """The item with the lines of its pictures, each once, in place of those that its line may have."""
        if words is None:
            return self.item
        lines = dict.fromkeys(line for picture in self.pictures for line in words.get(picture.hash or b"", ()))
        others = {name: value for name, value in self.item.attributes.items() if name != PICTURE_WORDS}
        read = {PICTURE_WORDS: list(lines)[:MOST_LINES]} if lines else {}
        return self.item.model_copy(update={"attributes": {**others, **read}})


@dataclass
class Batch:
    """Lines with different ids, and what was rejected on the way to them; ``read`` counts all lines of the files."""

    lines: list[FileLine] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)
    duplicates: int = 0
    merged: int = 0
    read: int = 0


@dataclass
class BatchPlan:
    """A batch, ready to be encoded and written."""

    batch: Batch = field(default_factory=Batch)
    work: list[PendingItem] = field(default_factory=list)
    unchanged: list[PendingItem] = field(default_factory=list)
    touched: list[PendingItem] = field(default_factory=list)
    texts: dict[bytes, str] = field(default_factory=dict)
    joint_texts: dict[bytes, str] = field(default_factory=dict)
    waiting: list[Waiting] = field(default_factory=list)


def text_hash(text: str) -> bytes:
    """16 bytes that stand for an embedded text."""
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()


def _settled(picture: Picture, failed: dict[bytes, str]) -> Picture:
    if picture.hash in failed and picture.state == "ready":
        return replace(picture, state="lost", reason=failed[picture.hash], hash=None)
    return picture


class BatchPlanner:
    """Compares items with the catalogue; reads only pictures that seem to have changed."""

    def __init__(
        self,
        writer: Writer,
        loader: PictureLoader,
        *,
        remote: Path,
        own_text_space: bool,
        fetch: Callable[[Sequence[str]], None] | None = None,
    ) -> None:
        self._writer = writer
        self._loader = loader
        self._remote = remote
        self._own_text_space = own_text_space
        self._fetch = fetch

    def plan(self, batch: Batch) -> BatchPlan:
        """Decide what to do about lines with different ids.

        Raises:
            StoreError: the catalogue can't be read.
        """
        stored = self._writer.stored([source.line.id for source in batch.lines])
        if self._fetch:
            self._fetch([reference for source in batch.lines for reference in source.line.images])
        pending = [self._look(source, stored.get(source.line.id)) for source in batch.lines]
        plan = BatchPlan(batch)
        seeming = [work for work in pending if not _is_unchanged(work)]
        plan.unchanged = [work for work in pending if _is_unchanged(work)]
        self._hash(seeming)
        plan.touched = [work for work in seeming if _is_touched(work)]
        plan.work = [work for work in seeming if not _is_touched(work)]
        self._order(plan)
        return plan

    def replan(self, items: Sequence[Item]) -> BatchPlan:
        """Decide what to encode anew for items of the catalogue whose vectors are missing."""
        stored = self._writer.stored([item.id for item in items])
        work = [
            PendingItem(
                item, stored[item.id].content_hash, stored[item.id], [_unread(p) for p in stored[item.id].pictures]
            )
            for item in items
        ]
        self._hash(work)
        for pending in work:
            pending.pictures = [
                _same_bytes(p, q) for p, q in zip(pending.pictures, _stored_pictures(pending), strict=True)
            ]
        plan = BatchPlan(Batch(read=len(work)), work=work)
        self._order(plan)
        return plan

    def _look(self, source: FileLine, stored: StoredItem | None) -> PendingItem:
        pictures = [locate(reference, source.root, self._remote) for reference in source.line.images]
        by_reference = {picture.reference: picture for picture in stored.pictures} if stored else {}
        same_line = stored is not None and stored.content_hash == source.hash
        updated = [_with_stored(picture, by_reference.get(picture.reference), same_line) for picture in pictures]
        past = [one for one in stored.pictures if same_line or one.state != "lost"] if stored else []
        for reference in source.line.video:
            video = locate(reference, source.root)
            updated += frames_of(video, past, self._remote, self._loader.limits)
        return PendingItem(item_of(source), source.hash, stored, updated, source)

    def _hash(self, work: Sequence[PendingItem]) -> None:
        """Read the bytes of pictures whose hash isn't known; those that can't be read are lost."""
        requests = [
            (pending, n, picture_file(picture, self._remote))
            for pending in work
            for n, picture in enumerate(pending.pictures)
            if picture.state == "ready" and picture.hash is None
        ]
        digests = self._loader.hashes([path for _, _, path in requests])
        for (pending, n, _), digest in zip(requests, digests, strict=True):
            if isinstance(digest, MediaError):
                pending.pictures[n] = replace(pending.pictures[n], state="lost", reason=str(digest))
            else:
                pending.pictures[n] = replace(pending.pictures[n], hash=digest)

    def _order(self, plan: BatchPlan) -> None:
        """Note the texts and start reading the pictures for which the catalogue has no vector."""
        texts = {text_hash(work.text): work.text for work in plan.work if work.text}
        plan.texts = _only(texts, self._writer.lacking("text", list(texts)))
        if self._own_text_space:
            plan.joint_texts = _only(texts, self._writer.lacking("joint_text", list(texts)))
        pictures = {p.hash: p for work in plan.work for p in work.pictures if p.state == "ready" and p.hash}
        lacking = self._writer.lacking("visual", list(pictures)) | self._writer.lacking("joint", list(pictures))
        plan.waiting = [
            self._loader.load(picture_file(picture, self._remote), digest)
            for digest, picture in pictures.items()
            if digest in lacking
        ]
        for waiting in plan.waiting[:AHEAD]:
            waiting.begin()


def _only(texts: dict[bytes, str], digests: set[bytes]) -> dict[bytes, str]:
    return {digest: text for digest, text in texts.items() if digest in digests}


def _with_stored(picture: Picture, stored: Picture | None, same_line: bool) -> Picture:
    """The picture with what is known of it, when its file seems to be as it was."""
    if stored is None or not same_file(picture, stored):
        return picture
    if stored.state == "lost" and not same_line:  # the limits may have changed: try again
        return picture
    return stored


def _is_unchanged(work: PendingItem) -> bool:
    """Nothing suggests a change: the line is the same, and so are its pictures' sizes and times."""
    stored = work.stored
    return stored is not None and stored.content_hash == work.content_hash and list(stored.pictures) == work.pictures


def _is_touched(work: PendingItem) -> bool:
    """Pictures have new times, or other reasons for being lost, and the same bytes."""
    stored = work.stored
    return (
        stored is not None
        and stored.content_hash == work.content_hash
        and [(p.reference, p.state, p.hash) for p in stored.pictures]
        == [(p.reference, p.state, p.hash) for p in work.pictures]
    )


def _unread(picture: Picture) -> Picture:
    return replace(picture, hash=None) if picture.state == "ready" else picture


def _stored_pictures(work: PendingItem) -> tuple[Picture, ...]:
    return work.stored.pictures if work.stored else ()


def _same_bytes(now: Picture, then: Picture) -> Picture:
    """The picture as it was stored, or lost when its file has changed since; the next ingestion looks at it again."""
    if now.hash == then.hash or then.state != "ready":
        return then if now.state == then.state else now
    return replace(then, state="lost", reason="its file has changed since", size=None, mtime_ns=None, hash=None)


def item_of(source: FileLine) -> Item:
    """The item that a line describes, still without its pictures."""
    line = source.line
    fields = {name: getattr(line, name) for name in Item.model_fields if name not in ("images", "audio", "video")}
    videos = [path for reference in line.video if (path := _media(reference, source.root))]
    return Item(**fields, audio=_media(line.audio, source.root), video=list(dict.fromkeys(videos)))


def _media(reference: str | None, root: Path) -> str | None:
    """A recording's or film's address: a web address as it is, a file inside the folder as an absolute path."""
    if reference is None or reference.lower().startswith(("http://", "https://")):
        return reference
    file = locate(reference, root)
    return file.reference if file.state == "ready" else None
