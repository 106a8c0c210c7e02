"""Who is on screen: appearances → stretches of time with the same people."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction

from tracker.tracked import TrackedVideo


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which the same people are on screen.

    Attributes:
        start_ms: when it begins, to the nearest millisecond.
        stop_ms: when it ends; later.
        people: their numbers, at least one; who comes first in the video stands first.
    """

    start_ms: int
    stop_ms: int
    people: tuple[int, ...]


def who_is_on_screen(tracked: TrackedVideo) -> list[Stretch]:
    """Every stretch in which the same people are on screen, by time, none where nobody is.

    Times are those of the frames, to the nearest millisecond: nothing is smoothed, so that
    somebody who is seen for a single frame is named for that long. What is so short that both
    its ends are the same millisecond is left out, and its neighbours meet there. Two stretches
    that follow each other directly differ in their people.
    """
    changes: dict[int, list[tuple[int, int]]] = defaultdict(list)  # by millisecond
    for person in tracked.people:
        for stay in person.appearances:
            changes[_milliseconds(stay.start_s)].append((person.number, 1))
            changes[_milliseconds(stay.stop_s)].append((person.number, -1))
    order = _order_of_coming(tracked)
    present: dict[int, int] = defaultdict(int)  # a stay may begin where another ends: counted
    found: list[Stretch] = []
    people: tuple[int, ...] = ()
    since = 0
    for moment in sorted(changes):
        for person_number, step in changes[moment]:
            present[person_number] += step
        now = tuple(number for number in order if present[number])
        if now == people:
            continue
        if people:
            found.append(Stretch(since, moment, people))
        people, since = now, moment
    return found


def _order_of_coming(tracked: TrackedVideo) -> list[int]:
    """People's numbers by their first appearance; at once, the lower number first."""
    came = sorted((person.appearances[0].start_s, person.number) for person in tracked.people)
    return [number for _, number in came]


def _milliseconds(exact_s: Fraction) -> int:
    return round(exact_s * 1000)
