"""What is said in items' recordings and videos: written down once a file and kept by its hash."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from assistant.ingest.planning import BatchPlan
from assistant.ingest.texts import clean
from tools.errors import MediaError
from tools.media import MediaLimits
from tools.store import Writer
from tools.video import load_sound

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

    def __init__(self, listener: Listener, writer: Writer, limits: MediaLimits) -> None:
        self.count = 0
        self._listener = listener
        self._writer = writer
        self._limits = limits

    def hear(self, plan: BatchPlan, failed: dict[bytes, str]) -> dict[bytes, Lines]:
        """What is said in the recordings and videos of a plan's changed items, by their hashes.

        Raises:
            ServiceMissing: the speech model cannot be loaded.
            StoreError: the catalogue cannot be written.
        """
        sounds = {s.hash: (s, work.item) for work in plan.work for s in work.sounds if s.state == "ready" and s.hash}
        known = self._writer.noted_words("spoken", self._listener.name, list(sounds))
        heard: dict[bytes, Lines] = {digest: [(at, text) for at, text in lines] for digest, lines in known.items()}
        for digest, (sound, item) in sounds.items():
            if digest not in heard and digest not in failed:
                heard[digest] = self._said_in(Path(sound.reference), is_video=sound.reference in item.video)
                self._writer.note_words("spoken", self._listener.name, {digest: heard[digest]})
                self.count += 1
        return heard

    def _said_in(self, path: Path, *, is_video: bool) -> Lines:
        try:
            sound = load_sound(path, self._limits, of="video" if is_video else "recording")
        except MediaError:  # its vector was made before, so that it has been reported if it is lost
            return []
        segments = self._listener.engine.transcribe(sound).segments if sound else []
        return [(one.start, text) for one in segments if (text := clean(one.text).strip()[:MOST_CHARACTERS])]
