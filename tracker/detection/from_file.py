"""Detections made elsewhere, from a MOT detection file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tracker.boxes import scale_boxes
from tracker.mot import read_mot
from tracker.records import Detections, Frame


class FileDetector:
    """Gives out the rows of a MOT detection file; it has no landmarks.

    Scores above 1 (some detectors have no upper bound) count as 1.
    """

    def __init__(
        self, path: Path, min_score: float, min_face_px: int, box_scale: tuple[float, float]
    ) -> None:
        """Read `path`; `box_scale` is how much wider and taller its boxes are made.

        Raises:
            FormatError: the file cannot be read, or a line of it makes no sense.
        """
        rows = read_mot(path)
        boxes = scale_boxes(rows.boxes, *box_scale).astype(np.float32)
        table = Detections(
            frame=rows.frame,
            boxes=boxes,
            scores=np.clip(rows.scores, 0.0, 1.0),
            landmarks=np.full((len(boxes), 5, 2), np.nan, np.float32),
        )
        big_enough = boxes[:, 3] - boxes[:, 1] >= min_face_px
        self._table = table.where(big_enough & (rows.scores >= min_score))

    def detect(self, frames: Sequence[Frame]) -> Detections:
        """The file's rows for `frames`."""
        wanted = np.array([frame.index for frame in frames], np.int32)
        return self._table.where(np.isin(self._table.frame, wanted))
