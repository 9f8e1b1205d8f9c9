"""Models whose files are used as they come, such as a sentence-transformers folder."""

import shutil
from collections.abc import Callable
from pathlib import Path

Progress = Callable[[int, int], None]


def convert(raw: Path, out: Path, progress: Progress) -> None:
    """Copy every file of ``raw`` to the same place in ``out``."""
    files = [path for path in sorted(raw.rglob("*")) if path.is_file()]
    total = sum(path.stat().st_size for path in files)
    done = 0
    for path in files:
        target = out / path.relative_to(raw)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        done += target.stat().st_size
        progress(done, total)
