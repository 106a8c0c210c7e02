"""`multiface import`: tracks that were corrected elsewhere become a run."""

from __future__ import annotations

import argparse

from tracker.reporting import make_progress


def import_tracks(given: argparse.Namespace) -> None:
    """Make a run folder of corrected tracks."""
    from tracker.importing import import_tracks_into
    from tracker.report.page import write_report

    run = given.run.resolve()
    out = given.out or run.with_name(f"{run.name}-corrected")
    progress = make_progress()
    tracked = import_tracks_into(given.run, given.file, out, progress)
    write_report(out)
    people, faces = len(tracked.people), len(tracked.tracks)
    progress.say(
        f"{people} {'person' if people == 1 else 'people'} with {faces} "
        f"{'face' if faces == 1 else 'faces'}: {out}"
    )
