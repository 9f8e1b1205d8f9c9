"""Training the taste model from the stored events and the catalogue: `assistant train`, and while serving."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from assistant.errors import BadInput, StoreError
from assistant.settings import Settings
from tools.storage import private_folder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tools.store import Catalogue
    from tools.taste.choices import Choices
    from tools.taste.collaborative import Matrix
    from tools.taste.events import EventBatch, EventStore
    from tools.taste.federated.exchange.counts import SharedCounts
    from tools.taste.model import ModelCard, TasteModel
    from tools.taste.privacy_ledger import PrivacyLedger
    from tools.taste.training import Say

Choice = Literal["auto", "als", "als-large", "neighbours", "next-choices"]
LOCK = "taste.lock"


@dataclass(frozen=True)
class Stored:
    """What a training reads.

    Attributes:
        choices: of everybody.
        catalogue: None where there is none.
        encoders: see `_encoders`.
        version: of the events.
        users: who was there before the choices were read.
    """

    choices: "Choices"
    catalogue: "Catalogue | None"
    encoders: Mapping[str, str]
    version: int
    users: frozenset[int]

    def items(self) -> list[str]:
        """Ids of the catalogue, which are public.

        Raises:
            BadInput: there is no catalogue.
        """
        if self.catalogue is None:
            raise BadInput("Private counts are told of the catalogue's items, and there is no catalogue yet.")
        return self.catalogue.ids()

    def contents(self, ids: "tuple[str, ...] | list[str]") -> "dict[str, Matrix]":
        """By modality, unit rows."""
        return _contents(self.catalogue, ids, self.encoders)


def train(settings: Settings, algorithm: Choice = "auto", say: "Say" = lambda _text: None) -> "ModelCard":
    """Learn from everything that is stored, and make the result the current model.

    Whatever goes wrong on the way, the model that was current stays. A server that runs reads the new one by itself.

    Raises:
        TooFewError: there is too little to learn from.
        BadInput: another training is running, or somebody was forgotten meanwhile.
        StoreError: events, catalogue or model folder cannot be read or written.
    """
    from tools.taste.private_training import train_private  # brings scipy
    from tools.taste.training import TrainingPlan  # brings scipy
    from tools.taste.training import train as learn  # brings scipy

    def make(stored: Stored) -> "TasteModel":
        epsilon, choices = settings.privacy.epsilon, stored.choices
        if epsilon is not None:
            return train_private(choices, stored.items(), epsilon, stored.version, _ledger(settings, epsilon))
        model = learn(choices, stored.contents(choices.item_ids), TrainingPlan(algorithm), say)
        return _with_catalogue(model, stored.catalogue, stored.encoders)

    return _kept(settings, make, say)


def share(
    settings: Settings, path: Path, epsilon: float | None = None, say: "Say" = lambda _text: None
) -> "SharedCounts":
    """Write what may leave this shop: counts of items and pairs of items, for shops that learn together.

    Args:
        path: the file that is written.
        epsilon: what the noise may cost, entered in the ledger; None: ``privacy.epsilon``, and where that is not set
            exact counts of at least ``taste.least_people`` people.

    Raises:
        BadInput: there is no catalogue for private counts, or their budget is spent.
        StoreError: events, catalogue or ledger cannot be read, or the file not written.
    """
    from tools.taste import federated_training  # brings scipy

    epsilon = settings.privacy.epsilon if epsilon is None else epsilon
    with _reading(settings, say) as (stored, _):
        counts = (
            federated_training.share(stored.choices, settings.taste.least_people)
            if epsilon is None
            else federated_training.share_privately(
                stored.choices, stored.items(), epsilon, stored.version, _ledger(settings, epsilon)
            )
        )
    _write_counts(counts, path)
    return counts


def train_federated(settings: Settings, total: Path, own: Path, say: "Say" = lambda _text: None) -> "ModelCard":
    """Learn from this shop's events and the counts of the others, and make the result the current model.

    With ``privacy.epsilon`` the total alone is learned from, so that the model is as private as the counts.

    Args:
        total: file with the counts of all shops.
        own: the file that `share` wrote for it.

    Raises:
        BadInput: the files do not belong together, or as in `train`.
        TooFewError: there are too few people.
        StoreError: as in `train`.
    """
    from tools.taste import federated_training as federated  # brings scipy

    all_counts, own_counts = _read_counts(total), _read_counts(own)

    def make(stored: Stored) -> "TasteModel":
        if settings.privacy.epsilon is not None:
            if not own_counts.variance:
                raise BadInput("privacy.epsilon is set, but this shop sent exact counts; share again.")
            return federated.train_on_total(stored.items(), all_counts)
        choices = federated.known_items(stored.choices, stored.catalogue.ids() if stored.catalogue else (), all_counts)
        contents = stored.contents(choices.item_ids)
        model = federated.train_federated(choices, all_counts, own_counts, contents, say)
        return _with_catalogue(model, stored.catalogue, stored.encoders)

    return _kept(settings, make, say)


def add_counts(paths: Sequence[Path], total: Path) -> "SharedCounts":
    """Add up what several shops wrote with `share`, and write the total.

    Raises:
        BadInput: there are no counts in one of the files.
        StoreError: the total cannot be written.
    """
    from tools.taste.federated.exchange.counts import SharedCounts

    counts = SharedCounts.total([_read_counts(path) for path in paths])
    _write_counts(counts, total)
    return counts


def _read_counts(path: Path) -> "SharedCounts":
    from tools.taste.federated.exchange.counts import SharedCounts

    try:
        return SharedCounts.load(path)
    except (OSError, ValueError) as exc:
        raise BadInput(f"{path} holds no shared counts: {exc}") from exc


def _write_counts(counts: "SharedCounts", path: Path) -> None:
    try:
        counts.save(path)
    except OSError as exc:
        raise StoreError(f"{path} cannot be written: {exc.strerror}.") from exc


def _kept(settings: Settings, make: Callable[[Stored], "TasteModel"], say: "Say") -> "ModelCard":
    """Make a model and store it as the current one, unless somebody was forgotten meanwhile.

    Raises:
        BadInput: somebody was forgotten.
    """
    from tools.taste import versions  # brings scipy
    from tools.taste.model import FOLDER  # brings scipy

    with _reading(settings, say) as (stored, store):
        model = make(stored)
        if not stored.users <= store.user_ids().keys():
            raise BadInput("Somebody was forgotten while the model was trained, so it is not kept; train again.")
        facts = {
            "events_version": stored.version, "encoders": stored.encoders, "untouched": int((~model.touched).sum()),
        }  # fmt: skip
        card = model.card.model_copy(update=facts)
        replace(model, card=card).save(settings.data_folder)
        if not stored.users <= store.user_ids().keys():  # forgotten since: whoever forgets removes no later model
            versions.drop(settings.data_folder / FOLDER)
            raise BadInput("Somebody was forgotten while the model was stored, so it is removed; train again.")
        say(f"stored {settings.data_folder / FOLDER / card.version}")
    return card


@contextlib.contextmanager
def _reading(settings: Settings, say: "Say") -> "Iterator[tuple[Stored, EventStore]]":
    """Everything that is stored; only one training at a time."""
    from tools.taste.events import EventStore  # brings scipy

    with (
        _alone(settings), contextlib.closing(EventStore.open(settings.data_folder)) as store,
        _catalogue(settings) as catalogue,
    ):  # fmt: skip
        version, users = store.version(), frozenset(store.user_ids())
        yield Stored(_choices(store, say), catalogue, _encoders(catalogue), version, users), store


def roll_back(settings: Settings) -> str:
    """Make the model before the current one current again; gives its version.

    Raises:
        BadInput: there is none.
    """
    from tools.taste import versions  # brings scipy
    from tools.taste.model import FOLDER  # brings scipy

    return versions.roll_back(settings.data_folder / FOLDER)


def _ledger(settings: Settings, budget: float) -> "PrivacyLedger":
    from tools.taste.privacy_ledger import NAME, PrivacyLedger  # brings scipy

    return PrivacyLedger(settings.data_folder / NAME, budget)


def _choices(store: "EventStore", say: "Say") -> "Choices":
    """The stored events, with a column for each item that they say anything of."""
    import numpy as np

    from tools.taste.choices import gather  # brings scipy

    names = store.item_ids()
    keys = np.array(list(names), dtype=np.int64)
    say(f"reading the events of {len(names):,} items")
    choices = gather(_numbered(store, keys, say), list(names.values()))
    return choices.only_items_with_entries()


def _numbered(store: "EventStore", keys: "NDArray[np.int64]", say: "Say") -> "Iterator[EventBatch]":
    """Batches with items as places in ``keys``; items that came in after the keys were read are left out."""
    import numpy as np

    from tools.taste.events import EventBatch  # brings scipy

    read = 0
    for batch in store.matrix_rows():
        mask = np.isin(batch.items, keys)
        places = np.searchsorted(keys, batch.items[mask])
        yield EventBatch(batch.users[mask], places, batch.strengths[mask], batch.at[mask])
        before, read = read, read + len(batch.users)
        if read // 500_000 > before // 500_000:
            say(f"{read:,} events read")


@contextlib.contextmanager
def _catalogue(settings: Settings) -> "Iterator[Catalogue | None]":
    """The catalogue, or None where there is none: choices alone can be learned from."""
    from tools.store import Catalogue  # brings scipy
    from tools.store.database import DATABASE  # brings scipy

    if not (settings.data_folder / DATABASE).is_file():
        yield None
        return
    with Catalogue.open(settings.data_folder, chroma_url=settings.chroma_url, read_only=True) as catalogue:
        yield catalogue


def _encoders(catalogue: "Catalogue | None") -> dict[str, str]:
    """Modality -> which encoder made the catalogue's vectors."""
    from tools.taste.recommending import SPACES, encoder_name  # brings scipy

    names = {space: encoder_name(catalogue, space) for space in SPACES} if catalogue else {}
    return {space: name for space, name in names.items() if name is not None}


