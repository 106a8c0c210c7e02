import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tracker.embedding.parts import PART_NUMBERS, parts_of

sizes = st.integers(0, 5_000_000)


@given(sizes, sizes)
def test_parts_follow_each_other_and_cover_every_row_once(rows, columns):
    rows = min(rows, 2000) if columns > 1000 else rows
    edges = [(part.start, part.stop) for part in parts_of(rows, columns)]
    assert [start for start, _ in edges] == [0, *(stop for _, stop in edges)][: len(edges)]
    assert sum(stop - start for start, stop in edges) == rows
    assert all(start < stop for start, stop in edges)


@given(sizes)
def test_a_part_holds_no_more_than_it_may_unless_it_is_one_row(columns):
    first = next(parts_of(PART_NUMBERS + 1, columns))
    assert first.stop == 1 or first.stop * columns <= PART_NUMBERS


def test_nothing_has_no_parts():
    assert not list(parts_of(0, 5))


def test_parts_select_rows():
    values = np.arange(PART_NUMBERS + 4).reshape(-1, 2)
    assert [len(values[part]) for part in parts_of(*values.shape)] == [PART_NUMBERS // 2, 2]
