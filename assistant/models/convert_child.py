"""The process in which a converter runs: `python -m assistant.models.convert_child CONVERTER RAW OUT`.

It reports on standard output, one JSON object a line: {"done", "total"}, or {"error", "errno"} before exit code 1.
It ends by itself when its parent does: standard input closes then.
"""

import errno
import json
import os
import shutil
import sys
import threading
from importlib import import_module
from pathlib import Path

from assistant.models.convert import CONVERTERS

FULL_BELOW = 1 << 20  # bytes free; libraries report a full disk in words of their own


def main(arguments: list[str]) -> int:
    """Run one converter: its name, the raw folder, the folder to fill."""
    kind, raw, out = arguments
    threading.Thread(target=_end_with_parent, daemon=True).start()
    converter = import_module(CONVERTERS[kind][0])  # type: ignore[index]
    try:
        converter.convert(Path(raw), Path(out), _report)
    except Exception as exc:  # the border of the process: every reason is reported, none is dropped
        number = exc.errno if isinstance(exc, OSError) else None
        if shutil.disk_usage(out).free < FULL_BELOW:
            number = errno.ENOSPC
        reason = " ".join(str(exc).split())[:300] or type(exc).__name__
        print(json.dumps({"error": reason, "errno": number}), flush=True)
        return 1
    return 0


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(2)


def _report(done: int, total: int) -> None:
    print(json.dumps({"done": done, "total": total}), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
