"""What a command line says of a truth, and of the frames that are judged."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tracker.errors import TrackerError

if TYPE_CHECKING:
    from tracker.evaluation.answer import Answer

_NO_VIDEO = 2**31  # frames: none has so many


def check_scoring(given: argparse.Namespace) -> None:
    """Refuse what no truth can be read or scored by.

    Raises:
        TrackerError: an option is out of range, or not for a dataset.
    """
    if not 0 < given.iou <= 1:
        raise TrackerError(f"--iou must be above 0 and at most 1, got {given.iou}")
    if given.gt_step < 1:
        raise TrackerError(f"--gt-step must be 1 or more, got {given.gt_step}")
    if given.dataset and (given.gt_step != 1 or given.frames):
        raise TrackerError("--gt-step and --frames are written in the dataset, video by video")


def answer_of(given: argparse.Namespace) -> Answer:
    """The truth that is named."""
    from tracker.evaluation.answer import Answer

    return Answer(given.gt, given.gt_step, _range(given.frames))


def _range(text: str | None) -> tuple[int, int | None] | None:
    """0-based start and stop out of "1-300", or "301-" to the end; None stays None."""
    if text is None:
        return None
    first, dash, last = text.partition("-")
    try:
        start, stop = int(first) - 1, int(last) if last else None
    except ValueError as error:
        raise TrackerError(f"--frames wants two numbers as in 1-300, got {text!r}") from error
    too_far = max(start, stop or 0) >= _NO_VIDEO
    if not dash or start < 0 or too_far or (stop is not None and stop <= start):
        raise TrackerError(f"--frames wants two numbers as in 1-300, from 1, got {text!r}")
    return start, stop
