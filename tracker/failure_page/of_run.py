"""A run and its truth → the page of its errors: finds the video and the shots."""

from __future__ import annotations

from pathlib import Path

from tracker.evaluation.convention import SHOTS_FILE, shots_of_run
from tracker.evaluation.failure_records import Failure
from tracker.evaluation.failures import find_failures
from tracker.evaluation.measures import IOU_THRESHOLD, Measures, evaluate
from tracker.evaluation.truth import Truth
from tracker.failure_page.page import write_failure_page
from tracker.progress import Progress, Silence
from tracker.records import Tracks
from tracker.run_video import find_video


def write_failures_of_run(
    page: Path,
    run: Path,
    truth: Truth,
    tracks: Tracks,
    video: Path | None = None,
    iou_threshold: float = IOU_THRESHOLD,
    progress: Progress | None = None,
    measures: Measures | None = None,
) -> list[Failure]:
    """Write to `page` what is wrong with `tracks`, those of `run`, against `truth`.

    Args:
        run: a run folder, or a file of tracks, of which neither video nor shots are known.
        video: what the tracks are of; by default the one that the run was made from.
        measures: of `tracks` against `truth` where they are known, to save the time.

    Returns:
        All failures, worst first, also those that the page has no room for.

    Raises:
        TrackerError: the video is not to be found, or is another one.
        VideoOpenError: the video cannot be read.
        StorageError: the run cannot be read, or the page not written.
    """
    video = find_video(run, video)
    shots = shots_of_run(run) if (run / SHOTS_FILE).is_file() else None
    failures = find_failures(truth, tracks, shots, iou_threshold)
    write_failure_page(
        page,
        video,
        truth,
        tracks,
        failures,
        shots,
        measures or evaluate(truth, tracks, iou_threshold),
        run.resolve().name,
        progress or Silence(),
    )
    return failures
