"""YuNet (Wu et al., 2023), through OpenCV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from tracker.errors import WeightsError
from tracker.records import Detections, Frame

_NMS_IOU = 0.3
_MOST_CANDIDATES = 5000
_LOG_ERRORS = 2  # of OpenCV's levels


class YuNetDetector:
    """Boxes and five landmarks from a network of 75,000 weights, for faces from about 10 pixels."""

    def __init__(self, weights: Path, min_score: float, min_face_px: int) -> None:
        self._min_face_px = min_face_px
        level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(
            _LOG_ERRORS
        )  # OpenCV 5 warns of a default that it sets itself
        try:
            self._network = cv2.FaceDetectorYN.create(
                str(weights), "", (320, 320), min_score, _NMS_IOU, _MOST_CANDIDATES
            )
        except cv2.error as error:
            raise WeightsError(f"OpenCV cannot load {weights}: {error.err}") from error
        finally:
            cv2.utils.logging.setLogLevel(level)

    def detect(self, frames: Sequence[Frame]) -> Detections:
        """The faces in `frames`, by frame, then by score."""
        tables = [self._detect_one(frame) for frame in frames]
        table = np.concatenate([np.zeros((0, 16), np.float32), *tables])
        x1, y1, width, height = table[:, 1:5].T
        boxes = np.stack([x1, y1, x1 + width, y1 + height], axis=1)
        found = Detections(
            frame=table[:, 0].astype(np.int32),
            boxes=boxes,
            scores=np.clip(table[:, 15], 0.0, 1.0),
            landmarks=table[:, 5:15].reshape(-1, 5, 2),
        )
        return found.where(height >= self._min_face_px)

    def _detect_one(self, frame: Frame) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        """(N, 16): frame, x, y, width, height, five points, score."""
        height, width = frame.image.shape[:2]
        self._network.setInputSize((width, height))
        _, faces = self._network.detect(cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR))
        if faces is None:
            return np.zeros((0, 16), np.float32)
        # A frame number below 2**24 is exact in float32: 190 hours at 25 frames a second.
        return np.insert(np.asarray(faces, np.float32), 0, frame.index, axis=1)
