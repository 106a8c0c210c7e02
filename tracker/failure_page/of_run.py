"""A run and its truth → the page of its errors: finds the video and the shots."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tracker.errors import TrackerError
from tracker.evaluation.convention import SHOTS_FILE, shots_of_run
from tracker.evaluation.failure_records import Failure
from tracker.evaluation.failures import find_failures
from tracker.evaluation.measures import IOU_THRESHOLD, Measures, evaluate
from tracker.evaluation.truth import Truth
from tracker.failure_page.page import write_failure_page
from tracker.progress import Progress, Silence
from tracker.records import Tracks
from tracker.storage import fingerprint, load_json, refusing_damage

RUN_FILE = "run.json"  # of a run folder


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


def find_video(run: Path, given: Path | None) -> Path:
    """The video that `run` was made from: the `given` one, where it was, or beside the run.

    Raises:
        TrackerError: it is nowhere, or not the video that the run knows.
        StorageError: it, or what the run knows, cannot be read.
    """
    known = _known_of_video(run)
    path = given
    if path is None:
        places = [Path(known["path"])] if "path" in known else []
        places += [run.absolute().parent / known["name"]] if "name" in known else []
        path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise TrackerError(f"{run}: the video of these tracks is not known: give it with --video")
    if "fingerprint" in known and fingerprint(path) != known["fingerprint"]:
        raise TrackerError(
            f"{path} is not the video that {run} was made from: give that one with --video"
        )
    return path


def _known_of_video(run: Path) -> dict[str, Any]:
    """What the run folder `run` says of its video; nothing where it is none."""
    path = run / RUN_FILE
    if not path.is_file():
        return {}
    with refusing_damage(path):
        video = load_json(path)["video"]
        return {name: str(video[name]) for name in ("path", "name", "fingerprint") if name in video}
