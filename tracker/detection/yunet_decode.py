"""What YuNet's numbers mean: boxes and points in pixels, one of each face."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

STRIDES = (8, 16, 32)  # pixels between the cells of each level
SIDE_MULTIPLE = STRIDES[-1]  # pictures are padded below and to the right to multiples of this

_NMS_IOU = 0.3
_MOST_CANDIDATES = 5000  # a picture; the best of them


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """The cells of a picture that see a face: parallel arrays of length N; N may be 0.

    Attributes:
        cells: (N,) int64; rows of the `cell_grid` of the picture, ascending.
        scores: (N,) float32 in [0, 1].
        boxes: (N, 4) float32; the centre's x, y from the cell, the logarithms of width and
            height; in strides.
        points: (N, 10) float32; x, y of five points from the cell, in strides.
    """

    cells: NDArray[np.int64]
    scores: NDArray[np.float32]
    boxes: NDArray[np.float32]
    points: NDArray[np.float32]


def padded_size(height: int, width: int) -> tuple[int, int]:
    """Height and width of the picture that the network sees, in pixels."""
    return -(-height // SIDE_MULTIPLE) * SIDE_MULTIPLE, -(-width // SIDE_MULTIPLE) * SIDE_MULTIPLE


def cell_grid(height: int, width: int) -> NDArray[np.float32]:
    """Column, row and stride (P, 3) of every cell: level by level, row by row.

    Args:
        height: of the padded picture.
        width: of the padded picture.
    """
    levels = []
    for stride in STRIDES:
        rows, columns = np.indices((height // stride, width // stride)).reshape(2, -1)
        levels.append(np.stack([columns, rows, np.full_like(rows, stride)], axis=1))
    return np.concatenate(levels).astype(np.float32)


def decode(candidates: Candidates, grid: NDArray[np.float32]) -> NDArray[np.float32]:
    """The faces (N, 15) of `candidates`: x, y, width, height, five points, score; in pixels."""
    column_row, stride = np.split(grid[candidates.cells], [2], axis=1)
    centres = (column_row + candidates.boxes[:, :2]) * stride
    sizes = np.exp(candidates.boxes[:, 2:]) * stride
    points = (np.tile(column_row, 5) + candidates.points) * stride
    return np.hstack([centres - sizes / 2, sizes, points, candidates.scores[:, None]])


def one_of_each_face(faces: NDArray[np.float32]) -> NDArray[np.float32]:
    """Those of `faces` (N, 15) that overlap none that scores higher and is kept, best first.

    Overlaps are those of boxes in whole pixels, so that a pair is judged as OpenCV's own
    detector judges it.
    """
    if not len(faces):
        return faces
    boxes, scores = np.trunc(faces[:, :4]).tolist(), faces[:, 14].tolist()
    kept = cv2.dnn.NMSBoxes(boxes, scores, 0.0, _NMS_IOU, 1.0, _MOST_CANDIDATES)
    return faces[np.asarray(kept, np.int64).reshape(-1)]
