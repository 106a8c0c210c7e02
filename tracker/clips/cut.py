"""Spans of a video → files of their own: every frame at its own time, the sound to the sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracker.clips.spans import Span
from tracker.errors import StorageError, TrackerError
from tracker.progress import Advance, Progress
from tracker.records import Frame
from tracker.tracked import TrackedVideo
from tracker.video.ahead import read_ahead
from tracker.video.cut_sound import SoundCutter
from tracker.video.reader import VideoReader
from tracker.video.writer import VideoWriter

_CRF = 18  # x264's: looks lossless, as clips will be cut and encoded again


@dataclass(frozen=True, slots=True)
class Clip:
    """A file to be, and the spans of the video that it shows, one after another.

    Attributes:
        spans: in order, disjoint; at least one.
    """

    path: Path
    spans: tuple[Span, ...]


def write_clips(
    video: Path, tracked: TrackedVideo, clips: Sequence[Clip], progress: Progress
) -> None:
    """Write `clips` of `video`, of which `tracked` knows the frames and their times.

    The video is decoded once, up to the last frame that is wanted, and no more than a few
    frames of it are in memory.

    Args:
        clips: by time; none shows frames of another. None is fine.

    Raises:
        TrackerError: a clip would overwrite the video, or the video ends before its last frame.
        VideoOpenError: `video` cannot be read.
        VideoWriteError, StorageError: a clip, or its folder, cannot be written.
    """
    for clip in clips:
        _prepare(clip.path, video)
    wanted = np.concatenate(
        [np.arange(span.start, span.stop) for clip in clips for span in clip.spans]
        or [np.zeros(0, np.int64)]
    )
    count = int(wanted.max(initial=-1)) + 1
    with (
        progress.stage("clips", count, "frames") as advance,
        VideoReader(video, wanted) as reader,
        closing(read_ahead(reader)) as read,
        SoundCutter(video) as sound,
    ):
        frames = _checked(read, count, video, advance)
        for clip in clips:
            _write(clip, frames, sound, tracked)


def _prepare(path: Path, video: Path) -> None:
    """Make the folder of `path`; refuse to lose the video."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        is_video = path.exists() and path.samefile(video)
    except OSError as error:
        raise StorageError(
            f"cannot write to {path.parent}: {error.strerror}; choose another folder with --out"
        ) from error
    if is_video:
        raise TrackerError(f"{video} would be overwritten: choose another place with --out")


def _checked(frames: Iterator[Frame], count: int, video: Path, advance: Advance) -> Iterator[Frame]:
    """Yield `frames`, the wanted ones of the first `count` of `video`; refuse a lack of them."""
    passed = 0
    for frame in frames:
        advance(frame.index + 1 - passed)
        passed = frame.index + 1
        yield frame
    if passed < count:
        raise TrackerError(
            f"{video} ends before frame {count - 1}, which the run knows: run the tracker again"
        )


def _write(clip: Clip, frames: Iterator[Frame], sound: SoundCutter, tracked: TrackedVideo) -> None:
    info, timeline = tracked.info, tracked.timeline
    spans_s = [
        (timeline.start_s(span.start), timeline.stop_s(span.stop - 1)) for span in clip.spans
    ]
    with VideoWriter(
        clip.path,
        info.width,
        info.height,
        timeline.tick_s,
        info.frame_rate,
        sound=(sound.cut(spans_s), sound.rate) if sound.rate else None,
        crf=_CRF,
    ) as writer:
        ticks = _ticks(clip.spans, tracked)
        for tick in ticks[:-1].tolist():
            writer.write(next(frames).image, tick)
        writer.close(int(ticks[-1]))


def _ticks(spans: Sequence[Span], tracked: TrackedVideo) -> NDArray[np.int64]:
    """When each frame of a clip of `spans` is shown, from 0, and when the last one is over."""
    timeline = tracked.timeline
    edges = np.append(timeline.ticks, timeline.end_tick)
    lengths = [np.diff(edges[span.start : span.stop + 1]) for span in spans]
    return np.append(0, np.cumsum(np.concatenate(lengths)))
