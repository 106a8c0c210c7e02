"""Tracklets → cannot-link: two faces in one frame are two people.

(Must-link needs no mining: all faces of one tracklet are one person.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tracker.records import NO_TRACKLET, Constraints, Detections


def mine_constraints(detections: Detections, tracklet: NDArray[np.int32]) -> Constraints:
    """The pairs of tracklets that share a frame.

    Args:
        tracklet: (N,) of each detection; -1 where it has none.
    """
    in_tracklet = tracklet != NO_TRACKLET
    frames, numbers = detections.frame[in_tracklet], tracklet[in_tracklet]
    count = int(numbers.max(initial=NO_TRACKLET)) + 1
    pairs = [np.zeros((0, 2), np.int32)]
    for members in np.split(numbers, np.flatnonzero(np.diff(frames)) + 1):
        a, b = np.meshgrid(members, members, indexing="ij")
        pairs.append(np.stack([a[a < b], b[a < b]], axis=1))
    cannot_link = np.unique(np.concatenate(pairs), axis=0)
    return Constraints(count, cannot_link.astype(np.int32))
