"""What a finished run knows of a video, and what every file for other programs is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from tracker.records import Shot, Timeline, Tracks, VideoInfo


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


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who was found.

    Attributes:
        number: from 1, the person of tracks and appearances.
        name: given by hand, or "Person 3".
        appearances: by time; at least one.
        spread: mean distance of the person's tracklets from each other, 0 (alike) to 4; None
            where there is only one, or where it is not known.
        nearest: the other person who looks most alike, and the mean distance of the two; None
            where there is nobody else, or where it is not known.
    """

    number: int
    name: str
    appearances: tuple[Appearance, ...]
    spread: float | None = None
    nearest: tuple[int, float] | None = None

    @property
    def screen_s(self) -> Fraction:
        """Seconds on screen, exact."""
        return sum((stay.stop_s - stay.start_s for stay in self.appearances), Fraction(0))


@dataclass(frozen=True, slots=True, eq=False)
class TrackedVideo:
    """Who is where in a video.

    Attributes:
        name: of the video's file.
        shots: disjoint, in order, covering every frame.
        tracks: of `people`; boxes to a hundredth of a pixel.
        nobody: faces that were found and belong to none of them: bystanders, stray detections;
            their person is `NOBODY`.
        people: by number; each has tracks.
        maybe_same: pairs of people who may be one, and their distance, nearest first.
    """

    name: str
    info: VideoInfo
    timeline: Timeline
    shots: tuple[Shot, ...]
    tracks: Tracks
    nobody: Tracks
    people: tuple[Person, ...]
    maybe_same: tuple[tuple[int, int, float], ...] = ()

    @property
    def names(self) -> dict[int, str]:
        """What each person is called, by number."""
        return {person.number: person.name for person in self.people}

    def called(self, names: Mapping[int, str]) -> TrackedVideo:
        """The same, with the people in `names` called so; "" takes a name away."""
        people = tuple(
            replace(person, name=names[person.number] or default_name(person.number))
            if person.number in names
            else person
            for person in self.people
        )
        return replace(self, people=people)


def default_name(person: int) -> str:
    """What a person is called whom nobody has named."""
    return f"Person {person}"


@dataclass(frozen=True, slots=True, eq=False)
class Portraits:
    """Faces to know people by, some of each, sorted by person, then frame.

    Attributes:
        person: (n,) int32.
        frame: (n,) int32; 0-based.
        images: (n, side, side, 3) uint8 RGB.
    """

    person: NDArray[np.int32]
    frame: NDArray[np.int32]
    images: NDArray[np.uint8]

    def of(self, person: int) -> Portraits:
        """Those of one person."""
        kept = self.person == person
        return Portraits(self.person[kept], self.frame[kept], self.images[kept])
