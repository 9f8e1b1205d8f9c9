"""One door to what is known of users: their events, their profiles, and the model of what people choose.

Tools and turns reach it as ``engines.taste``. Everything here takes a user's pseudonym, which comes from whoever
called (`tools.tool.Context.user`), never from an argument that a language model wrote.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tools.engines.lazy import Lazy
from tools.place import Place, is_there, within
from tools.taste.imported import ImportedTaste
from tools.taste.profile import TasteProfile, build_profile
from tools.taste.records import Interaction, Preference

if TYPE_CHECKING:
    from tools.store import Catalogue
    from tools.taste.events import EventStore
    from tools.taste.model import TasteModel

T = TypeVar("T")

EVENTS = "interactions.sqlite"
MODELS = "taste"
REMEMBERED_USERS = 200
"""Of how many users what was read last is kept in memory."""

PROFILE_SECONDS = 3600.0
"""How long a profile's decay is taken as standing still."""


@dataclass(frozen=True)
class TasteRules:
    """How a history is read.

    Attributes:
        half_life_days: after how many days an event counts half.
        remembered_events: how many of a user's latest events are read.
        least_people: fewer people than this are never counted in an explanation.
        popularity_debias: 0: popular items as they come; 1: corrected fully.
    """

    half_life_days: float = 30.0
    remembered_events: int = 2_000
    least_people: int = 3
    popularity_debias: float = 0.5


class Taste:
    """The events and models of one data folder; where their files are absent, nothing is known. Thread-safe."""

    def __init__(
        self,
        folder: Path,
        catalogue: "Callable[[], Catalogue]",
        rules: TasteRules | None = None,
        state: Place | None = None,
    ) -> None:
        """``catalogue`` gives the catalogue when a profile is first asked for; ``state``: where the events lie, if they
        are not in the folder."""
        self.folder = folder
        self._place = state or folder
        self.rules = rules or TasteRules()
        self._catalogue = catalogue
        self._events = Lazy(self._open_events)
        self._cache: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let go of the files."""
        if self._events.is_made:
            self._events().close()

    @property
    def known(self) -> bool:
        """True once there may be events: without their file nobody did anything."""
        return self._events.is_made or is_there(within(self._place, EVENTS))

    @property
    def events(self) -> "EventStore":
        """The store of events; its file is made when it is not there."""
        return self._events()

    @property
    def model(self) -> "TasteModel | None":
        """The trained model in use, knowing all items of the catalogue; None when none was ever trained.

        It is read again when another was swapped in.
        """
        if not (self.folder / MODELS).is_dir():
            return None
        from tools.taste.model import TasteModel  # brings scipy; only where there are events
        from tools.taste.recommending import following  # brings scipy; only where there are events

        model = TasteModel.load(self.folder)
        return following(model, self._catalogue()) if model else None

    def recent(self, user: str) -> Sequence[Interaction]:
        """The user's latest events, latest first, at most ``rules.remembered_events``."""
        if not self.known:
            return []
        limit = self.rules.remembered_events
        return self._remembered(("events", user), self.events.version(), lambda: self.events.of_user(user, limit=limit))

    def preferences(self, user: str) -> Sequence[Preference]:
        """What the user corrected by hand."""
        if not self.known:
            return []
        version = self.events.version()
        return self._remembered(("corrections", user), version, lambda: self.events.preferences(user))

    def imported(self, user: str) -> Sequence[ImportedTaste]:
        """The user's tastes of other catalogues, without those by another encoder of texts than this catalogue's."""
        if not self.known:
            return []
        tastes = self._remembered(("imported", user), self.events.version(), lambda: self.events.imported(user))
        return [taste for taste in tastes if taste.encoder == self._catalogue().identity("text")]

    def history(self, user: str) -> dict[str, float]:
        """Item to how much the user's events say for (below 0: against) it, the latest first."""
        events = self.recent(user)
        if not events:
            return {}
        from tools.taste.choices import latest_first  # brings scipy; only where there are events

        return latest_first(events)

    def profile(self, user: str, now: float) -> TasteProfile:
        """The user's taste as content, at this hour."""
        events, preferences = self.recent(user), self.preferences(user)
        if not (events or preferences):
            return TasteProfile()
        catalogue = self._catalogue()
        corrected = tuple((preference.attribute, preference.value, preference.weight) for preference in preferences)
        state = (self._state(user), corrected, catalogue.version(), now // PROFILE_SECONDS)

        def build() -> TasteProfile:
            return build_profile(events, preferences, catalogue, now=now, half_life_days=self.rules.half_life_days)

        return self._remembered(("profile", user), state, build)

    def _state(self, user: str) -> Hashable:
        """What changes with the user's own events: other people's leave it as it is."""

        def read() -> Hashable:
            latest = self.events.of_user(user, limit=1)
            return (self.events.count_of(user), *(last.model_dump_json() for last in latest))

        return self._remembered(("state", user), self.events.version(), read)

    def _remembered(self, key: Hashable, state: Hashable, make: Callable[[], T]) -> T:
        """What ``make`` gives, kept under the key until the state changes; the least recently used goes first."""
        with self._lock:
            entry = self._cache.get(key)
            if entry is not None and entry[0] == state:
                self._cache.move_to_end(key)
                value: T = entry[1]
                return value
        result = make()
        with self._lock:
            self._cache[key] = (state, result)
            self._cache.move_to_end(key)
            while len(self._cache) > 4 * REMEMBERED_USERS:
                self._cache.popitem(last=False)
        return result

    def _open_events(self) -> "EventStore":
        from tools.taste.events import EventStore  # brings scipy; only where there are events

        return EventStore.open(self._place)
