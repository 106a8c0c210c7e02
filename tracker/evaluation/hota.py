"""HOTA, which weighs finding faces and knowing them evenly, computed by TrackEval."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from trackeval.metrics import HOTA

from tracker.boxes import box_iou
from tracker.evaluation.pairing import rows_by_frame
from tracker.records import Tracks


class HotaScores(NamedTuple):
    """Means over the IoU thresholds 0.05, 0.10 … 0.95, each in [0, 1]."""

    hota: float  # of the geometric means of the other two at each threshold
    deta: float  # how well boxes are found
    assa: float  # how well found boxes are told apart and kept together


def higher_order_accuracy(named: Tracks, tracks: Tracks) -> HotaScores:
    """HOTA, DetA and AssA of `tracks` against the `named` true boxes; 0 where either is empty.

    Everything given is judged: leave out before what is not to be.

    Source: Luiten et al., HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking,
    IJCV 2021; the authors' own code.
    """
    scores = HOTA().eval_sequence(_as_sequence(named, tracks))
    return HotaScores(*(float(np.mean(scores[name])) for name in ("HOTA", "DetA", "AssA")))


def _as_sequence(named: Tracks, tracks: Tracks) -> dict[str, Any]:
    """What TrackEval calls a sequence: people numbered from 0, and IoUs, frame by frame."""
    true_rows, track_rows = rows_by_frame(named.frame), rows_by_frame(tracks.frame)
    true_names, true_person = np.unique(named.person, return_inverse=True)
    names, person = np.unique(tracks.person, return_inverse=True)
    nothing: NDArray[np.intp] = np.zeros(0, np.intp)
    true_boxes, boxes = named.boxes.astype(float), tracks.boxes.astype(float)
    frames = [
        (true_rows.get(frame, nothing), track_rows.get(frame, nothing))
        for frame in sorted(true_rows.keys() | track_rows.keys())
    ]
    return {
        "num_gt_dets": len(named),
        "num_tracker_dets": len(tracks),
        "num_gt_ids": len(true_names),
        "num_tracker_ids": len(names),
        "gt_ids": [true_person[true] for true, _ in frames],
        "tracker_ids": [person[found] for _, found in frames],
        "similarity_scores": [box_iou(true_boxes[true], boxes[found]) for true, found in frames],
    }
