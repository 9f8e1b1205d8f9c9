"""Where state is kept: files of a data folder, or a PostgreSQL database that several machines share."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

from tools.errors import StoreError

SCHEMES: Final = ("postgresql", "postgres")


@dataclass(frozen=True)
class StateServer:
    """A PostgreSQL database, by its URL, which may hold a password and is shown nowhere.

    Raises:
        StoreError: it is no such URL.
    """

    url: str = field(repr=False)

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            (parts.hostname or "").encode("idna")
            is_right = parts.scheme in SCHEMES and bool(self.name.partition("/")[2]) and self.url.isprintable()
            # an @ in a password is written %40: drivers take what is behind the first one for the host, and name it
            is_right = is_right and parts.netloc.count("@") <= 1
        except ValueError:  # such as a port that is no number, or a host that is too long
            is_right = False
        if not is_right:
            raise StoreError("The URL of the state is not like postgresql://USER:PASSWORD@HOST/DATABASE.")

    @property
    def name(self) -> str:
        """The host and the database, for people."""
        parts = urlsplit(self.url)
        host = parts.hostname or ",".join(parse_qs(parts.query).get("host", ["localhost"]))
        port = f":{parts.port}" if parts.port else ""
        return f"{host}{port}/{parts.path.strip('/')}"


Place = Path | StateServer
"""Where a store lies: its file or the folder of it, or the server that holds everything."""


def within(place: Place, name: str) -> Place:
    """The file of that name in a folder; a server holds everything."""
    return place / name if isinstance(place, Path) else place


def is_there(place: Place) -> bool:
    """Whether there is anything to be read at a file's place; a server always has the tables."""
    return isinstance(place, StateServer) or place.is_file()
