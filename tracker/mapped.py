"""Arrays that lie on disk and are mapped into memory."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
from numpy.typing import NDArray


def let_go(array: NDArray[Any]) -> None:
    """Give back the memory of a memory map, which stays as it is: what is used comes back.

    A pass over a long video's file would else count as memory of this process from its first
    page to its last. Does nothing to other arrays, and nothing where the system cannot.
    """
    mapping = getattr(array, "_mmap", None)
    if isinstance(array, np.memmap) and mapping is not None and hasattr(mapping, "madvise"):
        mapping.madvise(mmap.MADV_DONTNEED)
