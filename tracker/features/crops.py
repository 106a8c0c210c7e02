"""Choosing the faces that stand for each tracklet, and cutting them out of the frames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from tracker.records import NO_TRACKLET, Detections, Frame

FloatArray = NDArray[np.floating]

UPRIGHT_SIDE = 100  # pixels; the paper's crop for HOG
MAX_ROLL_RAD = 0.8
UPRIGHT_MARGIN = 1.3  # times the longer side of the box: hair and chin tell people apart
ALIGNED_SIDE = 128  # pixels; what face-reidentification-retail-0095 was trained on
# Where that network wants the picture's left eye, right eye, nose, left and right mouth
# corner, as shares of the crop (Open Model Zoo).
ALIGNED_POINTS = np.array(
    [[0.3156, 0.4616], [0.6827, 0.4616], [0.5003, 0.6405], [0.3495, 0.8247], [0.6534, 0.8247]]
)
# Where those points lie in a box, as shares of its sides, for detectors that give none:
# the median over near-frontal faces found by YuNet.
MEAN_FACE_POINTS = np.array(
    [[0.265, 0.385], [0.735, 0.385], [0.5, 0.58], [0.305, 0.74], [0.695, 0.74]]
)


def choose_crops(
    detections: Detections, tracklet: NDArray[np.int32], most_per_tracklet: int
) -> NDArray[np.int64]:
    """Rows (S,) of the detections that stand for their tracklets, increasing.

    Each tracklet's rows are cut into at most `most_per_tracklet` runs of equal length, and
    the best of each run is taken: spread over time, sharp before blurred, big before small.
    """
    height = detections.boxes[:, 3] - detections.boxes[:, 1]
    quality = detections.scores * np.sqrt(height)
    chosen = []
    order = np.argsort(tracklet, kind="stable")
    first = np.searchsorted(tracklet[order], NO_TRACKLET, side="right")
    edges = np.flatnonzero(np.diff(tracklet[order[first:]])) + 1
    for rows in np.split(order[first:], edges):
        for run in np.array_split(rows, min(most_per_tracklet, max(len(rows), 1))):
            if len(run):
                chosen.append(run[np.argmax(quality[run])])
    return np.sort(np.array(chosen, np.int64))


def cut_crops(
    frames: Iterable[Frame],
    detections: Detections,
    rows: NDArray[np.int64],
    images: Mapping[bool, NDArray[np.uint8]],
) -> None:
    """Cut the faces at `rows` (S,) out of `frames`, which hold at least the frames they are in.

    Args:
        images: what is filled, each (S, side, side, 3) uint8; they may be memory maps. Those of
            True are aligned: each face is turned and scaled so that its landmarks lie at
            `ALIGNED_POINTS`; those of False are the square of `UPRIGHT_MARGIN` times the box
            about its centre, eyes level.
    """
    frame_of_row = detections.frame[rows]
    for frame in frames:
        first, last = np.searchsorted(frame_of_row, [frame.index, frame.index + 1])
        for index in range(first, last):
            box, landmarks = detections.boxes[rows[index]], detections.landmarks[rows[index]]
            for aligned, crops in images.items():
                side = crops.shape[1]
                to_crop = (align_face if aligned else upright_square)(box, landmarks, side)
                crops[index] = warp(frame.image, to_crop, side)


def upright_square(box: FloatArray, landmarks: FloatArray, side: int) -> FloatArray:
    """The map (2, 3) from the picture to a square crop about the centre of `box` (4,), eyes level.

    The head is turned back by the slope of its eyes, up to `MAX_ROLL_RAD`: beyond it the
    landmarks (5, 2) are wrong more often than the head is tilted. Without them (NaN) the
    crop is as upright as the picture.
    """
    scale = side / (UPRIGHT_MARGIN * max(float((box[2:] - box[:2]).max()), 1.0))
    across, down = (landmarks[1] - landmarks[0]).astype(np.float64)
    roll = np.arctan2(down, across) if np.isfinite(across + down) else 0.0
    roll = np.clip(roll, -MAX_ROLL_RAD, MAX_ROLL_RAD)
    cos, sin = scale * np.cos(roll), scale * np.sin(roll)
    turn = np.array([[cos, sin], [-sin, cos]])
    return np.column_stack([turn, side / 2 - turn @ ((box[:2] + box[2:]) / 2)])


def align_face(box: FloatArray, landmarks: FloatArray, side: int) -> FloatArray:
    """The similarity (2, 3) that takes `landmarks` (5, 2) closest to `ALIGNED_POINTS`.

    Without landmarks (NaN), those of a mean face in `box` stand in.
    """
    if not np.isfinite(landmarks).all():
        landmarks = box[:2] + MEAN_FACE_POINTS * (box[2:] - box[:2])
    return fit_similarity(landmarks.astype(np.float64), ALIGNED_POINTS * side)


def fit_similarity(source: FloatArray, target: FloatArray) -> FloatArray:
    """The turn, scale and shift (2, 3) that takes `source` (P, 2) to `target`, least squares."""
    x, y = (source - source.mean(axis=0)).T
    u, v = (target - target.mean(axis=0)).T
    spread = max(float((x * x + y * y).sum()), 1e-9)
    cos, sin = (x * u + y * v).sum() / spread, (x * v - y * u).sum() / spread
    turn = np.array([[cos, -sin], [sin, cos]])
    return np.column_stack([turn, target.mean(axis=0) - turn @ source.mean(axis=0)])


def warp(image: NDArray[np.uint8], to_crop: FloatArray, side: int) -> NDArray[np.uint8]:
    """The crop (side, side, 3) that the map `to_crop` (2, 3) makes of `image` (H, W, 3).

    A face much larger than the crop is first reduced by averaging, since sampling it at
    single points would alias. Beyond the picture's edge its border is repeated.
    """
    scale = float(np.hypot(to_crop[0, 0], to_crop[1, 0]))
    reduction = int(1 / max(scale, 1e-6))
    if reduction >= 2:
        image, to_crop = _reduce_around(image, to_crop, side, reduction)
    return np.asarray(
        cv2.warpAffine(
            image, to_crop, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        ),
        np.uint8,
    )


def _reduce_around(
    image: NDArray[np.uint8], to_crop: FloatArray, side: int, reduction: int
) -> tuple[NDArray[np.uint8], FloatArray]:
    """The part of `image` under the crop, `reduction` times smaller, and the map from it."""
    turn_back = np.linalg.inv(to_crop[:, :2])
    corners = np.array([[0, 0], [side, 0], [0, side], [side, side]]) - to_crop[:, 2]
    corners = corners @ turn_back.T
    height, width = image.shape[:2]
    low = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, [width - 1, height - 1])
    high = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 1, low + 1, [width, height])
    part = image[low[1] : high[1], low[0] : high[0]]
    size = np.maximum(np.array(part.shape[1::-1]) // reduction, 1)
    reduced = cv2.resize(part, (int(size[0]), int(size[1])), interpolation=cv2.INTER_AREA)
    factor = np.array(part.shape[1::-1]) / size  # source pixels a reduced pixel
    # Pixel centres: source = low + (reduced + 0.5) * factor - 0.5
    origin = low + 0.5 * factor - 0.5
    matrix = to_crop[:, :2] * factor
    return np.asarray(reduced, np.uint8), np.column_stack(
        [matrix, to_crop[:, :2] @ origin + to_crop[:, 2]]
    )
