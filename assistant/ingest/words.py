"""Words in the pictures of items: read once a picture, kept by its hash, so that an interrupted ingestion goes on."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from assistant.ingest.planning import BatchPlan
from assistant.ingest.texts import clean
from tools.engines.ocr import WordReader
from tools.errors import MediaError
from tools.media import MediaLimits, load_picture
from tools.store import Writer, picture_file

SURE: Final = 0.8
"""Lines that are read with less confidence are not kept."""


class PictureReader:
    """Reads what has not been read before.

    Attributes:
        count: how many pictures were read.
    """

    def __init__(
        self,
        reader: WordReader,
        writer: Writer,
        remote: Path,
        limits: MediaLimits,
        told: Callable[[], None] = lambda: None,
    ) -> None:
        """``remote`` is the folder of fetched pictures; ``told`` is called after each that was read."""
        self.count = 0
        self._reader = reader
        self._writer = writer
        self._remote = remote
        self._limits = limits
        self._told = told

    def read(self, plan: BatchPlan, failed: dict[bytes, str]) -> dict[bytes, list[str]]:
        """The lines in the pictures of a plan's changed items, by the pictures' hashes.

        A picture that cannot be read is noted in ``failed``, with the reason.

        Raises:
            ServiceMissing: the reader cannot be loaded.
            StoreError: the catalogue cannot be written.
        """
        pictures = {p.hash: p for work in plan.work for p in work.pictures if p.state == "ready" and p.hash}
        words = self._writer.noted_words("picture", self._reader.name, list(pictures))
        for digest, picture in pictures.items():
            if digest in words or digest in failed:
                continue
            try:
                image = load_picture(picture_file(picture, self._remote), self._limits)
            except MediaError as exc:
                failed[digest] = str(exc)
                continue
            words[digest] = [clean(line.text) for line in self._reader.read(image) if line.confidence >= SURE]
            self._writer.note_words("picture", self._reader.name, {digest: words[digest]})
            self.count += 1
            self._told()
        return words
