"""YuNet (Wu et al., 2023), with the fastest engine for the device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from tracker.detection.yunet_decode import (
    Candidates,
    cell_grid,
    decode,
    one_of_each_face,
    padded_size,
)
from tracker.detection.yunet_openvino import OpenVinoYuNet
from tracker.detection.yunet_torch import TorchYuNet
from tracker.records import Detections, Frame

_CPU = torch.device("cpu")


class _Engine(Protocol):
    """Runs the network."""

    def look(self, images: Sequence[NDArray[np.uint8]]) -> Iterator[Candidates]:
        """The candidates of each of `images` (H, W, 3), RGB and of one size, in order."""
        ...


class YuNetDetector:
    """Boxes and five landmarks from a network of 75,000 weights, for faces from about 10 pixels."""

    def __init__(
        self,
        weights: Path,
        min_score: float,
        min_face_px: int,
        device: torch.device = _CPU,
        threads: int | None = None,
    ) -> None:
        """Load the network onto `device`.

        Args:
            threads: on a CPU; None for all cores that this process may run on, or
                OMP_NUM_THREADS where that is fewer.

        Raises:
            WeightsError: the file is missing or damaged, or holds another network.
        """
        self._min_face_px = min_face_px
        self._engine: _Engine = (
            OpenVinoYuNet(weights, min_score, threads)
            if device.type == "cpu"
            else TorchYuNet(weights, min_score, device)
        )

    def detect(self, frames: Sequence[Frame]) -> Detections:
        """The faces in `frames`, by frame, then by score."""
        if not frames:
            return Detections.empty()
        grid = cell_grid(*padded_size(*frames[0].image.shape[:2]))
        candidates = self._engine.look([frame.image for frame in frames])
        tables = [one_of_each_face(decode(seen, grid)) for seen in candidates]
        numbers = np.array([frame.index for frame in frames], np.int32)
        table = np.concatenate(tables)
        x1, y1, width, height = table[:, :4].T
        found = Detections(
            frame=np.repeat(numbers, [len(faces) for faces in tables]),
            boxes=np.stack([x1, y1, x1 + width, y1 + height], axis=1),
            scores=table[:, 14],
            landmarks=table[:, 4:14].reshape(-1, 5, 2),
        )
        return found.where(height >= self._min_face_px)
