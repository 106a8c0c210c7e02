"""MTCNN (Zhang et al., 2016): a cascade of three small networks."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray

from tracker.cores import cpu_threads
from tracker.detection.mtcnn_cascade import find_faces
from tracker.detection.mtcnn_networks import (
    FIRST_SIDE,
    networks_in_openvino,
    networks_in_torch,
)
from tracker.devices import one_thread
from tracker.records import Detections, Frame

_PIXELS_AT_ONCE = 4_000_000  # on a GPU, where each takes about 100 bytes


class MtcnnDetector:
    """Boxes and five landmarks, those of facenet-pytorch's MTCNN to a fraction of a pixel.

    On a CPU each core takes a frame at a time, which its cache can hold; a GPU takes as many
    as fit a bounded memory.
    """

    def __init__(self, min_score: float, min_face_px: int, device: torch.device) -> None:
        self._min_score = min_score
        self._min_face_px = max(min_face_px, FIRST_SIDE)
        self._device = device
        self._on_cpu = device.type == "cpu"
        cores = cpu_threads()
        self._networks = networks_in_openvino(cores) if self._on_cpu else networks_in_torch(device)
        self._cores = ThreadPoolExecutor(cores, initializer=torch.set_num_threads, initargs=(1,))

    def detect(self, frames: Sequence[Frame]) -> Detections:
        """The faces in `frames`, by frame, then by area."""
        if not frames or min(frames[0].image.shape[:2]) < self._min_face_px:
            return Detections.empty()
        height, width = frames[0].image.shape[:2]
        size = 1 if self._on_cpu else max(_PIXELS_AT_ONCE // (height * width), 1)
        batches = [frames[start : start + size] for start in range(0, len(frames), size)]
        each = self._cores.map if self._on_cpu else map
        # With fewer digits, as is usual on a GPU, boxes would move.
        with one_thread(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            numbers, tables = zip(*each(self._detect_batch, batches), strict=True)
        table = np.concatenate(tables)
        found = Detections(
            frame=np.concatenate(numbers),
            boxes=table[:, 1:5],
            scores=table[:, 5],
            landmarks=table[:, 6:].reshape(-1, 5, 2),
        )
        width_of, height_of = (found.boxes[:, 2:] - found.boxes[:, :2]).T
        large = (width_of > 0) & (height_of >= self._min_face_px)
        return found.where(large & (found.scores >= self._min_score))

    def _detect_batch(
        self, frames: Sequence[Frame]
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The number (N,) of the frame of each face, and its row (N, 16) of `find_faces`."""
        images = torch.from_numpy(np.stack([frame.image for frame in frames])).to(self._device)
        table = find_faces(images, self._min_face_px, self._networks)
        indices = np.array([frame.index for frame in frames], np.int32)
        return indices[table[:, 0].astype(np.int64)], table
