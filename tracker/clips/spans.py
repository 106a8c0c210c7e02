"""Appearances → the frames to cut out: with handles, and joined where they meet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from tracker.records import Timeline
from tracker.tracked import Appearance


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A run of frames: `start` included, `stop` excluded, as in a slice; never empty."""

    start: int
    stop: int


def spans_of(
    appearances: Iterable[Appearance], timeline: Timeline, handle_s: Fraction
) -> list[Span]:
    """The frames to cut out for `appearances`, by whomever and in any order.

    Args:
        handle_s: how much more to show before and after each, as far as the video goes: the
            frames that are shown within this time from their start to their end.

    Returns:
        Spans by time; between two of them there is at least one frame.
    """
    handle = min(int(handle_s / timeline.tick_s), timeline.end_tick)
    ends = np.append(timeline.ticks[1:], timeline.end_tick)  # of each frame
    widened = []
    for stay in appearances:
        earliest = timeline.ticks[stay.first_frame] - handle
        latest = ends[stay.last_frame] + handle
        start = int(np.searchsorted(timeline.ticks, earliest, side="left"))
        widened.append(Span(start, int(np.searchsorted(ends, latest, side="right"))))
    return joined(widened)


def joined(spans: Sequence[Span]) -> list[Span]:
    """The same frames in as few spans as they can be, by time."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.start <= found[-1].stop:
            found[-1] = Span(found[-1].start, max(found[-1].stop, span.stop))
        else:
            found.append(span)
    return found
