"""People → what the page says of each, and of those who may be one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from tracker.render import person_colour
from tracker.report.faces import Sheet, face_sheet
from tracker.report.sureness import Verdict, judge
from tracker.report.words import format_duration, format_share, format_time
from tracker.tracked import Appearance, Person, Portraits, TrackedVideo, default_name

MAX_PEOPLE = 100  # with faces and bars: a page of 5 MB
MAX_STAYS = 500  # a person
MAX_PAIRS = 20
_PAIR_FACES, _PAIR_COLUMNS = 6, 3  # of each of two


@dataclass(frozen=True, slots=True)
class ShownStay:
    """An appearance; the shot from 1, and where in the video it begins, in seconds."""

    shot: int
    start_s: str
    start: str
    stop: str
    duration: str


@dataclass(frozen=True, slots=True)
class ShownPerson:
    """Somebody, as the template shows them.

    Attributes:
        has_own_name: whether it is not just "Person 3".
        colour: in the annotated video, in CSS.
        sheet: of faces; None where none are known.
        doubles: numbers of those who may be the same person.
        stays: the first ones.
        stay_count: of all.
    """

    number: int
    name: str
    has_own_name: bool
    colour: str
    sheet: Sheet | None
    screen_time: str
    share: str
    first: str
    last: str
    verdict: Verdict
    spread: float | None
    nearest: tuple[int, float] | None
    doubles: list[int]
    stays: list[ShownStay]
    stay_count: int


@dataclass(frozen=True, slots=True)
class ShownPair:
    """Two people who may be one; the faces of each, where they are known."""

    people: tuple[int, int]
    distance: float
    sheets: tuple[Sheet | None, Sheet | None]


def css_colour(person: int) -> str:
    """The colour of a person in the annotated video, as CSS has it."""
    return "rgb({}, {}, {})".format(*person_colour(person))


def show_people(
    tracked: TrackedVideo, portraits: Portraits, ticks: NDArray[np.int64]
) -> list[ShownPerson]:
    """What there is to say of the first `MAX_PEOPLE`.

    Args:
        ticks: (P, P), as `ticks_together` gives them for all of the people.
    """
    length_s = tracked.timeline.end_tick * tracked.timeline.tick_s
    numbers = np.array([person.number for person in tracked.people], np.int64)
    doubles = _doubles(tracked.maybe_same)
    shown = []
    for row, person in enumerate(tracked.people[:MAX_PEOPLE]):
        seen_with = numbers[(ticks[row] > 0) & (numbers != person.number)].tolist()
        others = doubles.get(person.number, [])
        sheet = face_sheet(portraits, person.number)
        shown.append(_show(person, others, seen_with, sheet, length_s))
    return shown


def show_pairs(tracked: TrackedVideo, portraits: Portraits) -> list[ShownPair]:
    """The first `MAX_PAIRS` of those who may be one, nearest first, side by side."""
    return [
        ShownPair(
            (one, other),
            distance,
            (
                face_sheet(portraits, one, _PAIR_FACES, _PAIR_COLUMNS),
                face_sheet(portraits, other, _PAIR_FACES, _PAIR_COLUMNS),
            ),
        )
        for one, other, distance in tracked.maybe_same[:MAX_PAIRS]
    ]


def _show(
    person: Person,
    doubles: list[int],
    seen_with: list[int],
    sheet: Sheet | None,
    length_s: Fraction,
) -> ShownPerson:
    stays = person.appearances
    return ShownPerson(
        person.number,
        person.name,
        person.name != default_name(person.number),
        css_colour(person.number),
        sheet,
        format_duration(person.screen_s),
        format_share(person.screen_s / length_s if length_s else Fraction(0)),
        format_time(stays[0].start_s),
        format_time(stays[-1].stop_s),
        judge(person, doubles, seen_with),
        person.spread,
        person.nearest,
        doubles,
        _show_stays(stays[:MAX_STAYS]),
        len(stays),
    )


def _show_stays(stays: Sequence[Appearance]) -> list[ShownStay]:
    return [
        ShownStay(
            stay.shot + 1,
            f"{float(stay.start_s):.2f}",
            format_time(stay.start_s),
            format_time(stay.stop_s),
            format_duration(stay.stop_s - stay.start_s),
        )
        for stay in stays
    ]


def _doubles(pairs: Sequence[tuple[int, int, float]]) -> Mapping[int, list[int]]:
    """Whom each person may be the same as, nearest first."""
    found: dict[int, list[int]] = {}
    for one, other, _ in pairs:
        found.setdefault(one, []).append(other)
        found.setdefault(other, []).append(one)
    return found
