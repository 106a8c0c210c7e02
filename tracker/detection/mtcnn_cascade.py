"""MTCNN's cascade: many windows are looked at coarsely, the few that may be faces ever closer.

Source: Zhang et al., Joint Face Detection and Alignment Using Multitask Cascaded Convolutional
Networks, IEEE Signal Processing Letters 2016. Where the paper leaves a choice (how pixels are
counted, where coordinates are cut to whole ones), it is that of facenet-pytorch, to whose boxes
these are equal.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.ops import batched_nms

from tracker.detection.mtcnn_areas import area_sums, crop, shrink
from tracker.detection.mtcnn_networks import (
    FIRST_SIDE,
    FIRST_STRIDE,
    SECOND_SIDE,
    THIRD_SIDE,
    Networks,
)

_SCALE_STEP = 0.709  # from one size of the picture to the next: about half the area
_FIRST_SCORE = 0.6
_SAME_SCALE_IOU, _SAME_PLACE_IOU = 0.5, 0.7
_SAME_FACE_SHARE = 0.7  # of the smaller box
_CROPS_AT_ONCE = 1024  # of the second network; the third takes a quarter


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Boxes that may be faces: parallel tensors of length N, on one device; N may be 0.

    Attributes:
        image: (N,) int64; of which picture of the batch.
        boxes: (N, 4) float32; x1, y1, x2, y2 in its pixels.
        scores: (N,) float32 in [0, 1].
        moves: (N, k) float32; what the last network says besides: how the sides should move, and
            after the third where the landmarks are, as shares of the box.
    """

    image: Tensor
    boxes: Tensor
    scores: Tensor
    moves: Tensor

    def where(self, keep: Tensor) -> Candidates:
        """Those that `keep` holds: (N,) of truths, or their numbers."""
        return Candidates(self.image[keep], self.boxes[keep], self.scores[keep], self.moves[keep])


class _Look(NamedTuple):
    """What a later network looks at, and what it must say of a face.

    Attributes:
        side: of the pictures that it takes, in pixels.
        score: that a face must exceed, in [0, 1].
        numbers: in a row that it gives.
    """

    side: int
    score: float
    numbers: int


_SECOND, _THIRD = _Look(SECOND_SIDE, 0.7, 5), _Look(THIRD_SIDE, 0.7, 15)


@torch.inference_mode()
def find_faces(images: Tensor, min_face_px: int, networks: Networks) -> NDArray[np.float32]:
    """The faces in pictures of one size.

    Args:
        images: (B, H, W, 3) uint8 RGB.
        min_face_px: at least 12; the first network looks for nothing smaller.
        networks: on the device that `images` are on.

    Returns:
        (N, 16), sorted by picture, then by area, largest first: number of the picture in the
        batch, x1, y1, x2, y2 in its pixels, score in [0, 1], x and y of five landmarks.
    """
    height, width = images.shape[1:3]
    sums = area_sums(images)
    found = _propose(sums, _scales(height, width, min_face_px), networks.first)
    found = replace(found, boxes=_squared(_moved(found, extra=0)))
    found = _best(_look_closer(found, sums, _SECOND, networks.second), _SAME_PLACE_IOU)
    found = replace(found, boxes=_squared(_moved(found, extra=1)))
    found = _look_closer(found, sums, _THIRD, networks.third)
    columns = [found.image[:, None], _moved(found, extra=1), found.scores[:, None]]
    table = torch.cat([*columns, _landmarks(found)], dim=1).cpu().numpy()
    table = table[not_inside_better(table)]
    width_of, height_of = (table[:, 3:5] - table[:, 1:3]).T
    return table[np.lexsort((-width_of * height_of, table[:, 0]))]


def _scales(height: int, width: int, min_face_px: int) -> list[float]:
    """By how much the picture is resized, until it is smaller than the first network's window."""
    scales = []
    scale = FIRST_SIDE / min_face_px
    side = min(height, width) * scale
    while side >= FIRST_SIDE:
        scales.append(scale)
        scale *= _SCALE_STEP
        side *= _SCALE_STEP
    return scales


def _propose(sums: Tensor, scales: list[float], network: Callable[[Tensor], Tensor]) -> Candidates:
    """Windows of every scale that may be faces, the best of those that overlap."""
    height, width = sums.shape[1] - 1, sums.shape[2] - 1
    none = torch.zeros(0, device=sums.device)
    parts = [Candidates(none.long(), none.reshape(0, 4), none, none.reshape(0, 4))]
    for scale in scales:
        rows = network(shrink(sums, int(height * scale + 1), int(width * scale + 1)))
        image, y, x = torch.nonzero(rows[..., 0] >= _log_odds(_FIRST_SCORE), as_tuple=True)
        corner = FIRST_STRIDE * torch.stack([x, y], dim=1).float()
        boxes = torch.cat([corner + 1, corner + FIRST_SIDE], dim=1)
        chosen = rows[image, y, x]
        part = Candidates(image, (boxes / scale).floor(), chosen[:, 0].sigmoid(), chosen[:, 1:])
        parts.append(_best(part, _SAME_SCALE_IOU))
    return _best(_joined(parts), _SAME_PLACE_IOU)


