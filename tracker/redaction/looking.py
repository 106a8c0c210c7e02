"""What a face detector still finds in redacted pictures, and hiding that too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tracker.config import DetectionConfig
from tracker.detection.choose import choose_detector, make_detector
from tracker.detection.protocol import Detector
from tracker.errors import TrackerError
from tracker.progress import Progress
from tracker.records import Detections, Frame, Shot, Timeline
from tracker.redaction.choosing import Choice, linked_strays, unclaimed
from tracker.redaction.hiding import hide_regions
from tracker.redaction.regions import Regions, regions_to_hide
from tracker.video.ahead import read_ahead
from tracker.video.reader import VideoReader

# From which score on a face in the result is told of, and a lower one from which on it is hidden:
# encoding moves scores a little.
_TELL_SCORE = {"yunet": 0.5, "mtcnn": 0.8}
_HIDE_SCORE = {"yunet": 0.4, "mtcnn": 0.7}
_MIN_FACE_PX = {"yunet": 1, "mtcnn": 20}  # the latter's time grows with what it is asked for

# Two or three are enough for most videos. On T-ara, whose stage is full of what looks like faces,
# the first three look at 4547, 2569 and 698 frames, and 16 faces are left then.
_MOST_ROUNDS = 6
STRAY_MARGIN_S = Fraction(1, 5)  # before and after a face that no track follows
_BATCH_FRAMES = 8


@dataclass(frozen=True, slots=True)
class Searcher:
    """Looks for faces.

    Attributes:
        detector: as sensitive as `hide_score`, or more.
        hide_score: from which on what it finds is hidden ...
        tell_score: ... and from which on it is told of, if it is still there at the end.
    """

    detector: Detector
    hide_score: float
    tell_score: float


def make_searcher(device: torch.device, progress: Progress) -> Searcher:
    """The best detector that can run here; what is missing for a better one is said."""
    best = choose_detector(DetectionConfig())
    if best.reason:
        progress.say(best.reason)
    least = _HIDE_SCORE[best.name]
    config = DetectionConfig(best.name, min_score=least, min_face_px=_MIN_FACE_PX[best.name])
    detector = make_detector(choose_detector(config), config, device)
    return Searcher(detector, least, _TELL_SCORE[best.name])


def hide_in(
    frames: Iterable[Frame], regions: Regions, choice: Choice, method: str
) -> Iterator[Frame]:
    """`frames`, in which `regions` are hidden as `choice` says."""
    for frame in frames:
        spared, never_spared = choice.spared.of(frame.index), choice.never_spared.of(frame.index)
        of_frame = regions.of(frame.index)
        image = hide_regions(frame.image, of_frame, method, spared, never_spared)
        yield Frame(frame.index, frame.time, image)


def hide_what_is_left(
    video: Path,
    regions: Regions,
    choice: Choice,
    method: str,
    searcher: Searcher,
    shots: Sequence[Shot],
    timeline: Timeline,
    steady_frames: int,
    progress: Progress,
) -> Regions:
    """`regions`, and those of the faces that `searcher` finds in the redacted pictures.

    These were never found before, or stand out from what hides them. Frames in which something
    new was hidden are looked at again, a few times at most. Where unknown faces are left, only
    the frames in which somebody is hidden are looked at.

    Raises:
        VideoOpenError: `video` cannot be read.
        TrackerError: `video` has more frames than the run knows.
    """
    wanted = None if choice.whoever else np.unique(regions.frame)
    for _ in range(_MOST_ROUNDS):
        count = len(timeline) if wanted is None else len(wanted)
        with (
            progress.stage("looking for more", count, "frames") as advance,
            VideoReader(video, None if wanted is None else wanted.astype(np.int64)) as reader,
            closing(read_ahead(reader)) as frames,
            closing(read_ahead(hide_in(frames, regions, choice, method))) as hidden,
        ):
            found = find_faces(hidden, searcher, advance)
        left = faces_left(found, regions, choice, searcher.hide_score)
        if not len(left):
            break
        if left.frame[-1] >= len(timeline):
            raise not_the_video(video)
        more = hidden_strays(left, shots, timeline, steady_frames)
        regions, wanted = Regions.joined([regions, more]), np.unique(more.frame)
    return regions


def not_the_video(video: Path) -> TrackerError:
    """`video` is another one than the run knows."""
    return TrackerError(f"{video} is not the video of this run: give that one with --video")


def hidden_strays(
    left: Detections, shots: Sequence[Shot], timeline: Timeline, steady_frames: int
) -> Regions:
    """Where to hide faces that no track follows, `left`."""
    faces = linked_strays(left, tuple(shots))
    return regions_to_hide(faces, shots, shots, timeline, STRAY_MARGIN_S, steady_frames)


def find_faces(
    frames: Iterable[Frame], searcher: Searcher, advance: Callable[[int], None]
) -> Detections:
    """What `searcher` finds in `frames`."""
    found, following = [], iter(frames)
    while batch := list(islice(following, _BATCH_FRAMES)):
        found.append(searcher.detector.detect(batch))
        advance(len(batch))
    return Detections.joined(found)


def faces_left(
    found: Detections, regions: Regions, choice: Choice, least_score: float
) -> Detections:
    """Those of `found`, faces in redacted pictures, that should not be there.

    That is each that is not known to be one of those who are shown; or, where unknown faces are
    left as they are, of these each whose centre is in one of the `regions`.
    """
    left = unclaimed(found.where(found.scores >= least_score), choice.known)
    return left if choice.whoever else left.where(_centred_in(left, regions))


def _centred_in(faces: Detections, regions: Regions) -> NDArray[np.bool_]:
    """Which (N,) of `faces` have their centre in one of `regions`."""
    centres = (faces.boxes[:, :2] + faces.boxes[:, 2:]) / 2
    inside = np.zeros(len(faces), np.bool_)
    for row, (frame, centre) in enumerate(zip(faces.frame.tolist(), centres, strict=True)):
        boxes = regions.of(frame)
        inside[row] = np.any(np.all((boxes[:, :2] <= centre) & (centre <= boxes[:, 2:]), axis=1))
    return inside
