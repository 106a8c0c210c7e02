"""Arrays that lie on disk and are mapped into memory."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
from numpy.typing import NDArray


def let_go(array: NDArray[Any]) -> None:
    """Give back the memory of a map, or of the map that `array` is a view of.

    The array stays as it is: what is used of it comes back.

    A pass over a long video's file would else count as memory of this process from its first
    page to its last. Does nothing to other arrays, and nothing where the system cannot.
    """
    whole: Any = array
    while isinstance(whole, np.ndarray):  # a view lies on an array, and that on the map
        whole = whole.base
    if isinstance(whole, mmap.mmap) and hasattr(whole, "madvise"):
        whole.madvise(mmap.MADV_DONTNEED)
