"""`multiface redact`: a video with faces hidden."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tracker.errors import TrackerError
from tracker.reporting import make_progress

if TYPE_CHECKING:
    from tracker.progress import Progress
    from tracker.records import Detections
    from tracker.tracked import TrackedVideo

_TOLD = 5  # of the faces that are still found; the rest is in the file


def redact(given: argparse.Namespace) -> None:
    """Write a video with faces hidden, and what is still found in it."""
    from tracker.devices import choose_device
    from tracker.export.choosing import chosen_people
    from tracker.export.tracks_json import read_tracked
    from tracker.redaction.choosing import choose_faces
    from tracker.redaction.looking import make_searcher
    from tracker.redaction.redact import (
        RedactionConfig,
        check_out,
        redact_video,
        write_faces_left,
    )
    from tracker.run_video import find_video

    tracked, progress = read_tracked(given.run), make_progress()
    keep = chosen_people(tracked, given.keep or ())
    hide = None if given.hide is None else chosen_people(tracked, given.hide)
    video = find_video(given.run, given.video)
    out = given.out or given.run / "redacted.mp4"
    check_out(out, video)
    config = RedactionConfig(given.method, given.margin, not given.no_sound)
    searcher = make_searcher(choose_device(given.device), progress)
    choice = choose_faces(tracked, keep, hide, not given.leave_unknown)
    for line in _doubles(tracked, keep, hide):
        progress.say(line)
    left = redact_video(video, out, tracked, choice, config, searcher, progress)
    found = out.with_suffix(".found.csv")
    write_faces_left(found, left, tracked.timeline)
    print(out)
    if len(left):
        _tell(left, tracked, progress)
        raise TrackerError(
            f"{out} is complete, but {_faces(left)} found in it that should be hidden: "
            f"look at those that {found} lists before you show it to anybody"
        )


def _doubles(tracked: TrackedVideo, keep: set[int], hide: set[int] | None) -> list[str]:
    """A line for each who is hidden, and may also be somebody who is shown."""
    names = tracked.names
    lines = []
    for pair in tracked.maybe_same:
        shown = {who for who in pair[:2] if (who in keep if hide is None else who not in hide)}
        if len(shown) == 1:
            (double,) = {*pair[:2]} - shown
            lines.append(
                f"{names[double]} is hidden, but may be the same person as {names[min(shown)]}, "
                "who is shown: see the report"
            )
    return lines


def _tell(left: Detections, tracked: TrackedVideo, progress: Progress) -> None:
    """Say where the first faces are that are left."""
    for frame, (x1, y1, x2, y2), score in zip(
        left.frame[:_TOLD].tolist(), left.boxes.tolist(), left.scores.tolist(), strict=False
    ):
        progress.say(
            f"still found: frame {frame} ({float(tracked.timeline.start_s(frame)):.2f} s), "
            f"{x2 - x1:.0f} x {y2 - y1:.0f} pixels at {x1:.0f}, {y1:.0f}, score {score:.2f}"
        )


def _faces(left: Detections) -> str:
    return "1 face was" if len(left) == 1 else f"{len(left)} faces were"
