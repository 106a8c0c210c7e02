"""Boxes of faces → the regions of each frame to hide: wider, carried through time, steady."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, minimum_filter1d, uniform_filter1d

from tracker.export.appearances import find_appearances
from tracker.records import Shot, Timeline, Tracks
from tracker.tracked import Appearance

Boxes = NDArray[np.float64]  # (n, 4); x1, y1, x2, y2 in source pixels

# A detector's box ends at the brows and at the cheeks. These take in the ears, the hair line and
# the chin, and so much more that a rounded shape in the region holds the whole box.
WIDER, TALLER = 1.35, 1.45
RAISED = 0.04  # of the box's height: there is more head above a face than below
BORDER_PX = 1.0  # for the smallest faces, whose pixels are coarse


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """Rectangles in frames, sorted by frame; there may be none.

    Attributes:
        frame: (R,) int32; 0-based, in decode order.
        boxes: (R, 4) float64; x1, y1, x2, y2 in source pixels; they may reach over the edge.
    """

    frame: NDArray[np.int32]
    boxes: Boxes

    def of(self, frame: int) -> Boxes:
        """Those (n, 4) of one frame."""
        first, last = np.searchsorted(self.frame, [frame, frame + 1])
        return self.boxes[first:last]

    @staticmethod
    def joined(parts: Sequence[Regions]) -> Regions:
        """All of `parts` together."""
        frame = np.concatenate([np.zeros(0, np.int32), *(part.frame for part in parts)])
        boxes = np.concatenate([np.zeros((0, 4)), *(part.boxes for part in parts)])
        order = np.argsort(frame, kind="stable")
        return Regions(frame[order].astype(np.int32), boxes[order])

    @staticmethod
    def empty() -> Regions:
        """None at all."""
        return Regions.joined(())


def regions_to_hide(
    faces: Tracks,
    shots: Sequence[Shot],
    reach: Sequence[Shot],
    timeline: Timeline,
    margin_s: Fraction,
    steady_frames: int,
) -> Regions:
    """Where `faces` have to be hidden.

    Each face is taken to be there from `margin_s` before each of its stays to as long after it,
    at the place where it is first and last seen; between two boxes of a stay it moves evenly.
    Its boxes are widened, then steadied.

    Args:
        shots: disjoint, in order, covering every frame: a stay ends with its shot.
        reach: the same, where what is a dissolve is no end: a margin does not go beyond these.
        steady_frames: see `steadied`.
    """
    return Regions.joined(
        [
            Regions(frames, steadied(widened(boxes), steady_frames))
            for frames, boxes in _presence(faces, shots, reach, timeline, margin_s)
        ]
    )


def carried(
    faces: Tracks, shots: Sequence[Shot], timeline: Timeline, margin_s: Fraction
) -> Regions:
    """Where `faces` are or must be, as in `regions_to_hide`, in boxes as wide as they are."""
    return Regions.joined(
        [
            Regions(frames, boxes)
            for frames, boxes in _presence(faces, shots, shots, timeline, margin_s)
        ]
    )


def widened(boxes: Boxes) -> Boxes:
    """`boxes` (n, 4) of faces, grown to the head: ear to ear, from above the hair line."""
    size = boxes[:, 2:] - boxes[:, :2]
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 - size * (0.0, RAISED)
    half = size / 2 * (WIDER, TALLER) + BORDER_PX
    return np.concatenate([centre - half, centre + half], axis=1)


def steadied(boxes: Boxes, frames: int) -> Boxes:
    """`boxes` (n, 4) of frames in a row, each grown so that no edge jumps from one to the next.

    Each holds what it held before: an edge is the mean, over `frames` to either side, of the
    outermost places that it takes within as many frames of those.
    """
    window = 2 * frames + 1
    near = minimum_filter1d(boxes[:, :2], window, axis=0, mode="nearest")
    far = maximum_filter1d(boxes[:, 2:], window, axis=0, mode="nearest")
    outermost = np.concatenate([near, far], axis=1)
    return np.asarray(uniform_filter1d(outermost, window, axis=0, mode="nearest"), np.float64)


def _presence(
    faces: Tracks,
    shots: Sequence[Shot],
    reach: Sequence[Shot],
    timeline: Timeline,
    margin_s: Fraction,
) -> Iterator[tuple[NDArray[np.int32], Boxes]]:
    """Every frame (n,) of each stay and its margins, and the box (n, 4) in each."""
    order = np.lexsort((faces.frame, faces.person))
    frame, boxes = faces.frame[order], faces.boxes[order].astype(np.float64)
    place = faces.person[order].astype(np.int64) * len(timeline) + frame
    for stay in find_appearances(faces, shots, timeline):
        ends = np.array([stay.first_frame, stay.last_frame + 1]) + stay.person * len(timeline)
        rows = slice(*np.searchsorted(place, ends))
        frames = _with_margins(stay, reach, timeline, margin_s)
        edges = [np.interp(frames, frame[rows], edge) for edge in boxes[rows].T]
        yield frames, np.stack(edges, axis=1)


def _with_margins(
    stay: Appearance, reach: Sequence[Shot], timeline: Timeline, margin_s: Fraction
) -> NDArray[np.int32]:
    """The frames (n,) that are seen less than `margin_s` before, in and after `stay`."""
    margin_ticks = math.ceil(margin_s / timeline.tick_s)
    stops = np.append(timeline.ticks[1:], timeline.end_tick)
    begin = timeline.ticks[stay.first_frame] - margin_ticks
    end = stops[stay.last_frame] + margin_ticks
    first = int(np.searchsorted(stops, begin, side="right"))
    last = int(np.searchsorted(timeline.ticks, end, side="left")) - 1
    around = reach[
        int(np.searchsorted([one.start for one in reach], stay.first_frame, "right")) - 1
    ]
    return np.arange(max(first, around.start), min(last + 1, around.stop), dtype=np.int32)
