"""What is said in items' recordings and videos: written down once a file and kept by its hash."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from assistant.ingest.pictures import SOUNDS_AHEAD, MediaLoader, SoundFile, taken
from assistant.ingest.planning import BatchPlan
from assistant.ingest.texts import clean
from tools.errors import MediaError
from tools.media import SAMPLE_RATE, Audio
from tools.store import Writer

if TYPE_CHECKING:
    from tools.engines.speech import SpeechEngine

MOST_CHARACTERS: Final = 500
"""Of a stretch of speech."""

Lines = list[tuple[float, str]]
"""Second and text of each stretch of speech."""


@dataclass(frozen=True)
class Listener:
    """What writes speech down; another name means that the same recording may give other words."""

    name: str
    engine: "SpeechEngine"


class SoundListener:
    """Listens to what has not been listened to before; where nobody speaks, Whisper is not asked.

    Attributes:
        count: how many recordings and videos were listened to.
    """

    def __init__(
        self,
        listener: Listener,
        writer: Writer,
        loader: MediaLoader,
        remote: Path,
        heard: Callable[[], None] = lambda: None,
    ) -> None:
        """``remote`` is the folder of fetched files; ``heard`` is called after each that was listened to."""
        self.count = 0
        self._listener = listener
        self._writer = writer
        self._loader = loader
        self._remote = remote
        self._heard = heard

    def hear(self, plan: BatchPlan, failed: dict[bytes, str]) -> dict[bytes, Lines]:
        """What is said in the recordings and videos of a plan's changed items, by their hashes.

        Raises:
            ServiceMissing: the speech model cannot be loaded.
            StoreError: the catalogue cannot be written.
        """
        sounds = {s.hash: (s, work.item) for work in plan.work for s in work.sounds if s.state == "ready" and s.hash}
        known = self._writer.noted_words("spoken", self._listener.name, list(sounds))
        heard: dict[bytes, Lines] = {digest: [(at, text) for at, text in lines] for digest, lines in known.items()}
        files = {
            digest: SoundFile.at(sound.reference, self._remote, is_video=sound.reference in item.video)
            for digest, (sound, item) in sounds.items()
            if digest not in heard and digest not in failed
        }
        waiting = [self._loader.sound(file, digest, SAMPLE_RATE) for digest, file in files.items()]
        for digest, sound in taken(waiting, SOUNDS_AHEAD):
            heard[digest] = self._said_in(sound)
            self._writer.note_words("spoken", self._listener.name, {digest: heard[digest]})
            self.count += 1
            self._heard()
        return heard

    def _said_in(self, sound: Audio | MediaError | None) -> Lines:
        if sound is None or isinstance(sound, MediaError):  # its vector was made before: it has been reported
            return []
        segments = self._listener.engine.transcribe(sound).segments
        return [(one.start, text) for one in segments if (text := clean(one.text).strip()[:MOST_CHARACTERS])]
