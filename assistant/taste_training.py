"""Training the taste model from the stored events and the catalogue: `assistant train`, and while serving."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from assistant.errors import BadInput, StoreError
from assistant.settings import Settings
from assistant.storage import open_catalogue
from tools.storage import private_folder
from tools.taste.records import Algorithm

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tools.store import Catalogue
    from tools.taste.choices import Choices
    from tools.taste.collaborative import Matrix
    from tools.taste.events import EventBatch, EventStore
    from tools.taste.model import ModelCard, TasteModel
    from tools.taste.privacy_ledger import PrivacyLedger
    from tools.taste.training import Say

LOCK = "taste.lock"
TOLD_EVERY: Final = 1_000_000
"""Events between two lines on how far the reading is, and how much memory it takes."""


@dataclass(frozen=True)
class Stored:
    """What a training reads.

    Attributes:
        choices: of everybody.
        catalogue: None where there is none.
        encoders: by modality, which encoder made the catalogue's vectors.
        version: of the events.
        forgotten: how many people were, before the choices were read.
    """

    choices: "Choices"
    catalogue: "Catalogue | None"
    encoders: Mapping[str, str]
    version: int
    forgotten: int

    def items(self) -> list[str]:
        """Ids of the catalogue, which are public.

        Raises:
            BadInput: there is no catalogue.
        """
        if self.catalogue is None:
            raise BadInput("Private counts are made of the catalogue's items, and there is no catalogue yet.")
        return self.catalogue.ids()

    def others(self) -> list[str]:
        """Ids of the catalogue's items that are no items of the choices."""
        known = set(self.choices.item_ids)
        return [item_id for item_id in self.catalogue.ids() if item_id not in known] if self.catalogue else []

    def contents(self, ids: "tuple[str, ...] | list[str]") -> "dict[str, Matrix]":
        """By modality, unit rows."""
        from tools.taste.recommending import contents  # brings scipy

        matrices = contents(self.catalogue, ids, self.encoders) if self.catalogue else {}
        return {name: rows for name, rows in matrices.items() if rows.any()}

    def with_catalogue(self, model: "TasteModel") -> "TasteModel":
        """The model with the items that nobody has touched, so that the first question does not wait for them."""
        ids = [item_id for item_id in self.catalogue.ids() if item_id not in model.rows] if self.catalogue else []
        return model.with_items(ids, self.contents(ids))


def train(
    settings: Settings,
    algorithm: Algorithm = "auto",
    say: "Say" = lambda _text: None,
    imported_from: Path | None = None,
) -> "ModelCard":
    """Learn from everything that is stored, and make the result the current model.

    Whatever goes wrong on the way, the model that was current stays. A server that runs reads the new one by itself.

    Args:
        imported_from: a folder with what another engine learned (`tools.taste.exchange`), which becomes parts of the
            model.

    Raises:
        TooFewError: there is too little to learn from.
        BadInput: another training is running, somebody was forgotten meanwhile, or the imported files are not what
            they should be.
        ServiceMissing: pyarrow is needed and not installed.
        StoreError: events, catalogue or model folder cannot be read or written.
    """
    if imported_from is not None and algorithm != "auto":
        raise BadInput("Imported parts are blended with the others, so --import goes with --algorithm auto only.")
    if imported_from is not None:
        _not_private(settings)
    from tools.taste.exchange import read_imported  # brings scipy
    from tools.taste.private_training import train_private  # brings scipy
    from tools.taste.training import TrainingPlan  # brings scipy
    from tools.taste.training import train as learn  # brings scipy

    def make(stored: Stored) -> "TasteModel":
        epsilon, choices = settings.privacy.epsilon, stored.choices
        if epsilon is not None:
            return train_private(choices, stored.items(), epsilon, stored.version, privacy_ledger(settings, epsilon))
        imported = read_imported(imported_from, choices, stored.others()) if imported_from else None
        contents = stored.contents(choices.item_ids)
        model = learn(choices, contents, TrainingPlan(algorithm=algorithm), say, imported=imported)
        return stored.with_catalogue(model)

    return make_current(settings, make, say)


