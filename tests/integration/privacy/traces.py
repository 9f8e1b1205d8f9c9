"""Looking for a user in everything that a data folder holds."""

from pathlib import Path


def traces_of(folder: Path, words: list[str]) -> list[str]:
    """Which words stand in which file's bytes or name."""
    return [
        f"{word} in {path.relative_to(folder)}"
        for path in sorted(folder.rglob("*"))
        for word in words
        if word in path.name or (path.is_file() and word.encode() in path.read_bytes())
    ]
