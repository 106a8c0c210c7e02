"""MTCNN (Zhang et al., 2016), through facenet-pytorch, which carries its weights."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from facenet_pytorch import MTCNN
from numpy.typing import NDArray

from tracker.devices import one_thread
from tracker.records import Detections, Frame

_SMALLEST_INPUT_PX = 12  # side of the first network's window


class MtcnnDetector:
    """Boxes and five landmarks from three small networks in a cascade.

    On a CPU each core takes whole frames: nets so small gain little from sharing one.
    """

    def __init__(self, min_score: float, min_face_px: int, device: torch.device) -> None:
        self._min_score = min_score
        self._min_face_px = max(min_face_px, _SMALLEST_INPUT_PX)
        self._network = MTCNN(keep_all=True, min_face_size=self._min_face_px, device=device).eval()
        self._on_cpu = device.type == "cpu"
        self._cores = ThreadPoolExecutor(
            os.cpu_count() or 1, initializer=torch.set_num_threads, initargs=(1,)
        )

    def detect(self, frames: Sequence[Frame]) -> Detections:
        """The faces in `frames`, by frame, then by area."""
        if not frames or min(frames[0].image.shape[:2]) < self._min_face_px:
            return Detections.empty()
        batches = [[frame] for frame in frames] if self._on_cpu else [frames]
        with one_thread():
            tables = list(self._cores.map(self._detect_batch, batches))
        table = np.concatenate(tables)
        found = Detections(
            frame=table[:, 0].astype(np.int32),
            boxes=table[:, 1:5].astype(np.float32),
            scores=table[:, 5].astype(np.float32),
            landmarks=table[:, 6:].reshape(-1, 5, 2).astype(np.float32),
        )
        width, height = (found.boxes[:, 2:] - found.boxes[:, :2]).T
        large = (width > 0) & (height >= self._min_face_px)
        return found.where(large & (found.scores >= self._min_score))

    def _detect_batch(self, frames: Sequence[Frame]) -> NDArray[np.float64]:
        """(N, 16): frame, x1, y1, x2, y2, score, five points."""
        images = np.stack([frame.image for frame in frames])
        per_frame = zip(frames, *self._network.detect(images, landmarks=True), strict=True)
        tables = [
            np.column_stack(
                [np.full(len(boxes), frame.index), boxes, scores, points.reshape(-1, 10)]
            ).astype(np.float64)
            for frame, boxes, scores, points in per_frame
            if boxes is not None
        ]
        return np.concatenate([np.zeros((0, 16)), *tables])
