"""A command as it is typed, which writes down when it first calls a tool.

Run as ``python -m eval.bench.one_shot_child FILE WORD ...``; FILE is not written where no tool is called.
"""

import sys
import time
from pathlib import Path
from typing import Any

from assistant import cli
from tools.tool import BoundTool


def main(mark: Path, words: list[str]) -> None:
    """Run ``assistant WORD ...``."""
    answer = BoundTool.answer

    def marking(self: BoundTool, arguments: dict[str, Any]) -> dict[str, Any]:
        if not mark.exists():
            mark.write_text(str(time.time()))
        return answer(self, arguments)

    BoundTool.answer = marking  # type: ignore[method-assign]
    sys.argv = ["assistant", *words]
    cli.main()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
