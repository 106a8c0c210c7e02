"""How much of the processor is ours."""

from __future__ import annotations

import os


def cpu_threads() -> int:
    """How many threads a library should use for its work on the CPU.

    As many as the cores that this process may run on; fewer where `OMP_NUM_THREADS` says so,
    as it does for those who share the cores with others.
    """
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:  # macOS, Windows
        cores = os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "").strip()
    return min(cores, int(asked)) if asked.isdecimal() and int(asked) > 0 else cores
