"""How many processor threads torch may take, and how many memory pools the threads of a process share."""

import ctypes
import os
from contextlib import suppress

from tools.cores import usable_cores

M_ARENA_MAX = -8
"""As in glibc's malloc.h."""
FEWEST_ARENAS = 2


def set_torch_threads(threads: int | None) -> None:
    """Let torch run one operation on ``threads`` threads (None: all usable cores). Cheap to call again."""
    import torch

    count = threads or usable_cores()
    if torch.get_num_threads() != count:
        torch.set_num_threads(count)


def limit_arenas() -> None:
    """Let all threads of this process share as many of glibc's memory pools as it has cores, and at least two.

    Of eight for each core, which is glibc's default, each pool keeps the room of the largest pictures that were decoded
    in it, and `malloc_trim` does not return that to the system. It has to be called before threads are started; without
    glibc, or where ``MALLOC_ARENA_MAX`` is set, it changes nothing.
    """
    if "MALLOC_ARENA_MAX" not in os.environ:
        with suppress(OSError, AttributeError, TypeError):  # another C library or system
            ctypes.CDLL(None).mallopt(M_ARENA_MAX, max(FEWEST_ARENAS, usable_cores()))
