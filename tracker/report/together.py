"""Tracks → who is seen with whom, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from tracker.records import Timeline, Tracks
from tracker.tracked import TrackedVideo

MAX_TABLE_PEOPLE = 25  # a side, so that the table can still be read
_DARKEST = 0.4  # of a cell's shade: text on it has a contrast of more than 4.5 in either scheme


@dataclass(frozen=True, slots=True)
class Cell:
    """Two people in the table.

    Attributes:
        text: seconds; empty where a person meets themselves.
        shade: opacity in [0, 1].
    """

    text: str
    shade: float


@dataclass(frozen=True, slots=True)
class Together:
    """The table of who is seen with whom.

    Attributes:
        people: numbers, of rows and columns alike; none where nobody meets anybody.
        cells: a row a person.
        left_out: how many people the table has no room for.
    """

    people: list[int]
    cells: list[list[Cell]]
    left_out: int


def ticks_together(tracks: Tracks, timeline: Timeline, people: Sequence[int]) -> NDArray[np.int64]:
    """For how long each two of `people` (P,) are in the same frames: exact, in ticks.

    Args:
        people: numbers, each once; tracks of others don't count.

    Returns:
        (P, P) int64, symmetric; on the diagonal for how long each is seen at all.
    """
    numbers = np.asarray(people, np.int64)
    known = np.isin(tracks.person, numbers)
    order = np.argsort(numbers)
    row = order[np.searchsorted(numbers, tracks.person[known], sorter=order)]
    column = tracks.frame[known].astype(np.int64)
    cells = np.unique(row * len(timeline) + column)  # a person counts once a frame
    row, column = np.divmod(cells, max(len(timeline), 1))
    lasting = np.diff(timeline.ticks, append=timeline.end_tick)[column]
    shape = (len(numbers), len(timeline))
    seen = csr_array((np.ones(len(cells), np.int64), (row, column)), shape)
    weighted = csr_array((lasting, (row, column)), shape)
    return np.asarray((weighted @ seen.T).toarray(), np.int64)


def tabulate_together(tracked: TrackedVideo, ticks: NDArray[np.int64]) -> Together:
    """The table of `ticks` (P, P), as `ticks_together` gives them for all people of `tracked`.

    Of many people the first are shown.
    """
    shown = [person.number for person in tracked.people[:MAX_TABLE_PEOPLE]]
    apart = ~np.eye(len(tracked.people), dtype=np.bool_)
    if not ticks[apart].any():
        return Together([], [], 0)
    part = ticks[: len(shown), : len(shown)]
    most = max(int(np.where(apart[: len(shown), : len(shown)], part, 0).max()), 1)
    cells = [
        [
            _cell(int(value), int(value) / most, tracked.timeline) if row != column else Cell("", 0)
            for column, value in enumerate(values)
        ]
        for row, values in enumerate(part.tolist())
    ]
    return Together(shown, cells, len(tracked.people) - len(shown))


def _cell(ticks: int, share: float, timeline: Timeline) -> Cell:
    lasting_s: Fraction = ticks * timeline.tick_s
    text = f"{float(lasting_s):.1f}" if ticks else "0"
    return Cell(text, round(_DARKEST * share, 3))
