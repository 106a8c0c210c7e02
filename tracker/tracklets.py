"""Detections + shots → tracklets: short runs of boxes that are one face beyond doubt.

Purity comes before length: a tracklet that ends too early is joined to the rest of its
person later, by appearance; one that jumps to another face never recovers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from filterpy.kalman import KalmanFilter
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from tracker.boxes import box_iou, box_overlap
from tracker.config import TrackletConfig
from tracker.records import NO_TRACKLET, Detections, Shot

# Standard deviations as shares of the box height: of a detector's box, and of how much
# a face's speed changes from one frame to the next.
_POSITION_NOISE = 0.05
_VELOCITY_NOISE = 0.02
_DOUBLE_SHARE = 0.3  # of the smaller of two boxes, inside the larger
_DOUBLE_SCORE = 0.9  # times the mean score of a face, which its double does not reach


@dataclass
class _OpenTracklet:
    number: int
    motion: KalmanFilter
    last_frame: int  # of its last box
    expected_frame: int  # that the filter has been moved on to


def link_tracklets(
    detections: Detections,
    shots: Sequence[Shot],
    sure_score: float,
    fair_score: float,
    config: TrackletConfig,
) -> NDArray[np.int32]:
    """Join boxes of neighbouring frames into short, high-precision tracklets.

    Each open tracklet expects its next box by a constant-velocity Kalman filter; boxes are
    assigned by IoU (Hungarian). A link must also clearly beat its rivals (dual threshold;
    Huang et al., ECCV 2008): two faces that cross end their tracklets there. None crosses
    a cut: that decision needs appearance.

    Args:
        shots: disjoint, in order, covering every frame.
        sure_score: a tracklet none of whose scores reaches it is no face, and dropped ...
        fair_score: ... and so is one whose mean score does not reach this.

    Returns:
        (N,) tracklet of each detection, numbered by first detection; -1 where it has none.
    """
    tracklet = np.full(len(detections), NO_TRACKLET, np.int32)
    count = 0
    for shot in shots:
        first, last = np.searchsorted(detections.frame, [shot.start, shot.stop])
        rows = np.arange(first, last)
        tracklet[rows] = _link_within_shot(detections, rows, count, config)
        count = max(count, int(tracklet[rows].max(initial=-1)) + 1)
    kept = drop_doubtful(tracklet, detections.scores, config.min_length, sure_score, fair_score)
    single = drop_doubles(kept, detections)
    return drop_doubtful(single, detections.scores, config.min_length, sure_score, fair_score)


def drop_doubtful(
    tracklet: NDArray[np.int32],
    scores: NDArray[np.float32],
    min_length: int,
    sure_score: float,
    fair_score: float,
) -> NDArray[np.int32]:
    """`tracklet` (N,) without those that are short, never sure or not fair on average.

    Renumbered from 0.
    """
    numbers, inverse, lengths = np.unique(tracklet, return_inverse=True, return_counts=True)
    best = np.zeros(len(numbers), np.float32)
    np.maximum.at(best, inverse, scores)
    mean = np.bincount(inverse, scores, len(numbers)) / np.maximum(lengths, 1)
    keep = (numbers != NO_TRACKLET) & (lengths >= min_length)
    keep &= (best >= sure_score) & (mean >= fair_score)
    renumbered = np.where(keep, np.cumsum(keep) - 1, NO_TRACKLET)
    return renumbered[inverse].astype(np.int32)


def drop_doubles(tracklet: NDArray[np.int32], detections: Detections) -> NDArray[np.int32]:
    """`tracklet` (N,) without those that follow a head that another follows better.

    A detector may find one head twice, as a face and again as its forehead, too far apart for
    its own suppression of doubles. Two boxes that overlap by `_DOUBLE_SHARE` of the smaller in
    most of the frames of one tracklet are one head, if that one looks clearly less like a face:
    it goes. Two people who pass one another overlap too, but not for most of
    the time they are seen; and of two who embrace, either looks like a face.
    """
    followed = np.flatnonzero(tracklet != NO_TRACKLET)
    frames = detections.frame[followed]
    overlaps: Counter[tuple[int, int]] = Counter()
    for rows in np.split(followed, np.flatnonzero(np.diff(frames)) + 1):
        share = box_overlap(detections.boxes[rows].astype(np.float64))
        for i, j in zip(*np.nonzero(np.triu(share >= _DOUBLE_SHARE, 1)), strict=True):
            overlaps[min(tracklet[rows[[i, j]]]), max(tracklet[rows[[i, j]]])] += 1
    lengths = np.bincount(tracklet[followed])
    score = np.bincount(tracklet[followed], detections.scores[followed]) / np.maximum(lengths, 1)
    doubles = set()
    for pair, together in overlaps.items():
        weaker, stronger = sorted(pair, key=lambda number: score[number])
        unlike = score[weaker] < _DOUBLE_SCORE * score[stronger]
        if unlike and 2 * together > lengths[weaker]:
            doubles.add(weaker)
    return np.where(np.isin(tracklet, list(doubles)), np.int32(NO_TRACKLET), tracklet)


def _link_within_shot(
    detections: Detections, rows: NDArray[np.intp], first_number: int, config: TrackletConfig
) -> NDArray[np.int32]:
    numbers = np.full(len(rows), NO_TRACKLET, np.int32)
    open_tracklets: list[_OpenTracklet] = []
    next_number = first_number
    for frame in np.unique(detections.frame[rows]):
        here = np.flatnonzero(detections.frame[rows] == frame)
        boxes = detections.boxes[rows[here]]
        open_tracklets = [
            tracklet
            for tracklet in open_tracklets
            if frame - tracklet.last_frame <= config.max_gap_frames + 1
        ]
        expected = [_expect(tracklet, int(frame)) for tracklet in open_tracklets]
        iou = box_iou(np.array(expected).reshape(-1, 4), boxes)
        links = clear_links(iou, config)
        for tracklet_index, box_index in links:
            tracklet = open_tracklets[tracklet_index]
            _observe(tracklet, boxes[box_index], int(frame))
            numbers[here[box_index]] = tracklet.number
        # A tracklet that has a box in reach, but no clear one, ends: left open, it would stay
        # the rival of whatever follows.
        contested = set(np.flatnonzero(iou.max(axis=1, initial=0.0) >= config.min_iou))
        contested -= {tracklet_index for tracklet_index, _ in links}
        open_tracklets = [one for i, one in enumerate(open_tracklets) if i not in contested]
        linked = {box_index for _, box_index in links}
        for box_index in range(len(here)):
            if box_index not in linked:
                numbers[here[box_index]] = next_number
                open_tracklets.append(_begin(next_number, boxes[box_index], int(frame)))
                next_number += 1
    return numbers


def clear_links(iou: NDArray[np.floating], config: TrackletConfig) -> list[tuple[int, int]]:
    """The assignment of rows to columns of `iou` (R, C), less what is weak or has a close rival."""
    links = []
    for row, column in zip(*linear_sum_assignment(iou, maximize=True), strict=True):
        value = iou[row, column]
        rivals = np.concatenate([np.delete(iou[row], column), np.delete(iou[:, column], row)])
        lead = value - rivals.max(initial=0.0)
        if value >= config.min_iou and lead >= config.min_iou_lead:
            links.append((int(row), int(column)))
    return links


def _begin(number: int, box: NDArray[np.float32], frame: int) -> _OpenTracklet:
    """A tracklet at rest; state: centre x, y, width, height, and their speeds a frame."""
    motion = KalmanFilter(dim_x=8, dim_z=4)
    motion.F = np.eye(8) + np.eye(8, k=4)
    motion.H = np.eye(4, 8)
    motion.x = np.concatenate([_measure(box), np.zeros(4)])[:, None]
    height = motion.x[3, 0]
    motion.P = np.diag([(2 * _POSITION_NOISE * height) ** 2] * 4 + [(0.2 * height) ** 2] * 4)
    return _OpenTracklet(number, motion, frame, frame)


def _expect(tracklet: _OpenTracklet, frame: int) -> NDArray[np.float64]:
    """Move the filter on to `frame`, frame by frame, and give the box it expects there."""
    motion = tracklet.motion
    while tracklet.expected_frame < frame:
        height = max(float(motion.x[3, 0]), 1.0)
        motion.Q = np.diag([0.0] * 4 + [(_VELOCITY_NOISE * height) ** 2] * 4)
        motion.predict()
        tracklet.expected_frame += 1
    centre, size = motion.x[:2, 0], np.maximum(motion.x[2:4, 0], 1.0)
    return np.concatenate([centre - size / 2, centre + size / 2])


def _observe(tracklet: _OpenTracklet, box: NDArray[np.float32], frame: int) -> None:
    height = float(box[3] - box[1])
    tracklet.motion.R = np.eye(4) * (_POSITION_NOISE * height) ** 2
    tracklet.motion.update(_measure(box)[:, None])
    tracklet.last_frame = frame


def _measure(box: NDArray[np.float32]) -> NDArray[np.float64]:
    x1, y1, x2, y2 = box.astype(np.float64)
    return np.array([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1])
