"""When people are seen: tracks → appearances in exact time."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from tracker.records import Shot, Timeline, Tracks, shot_of_frames

_LONGEST_ABSENCE_S = 1  # unseen for longer, a person has left and come back


@dataclass(frozen=True, slots=True)
class Appearance:
    """A person's stay in one shot.

    Attributes:
        person: from 1.
        shot: 0-based number of the shot.
        first_frame: 0-based.
        last_frame: 0-based, included.
        start_s: when the first frame appears.
        stop_s: when the last frame gives way to the next.
    """

    person: int
    shot: int
    first_frame: int
    last_frame: int
    start_s: Fraction
    stop_s: Fraction


def find_appearances(tracks: Tracks, shots: Sequence[Shot], timeline: Timeline) -> list[Appearance]:
    """Each person's stays, by person, then time: within one shot, never unseen for over 1 s."""
    order = np.lexsort((tracks.frame, tracks.person))
    person, frame = tracks.person[order], tracks.frame[order]
    if not len(order):
        return []
    shot = shot_of_frames(frame, shots)
    next_ticks = np.append(timeline.ticks[1:], timeline.end_tick)
    unseen_ticks = timeline.ticks[frame[1:]] - next_ticks[frame[:-1]]
    absent = unseen_ticks > int(_LONGEST_ABSENCE_S / timeline.tick_s)
    breaks = (np.diff(person) != 0) | (np.diff(shot) != 0) | absent
    edges = [0, *(np.flatnonzero(breaks) + 1).tolist(), len(order)]
    found = []
    for start, stop in itertools.pairwise(edges):
        first, last = int(frame[start]), int(frame[stop - 1])
        times = timeline.start_s(first), timeline.stop_s(last)
        found.append(Appearance(int(person[start]), int(shot[start]), first, last, *times))
    return found
