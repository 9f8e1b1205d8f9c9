"""What a batch of items needs: which have changed, and which texts, pictures and sounds must be encoded for them."""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.ingest.pictures import AHEAD, MediaLoader, SoundFile, Waiting, frames_of, locate, same_file
from assistant.ingest.report import Rejection
from assistant.ingest.texts import embedded_text
from assistant.ingest.validate import CatalogueLine
from tools.errors import MediaError
from tools.objects import SharedFiles
from tools.records import Item
from tools.store import (
    CatalogueEntry,
    Picture,
    Space,
    StoredItem,
    Writer,
    frame_of,
    is_web_address,
    picture_file,
    source_file,
)
from tools.store.offers import MEDIA_WORDS, PICTURE_WORDS, SPOKEN_WORDS

if TYPE_CHECKING:
    from PIL.Image import Image

    from assistant.ingest.remote import Kind

MOST_LINES = 40
"""Lines of its pictures that an item is given."""
MOST_SAID = 300
"""Stretches of speech of its recordings and videos."""


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
    def files(self) -> "Iterator[tuple[str, Kind]]":
        """The references to its files, each with what the file should be."""
        line = self.line
        kinds: tuple[tuple[Kind, tuple[str, ...]], ...] = (
            ("picture", line.images), ("recording", line.audio), ("video", line.video),
        )  # fmt: skip
        return ((reference, kind) for kind, references in kinds for reference in references)

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
    sounds: list[Picture] = field(default_factory=list)
    source: FileLine | None = None

    @cached_property
    def text(self) -> str:
        """What the item is embedded by."""
        return embedded_text(self.item)

    def entry(
        self,
        failed: dict[bytes, str],
        words: Mapping[bytes, Sequence[str]] | None = None,
        said: Mapping[bytes, Sequence[tuple[float, str]]] | None = None,
    ) -> CatalogueEntry:
        """The item with the pictures and sounds that could be read.

        Args:
            failed: which could not be read, by their hashes, and why.
            words: the lines read in the pictures, by their hashes; None: they are not read.
            said: what is said in the sounds, with its seconds, likewise.
        """
        self.pictures = [_settled(picture, failed) for picture in self.pictures]
        self.sounds = [_settled(sound, failed) for sound in self.sounds]
        images = [one.reference for one in self.pictures if one.state != "lost" and not frame_of(one)]
        text = self.text
        return CatalogueEntry(
            item=self.item.model_copy(update={"images": images, "attributes": self._with_words(words, said)}),
            content_hash=self.content_hash,
            text_hash=text_hash(text) if text else None,
            pictures=tuple(self.pictures),
            sounds=tuple(self.sounds),
        )

    def _with_words(
        self,
        words: Mapping[bytes, Sequence[str]] | None,
        said: Mapping[bytes, Sequence[tuple[float, str]]] | None,
    ) -> dict[str, Any]:
        """The attributes with the words of pictures and sounds in place of those that the line may have."""
        attributes = dict(self.item.attributes)
        if words is not None:
            lines = dict.fromkeys(line for picture in self.pictures for line in words.get(picture.hash or b"", ()))
            attributes[PICTURE_WORDS] = list(lines)[:MOST_LINES]
        if said is not None:
            attributes[SPOKEN_WORDS] = [
                {"video": self._place(sound), "second": second, "text": text}
                for sound in self.sounds
                for second, text in said.get(sound.hash or b"", ())
            ][:MOST_SAID]
        return {name: value for name, value in attributes.items() if value != [] or name not in MEDIA_WORDS}

    def _place(self, sound: Picture) -> str:
        """What a `tools.records.Moment` calls the recording or video."""
        if sound.reference in self.item.video:
            return str(self.item.video.index(sound.reference))
        return f"a{self.item.audio.index(sound.reference)}"


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
    waiting: "list[Waiting[Image]]" = field(default_factory=list)
    sounds: dict[bytes, SoundFile] = field(default_factory=dict)


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
        loader: MediaLoader,
        *,
        remote: Path,
        own_text_space: bool,
        hears: bool = False,
        refused: Mapping[str, str] | None = None,
        files: SharedFiles | None = None,
        decodes: bool = True,
    ) -> None:
        """``refused``: why web addresses were not fetched, by address; it may grow. ``decodes``: in this process.

        ``files``: what lies in ``remote``, where it also lies in object storage.
        """
        self._writer = writer
        self._loader = loader
        self._remote = remote
        self._own_text_space = own_text_space
        self._hears = hears
        self._begun = AHEAD if decodes else 0
        self._refused = {} if refused is None else refused
        self._files = files or SharedFiles(remote)

    def plan(self, batch: Batch) -> BatchPlan:
        """Decide what to do about lines with different ids.

        Raises:
            StoreError: the catalogue can't be read.
        """
        stored = self._writer.stored([source.line.id for source in batch.lines])
        looked_at = self._loader.side_by_side if any(source.line.video for source in batch.lines) else map
        pending = list(looked_at(lambda source: self._look(source, stored.get(source.line.id)), batch.lines))
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
                item,
                (known := stored[item.id]).content_hash,
                known,
                [_unread(p) for p in known.pictures],
                [_unread(p) for p in known.sounds],
            )
            for item in items
        ]
        if self._files.is_shared:
            for pending in work:
                self._restore([*pending.pictures, *pending.sounds])
                for picture in pending.pictures:
                    if frame_of(picture):
                        self._files.fetch(picture_file(picture, self._remote))
        self._hash(work)
        for pending in work:
            known = stored[pending.item.id]
            pending.pictures = [_same_bytes(p, q) for p, q in zip(pending.pictures, known.pictures, strict=True)]
            pending.sounds = [_same_bytes(p, q) for p, q in zip(pending.sounds, known.sounds, strict=True)]
        plan = BatchPlan(Batch(read=len(work)), work=work)
        self._order(plan)
        return plan

    def _look(self, source: FileLine, stored: StoredItem | None) -> PendingItem:
        if stored and self._files.is_shared:
            self._restore([*stored.pictures, *stored.sounds])
        pictures = [self._located(reference, source.root) for reference in source.line.images]
        by_reference = {picture.reference: picture for picture in stored.pictures} if stored else {}
        same_line = stored is not None and stored.content_hash == source.hash
        updated = [_with_stored(picture, by_reference.get(picture.reference), same_line) for picture in pictures]
        past = [one for one in stored.pictures if same_line or one.state != "lost"] if stored else []
        for reference in source.line.video:
            video = self._located(reference, source.root, or_lost=True)
            updated += frames_of(video, past, self._remote, self._loader, self._files)
        return PendingItem(item_of(source), source.hash, stored, updated, self._sounds(source, stored), source)

    def _restore(self, files: Sequence[Picture]) -> None:
        """Bring back what was fetched from the web before, and is no longer in the folder."""
        ready = [one for one in files if one.state == "ready"]
        for reference in {(frame_of(one) or (one.reference,))[0] for one in ready}:
            if is_web_address(reference):
                self._files.fetch(source_file(reference, self._remote))

    def _located(self, reference: str, root: Path, *, or_lost: bool = False) -> Picture:
        """As of `locate`; ``or_lost``: what could not be fetched is lost."""
        file = locate(reference, root, self._remote)
        if file.state != "remote" or reference not in self._refused:
            return file
        return replace(file, state="lost" if or_lost else "remote", reason=self._refused[reference])

    def _sounds(self, source: FileLine, stored: StoredItem | None) -> list[Picture]:
        """The recordings that are here or lost, then the videos that are here, each once."""
        if not self._hears:
            return []
        recordings = [self._located(reference, source.root, or_lost=True) for reference in source.line.audio]
        videos = [self._located(reference, source.root) for reference in source.line.video]
        found = [one for one in recordings if one.state != "remote"] + [one for one in videos if one.state == "ready"]
        known = {one.reference: one for one in stored.sounds} if stored else {}
        same_line = stored is not None and stored.content_hash == source.hash
        each = {one.reference: _with_stored(one, known.get(one.reference), same_line) for one in found}
        return list(each.values())

    def _hash(self, work: Sequence[PendingItem]) -> None:
        """Read the bytes of files whose hash isn't known; those that can't be read are lost."""
        limits = self._loader.limits
        requests = [
            (files, n, picture_file(file, self._remote), most)
            for pending in work
            for files, most in (
                (pending.pictures, limits.image_bytes),
                (pending.sounds, max(limits.audio_bytes, limits.video_bytes)),
            )
            for n, file in enumerate(files)
            if file.state == "ready" and file.hash is None
        ]
        digests = self._loader.hashes([(path, most) for *_, path, most in requests])
        for (files, n, *_), digest in zip(requests, digests, strict=True):
            if isinstance(digest, MediaError):
                files[n] = replace(files[n], state="lost", reason=str(digest))
            else:
                files[n] = replace(files[n], hash=digest)

    def _order(self, plan: BatchPlan) -> None:
        """Note the texts and start reading the pictures for which the catalogue has no vector."""
        texts = {text_hash(work.text): work.text for work in plan.work if work.text}
        plan.texts = _only(texts, self._lacking("text", texts))
        if self._own_text_space:
            plan.joint_texts = _only(texts, self._lacking("joint_text", texts))
        pictures = {p.hash: p for work in plan.work for p in work.pictures if p.state == "ready" and p.hash}
        lacking = self._lacking("visual", pictures) | self._lacking("joint", pictures)
        plan.waiting = [
            self._loader.picture(picture_file(picture, self._remote), digest)
            for digest, picture in pictures.items()
            if digest in lacking
        ]
        for waiting in plan.waiting[: self._begun]:
            waiting.begin()
        sounds = {
            one.hash: SoundFile.at(one.reference, self._remote, is_video=one.reference in work.item.video)
            for work in plan.work
            for one in work.sounds
            if one.state == "ready" and one.hash
        }
        lacking = self._lacking("sound", sounds)
        plan.sounds = {digest: file for digest, file in sounds.items() if digest in lacking}

    def _lacking(self, space: Space, hashes: Collection[bytes]) -> set[bytes]:
        """Those for which there is no vector; without any the catalogue is not asked."""
        return self._writer.lacking(space, list(hashes)) if hashes else set()


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
    """Nothing suggests a change: the line is the same, and so are its files' sizes and times."""
    stored = work.stored
    if stored is None or stored.content_hash != work.content_hash:
        return False
    return (list(stored.pictures), list(stored.sounds)) == (work.pictures, work.sounds)


