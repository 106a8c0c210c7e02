"""Rows in parts, so that what is computed of many takes no more memory than of few."""

from __future__ import annotations

from collections.abc import Iterator

PART_NUMBERS = 1 << 20  # in a part, about: 8 MiB where they are float64


def parts_of(rows: int, columns: int) -> Iterator[slice]:
    """Cut an array of `rows` x `columns` into runs of rows, in order; none where it has none."""
    step = max(PART_NUMBERS // max(columns, 1), 1)
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))
