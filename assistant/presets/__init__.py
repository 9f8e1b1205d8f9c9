"""Presets: what a shop, a content platform, a social network and a catalogue of courses begin with.

A preset is a folder of this package, copied as it is: ``config.toml`` (settings), ``shop.json`` (texts that customers
see), ``pages`` (answers to questions, in Markdown) and ``items.jsonl`` (a small sample catalogue).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from assistant.errors import BadInput, StoreError
from assistant.settings import Settings, config_file
from assistant.shop import FILE, Kind
from tools.storage import private_folder

_FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True)
class Places:
    """Where the files of a preset are written.

    Attributes:
        config: the settings file.
        data: the data folder, which gets ``shop.json``.
        files: the folder of pages and sample, to be edited.
    """

    config: Path
    data: Path
    files: Path

    @property
    def items(self) -> Path:
        """The sample catalogue."""
        return self.files / "items.jsonl"

    @property
    def pages(self) -> list[Path]:
        """The pages for questions that are there."""
        return sorted((self.files / "pages").glob("*.md"))


def places(preset: Kind, settings: Settings, folder: Path | None) -> Places:
    """The settings' own places, or all of them in one folder."""
    if folder is None:
        home = settings.home.expanduser().absolute()
        return Places(config_file().expanduser().absolute(), settings.data_folder, home / f"preset-{preset}")
    folder = folder.expanduser().absolute()
    return Places(folder / "config.toml", folder / "data", folder / f"preset-{preset}")


def write(preset: Kind, to: Places, *, data: Path | None = None, replace: bool = False) -> None:
    """Copy the preset's files.

    Args:
        to: where they go.
        data: the data folder that the settings file is to name; none: it names none.
        replace: also over files that are there.

    Raises:
        BadInput: a file is there, and ``replace`` is false; nothing was written.
        StoreError: a file cannot be written.
    """
    contents = dict(_contents(preset, to))
    if data is not None:
        contents[to.config] = f"data = {json.dumps(str(data), ensure_ascii=False)}\n\n".encode() + contents[to.config]
    path = to.config
    try:
        if not replace and (there := next((path for path in contents if path.exists()), None)):
            raise BadInput(f"{there} is there already; give --force to replace it, or another --folder.")
        private_folder(to.data)
        for path, content in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except (OSError, ValueError) as exc:  # ValueError: a null character in a path
        reason = exc.strerror if isinstance(exc, OSError) else exc
        raise StoreError(f"{path} cannot be written: {reason}.") from exc


def _contents(preset: Kind, to: Places) -> Iterator[tuple[Path, bytes]]:
    source = _FOLDER / preset
    yield to.config, (source / "config.toml").read_bytes()
    yield to.data / FILE, (source / FILE).read_bytes()
    yield to.items, (source / "items.jsonl").read_bytes()
    for page in sorted((source / "pages").iterdir()):
        yield to.files / "pages" / page.name, page.read_bytes()