def _is_touched(work: PendingItem) -> bool:
    """Files have new times, or other reasons for being lost, and the same bytes."""
    stored = work.stored
    if stored is None or stored.content_hash != work.content_hash:
        return False
    before, now = (*stored.pictures, *stored.sounds), (*work.pictures, *work.sounds)
    return [(p.reference, p.state, p.hash) for p in before] == [(p.reference, p.state, p.hash) for p in now]


def _unread(picture: Picture) -> Picture:
    return replace(picture, hash=None) if picture.state == "ready" else picture


def _same_bytes(now: Picture, then: Picture) -> Picture:
    """The picture as it was stored, or lost when its file has changed since; the next ingestion looks at it again."""
    if now.hash == then.hash or then.state != "ready":
        return then if now.state == then.state else now
    return replace(then, state="lost", reason="its file has changed since", size=None, mtime_ns=None, hash=None)


def item_of(source: FileLine) -> Item:
    """The item that a line describes, still without its pictures."""
    line = source.line
    fields = {name: getattr(line, name) for name in Item.model_fields if name not in ("images", "audio", "video")}
    audio, video = (list(_addresses(references, source.root)) for references in (line.audio, line.video))
    return Item(**fields, audio=audio, video=video)


def _addresses(references: Sequence[str], root: Path) -> dict[str, None]:
    """Recordings' or videos' addresses, each once, without those that are not there."""
    return dict.fromkeys(address for reference in references if (address := _media(reference, root)))


def _media(reference: str, root: Path) -> str | None:
    """A recording's or film's address: a web address as it is, a file inside the folder as an absolute path."""
    if is_web_address(reference):
        return reference
    file = locate(reference, root)
    return file.reference if file.state == "ready" else None
