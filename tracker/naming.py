"""Names given by hand → the run folder: remembered first, then on every output."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tracker.edits import add_edits, naming_of
from tracker.errors import TrackerError
from tracker.export.portraits import load_portraits
from tracker.export.tracks_json import read_tracked, write_tracked
from tracker.presenting import ANNOTATED, write_annotated, write_sheets
from tracker.progress import Progress
from tracker.report.page import write_report
from tracker.run import RunLog
from tracker.run_video import find_video, fingerprint_of_run
from tracker.storage import RunFolder
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
    portraits, video = load_portraits(run), fingerprint_of_run(run)
    if not video:
        raise TrackerError(f"{run} does not say of which video it is: run the tracker again")
    # First what cannot be made anew; should this be interrupted, a later run shows the names.
    add_edits(
        run,
        [
            naming_of(name, _given_name(tracked, who), who, video, tracked.tracks)
            for who, name in names.items()
        ],
    )
    named = tracked.called(names)
    write_tracked(run, named)
    write_sheets(run, named, portraits)
    write_report(run)
    if (run / ANNOTATED).exists():
        _redraw(run, named, with_video, progress)
    return named


def _given_name(tracked: TrackedVideo, person: int) -> str:
    """The name that was given to a person; "" where none was."""
    name = tracked.names[person]
    return "" if name == default_name(person) else name


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
    key = fingerprint_of_run(run)
    write_annotated(RunFolder(run), video, key, named, True, RunLog(progress))
