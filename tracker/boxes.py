"""Box geometry: boxes are x1, y1, x2, y2, areas in square pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]


def box_areas(boxes: FloatArray) -> FloatArray:
    """Areas (N,) of `boxes` (N, 4); 0 where a box is turned inside out."""
    return np.clip(boxes[:, 2] - boxes[:, 0], 0, None) * np.clip(boxes[:, 3] - boxes[:, 1], 0, None)


def box_iou(a: FloatArray, b: FloatArray) -> FloatArray:
    """Intersection over union (N, M) of every pair of `a` (N, 4) and `b` (M, 4).

    0 for a pair of empty boxes; an empty input gives an empty matrix.
    """
    shared = _shared_areas(a, b)
    union = box_areas(a)[:, None] + box_areas(b)[None, :] - shared
    iou: FloatArray = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return iou


def box_overlap(boxes: FloatArray) -> FloatArray:
    """The share (N, N) of the smaller of every two of `boxes` (N, 4) that lies in the larger."""
    areas = box_areas(boxes)
    smaller = np.minimum(areas[:, None], areas[None])
    shared = _shared_areas(boxes, boxes)
    return np.divide(shared, smaller, out=np.zeros_like(shared), where=smaller > 0)


def scale_boxes(boxes: FloatArray, width_factor: float, height_factor: float) -> FloatArray:
    """`boxes` (N, 4) grown about their centres by a factor a side."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]) / 2 * np.array([width_factor, height_factor], boxes.dtype)
    return np.concatenate([centre - half, centre + half], axis=1)


def _shared_areas(a: FloatArray, b: FloatArray) -> FloatArray:
    """Areas (N, M) that every pair of `a` (N, 4) and `b` (M, 4) share."""
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])
    bottom_right = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared: FloatArray = np.prod(np.clip(bottom_right - top_left, 0, None), axis=2)
    return shared
