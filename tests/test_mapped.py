import mmap
from pathlib import Path

import numpy as np
import pytest

from tracker.mapped import let_go

PAGES = 4096  # of an array; the kernel counts in pages


def resident_bytes():
    """Of all that files mapped by this process take up in memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssFile")) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux counts so")
def test_the_memory_of_a_map_is_given_back(tmp_path):
    size = PAGES * mmap.PAGESIZE
    array = np.lib.format.open_memmap(tmp_path / "a.npy", "w+", np.uint8, (size,))
    before = resident_bytes()
    array[:] = 7
    full = resident_bytes()
    let_go(array)
    assert full - before > 0.9 * size
    assert resident_bytes() - before < 0.1 * size


def test_what_was_written_stays(tmp_path):
    array = np.lib.format.open_memmap(tmp_path / "a.npy", "w+", np.uint8, (PAGES, 100))
    array[:] = np.arange(100)
    let_go(array)
    assert (array == np.arange(100)).all()
    array.flush()
    assert (np.load(tmp_path / "a.npy") == np.arange(100)).all()


@pytest.mark.parametrize("array", [np.arange(5), np.zeros((0, 3)), np.arange(9)[::2]])
def test_an_array_in_memory_is_left_alone(array):
    before = array.copy()
    let_go(array)
    np.testing.assert_array_equal(array, before)
