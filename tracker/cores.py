"""How much of the processor is ours."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """How many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS, Windows


def cpu_threads() -> int:
    """How many threads a library should use for its work on the CPU.

    As many as the cores that this process may run on; fewer where `OMP_NUM_THREADS` says so,
    as it does for those who share the cores with others.
    """
    cores = usable_cores()
    asked = os.environ.get("OMP_NUM_THREADS", "").strip()
    return min(cores, int(asked)) if asked.isdecimal() and int(asked) > 0 else cores
