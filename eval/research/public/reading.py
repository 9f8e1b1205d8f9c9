"""Files that a user has, read; whatever is wrong with one is told in a sentence."""

import csv
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import BadZipFile

from assistant.errors import BadInput


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Translates what libraries say of a file that they cannot read.

    Raises:
        BadInput: it is not there, is cut off, or is not what it should be.
    """
    try:
        yield
    except UnicodeDecodeError as exc:
        raise BadInput(f"{path} is not UTF-8.") from exc
    except (OSError, EOFError, zlib.error, BadZipFile, csv.Error) as exc:
        why = getattr(exc, "strerror", None) or str(exc).rstrip(".")
        raise BadInput(f"{path} cannot be read: {why}.") from exc
