"""Detections + shots → tracklets: short runs of boxes that are one face beyond doubt.

Purity comes before length: a tracklet that ends too early is joined to the rest of its
person later, by appearance; one that jumps to another face never recovers.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from tracker.boxes import box_iou, box_overlap
from tracker.config import TrackletConfig
from tracker.motion import at_rest, expected_boxes, move_on, observe
from tracker.records import NO_TRACKLET, Detections, Shot

_DOUBLE_SHARE = 0.3  # of the smaller of two boxes, inside the larger
_DOUBLE_SCORE = 0.9  # times the mean score of a face, which its double does not reach


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
    boxes = detections.boxes.astype(np.float64)
    count = 0
    for shot in shots:
        rows = slice(*np.searchsorted(detections.frame, [shot.start, shot.stop]))
        tracklet[rows] = _link_within_shot(detections.frame[rows], boxes[rows], count, config)
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
    it goes. Two people who pass one another overlap too, but not for most of the time they are
    seen; and of two who embrace, either looks like a face.
    """
    pairs, together = _overlapping(tracklet, detections)
    followed = tracklet != NO_TRACKLET
    lengths = np.bincount(tracklet[followed])
    score = np.bincount(tracklet[followed], detections.scores[followed]) / np.maximum(lengths, 1)
    rising = score[pairs[:, 0]] <= score[pairs[:, 1]]
    weaker, stronger = np.where(rising[:, None], pairs, pairs[:, ::-1]).T
    unlike = score[weaker] < _DOUBLE_SCORE * score[stronger]
    doubles = weaker[unlike & (2 * together > lengths[weaker])]
    return np.where(np.isin(tracklet, doubles), np.int32(NO_TRACKLET), tracklet)


def _overlapping(
    tracklet: NDArray[np.int32], detections: Detections
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which tracklets overlap by `_DOUBLE_SHARE` (P, 2), and in how many frames (P,)."""
    rows = np.lexsort((detections.boxes[:, 0], detections.frame))
    rows = rows[tracklet[rows] != NO_TRACKLET]
    frames, boxes = detections.frame[rows], detections.boxes[rows].astype(np.float64)
    left, right = np.ascontiguousarray(boxes[:, ::2].T)
    numbers = tracklet[rows].astype(np.int64)
    count = int(numbers.max(initial=-1)) + 1
    codes = [np.zeros(0, np.int64)]
    # From the left of each frame: each with the next, then with the one after that, while it
    # reaches so far.
    first, steps = np.arange(len(rows)), 1
    while len(first := first[first + steps < len(rows)]):
        second = first + steps
        first = first[(frames[second] == frames[first]) & (left[second] < right[first])]
        second = first + steps
        double = box_overlap(boxes[first], boxes[second]) >= _DOUBLE_SHARE
        one, other = numbers[first[double]], numbers[second[double]]
        codes.append(np.minimum(one, other) * count + np.maximum(one, other))
        steps += 1
    pairs, together = np.unique(np.concatenate(codes), return_counts=True)
    return np.stack(np.divmod(pairs, max(count, 1)), axis=1), together


class _OpenTracklets:
    """The tracklets (n,) of a shot that may still be continued, the oldest first."""

    def __init__(self, first_number: int) -> None:
        self.number = np.zeros(0, np.int32)
        self._next_number = first_number
        self._last_frame = np.zeros(0, np.int32)  # of their last boxes
        self._states = at_rest(np.zeros((0, 4)))
        self._now = 0  # the frame that the states have been moved on to

    def expect(self, frame: int, max_gap_frames: int) -> NDArray[np.float64]:
        """The boxes (n, 4) where they should be in `frame`, less those unseen for too long."""
        self.end(frame - self._last_frame > max_gap_frames + 1)
        for _ in range(frame - self._now if len(self.number) else 0):
            self._states = move_on(self._states)
        self._now = frame
        return expected_boxes(self._states)

    def see(self, rows: NDArray[np.intp], boxes: NDArray[np.float64]) -> NDArray[np.int32]:
        """Continue `rows` (L,) by `boxes` (L, 4) and give their numbers (L,)."""
        self._states[:, rows] = observe(self._states.take(rows, axis=1), boxes)
        self._last_frame[rows] = self._now
        return self.number[rows]

    def end(self, ended: NDArray[np.bool_]) -> None:
        """Forget those of which `ended` (n,) is true."""
        if ended.any():
            rows = np.flatnonzero(~ended)
            self.number = self.number[rows]
            self._last_frame = self._last_frame[rows]
            self._states = self._states.take(rows, axis=1)

    def begin(self, boxes: NDArray[np.float64]) -> NDArray[np.int32]:
        """Open one for each of `boxes` (m, 4) and give their numbers (m,)."""
        numbers = np.arange(self._next_number, self._next_number + len(boxes), dtype=np.int32)
        self._next_number += len(boxes)
        self.number = np.concatenate([self.number, numbers])
        self._last_frame = np.append(self._last_frame, np.full_like(numbers, self._now))
        self._states = np.concatenate([self._states, at_rest(boxes)], axis=1)
        return numbers


def _link_within_shot(
    frames: NDArray[np.int32],
    boxes: NDArray[np.float64],
    first_number: int,
    config: TrackletConfig,
) -> NDArray[np.int32]:
    """The tracklet (n,) of each of the `boxes` (n, 4) of a shot, numbered from `first_number`."""
    numbers = np.empty(len(frames), np.int32)
    tracklets = _OpenTracklets(first_number)
    edges = np.flatnonzero(np.diff(frames, prepend=-1, append=-1)).tolist()
    for start, stop in itertools.pairwise(edges):
        here = boxes[start:stop]
        iou = box_iou(tracklets.expect(int(frames[start]), config.max_gap_frames), here)
        rows, columns = clear_links(iou, config)
        numbers[start + columns] = tracklets.see(rows, here[columns])
        # A tracklet that has a box in reach, but no clear one, ends: left open, it would stay
        # the rival of whatever follows.
        contested = iou.max(axis=1, initial=0.0) >= config.min_iou
        contested[rows] = False
        tracklets.end(contested)
        if len(columns) < len(here):
            free = np.ones(len(here), np.bool_)
            free[columns] = False
            numbers[start:stop][free] = tracklets.begin(here[free])
    return numbers


def clear_links(
    iou: NDArray[np.floating], config: TrackletConfig
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which rows (L,) of `iou` (R, C) go with which columns (L,), rows rising.

    That is the assignment of the largest sum, less what is weak or has a close rival.
    """
    rows, columns = linear_sum_assignment(iou, maximize=True)
    value = iou[rows, columns]
    rivals = iou.copy()
    rivals[rows, columns] = 0.0
    rival = np.maximum(
        rivals.max(axis=1, initial=0.0)[rows], rivals.max(axis=0, initial=0.0)[columns]
    )
    clear = (value >= config.min_iou) & (value - rival >= config.min_iou_lead)
    return rows[clear], columns[clear]
