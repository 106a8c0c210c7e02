"""Many boxes → the few to look at: apart in time, and each as large as can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tracker.boxes import box_areas
from tracker.evaluation.failure_records import Kind, Side
from tracker.evaluation.truth import Truth
from tracker.failure_page.pictures import View
from tracker.records import Shot, Tracks, shot_of_frames

MAX_VIEWS = 6  # of a side

_CLOSE = (1.6,)  # the face, hair and light
_WIDER = (2.5,)  # and what is near
_ZOOMS_OUT: Mapping[Kind, tuple[float | None, ...]] = {  # of the views of a moment; see `View`
    "merge": _CLOSE,
    "split": _CLOSE,
    "switch": _WIDER,
    "nobody": _WIDER,
    "never_found": (*_WIDER, None),
    "false_boxes": _WIDER,
    "missed_boxes": _WIDER,
}


def choose_views(
    kind: Kind, side: Side, truth: Truth, tracks: Tracks, shots: Sequence[Shot] | None
) -> list[View]:
    """What to show of one side of a failure, by time: of a switch, the same flips on both sides.

    The box is the one of the tracks, or that of the truth where there is none.
    """
    found = side.found_person is not None
    boxes = tracks.boxes[side.track_rows] if found else truth.tracks.boxes[side.true_rows]
    zooms_out = _ZOOMS_OUT[kind]
    count = MAX_VIEWS // len(zooms_out)
    if kind == "switch":
        last = len(boxes) - 1
        chosen = sorted(set(np.linspace(0, last, count).round().astype(int).tolist()))
    else:
        chosen = choose_moments(side.frame, box_areas(boxes), shots, count)
    return [View(int(side.frame[at]), boxes[at], zoom) for at in chosen for zoom in zooms_out]


def choose_moments(
    frame: NDArray[np.int32],
    areas: NDArray[np.floating],
    shots: Sequence[Shot] | None,
    count: int,
) -> list[int]:
    """Choose up to `count` of the boxes in `frame` (n,), sorted, whose `areas` (n,) are known.

    The boxes are divided by shot, the largest pieces further in halves where there are too few,
    and of each piece the largest box is taken; where there are too many pieces, those of the
    most boxes count.

    Args:
        shots: disjoint, in order, covering every frame; None where they are not known.

    Returns:
        Positions in `frame`, increasing; all of them where there are no more than `count`.
    """
    if len(frame) <= count:
        return list(range(len(frame)))
    pieces = _split_by_shot(frame, shots)
    while len(pieces) < count:
        longest = max(range(len(pieces)), key=lambda number: len(pieces[number]))
        pieces[longest : longest + 1] = np.array_split(pieces[longest], 2)
    pieces = sorted(pieces, key=len, reverse=True)[:count]
    return sorted(int(piece[np.argmax(areas[piece])]) for piece in pieces)


def _split_by_shot(
    frame: NDArray[np.int32], shots: Sequence[Shot] | None
) -> list[NDArray[np.intp]]:
    """The positions in `frame` (n,) of each shot's, none empty."""
    everything = np.arange(len(frame))
    if not shots:
        return [everything]
    return np.split(everything, np.flatnonzero(np.diff(shot_of_frames(frame, shots))) + 1)