def make_current(settings: Settings, make: "Callable[[Stored], TasteModel]", say: "Say") -> "ModelCard":
    """Make a model of what is stored, and make it the current one.

    Raises:
        BadInput: another training is running, or somebody was forgotten meanwhile.
        StoreError: events, catalogue or model folder cannot be read or written.
    """
    from tools.taste import versions  # brings scipy
    from tools.taste.model import FOLDER  # brings scipy

    with _alone(settings), reading(settings, say) as (stored, store):
        model = make(stored)
        if store.forgotten() != stored.forgotten:
            raise BadInput("Somebody was forgotten while the model was trained, so it is not kept; train again.")
        untouched = int((~model.touched).sum())
        facts = {"events_version": stored.version, "encoders": stored.encoders, "untouched": untouched}
        card = model.card.model_copy(update=facts)
        replace(model, card=card).save(settings.data_folder)
        if store.forgotten() != stored.forgotten:  # since then: whoever forgets removes no later model
            versions.drop(settings.data_folder / FOLDER)
            raise BadInput("Somebody was forgotten while the model was stored, so it is removed; train again.")
        say(f"stored {settings.data_folder / FOLDER / card.version}")
    return card


@contextlib.contextmanager
def reading(settings: Settings, say: "Say") -> "Iterator[tuple[Stored, EventStore]]":
    """Everything that is stored.

    Raises:
        StoreError: events or catalogue cannot be read.
    """
    from tools.taste.events import EventStore  # brings scipy

    with contextlib.closing(EventStore.open(settings.place())) as store:
        version, forgotten = store.version(), store.forgotten()
        choices = _choices(store, say)
        with _catalogue(settings) as catalogue:
            yield Stored(choices, catalogue, _encoders(catalogue), version, forgotten), store


def export(settings: Settings, folder: Path, say: "Say" = lambda _text: None) -> None:
    """Write choices and items for another engine.

    Raises:
        BadInput: the settings let choices out as private counts only.
        ServiceMissing: pyarrow is not installed.
        StoreError: events or catalogue cannot be read, or the folder cannot be written.
    """
    from tools.taste.exchange import write_choices  # brings scipy

    _not_private(settings)
    with reading(settings, say) as (stored, _):
        write_choices(stored.choices, stored.others(), folder)


def roll_back(settings: Settings) -> str:
    """Make the model before the current one current again; gives its version.

    Raises:
        BadInput: there is none.
    """
    from tools.taste import versions  # brings scipy
    from tools.taste.model import FOLDER  # brings scipy

    return versions.roll_back(settings.data_folder / FOLDER)


def _not_private(settings: Settings) -> None:
    """Refuse what is no private count where the settings ask for those (BadInput)."""
    if settings.privacy.epsilon is not None:
        raise BadInput("privacy.epsilon is set, so models come from private counts alone: no --export and no --import.")


def privacy_ledger(settings: Settings, budget: float) -> "PrivacyLedger":
    """The data folder's."""
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

    process, read = psutil.Process(), 0
    for batch in store.matrix_rows():
        mask = np.isin(batch.items, keys)
        places = np.searchsorted(keys, batch.items[mask])
        yield EventBatch(batch.users[mask], places, batch.strengths[mask], batch.at[mask])
        before, read = read, read + len(batch.users)
        if read // TOLD_EVERY > before // TOLD_EVERY:
            say(f"{read:,} events read; {process.memory_info().rss / 2**20:,.0f} MiB of memory in use")


@contextlib.contextmanager
def _catalogue(settings: Settings) -> "Iterator[Catalogue | None]":
    """The catalogue, or None where there is none: choices alone can be learned from."""
    from tools.store.database import DATABASE  # brings scipy

    if not (settings.data_folder / DATABASE).is_file():
        yield None
        return
    with open_catalogue(settings, read_only=True) as catalogue:
        yield catalogue


def _encoders(catalogue: "Catalogue | None") -> dict[str, str]:
    """Modality -> which encoder made the catalogue's vectors."""
    from tools.taste.recommending import SPACES, encoder_name  # brings scipy

    names = {space: encoder_name(catalogue, space) for space in SPACES} if catalogue else {}
    return {space: name for space, name in names.items() if name is not None}


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
