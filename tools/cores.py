"""How many processor cores this process may use."""

import os
from pathlib import Path


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
