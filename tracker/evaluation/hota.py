"""HOTA, which weighs finding faces and knowing them evenly."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from tracker.evaluation.comparison import Comparison
from tracker.evaluation.pairing import assign_overlaps

THRESHOLDS = np.arange(0.05, 0.99, 0.05)
_TOLERANCE = np.finfo(float).eps  # with which the authors compare


class HotaScores(NamedTuple):
    """Means over the IoU thresholds 0.05, 0.10 … 0.95, each in [0, 1]."""

    hota: float  # of the geometric means of the other two at each threshold
    deta: float  # how well boxes are found
    assa: float  # how well found boxes are told apart and kept together


def higher_order_accuracy(compared: Comparison) -> HotaScores:
    """HOTA, DetA and AssA; 0 where either side is empty.

    Boxes are paired once for all thresholds, each frame so that the sum of IoU x alignment is
    greatest, alignment being how far two people go together in the whole video. TrackEval, the
    authors' own code, gives the same; it goes over the video twice, frame by frame and threshold
    by threshold (30 s for a million boxes), and keeps 19 matrices of true people x people.

    Source: Luiten et al., HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking,
    IJCV 2021.
    """
    true, found, iou = compared.overlaps
    couples, couple = np.unique(
        compared.true_person[true] * compared.people + compared.person[found], return_inverse=True
    )
    boxes = _boxes_of_couples(compared, couples)
    together = np.bincount(couple, _share_of_frame(compared), len(couples))
    values = (together / (boxes - together))[couple] * iou
    best = assign_overlaps(
        compared.overlaps, values, compared.true_frame, compared.frame, _greatest_sum
    )
    scores = np.zeros((len(THRESHOLDS), 3))
    for number, threshold in enumerate(THRESHOLDS):
        hits = np.bincount(couple[best & (iou >= threshold - _TOLERANCE)], minlength=len(couples))
        matches = hits.sum()
        every = len(compared.true_frame) + len(compared.frame) - matches
        deta = matches / max(every, 1)
        assa = (hits * hits / (boxes - hits)).sum() / max(matches, 1)
        scores[number] = np.sqrt(deta * assa), deta, assa
    return HotaScores(*scores.mean(axis=0).tolist())


def _greatest_sum(worth: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of `worth` with the greatest sum; of equal ones, those of TrackEval."""
    columns, rows = linear_sum_assignment(worth.T, maximize=True)
    return rows, columns


def _boxes_of_couples(compared: Comparison, couples: NDArray[np.intp]) -> NDArray[np.intp]:
    """How many boxes the two of each of `couples` (C,) have, in any frame, as (C,)."""
    true_boxes, boxes = np.bincount(compared.true_person), np.bincount(compared.person)
    return true_boxes[couples // compared.people] + boxes[couples % compared.people]


def _share_of_frame(compared: Comparison) -> NDArray[np.float64]:
    """The IoU of each pair (P,) over all that its two boxes have, that of the pair once."""
    true, found, iou = compared.overlaps
    all_of_both = np.bincount(true, iou)[true] + np.bincount(found, iou)[found] - iou
    share = np.zeros_like(iou)
    return np.divide(iou, all_of_both, out=share, where=all_of_both > _TOLERANCE)
