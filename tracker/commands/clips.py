"""`multiface clips`: people's appearances, cut out of the video."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tracker.errors import TrackerError
from tracker.reporting import make_progress

if TYPE_CHECKING:
    from tracker.clips.cut import Clip
    from tracker.clips.spans import Span
    from tracker.progress import Progress


def clips(given: argparse.Namespace) -> None:
    """Cut the appearances of people out of the video."""
    from tracker.clips.cut import write_clips
    from tracker.clips.naming import clips_name
    from tracker.clips.spans import spans_of
    from tracker.export.choosing import chosen_people
    from tracker.export.tracks_json import read_tracked, seconds
    from tracker.run_video import find_video

    tracked = read_tracked(given.run)
    chosen = chosen_people(tracked, given.person)
    video = find_video(given.run, given.video)
    stays = [
        stay for person in tracked.people if person.number in chosen for stay in person.appearances
    ]
    spans = spans_of(stays, tracked.timeline, given.handles)
    name = clips_name(tracked, chosen)
    planned = _planned(given, name, spans)
    progress = make_progress()
    write_clips(video, tracked, planned, progress)
    shown_s = sum(
        tracked.timeline.stop_s(span.stop - 1) - tracked.timeline.start_s(span.start)
        for span in spans
    )
    what = f"of {name}, {seconds(shown_s):.1f} s"
    if given.supercut:
        progress.say(f"{_counted(len(spans), 'span')} {what}: {planned[0].path}")
    else:
        progress.say(f"{_counted(len(spans), 'clip')} {what}: {planned[0].path.parent}")
        _tell_older(name, planned, progress)


def _planned(given: argparse.Namespace, name: str, spans: Sequence[Span]) -> list[Clip]:
    """The files to write, as the command line asks for them."""
    from tracker.clips.cut import Clip
    from tracker.clips.naming import clip_paths

    out: Path = given.out or given.run / "clips"
    is_file = out.suffix.lower() == ".mp4" and not out.is_dir()
    if given.supercut:
        return [Clip(out if is_file else out / f"{name}.mp4", tuple(spans))]
    if is_file:
        raise TrackerError(f"--out {out} is one file: give a folder, or ask for --supercut")
    paths = clip_paths(out, name, len(spans))
    return [Clip(path, (span,)) for path, span in zip(paths, spans, strict=True)]


def _tell_older(name: str, planned: Sequence[Clip], progress: Progress) -> None:
    """Say which clips of an earlier run lie beside the new ones, as if they belonged to them."""
    from tracker.clips.naming import clips_there

    written = {clip.path for clip in planned}
    older = [path for path in clips_there(planned[0].path.parent, name) if path not in written]
    if older:
        progress.say(
            f"left from an earlier time: {older[0].name}"
            + (f" to {older[-1].name}" if len(older) > 1 else "")
        )


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}{'s' * (count != 1)}"
