"""Names given by hand → the run folder: remembered first, then on every output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tracker.edits import add_edits, naming_of
from tracker.errors import TrackerError
from tracker.export.portraits import load_portraits
from tracker.export.tracks_json import TRACKS_JSON, read_tracked, tracked_as_dict
from tracker.presenting import ANNOTATED, write_annotated, write_sheets
from tracker.progress import Progress
from tracker.report.page import write_report
from tracker.run import RunLog
from tracker.run_video import find_video, fingerprint_of_run
from tracker.storage import RunFolder, save_json
from tracker.tracked import TrackedVideo, default_name


def name_people(
    run: Path, names: Mapping[int, str], with_video: bool, progress: Progress
) -> TrackedVideo:
    """Call people of `run` by `names`, in all its files and in every later run in this folder.

    Args:
        names: by number; "" takes a name away.
        with_video: draw the annotated video anew too, if there is one.

    Returns:
        The people as they are called now.

    Raises:
        TrackerError: the folder is no run's, or cannot be written to, or has no such person.
    """
    tracked = read_tracked(run)
    for number in names:
        if number not in tracked.names:
            raise TrackerError(f"{run} has no person {number}: there are {len(tracked.people)}")
    # First what cannot be made anew; should this be interrupted, a later run shows the names.
    video = fingerprint_of_run(run)
    add_edits(run, [naming_of(name, who, video, tracked.tracks) for who, name in names.items()])
    named = _named(tracked, names)
    save_json(run / TRACKS_JSON, tracked_as_dict(named))
    write_sheets(run, named, load_portraits(run))
    write_report(run)
    if (run / ANNOTATED).exists():
        _redraw(run, named, with_video, progress)
    return named


def _named(tracked: TrackedVideo, names: Mapping[int, str]) -> TrackedVideo:
    called = {number: name or default_name(number) for number, name in names.items()}
    return replace(
        tracked,
        people=tuple(
            replace(person, name=called.get(person.number, person.name))
            for person in tracked.people
        ),
    )


def _redraw(run: Path, named: TrackedVideo, with_video: bool, progress: Progress) -> None:
    """Bring the annotated video up to date, or say that it is not."""
    if not with_video:
        progress.say(f"{run / ANNOTATED} shows the names as they were")
        return
    try:
        video = find_video(run, None)
    except TrackerError as error:
        progress.say(f"{run / ANNOTATED} shows the names as they were: {error}")
        return
    write_annotated(RunFolder(run), video, named, True, RunLog(progress))
