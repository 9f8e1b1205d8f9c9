"""Users' ids as pseudonyms: HMAC-SHA256 under a key that lies apart from the data.

Whoever has the data folder alone can neither tell whose events they are nor find out by trying ids, as they could with
a plain hash (ENISA, Pseudonymisation techniques and best practices, 2019, section 5.1).
"""

import contextlib
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from assistant.errors import ConfigError
from assistant.records import LOCAL
from assistant.settings import Settings
from tools.storage import private_folder

KEY_BYTES = 32
DIGITS = 32
CHECK = "users.check"
"""In the data folder: which key its pseudonyms are of, told by a digest that reveals nothing of it."""
_CHECKED = b"\0the key's check\0"


@dataclass(frozen=True, repr=False)
class Pseudonyms:
    """Makes pseudonyms with one key."""

    key: bytes

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """The pseudonyms of a data folder; their key is made at the first use.

        Raises:
            ConfigError: the key file lies in the data folder, cannot be read or written, or is not the one that the
                data was written with.
        """
        path, check = key_file(settings), settings.data_folder / CHECK
        try:
            if not path.exists() and check.exists():
                raise ConfigError(f"The key of the users' pseudonyms, {path}, is gone. {_consequence(check)}")
            pseudonyms = cls(_read(path) if path.exists() else _make(path))
            if not check.exists():
                private_folder(check.parent)
                _write_once(check, pseudonyms._check)
            if not hmac.compare_digest(check.read_text().strip(), pseudonyms._check):
                raise ConfigError(f"{path} is not the key that the data was written with. {_consequence(check)}")
        except OSError as exc:
            raise ConfigError(f"The key of the users' pseudonyms, {path}, cannot be used: {exc.strerror}.") from exc
        return pseudonyms

    def of(self, raw: str) -> str:
        """The pseudonym of a user's id: 32 hexadecimal digits; ``local``, which names nobody, stays as it is."""
        return LOCAL if raw == LOCAL else self._digest(raw.encode("utf-8", "surrogatepass"))

    def may_be_of(self, folder: Path) -> bool:
        """Whether a data folder's users are kept under pseudonyms of this key; so it is where there are none yet.

        Raises:
            ConfigError: that cannot be read.
        """
        try:
            return hmac.compare_digest((folder / CHECK).read_text("utf-8").strip().encode(), self._check.encode())
        except FileNotFoundError:
            return True
        except (OSError, UnicodeDecodeError) as exc:
            raise ConfigError(f"{folder / CHECK} cannot be read, so that its users cannot be recognised.") from exc

    @property
    def _check(self) -> str:
        return self._digest(_CHECKED)

    def _digest(self, text: bytes) -> str:
        return hmac.digest(self.key, text, hashlib.sha256).hex()[:DIGITS]


def pseudonym(settings: Settings, raw: str) -> str:
    """The pseudonym of a user's id; errors as of `Pseudonyms.open`. ``local`` needs no key."""
    return LOCAL if raw == LOCAL else Pseudonyms.open(settings).of(raw)


def key_file(settings: Settings) -> Path:
    """Where the key lies, whether or not it is there.

    Raises:
        ConfigError: that is in the data folder.
    """
    setting = settings.privacy.key_file or settings.home / "secrets" / "users.key"
    path = setting.expanduser().absolute()
    if path.resolve().is_relative_to(settings.data_folder.resolve()):
        raise ConfigError(
            f"The key of the users' pseudonyms, {path}, lies in the data folder, where it protects nobody; "
            "set privacy.key_file to a file elsewhere."
        )
    return path


def _read(path: Path) -> bytes:
    try:
        key = bytes.fromhex(path.read_text("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigError(f"{path} is not a key of users' pseudonyms: {2 * KEY_BYTES} hexadecimal digits.")
    return key


def _make(path: Path) -> bytes:
    """A new key; where another process makes one at the same moment, both use the first."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write_once(path, secrets.token_hex(KEY_BYTES))
    return _read(path)


def _write_once(path: Path, text: str) -> None:
    """Write a file for its owner's eyes, at once as a whole; one that is there stays."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(temporary)
    finally:
        temporary.unlink()


def _consequence(check: Path) -> str:
    return (
        "Put it back from your backup: without it nobody can tell whose stored data is whose, so that nobody is "
        f"recognised, shown or forgotten by their id. If it is lost for good, delete {check}: new pseudonyms begin, "
        "and what was stored before goes by: assistant users expire."
    )
