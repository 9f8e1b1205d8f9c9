"""Users' tastes of another catalogue, brought into this one: `assistant taste import`.

The other data folder is read only for this; of what users did there, `tools.taste.imported` says what is kept.
"""

import contextlib
import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import Field, TypeAdapter, ValidationError

from assistant.errors import BadInput
from assistant.privacy.pseudonyms import Pseudonyms, pseudonym
from assistant.records import LOCAL
from assistant.settings import Settings
from assistant.shop import shop_profile
from assistant.storage import open_catalogue
from assistant.visitors import VisitorStore
from tools.place import is_there
from tools.records import EncoderIdentity, Record
from tools.store import Catalogue
from tools.taste.events import DATABASE as EVENTS
from tools.taste.events import EventStore
from tools.taste.imported import FEWEST_ITEMS, CatalogueName, ImportedTaste, taste_in, usual_item
from tools.taste.taste import TasteRules

BATCH: Final = 500
"""Users whose tastes are written in one transaction."""
DAY_SECONDS: Final = 86_400.0

if TYPE_CHECKING:
    from tools.store.entries import Vector


class TasteImport(Record):
    """What was brought here."""

    catalogue: str
    users: int = Field(description="how many users' tastes were kept")
    items: int = Field(description="how many items liked there they rest on")
    too_little: int = Field(description=f"users who like fewer than {FEWEST_ITEMS} items there: nothing was kept")
    dry_run: bool


def import_tastes(
    settings: Settings,
    folder: Path,
    user: str | None,
    *,
    name: str | None = None,
    dry_run: bool = False,
    say: Callable[[str], None] = lambda _text: None,
) -> TasteImport:
    """Bring tastes of the catalogue in a data folder here, in the place of what was brought from it before.

    With all users, those who have no taste there any more lose what was brought here of it.

    Args:
        user: the user's own id; None: everybody there but visitors.
        name: what the other catalogue is called here; None: its shop's name, else the folder's.
        dry_run: say what would be brought, and keep nothing.

    Raises:
        BadInput: the folder is not another catalogue's, the catalogues have different encoders of texts, the users
            have different pseudonyms, or there is nothing to bring.
        StoreError: a file cannot be read or written.
    """
    if not settings.taste.enabled:
        raise BadInput("Nothing is made of users' histories: taste.enabled is false.")
    there = settings.over(folder.expanduser())
    _check_folders(settings, there)
    name = _name(there, name)
    _check_pseudonyms(settings, there, user)
    began = time.time()
    with (
        Catalogue.open(there.data_folder, read_only=True) as catalogue,
        contextlib.closing(EventStore.open(there.data_folder)) as events,
    ):
        _check_encoders(settings, catalogue)
        owners = _owners(events, there) if user is None else [pseudonym(settings, user)]
        tastes = _tastes(settings, catalogue, events, owners, name, began)
        users, items, seen = 0, 0, 0
        for number, batch in enumerate(_batches(tastes, BATCH)):
            known = {owner: taste for owner, taste in batch if taste is not None}
            seen, users = seen + len(batch), users + len(known)
            items += sum(taste.items for taste in known.values())
            if number:
                say(f"{seen:,} of {len(owners):,} users")
            if known and not dry_run:
                with contextlib.closing(EventStore.open(settings.place())) as own:
                    own.set_imported(known)
    if user is not None and not users:
        raise BadInput(f"{user!r} likes fewer than {FEWEST_ITEMS} items in {folder}; nothing is brought.")
    if user is None and not dry_run:
        drop_tastes(settings, name, None, before=began)
    if not users:
        raise BadInput(f"Nobody likes {FEWEST_ITEMS} items or more in {folder}; nothing is brought.")
    return TasteImport(catalogue=name, users=users, items=items, too_little=seen - users, dry_run=dry_run)


