"""MTCNN (Zhang et al., 2016), through facenet-pytorch, which carries its weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from facenet_pytorch import MTCNN

from tracker.records import Detections, Frame

_SMALLEST_INPUT_PX = 12  # side of the first network's window


class MtcnnDetector:
    """Boxes and five landmarks from three small networks in a cascade."""

    def __init__(self, min_score: float, min_face_px: int, device: torch.device) -> None:
        self._min_score = min_score
        self._min_face_px = max(min_face_px, _SMALLEST_INPUT_PX)
        self._network = MTCNN(keep_all=True, min_face_size=self._min_face_px, device=device).eval()

    def detect(self, frames: Sequence[Frame]) -> Detections:
        """The faces in `frames`, by frame, then by area."""
        if not frames or min(frames[0].image.shape[:2]) < self._min_face_px:
            return Detections.empty()
        images = np.stack([frame.image for frame in frames])
        per_frame = zip(frames, *self._network.detect(images, landmarks=True), strict=True)
        tables = [
            np.column_stack(
                [np.full(len(boxes), frame.index), boxes, scores, points.reshape(-1, 10)]
            )
            for frame, boxes, scores, points in per_frame
            if boxes is not None
        ]
        table = np.concatenate([np.zeros((0, 16)), *tables]).astype(np.float64)
        found = Detections(
            frame=table[:, 0].astype(np.int32),
            boxes=table[:, 1:5].astype(np.float32),
            scores=table[:, 5].astype(np.float32),
            landmarks=table[:, 6:].reshape(-1, 5, 2).astype(np.float32),
        )
        has_area = (found.boxes[:, 2:] > found.boxes[:, :2]).all(axis=1)
        return found.where(has_area & (found.scores >= self._min_score))
