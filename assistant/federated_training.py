"""Several shops learn a taste model together without sharing events: `assistant federate`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.errors import BadInput, StoreError
from assistant.settings import Settings
from assistant.taste_training import Stored, make_current, privacy_ledger, reading

if TYPE_CHECKING:
    from tools.taste.federated.exchange.counts import SharedCounts
    from tools.taste.model import ModelCard, TasteModel
    from tools.taste.training import Say


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
    with reading(settings, say) as (stored, _):
        counts = (
            federated_training.share(stored.choices, settings.taste.least_people)
            if epsilon is None
            else federated_training.share_privately(
                stored.choices, stored.items(), epsilon, stored.version, privacy_ledger(settings, epsilon)
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
        return stored.with_catalogue(model)

    return make_current(settings, make, say)


def add_counts(paths: Sequence[Path], total: Path) -> "SharedCounts":
    """Add up what several shops wrote with `share`, and write the total.

    Raises:
        BadInput: there are no counts in one of the files.
        StoreError: the total cannot be written.
    """
    from tools.taste.federated.exchange.counts import SharedCounts  # brings numpy

    counts = SharedCounts.total([_read_counts(path) for path in paths])
    _write_counts(counts, total)
    return counts


def _read_counts(path: Path) -> "SharedCounts":
    from tools.taste.federated.exchange.counts import SharedCounts  # brings numpy

    try:
        return SharedCounts.load(path)
    except (OSError, ValueError) as exc:
        raise BadInput(f"{path} holds no shared counts: {exc}") from exc


def _write_counts(counts: "SharedCounts", path: Path) -> None:
    try:
        counts.save(path)
    except OSError as exc:
        raise StoreError(f"{path} cannot be written: {exc.strerror}.") from exc