def _contents(
    catalogue: "Catalogue | None", ids: "tuple[str, ...] | list[str]", encoders: Mapping[str, str]
) -> "dict[str, Matrix]":
    from tools.taste.recommending import contents  # brings scipy

    matrices = contents(catalogue, ids, encoders) if catalogue else {}
    return {name: rows for name, rows in matrices.items() if rows.any()}


def _with_catalogue(model: "TasteModel", catalogue: "Catalogue | None", encoders: Mapping[str, str]) -> "TasteModel":
    """The model with the items that nobody has touched, so that the first question does not wait for them."""
    untouched_ids = [item_id for item_id in catalogue.ids() if item_id not in model.rows] if catalogue else []
    return model.with_items(untouched_ids, _contents(catalogue, untouched_ids, encoders))


@contextlib.contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Only one training at a time; a crash lets go of the lock.

    Raises:
        BadInput: another one is running.
        StoreError: the data folder cannot be written.
    """
    from filelock import FileLock, Timeout

    try:
        private_folder(settings.data_folder)
        with FileLock(settings.data_folder / LOCK, timeout=0):
            yield
    except Timeout as exc:
        raise BadInput("Another training is running on this data folder.") from exc
    except OSError as exc:
        raise StoreError(f"{settings.data_folder} cannot be written: {exc.strerror}.") from exc


ALGORITHMS: tuple[Choice, ...] = get_args(Choice)