def drop_tastes(settings: Settings, name: str, user: str | None, *, before: float | None = None) -> int:
    """Delete what was brought from another catalogue; how many users' tastes that were.

    Args:
        user: the user's own id; None: everybody's.
        before: only what was brought before this moment, seconds since 1970.

    Raises:
        StoreError: the file cannot be written now.
    """
    if not is_there(settings.place(EVENTS)):
        return 0
    owner = None if user is None else pseudonym(settings, user)
    with contextlib.closing(EventStore.open(settings.place())) as own:
        return own.drop_imported(name, user=owner, before=before)


def _check_folders(settings: Settings, there: Settings) -> None:
    folder = there.data_folder
    if not folder.is_dir():
        raise BadInput(f"There is no data folder {folder}.")
    if folder.resolve() == settings.data_folder.resolve():
        raise BadInput(f"{folder} is this catalogue's own data folder; name another one's.")
    if not (folder / "catalogue.sqlite").is_file():
        raise BadInput(f"{folder} is not a data folder of the assistant: it holds no catalogue.")
    if not (folder / EVENTS).is_file():
        raise BadInput(f"Nobody did anything in {folder}: it holds no events.")
    if not (settings.data_folder / "catalogue.sqlite").is_file():
        raise BadInput(f"There is no catalogue in {settings.data_folder} yet; fill it with: assistant ingest FILE.")


def _name(there: Settings, name: str | None) -> str:
    """What the other catalogue is called: the name given, its shop's, or its folder's."""
    chosen = name if name is not None else shop_profile(there).name or there.data_folder.name
    try:
        return TypeAdapter(CatalogueName).validate_python(chosen.strip())
    except ValidationError as exc:
        raise BadInput(f"{chosen[:40]!r} is no name of a catalogue: it takes 1 to 100 characters; see --name.") from exc


def _check_pseudonyms(settings: Settings, there: Settings, user: str | None) -> None:
    if user != LOCAL and not Pseudonyms.open(settings).may_be_of(there.data_folder):
        raise BadInput(
            f"The users in {there.data_folder} are kept under pseudonyms of another key, so that nobody can be "
            "recognised; both catalogues need the same privacy.key_file."
        )


def _check_encoders(settings: Settings, catalogue: Catalogue) -> None:
    with open_catalogue(settings, read_only=True) as own:
        identities = own.identity("text"), catalogue.identity("text")
    if None in identities:
        raise BadInput("One of the two catalogues has no items with text vectors, so that tastes cannot be compared.")
    if identities[0] != identities[1]:
        here, elsewhere = map(_described, identities)
        raise BadInput(
            f"The texts of the two catalogues were read by different encoders, {here} here and {elsewhere} in "
            f"{catalogue.folder}; read one of them again with: assistant catalogue reindex."
        )


def _described(identity: EncoderIdentity | None) -> str:
    return f"{identity.encoder} ({identity.weights[:12]}, {identity.preprocessing})" if identity else "none"


def _owners(events: EventStore, there: Settings) -> list[str]:
    """Everybody with events but visitors, whose random names mean nobody here."""
    visitors = VisitorStore(there.visitors_place).owners()
    return [owner for owner in events.user_ids().values() if owner not in visitors]


def _tastes(
    settings: Settings, catalogue: Catalogue, events: EventStore, owners: Iterable[str], name: str, at: float
) -> Iterator[tuple[str, ImportedTaste | None]]:
    """Each user's taste; events that this catalogue would have deleted for their age are not read."""
    rules, days = TasteRules(), settings.privacy.retention_days
    since = None if days is None else at - days * DAY_SECONDS
    usual: Vector = usual_item(catalogue)
    for owner in owners:
        of_user = events.of_user(owner, limit=rules.remembered_events, since=since)
        taste = taste_in(catalogue, usual, of_user, name=name, half_life_days=rules.half_life_days, at=at)
        yield owner, taste


def _batches(
    tastes: Iterator[tuple[str, ImportedTaste | None]], size: int
) -> Iterator[list[tuple[str, ImportedTaste | None]]]:
    while batch := list(itertools.islice(tastes, size)):
        yield batch
