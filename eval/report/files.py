"""Reports on the disk."""

from pathlib import Path

from assistant.errors import BadInput


def write_text(path: Path, text: str) -> None:
    """Write a report; its folder is made if need be.

    Raises:
        BadInput: it can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise BadInput(f"{path} can't be written: {exc.strerror}.") from exc
