"""What every face detector offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tracker.records import Detections, Frame


class Detector(Protocol):
    """Finds the faces in a batch of frames."""

    def detect(self, frames: Sequence[Frame]) -> Detections:
        """The faces in `frames`, which are in order and of one size; in order of frame."""
        ...
