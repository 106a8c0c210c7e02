"""Which boxes of a frame belong together, and which rows a frame has."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment


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
