"""A video → the same, with faces hidden, and a list of what a detector still finds there."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from tracker.errors import ConfigError, StorageError
from tracker.progress import Progress
from tracker.records import Detections, Shot, Timeline
from tracker.redaction.choosing import Choice
from tracker.redaction.dissolves import join_dissolved
from tracker.redaction.hiding import METHODS
from tracker.redaction.looking import (
    STRAY_MARGIN_S,
    Searcher,
    faces_left,
    find_faces,
    hidden_strays,
    hide_in,
    hide_what_is_left,
    not_the_video,
)
from tracker.redaction.regions import Regions, regions_to_hide
from tracker.storage import written_aside
from tracker.tracked import TrackedVideo
from tracker.video.ahead import read_ahead
from tracker.video.reader import VideoReader, probe_video
from tracker.video.writer import VideoWriter

CRF = 18  # of x264: looks like the source
_MOST_WRITINGS = 3
_STEADY_S = Fraction(1, 12)  # over which an edge is steadied, to either side; two frames at 25


@dataclass(frozen=True, slots=True)
class RedactionConfig:
    """How faces are hidden."""

    method: str = "blur"  # one of METHODS
    margin_s: Fraction = Fraction(1, 2)  # before and after each stay of somebody
    sound: bool = True  # whether the result has the source's

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ConfigError(f"method must be one of {', '.join(METHODS)}, got {self.method}")
        if self.margin_s < 0:
            raise ConfigError(f"margin must be 0 s or more, got {float(self.margin_s):g}")


def redact_video(
    video: Path,
    out: Path,
    tracked: TrackedVideo,
    choice: Choice,
    config: RedactionConfig,
    searcher: Searcher,
    progress: Progress,
) -> Detections:
    """Write `video` to `out` with the faces of `choice` hidden, and look for faces in the result.

    Where some are found that encoding has brought forth, they are hidden too, and it is written
    again, a few times at most. Frames keep their times. Nothing of the source's metadata, chapters
    or attached pictures is in the result. It gets its name when it was looked through, whatever
    was found.

    Args:
        tracked: what a run knows of `video`.

    Returns:
        The faces that `searcher` still finds in the result, though they should be hidden.

    Raises:
        StorageError: `out` is `video` itself, or no name of an MP4, or cannot be written.
        TrackerError: `video` has other pictures than the run knows.
        VideoOpenError: `video` cannot be read.
        VideoWriteError: `out` cannot be written.
    """
    check_out(out, video)
    _check_size(video, tracked)
    regions = _all_regions(video, tracked, choice, config, searcher, progress)
    with written_aside(out) as aside:
        for writings_left in reversed(range(_MOST_WRITINGS)):
            _write(video, aside, tracked, regions, choice, config, progress)
            found = _found_in(aside, tracked, searcher, progress)
            left = faces_left(found, regions, choice, searcher.tell_score)
            if not len(left) or not writings_left:
                break
            weak_too = faces_left(found, regions, choice, searcher.hide_score)
            more = hidden_strays(weak_too, tracked.shots, tracked.timeline, _steady_frames(tracked))
            regions = Regions.joined([regions, more])
    return left


def check_out(out: Path, video: Path) -> None:
    """Refuse to write what is no MP4, where there is no folder, or over `video`.

    Raises:
        StorageError: `out` is one of these.
    """
    if out.suffix.lower() != ".mp4":
        raise StorageError(f"cannot write {out}: the result is an MP4, so end its name in .mp4")
    if not out.parent.is_dir():
        raise StorageError(f"cannot write {out}: there is no folder {out.parent}; make it first")
    if out.is_dir():
        raise StorageError(f"cannot write {out}: it is a folder; name a file in it")
    if out.exists() and out.samefile(video):
        raise StorageError(f"cannot write {out}: it is the video itself; name another file")


def _check_size(video: Path, tracked: TrackedVideo) -> None:
    """Refuse a video whose pictures are not those that the run knows."""
    info, known = probe_video(video), tracked.info
    if (info.width, info.height) != (known.width, known.height):
        raise not_the_video(video)


def write_faces_left(path: Path, left: Detections, timeline: Timeline) -> None:
    """Write a line a face: its frame, from 0, when that is shown, its box in pixels, its score.

    Raises:
        StorageError: it cannot be written.
    """
    with written_aside(path) as aside, aside.open("w", encoding="ascii", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("frame", "time_s", "x", "y", "width", "height", "score"))
        for frame, (x1, y1, x2, y2), score in zip(
            left.frame.tolist(), left.boxes.tolist(), left.scores.tolist(), strict=True
        ):
            numbers = x1, y1, x2 - x1, y2 - y1
            time_s = f"{float(timeline.start_s(frame)):.3f}"
            rows.writerow((frame, time_s, *(f"{n:.1f}" for n in numbers), f"{score:.3f}"))


def _all_regions(
    video: Path,
    tracked: TrackedVideo,
    choice: Choice,
    config: RedactionConfig,
    searcher: Searcher,
    progress: Progress,
) -> Regions:
    """Where to hide something, in all frames."""
    shots, timeline = tracked.shots, tracked.timeline
    steady_frames = _steady_frames(tracked)
    with progress.stage("dissolves", len(shots) - 1, "cuts") as advance:
        reach: Sequence[Shot] = join_dissolved(video, shots, advance)
    regions = Regions.joined(
        [
            regions_to_hide(faces, shots, reach, timeline, margin_s, steady_frames)
            for faces, margin_s in (
                (choice.hidden, config.margin_s),
                (choice.strays, min(STRAY_MARGIN_S, config.margin_s)),
            )
        ]
    )
    return hide_what_is_left(
        video, regions, choice, config.method, searcher, shots, timeline, steady_frames, progress
    )


def _found_in(
    path: Path, tracked: TrackedVideo, searcher: Searcher, progress: Progress
) -> Detections:
    """What the searcher finds in the finished file."""
    with (
        progress.stage("checking", len(tracked.timeline), "frames") as advance,
        VideoReader(path) as reader,
        closing(read_ahead(reader)) as frames,
    ):
        return find_faces(frames, searcher, advance)


def _steady_frames(tracked: TrackedVideo) -> int:
    return max(1, round(_STEADY_S * tracked.info.frame_rate))


def _write(
    video: Path,
    out: Path,
    tracked: TrackedVideo,
    regions: Regions,
    choice: Choice,
    config: RedactionConfig,
    progress: Progress,
) -> None:
    timeline, info = tracked.timeline, tracked.info
    with (
        progress.stage("writing", len(timeline), "frames") as advance,
        VideoReader(video) as reader,
        closing(read_ahead(reader)) as frames,
        closing(read_ahead(hide_in(frames, regions, choice, config.method))) as hidden,
        VideoWriter(
            out,
            info.width,
            info.height,
            timeline.tick_s,
            info.frame_rate,
            sound_from=video if config.sound else None,
            crf=CRF,
        ) as writer,
    ):
        count = 0
        for frame in hidden:
            if frame.index >= len(timeline):
                raise not_the_video(video)
            writer.write(frame.image, int(timeline.ticks[frame.index]))
            count = frame.index + 1
            advance(1)
        if count < len(timeline):
            raise not_the_video(video)
        writer.close(timeline.end_tick)
