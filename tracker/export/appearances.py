"""When people are seen: tracks → appearances in exact time."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from tracker.records import Shot, Timeline, Tracks, shot_of_frames
from tracker.tracked import Appearance, Person, default_name

_LONGEST_ABSENCE_S = 1  # unseen for longer, a person has left and come back


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


def people_of(
    tracks: Tracks, shots: Sequence[Shot], timeline: Timeline, names: Mapping[int, str]
) -> tuple[Person, ...]:
    """Everybody in `tracks`, by number.

    Args:
        names: of those who have been given one.
    """
    stays: dict[int, list[Appearance]] = {}
    for stay in find_appearances(tracks, shots, timeline):
        stays.setdefault(stay.person, []).append(stay)
    return tuple(
        Person(number, names.get(number) or default_name(number), tuple(of_person))
        for number, of_person in stays.items()
    )
