"""How many processor threads an engine may take, and how many memory pools the threads of a process share."""

import ctypes
import os
from contextlib import suppress
from pathlib import Path

M_ARENA_MAX = -8
"""As in glibc's malloc.h."""
FEWEST_ARENAS = 2


def usable_cores(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Cores that this process may use: its affinity mask, and the processor quota of its container if there is one.

    torch counts the machine's cores instead; with a quota of 2 on a machine of 64 it would start 64 threads that
    take turns on two cores.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(cgroup)
    return max(1, min(cores, quota) if quota else cores)


def _quota(cgroup: Path) -> int | None:
    """Whole cores of the control group's quota (version 2, else version 1), or None without one."""
    try:
        if (cgroup / "cpu.max").is_file():
            allowed, period = (cgroup / "cpu.max").read_text().split()[:2]
        else:
            allowed = (cgroup / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu/cpu.cfs_period_us").read_text().strip()
        cores = int(allowed) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # no limit reads "max" or -1
        return None
    return max(1, round(cores)) if cores > 0 else None


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