def _look_closer(
    found: Candidates, sums: Tensor, look: _Look, network: Callable[[Tensor], Tensor]
) -> Candidates:
    """Those that `network` takes for faces, with what it says of them."""
    windows = _windows(found.boxes, sums.shape[1] - 1, sums.shape[2] - 1)
    inside = (windows[:, 2:] > windows[:, :2]).all(dim=1)
    found, windows = found.where(inside), windows[inside]
    at_once = _CROPS_AT_ONCE * SECOND_SIDE**2 // look.side**2
    rows = torch.zeros(len(windows), look.numbers, device=sums.device)
    for start in range(0, len(windows), at_once):
        part = slice(start, start + at_once)
        rows[part] = network(crop(sums, found.image[part], windows[part], look.side))
    sure = rows[:, 0] > _log_odds(look.score)
    return Candidates(found.image[sure], found.boxes[sure], rows[sure, 0].sigmoid(), rows[sure, 1:])


def _windows(boxes: Tensor, height: int, width: int) -> Tensor:
    """(N, 4) int64; the whole pixels of `boxes` that lie in the picture, the last exclusive."""
    x1, y1, x2, y2 = boxes.trunc().long().unbind(dim=1)
    return torch.stack(
        [x1.clamp(min=1) - 1, y1.clamp(min=1) - 1, x2.clamp(max=width), y2.clamp(max=height)],
        dim=1,
    )


def _best(found: Candidates, iou: float) -> Candidates:
    """Those that overlap no better one of their picture by more than `iou`, best first."""
    return found.where(batched_nms(found.boxes, found.scores, found.image, iou))


def _moved(found: Candidates, extra: int) -> Tensor:
    """(N, 4); the boxes, their sides moved by shares of width and height plus `extra`."""
    return found.boxes + found.moves[:, :4] * _size(found.boxes, extra).repeat(1, 2)


def _squared(boxes: Tensor) -> Tensor:
    """(N, 4); squares about the same centres, each as large as the longer side."""
    size = _size(boxes, extra=0)
    side = size.amax(dim=1, keepdim=True)
    corner = boxes[:, :2] + size * 0.5 - side * 0.5
    return torch.cat([corner, corner + side], dim=1)


def _landmarks(found: Candidates) -> Tensor:
    """(N, 10); x and y of five points, in pixels."""
    shares = found.moves[:, 4:].reshape(-1, 2, 5).transpose(1, 2)  # (N, 5, 2)
    points = shares * _size(found.boxes, extra=1)[:, None] + found.boxes[:, None, :2] - 1
    return points.flatten(1)


def _size(boxes: Tensor, extra: int) -> Tensor:
    """(N, 2); width and height plus `extra`."""
    return boxes[:, 2:] - boxes[:, :2] + extra


def _joined(parts: list[Candidates]) -> Candidates:
    return Candidates(
        torch.cat([part.image for part in parts]),
        torch.cat([part.boxes for part in parts]),
        torch.cat([part.scores for part in parts]),
        torch.cat([part.moves for part in parts]),
    )


def _log_odds(share: float) -> float:
    return math.log(share / (1 - share))


def not_inside_better(table: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which faces share at most 0.7 of the smaller box with a better one that is kept.

    Args:
        table: (N, 16) of `find_faces`.

    Returns:
        (N,), in the same order.
    """
    keep = np.ones(len(table), np.bool_)
    x1, y1, x2, y2 = table[:, 1:5].T
    area = (x2 - x1 + 1) * (y2 - y1 + 1)
    best_first = np.argsort(-table[:, 5], kind="stable")
    for rank, face in enumerate(best_first):
        if keep[face]:
            others = best_first[rank + 1 :]
            width = np.minimum(x2[face], x2[others]) - np.maximum(x1[face], x1[others]) + 1
            height = np.minimum(y2[face], y2[others]) - np.maximum(y1[face], y1[others]) + 1
            shared = np.maximum(width, 0) * np.maximum(height, 0)
            inside = shared / np.minimum(area[face], area[others]) > _SAME_FACE_SHARE
            keep[others] &= ~(inside & (table[others, 0] == table[face, 0]))
    return keep
