"""Which boxes of a frame overlap, which belong together, and which rows a frame has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from tracker.boxes import box_areas

# Rows and columns of a matrix (n, m) that are paired.
Assign = Callable[[NDArray[np.float64]], tuple[NDArray[np.intp], NDArray[np.intp]]]

_PAIRS_AT_ONCE = 2**18  # of boxes: 8 MiB of them on each side


class Overlaps(NamedTuple):
    """Every pair of a true box and a found one that overlap in a frame: P pairs.

    Attributes:
        true: (P,) rows of the true boxes, ascending.
        found: (P,) rows of the found ones, ascending for each true box.
        iou: (P,) above 0.
    """

    true: NDArray[np.intp]
    found: NDArray[np.intp]
    iou: NDArray[np.float64]

    def where(self, keep: NDArray[np.bool_]) -> Overlaps:
        """The pairs that `keep` (P,) selects."""
        return Overlaps(self.true[keep], self.found[keep], self.iou[keep])

    @property
    def disputed(self) -> NDArray[np.bool_]:
        """Which pairs (P,) share a box with another one."""
        true, found = self.true, self.found
        return (np.bincount(true)[true] > 1) | (np.bincount(found)[found] > 1)


def find_overlaps(
    true_frame: NDArray[Any],
    true_boxes: NDArray[np.floating],
    frame: NDArray[Any],
    boxes: NDArray[np.floating],
) -> Overlaps:
    """The pairs of one of `true_boxes` (N, 4) and one of `boxes` (M, 4) that overlap in a frame.

    The IoUs are those of `box_iou`, of all frames at once.

    Args:
        true_frame: (N,) the frame of each true box, sorted.
        frame: (M,) the frame of each of `boxes`, sorted.
    """
    true_boxes, boxes = true_boxes.astype(float), boxes.astype(float)
    first = np.searchsorted(frame, true_frame, "left")
    partners = np.searchsorted(frame, true_frame, "right") - first
    parts = [Overlaps(np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0))]
    for rows in _shares_of_work(partners):
        true = np.repeat(rows, partners[rows])
        before = np.cumsum(partners[rows]) - partners[rows]
        found = first[true] + np.arange(len(true)) - np.repeat(before, partners[rows])
        iou = _iou_of_pairs(true_boxes[true], boxes[found])
        parts.append(Overlaps(true, found, iou).where(iou > 0))
    true_parts, found_parts, iou_parts = zip(*parts, strict=True)
    return Overlaps(
        np.concatenate(true_parts), np.concatenate(found_parts), np.concatenate(iou_parts)
    )


def assign_overlaps(
    overlaps: Overlaps,
    values: NDArray[np.float64],
    true_frame: NDArray[Any],
    frame: NDArray[Any],
    assign: Assign,
) -> NDArray[np.bool_]:
    """Which `overlaps` to take so that no box is taken twice, as a mask (P,).

    Where a frame leaves no choice, all of its pairs are taken. Where a box of it is in two pairs,
    `assign` decides, given the matrix of found boxes x true boxes of the frame, which holds the
    `values` of the pairs and 0 elsewhere.

    Args:
        values: (P,) what each pair is worth, above 0.
        true_frame: (N,) the frame of each true box, sorted.
        frame: (M,) the frame of each found box, sorted.
    """
    true, found = overlaps.true, overlaps.found
    frame_of_pair = true_frame[true]
    undecided = np.flatnonzero(np.isin(frame_of_pair, frame_of_pair[overlaps.disputed]))
    taken = np.ones(len(true), np.bool_)
    by_frame = rows_by_frame(frame_of_pair[undecided])
    true_ranges, ranges = _ranges(true_frame, by_frame), _ranges(frame, by_frame)
    for which, (true_start, true_stop), (start, stop) in zip(
        by_frame.values(), true_ranges, ranges, strict=True
    ):
        pairs = undecided[which]
        rows, columns = found[pairs] - start, true[pairs] - true_start
        worth = np.zeros((stop - start, true_stop - true_start))
        worth[rows, columns] = values[pairs]
        partner = np.full(len(worth), -1)
        assigned, to = assign(worth)
        partner[assigned] = to
        taken[pairs] = partner[rows] == columns
    return taken


def match_overlaps(
    overlaps: Overlaps, true_frame: NDArray[Any], frame: NDArray[Any], iou_threshold: float
) -> Overlaps:
    """Those `overlaps` that pair as many boxes as possible, frame by frame; then the best ones.

    Args:
        true_frame: (N,) the frame of each true box, sorted.
        frame: (M,) the frame of each found box, sorted.
        iou_threshold: from which on two boxes may be paired.
    """
    possible = overlaps.where(overlaps.iou >= iou_threshold)
    taken = assign_overlaps(
        possible, possible.iou, true_frame, frame, lambda iou: pair_boxes(iou, iou_threshold)
    )
    return possible.where(taken)


def pair_boxes(
    iou: NDArray[np.floating], iou_threshold: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of `iou` paired: as many as possible, then with the greatest sum."""
    possible = iou >= iou_threshold
    one_more_match = min(iou.shape)  # outweighs whatever IoU it may cost
    gain = np.where(possible, iou + one_more_match, 0.0)
    rows, columns = linear_sum_assignment(gain, maximize=True)
    matched = possible[rows, columns]
    return rows[matched], columns[matched]


def rows_by_frame(frame: NDArray[Any]) -> dict[int, NDArray[np.intp]]:
    """The rows of each number in `frame` (N,), which need not be sorted."""
    order = np.argsort(frame, kind="stable")
    numbers, starts = np.unique(frame[order], return_index=True)
    return dict(zip(numbers.tolist(), np.split(order, starts)[1:], strict=True))


def _ranges(frame: NDArray[Any], numbers: Iterable[int]) -> list[tuple[int, int]]:
    """The first row of each of `numbers` in `frame` (N,), sorted, and one past its last row."""
    wanted = np.array([*numbers], frame.dtype)
    starts, stops = (np.searchsorted(frame, wanted, side) for side in ("left", "right"))
    return list(zip(starts.tolist(), stops.tolist(), strict=True))


def _shares_of_work(partners: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    """The numbers of all boxes in order, in parts with about as many pairs as fit at once."""
    share = np.cumsum(partners) // _PAIRS_AT_ONCE
    cuts = np.flatnonzero(np.diff(share)) + 1
    yield from np.split(np.arange(len(partners)), cuts)


def shared_areas(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
    """The area (P,) that each of `a` (P, 4) shares with that of `b` (P, 4) beside it."""
    a, b = a.astype(float), b.astype(float)
    corners = [np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])]
    return np.asarray(box_areas(np.concatenate(corners, axis=1)), np.float64)


def _iou_of_pairs(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
    """Intersection over union (P,) of each of `a` (P, 4) with that of `b` (P, 4) beside it."""
    shared = shared_areas(a, b)
    union = box_areas(a) + box_areas(b) - shared
    return np.divide(shared, union, out=np.zeros(len(shared)), where=union > 0)
