"""Room on disk for what grows with the video."""

from __future__ import annotations

import math
import tempfile

import numpy as np
from numpy.typing import NDArray

from tracker.errors import StorageError

SMALL_BYTES = 1 << 24  # as much may stay in memory
_BLANK = bytes(1 << 20)


def room_for(*shape: int) -> NDArray[np.float32]:
    """An array of zeros of this shape; a large one in a file without a name, gone with the array.

    Whatever of it is not in use, the kernel may write to the disk and forget. The file is in the
    folder for temporary files (TMPDIR).

    Raises:
        StorageError: there is no room for it.
    """
    size = 4 * math.prod(shape)
    if size <= SMALL_BYTES:
        return np.zeros(shape, np.float32)
    try:
        with tempfile.TemporaryFile() as file:
            # Written once: a disk that proves full later would end the program without a word.
            for start in range(0, size, len(_BLANK)):
                file.write(_BLANK[: size - start])
            file.flush()
            return np.asarray(np.memmap(file, np.float32, "r+", shape=shape))
    except OSError as error:
        raise StorageError(
            f"no room for {size >> 20} MiB in {tempfile.gettempdir()}: {error.strerror}; "
            "set TMPDIR to a folder that has it"
        ) from error
