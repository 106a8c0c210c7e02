"""When everybody is seen, as bars over the length of the video: where each goes, in per cent."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from tracker.report.words import format_time
from tracker.tracked import Appearance, Person, TrackedVideo

MAX_CUTS = 300  # that are drawn as lines; more are told by how dense they are
_STEPS = 800  # of the length of the video: gaps and bars that are shorter cannot be seen
_DENSITY_BINS = 160
_MAX_TICKS = 10
_DARKEST = 0.8  # of the density's bins
_TICKS_S = [
    *(Fraction(n, 10) for n in (1, 2, 5)),
    *(Fraction(n) for n in (1, 2, 5, 10, 15, 30)),
    *(Fraction(60 * n) for n in (1, 2, 5, 10, 15, 30)),
]
_HOUR_S = Fraction(3600)


@dataclass(frozen=True, slots=True)
class Bar:
    """From where to where something reaches, in per cent of the video, and what it is."""

    left: float
    width: float
    title: str


@dataclass(frozen=True, slots=True)
class Density:
    """How many cuts there are somewhere: in per cent of the video, and as opacity in [0, 1]."""

    left: float
    width: float
    opacity: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark of the time axis, in per cent of the video."""

    left: float
    label: str


@dataclass(frozen=True, slots=True)
class Lanes:
    """The picture of a video in time.

    Attributes:
        bars: of each person, in the order given.
        cuts: where they are; empty where there are too many.
        densities: of cuts, where there are too many.
        cut_count: of all.
        ticks: of the time axis.
    """

    bars: list[list[Bar]]
    cuts: list[float]
    densities: list[Density]
    cut_count: int
    ticks: list[Tick]


def lay_out_lanes(tracked: TrackedVideo, people: Sequence[Person]) -> Lanes:
    """Say where bars, cuts and marks go; stays too near to be told apart become one bar."""
    length_s = tracked.timeline.end_tick * tracked.timeline.tick_s
    cuts_s = [tracked.timeline.start_s(shot.start) for shot in tracked.shots[1:]]
    few = len(cuts_s) <= MAX_CUTS
    return Lanes(
        [list(_bars(person, length_s)) for person in people],
        [_percent(cut, length_s) for cut in cuts_s] if few else [],
        [] if few else _densities(cuts_s, length_s),
        len(cuts_s),
        lay_out_ticks(length_s),
    )


def joined_stays(stays: Sequence[Appearance], least_gap_s: Fraction) -> Iterator[list[Appearance]]:
    """Those of `stays`, by time, that follow each other within less than `least_gap_s`."""
    group: list[Appearance] = []
    for stay in stays:
        if group and stay.start_s - group[-1].stop_s >= least_gap_s:
            yield group
            group = []
        group.append(stay)
    if group:
        yield group


def lay_out_ticks(length_s: Fraction) -> list[Tick]:
    """Marks at round times from 0 on, at most ten; none where the video has no length."""
    if length_s <= 0:
        return []
    hours = (_HOUR_S * 2**n for n in itertools.count())
    step_s = next(s for s in itertools.chain(_TICKS_S, hours) if length_s / s <= _MAX_TICKS)
    times = [n * step_s for n in range(int(length_s / step_s) + 1) if n * step_s < length_s]
    return [Tick(_percent(time, length_s), _label(time, length_s, step_s)) for time in times]


def _bars(person: Person, length_s: Fraction) -> Iterator[Bar]:
    for group in joined_stays(person.appearances, length_s / _STEPS):
        start_s, stop_s = group[0].start_s, group[-1].stop_s
        title = f"{person.name}, {format_time(start_s)} to {format_time(stop_s)}"
        if len(group) > 1:
            title += f", {len(group)} appearances"
        yield Bar(_percent(start_s, length_s), _percent(stop_s - start_s, length_s), title)


def _densities(cuts_s: Sequence[Fraction], length_s: Fraction) -> list[Density]:
    """How many cuts each bin of the video holds, but for bins that hold none."""
    counts, _ = np.histogram([_percent(cut, length_s) for cut in cuts_s], _DENSITY_BINS, (0, 100))
    width = 100 / _DENSITY_BINS
    most = max(int(counts.max()), 1)
    return [
        Density(round(at * width, 3), round(width, 3), round(_DARKEST * count / most, 3))
        for at, count in enumerate(counts.tolist())
        if count
    ]


def _percent(part_s: Fraction, length_s: Fraction) -> float:
    return round(float(100 * part_s / length_s), 3) if length_s else 0.0


def _label(time_s: Fraction, length_s: Fraction, step_s: Fraction) -> str:
    """A time as short as the length of the video and the step between two marks allow."""
    hours, minutes, seconds = format_time(time_s).split(":")
    if step_s >= 1:
        seconds = seconds.partition(".")[0]
    return f"{hours}:{minutes}:{seconds}" if length_s > _HOUR_S else f"{int(minutes)}:{seconds}"
