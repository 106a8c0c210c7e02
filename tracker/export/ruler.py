"""What editing programs count time in: frames of one length, where the video has such."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from tracker.records import Timeline
from tracker.tracked import TrackedVideo

NTSC_SLOWDOWN = Fraction(1000, 1001)  # of a whole rate: 29.97 for 30
_EDIT_RATES = (24, 25, 30, 50, 60)  # frames a second; timecode has two digits for them
_FASTEST_EDIT_RATE = _EDIT_RATES[-1]
_NTSC_TOLERANCE = Fraction(1, 10_000)  # of the rate: a file may say 29.97 where it means 30000/1001
_FRAME_TOLERANCE = Fraction(1, 4)  # of a frame; a coarser clock does not tell its number


@dataclass(frozen=True, slots=True, eq=False)
class Ruler:
    """Whole numbers for the times at which frames appear and go.

    Attributes:
        rate: marks a second, exact.
        is_frames: whether each mark is a frame of the video, so that mark and frame number are
            one; else the nearest mark to a frame's time is taken.
    """

    rate: Fraction
    is_frames: bool
    timeline: Timeline

    def start(self, frame: int) -> int:
        """The mark at which `frame` appears."""
        return frame if self.is_frames else round(self.timeline.start_s(frame) * self.rate)

    def stop(self, frame: int) -> int:
        """The mark at which `frame` gives way to the next one."""
        return frame + 1 if self.is_frames else round(self.timeline.stop_s(frame) * self.rate)


def exact_ruler(tracked: TrackedVideo) -> Ruler:
    """Frames where they lie evenly, else the ticks of the video's own clock: nothing is rounded."""
    timeline = tracked.timeline
    rate = even_rate(timeline, tracked.info.frame_rate)
    return Ruler(rate or 1 / timeline.tick_s, rate is not None, timeline)


def edit_ruler(tracked: TrackedVideo) -> Ruler:
    """Frames where they lie evenly, 60 a second at most; else those of `edit_rate`, the nearest."""
    rate = even_rate(tracked.timeline, tracked.info.frame_rate)
    if rate is not None and rate <= _FASTEST_EDIT_RATE:
        return Ruler(rate, True, tracked.timeline)
    return Ruler(edit_rate(rate or tracked.info.frame_rate), False, tracked.timeline)


def even_rate(timeline: Timeline, nominal: Fraction) -> Fraction | None:
    """How many frames there are a second, exact, if each lasts as long as the next; else None.

    Frames lie evenly also where the clock is too coarse to say so: Matroska rounds their times
    to a millisecond. So a frame may be less than a tick, and less than a quarter of its length,
    away from where the `nominal` rate has it. The length of the last frame does not count.
    """
    ratio = timeline.tick_s * nominal  # frames a tick
    most = min(ratio, _FRAME_TOLERANCE) * ratio.denominator
    ticks = [int(tick) for tick in timeline.ticks]  # Python's integers do not overflow
    if all(
        abs(tick * ratio.numerator - frame * ratio.denominator) < most
        for frame, tick in enumerate(ticks)
    ):
        return nominal
    step = ticks[1] if len(ticks) > 1 else 0
    if step and ticks == list(range(0, step * len(ticks), step)):
        return 1 / (step * timeline.tick_s)
    return None


def edit_rate(nominal: Fraction) -> Fraction:
    """The rate that editing programs have next to `nominal`, or above: film's, PAL's or NTSC's.

    One above 60 is divided by the least whole number that will do, so that frames fall on it.
    """
    slowed = nominal / max(1, math.ceil(nominal / _FASTEST_EDIT_RATE))
    whole = next(rate for rate in _EDIT_RATES if rate >= round(slowed))
    if is_ntsc(slowed) and whole == round(slowed):
        return whole * NTSC_SLOWDOWN
    return Fraction(whole)


def is_ntsc(rate: Fraction) -> bool:
    """Whether `rate` is a thousandth slower than a whole one, as 29.97 is slower than 30."""
    slow = round(rate) * NTSC_SLOWDOWN
    return abs(rate - slow) < slow * _NTSC_TOLERANCE
