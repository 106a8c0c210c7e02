"""`multiface track`, the main job: the people of a video."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from tracker.commands.settings import check_files, config_of
from tracker.reporting import make_progress


def track(given: argparse.Namespace) -> None:
    """Find the people in a video."""
    config = config_of(given)
    check_files(given, config)
    from tracker.job import track_video

    progress = make_progress()
    out = given.out or Path("runs") / given.video.stem
    summary = track_video(given.video, out, config, given.device, not given.no_video, progress)
    people, shots = summary.people, summary.shots
    progress.say(
        f"{people} {'person' if people == 1 else 'people'} in {shots} "
        f"{'shot' if shots == 1 else 'shots'}: {out}"
    )
    if given.json:
        print(json.dumps(summary.as_dict(), indent=2))
