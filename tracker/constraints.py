"""Tracklets → cannot-link: two faces in one frame are two people.

(Must-link needs no mining: all faces of one tracklet are one person.)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tracker.records import NO_TRACKLET, Constraints, Detections, Shot, shot_of_frames

_BLEND_FRAMES = 12  # half of a long dissolve


def mine_constraints(
    detections: Detections, tracklet: NDArray[np.int32], shots: Sequence[Shot]
) -> Constraints:
    """The pairs of tracklets that share a frame.

    In a dissolve the faces of two shots are seen together, and may be one person. So the pairs
    of a tracklet that lives only within `_BLEND_FRAMES` of a change of shot are doubtful.

    Args:
        tracklet: (N,) of each detection; -1 where it has none.
        shots: disjoint, in order, covering every frame.
    """
    in_tracklet = tracklet != NO_TRACKLET
    frames, numbers = detections.frame[in_tracklet], tracklet[in_tracklet]
    count = int(numbers.max(initial=NO_TRACKLET)) + 1
    ghost = _may_be_ghosts(frames, numbers, count, shots)
    pairs = [np.zeros((0, 2), np.int32)]
    for members in np.split(numbers, np.flatnonzero(np.diff(frames)) + 1):
        a, b = np.meshgrid(members, members, indexing="ij")
        pairs.append(np.stack([a[a < b], b[a < b]], axis=1))
    cannot_link = np.unique(np.concatenate(pairs), axis=0).astype(np.int32)
    return Constraints(count, cannot_link, np.flatnonzero(ghost[cannot_link].any(axis=1)))


def _may_be_ghosts(
    frames: NDArray[np.int32], numbers: NDArray[np.int32], count: int, shots: Sequence[Shot]
) -> NDArray[np.bool_]:
    """Which tracklets (T,) live only near a change of shot."""
    first = np.full(count, np.iinfo(np.int32).max, np.int32)
    last = np.full(count, -1, np.int32)
    np.minimum.at(first, numbers, frames)
    np.maximum.at(last, numbers, frames)
    shot = shot_of_frames(first, shots)
    starts = np.array([one.start for one in shots], np.int64)
    stops = np.array([one.stop for one in shots], np.int64)
    after_change = (shot > 0) & (last < starts[shot] + _BLEND_FRAMES)
    before_change = (shot < len(shots) - 1) & (first >= stops[shot] - _BLEND_FRAMES)
    return np.asarray(after_change | before_change, np.bool_)
