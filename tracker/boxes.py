"""Box geometry: boxes are x1, y1, x2, y2, areas in square pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]

_NOTHING = 1e-30  # square pixels: what 0 is divided by where boxes are empty


def box_areas(boxes: FloatArray) -> FloatArray:
    """Areas (N,) of `boxes` (N, 4); 0 where a box is turned inside out."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return sides[:, 0] * sides[:, 1]


def box_iou(a: FloatArray, b: FloatArray) -> FloatArray:
    """Intersection over union (N, M) of every pair of `a` (N, 4) and `b` (M, 4).

    0 for a pair of empty boxes; an empty input gives an empty matrix.
    """
    shared = _shared_areas(a[:, None], b[None])
    union = box_areas(a)[:, None] + box_areas(b)[None] - shared
    iou: FloatArray = shared / np.maximum(union, _NOTHING)
    return iou


def box_overlap(a: FloatArray, b: FloatArray) -> FloatArray:
    """The share (N,) of the smaller of each of `a` (N, 4) and its partner in `b` (N, 4) in both.

    0 where either is empty.
    """
    smaller = np.minimum(box_areas(a), box_areas(b))
    shared = _shared_areas(a, b)
    overlap: FloatArray = shared / np.maximum(smaller, _NOTHING)
    return overlap


def scale_boxes(boxes: FloatArray, width_factor: float, height_factor: float) -> FloatArray:
    """`boxes` (N, 4) grown about their centres by a factor a side."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]) / 2 * np.array([width_factor, height_factor], boxes.dtype)
    return np.concatenate([centre - half, centre + half], axis=1)


def _shared_areas(a: FloatArray, b: FloatArray) -> FloatArray:
    """Areas (...) that `a` (..., 4) and `b` (..., 4), of shapes that fit each other, share."""
    # A coordinate at a time: a last axis of two would keep NumPy from adding in long runs.
    width = np.minimum(a[..., 2], b[..., 2]) - np.maximum(a[..., 0], b[..., 0])
    height = np.minimum(a[..., 3], b[..., 3]) - np.maximum(a[..., 1], b[..., 1])
    shared: FloatArray = np.maximum(width, 0) * np.maximum(height, 0)
    return shared
