"""Where what is stored lies, below the data folder (``settings.data_folder``)."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from assistant.settings import Settings
    from tools.store import Catalogue

SESSIONS: Final = "sessions.sqlite"
"""Sessions, replies, checkpoints and the log of rankings."""
KEYS: Final = "keys.sqlite"
VISITORS: Final = "visitors.sqlite"
IMPORTS: Final = "imports"
UPLOADS: Final = "uploads"
"""Attachments, a folder for each session. Ids of sessions do not begin with a dot, as the folders below do."""
INCOMING: Final = "uploads/.incoming"
"""Files of requests that are still being read."""
TOOL_UPLOADS: Final = "uploads/.tools"
"""Files that programs send ahead of tool calls, a folder for each user."""
UNFINISHED_TURNS: Final = "uploads/.turns"
MIGRATIONS: Final = Path(__file__).parent / "migrations"
"""Alembic's revisions, a folder for each store."""


def open_catalogue(
    settings: "Settings", *, read_only: bool = False, notify: Callable[[str], None] | None = None
) -> "Catalogue":
    """The catalogue of these settings; arguments and errors as of `tools.store.Catalogue.open`."""
    from tools.store import Catalogue  # brings its library

    return Catalogue.open(
        settings.data_folder,
        chroma_url=settings.chroma_url,
        state=settings.state_server,
        files=settings.files,
        read_only=read_only,
        notify=notify,
    )


def tool_uploads(data_folder: Path, user_id: str) -> Path:
    """The folder of the files that a user sent ahead of tool calls; its name tells nothing of the user."""
    name = hashlib.sha256(user_id.encode("utf-8", "replace")).hexdigest()[:32]
    return data_folder / TOOL_UPLOADS / name


def remove_incoming(data_folder: Path) -> None:
    """Delete the files of requests that an earlier process had not finished reading when it was ended."""
    shutil.rmtree(data_folder / INCOMING, ignore_errors=True)
